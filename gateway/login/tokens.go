package login

import (
	"time"

	"faveo-gateway/gateway/identity"
)

// Subject is whom a token is issued to.
type Subject struct {
	UserID    uint64
	Role      identity.Role
	SessionID string
	// NotAfter bounds the token's life; zero leaves it as it is configured.
	NotAfter time.Time
}

// Issued is a new token.
type Issued struct {
	// Raw is the token itself, which only its client gets to see.
	Raw string
	// ID is its own id, KeyID that of the key that signed it.
	ID, KeyID string
	ExpiresAt time.Time
}

// Tokens issues bearer tokens. Its errors are faults.
type Tokens interface {
	Issue(s Subject) (Issued, error)
	// Seal closes a successor so that only who holds the token before it can Open
	// it: what is stored of it is worth nothing to others.
	Seal(holder, successor string) (sealed string, err error)
	Open(holder, sealed string) (successor string, err error)
}
