package login

import (
	"strconv"
	"strings"

	"faveo-gateway/gateway/limit"
)

// Whom is whom a lockout concerns, as far as it is known.
type Whom struct {
	// Kind is account, name (one that no account has), address or pair.
	Kind string
	// UserID is that of an account, Name the digest of a name that no account has.
	UserID uint64
	Name   string
	// Address is as limit.AddressOf returns it.
	Address string
}

// WhomOf reads the bucket of a lockout of LockoutGroup, see lockout.buckets.
func WhomOf(l limit.Lockout) Whom {
	w := Whom{Kind: string(l.Name)}
	who := l.Of
	switch l.Name {
	case limit.NameAddress:
		w.Address = l.Of
		return w
	case limit.NamePair:
		who, w.Address, _ = strings.Cut(l.Of, "|")
	}
	// A digest is longer than any id. One with zeros in front is no id either.
	if id, err := strconv.ParseUint(who, 10, 64); err == nil && strconv.FormatUint(id, 10) == who {
		w.UserID = id
		return w
	}
	w.Name = who
	if l.Name == limit.NameAccount {
		w.Kind = "name"
	}
	return w
}
