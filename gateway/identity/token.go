package identity

import "time"

// Token is what a verified token says of itself and of its bearer. Whether its
// session still counts is not said by that.
type Token struct {
	// ID is the token's own id, its jti.
	ID string
	// UserID is users.id, never zero in a verified token.
	UserID uint64
	// SessionID names the session that it belongs to.
	SessionID string
	// ByFaveo is true for a token that Faveo issued, which knows nothing of sessions:
	// its session begins when it is first seen.
	ByFaveo bool
	// IssuedAt and ExpiresAt are the token's, in whole seconds and UTC.
	IssuedAt, ExpiresAt time.Time
}

// Client describes where a request came from, for the records of sessions and for the
// audit trail.
type Client struct {
	// Address and Agent may be empty; Agent is as the client sent it.
	Address, Agent string
	// RequestID names the request in the log.
	RequestID string
}
