package apikey

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"faveo-gateway/gateway/limit"
)

// Wish is a key to be made. Name and Scopes are needed; the fields are as of Record.
type Wish struct {
	Name   string
	UserID uint64
	Scopes []string
	// Networks may have host bits, which are cut off.
	Networks []netip.Prefix
	Rate     limit.Rate
	// ExpiresAt is cut to whole seconds; zero for never.
	ExpiresAt time.Time
}

// WishError is a wish that cannot be. Faults say all that is wrong with it, each in words
// for who has wished it.
type WishError struct{ Faults []string }

// Error names all faults.
func (e *WishError) Error() string { return strings.Join(e.Faults, "; ") }

// record makes the record of a wish, without id and secret, or returns a *WishError.
func (w Wish) record(now time.Time, checkScope func(string) error) (Record, error) {
	r := Record{
		Version: 1, Name: w.Name, UserID: w.UserID, Scopes: slices.Clone(w.Scopes), Rate: w.Rate, CreatedAt: now,
	}
	for _, network := range w.Networks {
		masked, _ := mask(network) // One that is none is found below.
		r.Networks = append(r.Networks, masked)
	}
	faults := r.wishFaults()
	for i, scope := range r.Scopes {
		if err := checkScope(scope); err != nil && printable(scope, maxScope) {
			faults = append(faults, fmt.Sprintf("scope %d: %v", i+1, err))
		}
	}
	if !w.ExpiresAt.IsZero() {
		r.ExpiresAt = w.ExpiresAt.UTC().Truncate(time.Second)
		if !r.ExpiresAt.After(now) || !wholeSeconds(r.ExpiresAt) {
			faults = append(faults, "expiry must be in the future")
		}
	}
	if len(faults) > 0 {
		return Record{}, &WishError{faults}
	}
	return r, nil
}
