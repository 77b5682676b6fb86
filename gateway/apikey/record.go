package apikey

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"faveo-gateway/gateway/limit"
)

// The bounds of a Record.
const (
	maxName     = 100 // characters
	maxScope    = 200 // characters
	maxScopes   = 50
	maxNetworks = 50
	maxSecrets  = 2
)

// Record is a managed key as it is stored. None of it is a credential.
type Record struct {
	// ID is 12 letters and digits.
	ID string
	// Version is 1 for a new record and grows by one with each Replace.
	Version int64
	// Name is what people call it: 1 to 100 characters, printable, without a blank at
	// either end.
	Name string
	// UserID is the account in whose place it stands, 0 for none; below 2^63.
	UserID uint64
	// Scopes are what it is good for, in the form of package policy: 1 to 50, no two
	// the same.
	Scopes []string
	// Networks are where it counts, at most 50, without host bits, and IPv4 as such; none
	// means everywhere.
	Networks []netip.Prefix
	// Rate is its own limit; the zero Rate leaves it to limits.per_api_key.
	Rate limit.Rate
	// CreatedAt is in whole seconds, as all times here; UTC. ExpiresAt and RevokedAt
	// are zero for never.
	CreatedAt, ExpiresAt, RevokedAt time.Time
	// LastUsedAt is some minutes coarse; zero for never. A Store keeps it apart: it
	// is not part of the Version, and Replace leaves it alone.
	LastUsedAt time.Time
	// Secrets are one, or two during a rotation, the newest first.
	Secrets []Secret
	// MAC is over all of it but LastUsedAt, under a key that is derived from the pepper:
	// the Keeper makes it, and no Store can. It comes back as it was stored.
	MAC [32]byte
}

// Secret is a secret of a key as it is stored.
type Secret struct {
	// Digest is the HMAC-SHA-256 of the whole text of the key under the pepper.
	Digest [32]byte
	// Pepper is Pepper.ID of the pepper, so that one that was exchanged is told from a
	// forged key.
	Pepper string
	// CreatedAt is when it was made, ExpiresAt when a rotation ends it; zero for never.
	CreatedAt, ExpiresAt time.Time
}

// Validate reports what of a record cannot be, all of it in one error. A Store refuses
// such a record, and takes one that it reads for a fault.
func (r Record) Validate() error {
	faults := r.wishFaults()
	if !ValidID(r.ID) {
		faults = append(faults, "the id is malformed")
	}
	if r.Version < 1 {
		faults = append(faults, "the version is below 1")
	}
	if len(r.Secrets) < 1 || len(r.Secrets) > maxSecrets {
		faults = append(faults, fmt.Sprintf("there are %d secrets", len(r.Secrets)))
	}
	if r.CreatedAt.IsZero() || !wholeSeconds(r.CreatedAt, r.ExpiresAt, r.RevokedAt, r.LastUsedAt) {
		faults = append(faults, "a time is missing or not in whole seconds of UTC")
	}
	for _, s := range r.Secrets {
		if !pepperPattern.MatchString(s.Pepper) || s.CreatedAt.IsZero() || !wholeSeconds(s.CreatedAt, s.ExpiresAt) {
			faults = append(faults, "a secret is malformed")
		}
	}
	if len(faults) > 0 {
		return fmt.Errorf("API key %q: %w", r.ID, errors.New(strings.Join(faults, "; ")))
	}
	return nil
}

// wishFaults says what of the parts that somebody wishes cannot be, in words for who
// has wished them.
func (r Record) wishFaults() (faults []string) {
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	if !printable(r.Name, maxName) || strings.TrimSpace(r.Name) != r.Name {
		fault("name must be 1 to %d printable characters, without a blank at either end", maxName)
	}
	if r.UserID > math.MaxInt64 {
		fault("user is not the number of an account")
	}
	if len(r.Scopes) < 1 || len(r.Scopes) > maxScopes {
		fault("there must be 1 to %d scopes, not %d", maxScopes, len(r.Scopes))
	}
	for i, scope := range r.Scopes {
		if !printable(scope, maxScope) {
			fault("scope %d must be 1 to %d printable characters", i+1, maxScope)
		}
		if slices.Contains(r.Scopes[:i], scope) {
			fault("scope %d is given twice", i+1)
		}
	}
	if len(r.Networks) > maxNetworks {
		fault("there must be at most %d networks, not %d", maxNetworks, len(r.Networks))
	}
	for i, network := range r.Networks {
		if masked, ok := mask(network); !ok || masked != network {
			fault("network %d is not one", i+1)
		}
	}
	if !canLimit(r.Rate) {
		fault("rate is not one that can be limited to")
	}
	return faults
}

// canLimit reports whether a rate can be written, or is not set.
func canLimit(r limit.Rate) bool {
	if r.IsZero() {
		return true
	}
	read, err := limit.ParseRate(r.String())
	return err == nil && read == r
}

// printable reports whether text is 1 to most characters that show.
func printable(text string, most int) bool {
	n := utf8.RuneCountInString(text)
	return n >= 1 && n <= most && utf8.ValidString(text) &&
		!strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) })
}

// wholeSeconds reports whether all times are as a Record has them.
func wholeSeconds(times ...time.Time) bool {
	return !slices.ContainsFunc(times, func(t time.Time) bool {
		return t.Nanosecond() != 0 || t.Location() != time.UTC || t.Year() > 9999 || (!t.IsZero() && t.Unix() <= 0)
	})
}

// mask returns a network as a Record has it: without host bits, and IPv4 not as a part
// of IPv6, for an address of a client is not either.
func mask(network netip.Prefix) (masked netip.Prefix, ok bool) {
	if a := network.Addr(); a.Is4In6() && network.Bits() >= 96 {
		network = netip.PrefixFrom(a.Unmap(), network.Bits()-96)
	}
	return network.Masked(), network.IsValid()
}
