package identity

import "faveo-gateway/gateway/limit"

// Key is a managed API key that was checked: it is live, its secret was right, and it
// counts from where the request came. It is immutable and safe to share.
type Key struct {
	// ID and Name are its own, for rules and logs.
	ID, Name string
	// UserID is the account in whose place it stands, 0 for none.
	UserID uint64
	// Scopes are what it is good for, in the form of package policy; never empty.
	Scopes []string
	// Rate is its own limit; the zero Rate leaves it to the configuration.
	Rate limit.Rate
}
