package admin

import "context"

// Keys is what the API does with signing keys. It is safe for concurrent use and
// its calls end when their context does.
//
// Errors that say more than 500 internal: ErrNotFound, ErrUnavailable, and a
// *Problem for everything that a sentence explains.
type Keys interface {
	// Status returns all that is known of keys, rotation and replicas.
	Status(ctx context.Context) (KeyStatus, error)
	// Rotate makes a key that will sign next, or returns the one that is waiting to
	// already. algorithm is as the client wrote it, empty for the configured one; one
	// that does not exist is BadRequest.
	Rotate(ctx context.Context, algorithm string) (Key, error)
	// Revoke refuses a key everywhere and ends the sessions that hang on it. Doing it
	// again is no error. ErrNotFound when there is no such key or it is gone. What was
	// done only in part is Unavailable, with a sentence that says which part.
	Revoke(ctx context.Context, kid string) (Revoked, error)
	// Reseal encrypts all stored secrets with the first encryption key and returns
	// how many it changed.
	Reseal(ctx context.Context) (int, error)
}

// Sessions is what the API does with sessions. The same holds as for Keys. An
// answer without error means that the end is stored.
type Sessions interface {
	// List returns at most limit sessions of the user, or of everybody when userID is
	// 0, and whether there are more.
	List(ctx context.Context, userID uint64, limit int) (sessions []Session, more bool, err error)
	// End ends one session and returns how many that were. userID is 0 when the
	// client did not say whose it is; it is searched for then. ErrNotFound when there
	// is none.
	End(ctx context.Context, userID uint64, id string) (ended int, err error)
	// EndUser ends all sessions of a user; none is no error.
	EndUser(ctx context.Context, userID uint64) (ended int, err error)
	// EndAll ends all sessions of everybody.
	EndAll(ctx context.Context) (ended int, err error)
}

// APIKeys is what the API does with managed API keys. The same holds as for Keys. An
// answer without error means that the change is stored.
type APIKeys interface {
	// List returns all keys, the oldest first.
	List(ctx context.Context) ([]APIKey, error)
	// Show returns one key, or ErrNotFound.
	Show(ctx context.Context, id string) (APIKey, error)
	// Create makes a key and returns it with its secret, which nothing returns again.
	// What of the wish cannot be is BadRequest.
	Create(ctx context.Context, wish APIKeyWish) (APIKeySecret, error)
	// Rotate gives a key a new secret; the one before goes on for overlap, as the client
	// wrote it, or for the configured time when it is empty. ErrNotFound when there is no
	// such key; BadRequest when it is over.
	Rotate(ctx context.Context, id, overlap string) (APIKeySecret, error)
	// Revoke refuses a key everywhere. Doing it again is no error. ErrNotFound when
	// there is none. What was done only in part is Unavailable.
	Revoke(ctx context.Context, id string) (APIKey, error)
}

// APIKeyWish is a key to be made, each as the client wrote it; the empty text is
// absent. Name and Scopes are needed.
type APIKeyWish struct {
	Name string
	// User is the number of the account in whose place it stands; 0 for none.
	User uint64
	// Scopes and Networks are separated by commas.
	Scopes, Networks string
	// Rate is as 600/1m. Expires is a time, a date, or how long from now, as 720h.
	Rate, Expires string
}

// Lockouts is what the API does with lockouts of the login. The same holds as for
// Keys.
type Lockouts interface {
	// List returns at most limit lockouts, those that last longest first, and whether
	// there are more.
	List(ctx context.Context, limit int) (lockouts []Lockout, more bool, err error)
	// ClearUser ends the lockouts that name the user, ClearAddress those that name the
	// address, either with their pairs, and ClearAll all; they return how many, and none
	// is no error. The address is as IsAddress wants it; a single IPv6 one means its
	// network.
	ClearUser(ctx context.Context, userID uint64) (cleared int, err error)
	ClearAddress(ctx context.Context, address string) (cleared int, err error)
	ClearAll(ctx context.Context) (cleared int, err error)
}

// Audit is what the API does with the audit trail. The same holds as for Keys.
// BadRequest where the trail is not kept in the database.
type Audit interface {
	// Tail returns at most limit entries, the oldest first: the last ones, or those
	// behind the number after when follow is true; after may be 0 then.
	Tail(ctx context.Context, follow bool, after uint64, limit int) ([]AuditEntry, error)
	// Verify proves a part of the trail: at most some ten thousand entries behind the
	// number after, whose hash is given in hexadecimal; 0 and "" for the beginning.
	Verify(ctx context.Context, after uint64, hash string) (AuditProof, error)
}

// Policy is what the API does with the policy. The same holds as for Keys.
type Policy interface {
	// Explain says which rule of the policy in force decides, and why. What of the
	// question cannot be meant is BadRequest.
	Explain(ctx context.Context, q Question) (Explanation, error)
}

// Configuration is what the API does with the configuration. The same holds as for Keys.
type Configuration interface {
	// Reload reads the configuration again and takes over what needs no restart, all of
	// it or nothing. A configuration with faults is a *Problem that names all of them.
	Reload(ctx context.Context) (Reloaded, error)
}
