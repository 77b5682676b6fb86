package apikey

import (
	"crypto/subtle"
	"fmt"
	"net/netip"
	"sync/atomic"
	"time"

	"faveo-gateway/gateway/identity"
)

// errPepper is the ErrInvalid of a key none of whose secrets can be checked.
var errPepper = fmt.Errorf("%w: it was made under another pepper", ErrInvalid)

// entry is what is known of one id: a key, or that there is none. But for used, it is
// never changed, only replaced.
type entry struct {
	// key is nil when there is none.
	key     *identity.Key
	secrets [maxSecrets]secret
	// otherPepper says that there are secrets, and none of this pepper.
	otherPepper bool
	networks    []netip.Prefix
	revoked     bool
	expiresAt   time.Time
	// readAt is when the Store was asked, learntAt when this replica was told.
	readAt, learntAt time.Time
	// used is when the key was last noted to be used, in Unix seconds.
	used *atomic.Int64
}

// secret is a Secret that can be compared; the zero one equals nothing.
type secret struct {
	digest    [32]byte
	checkable bool
	expiresAt time.Time
}

// newEntry makes an entry of a valid record.
func newEntry(r Record, pepper string, readAt, learntAt time.Time) *entry {
	e := &entry{
		key:         &identity.Key{ID: r.ID, Name: r.Name, UserID: r.UserID, Scopes: r.Scopes, Rate: r.Rate},
		otherPepper: true,
		networks:    r.Networks, revoked: !r.RevokedAt.IsZero(), expiresAt: r.ExpiresAt,
		readAt: readAt, learntAt: learntAt,
		used: new(atomic.Int64),
	}
	e.used.Store(seconds(r.LastUsedAt))
	for i, s := range r.Secrets {
		if s.Pepper == pepper {
			e.secrets[i] = secret{digest: s.Digest, checkable: true, expiresAt: s.ExpiresAt}
			e.otherPepper = false
		}
	}
	return e
}

// has reports whether digest is that of a secret that lives. It compares all of them,
// and so takes the same time whichever it is, and where there is no key.
func (e *entry) has(digest *[32]byte, now time.Time) bool {
	found := 0
	for i := range e.secrets {
		s := &e.secrets[i]
		equal := subtle.ConstantTimeCompare(s.digest[:], digest[:])
		if s.checkable && before(now, s.expiresAt) {
			found |= equal
		}
	}
	return found == 1
}

// judge says whether the key with that digest counts now, from that address. Who does not
// have the secret is not told which key it is.
func (e *entry) judge(digest *[32]byte, address string, now time.Time) error {
	switch {
	case !e.has(digest, now) && e.otherPepper:
		return errPepper
	case !e.has(digest, now):
		return ErrInvalid
	case e.revoked:
		return &Refusal{e.key.ID, ErrRevoked}
	case !before(now, e.expiresAt):
		return &Refusal{e.key.ID, ErrExpired}
	case !e.countsFrom(address):
		return &Refusal{e.key.ID, ErrNetwork}
	}
	return nil
}

// countsFrom reports whether an address is in the networks of the key. One that cannot
// be read is in none.
func (e *entry) countsFrom(address string) bool {
	if len(e.networks) == 0 {
		return true
	}
	a, err := netip.ParseAddr(address)
	if err != nil {
		return false
	}
	for _, network := range e.networks {
		if network.Contains(a.Unmap()) {
			return true
		}
	}
	return false
}

// before reports whether now is before end; the zero end never comes.
func before(now, end time.Time) bool { return end.IsZero() || now.Before(end) }
