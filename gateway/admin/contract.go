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
