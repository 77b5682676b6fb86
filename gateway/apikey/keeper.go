package apikey

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// attempts is how often an operation begins anew because another replica was first.
const attempts = 5

// errBusy means that other replicas were first every time.
var errBusy = fmt.Errorf("%w: the key keeps changing", ErrUnavailable)

// KeeperOptions are what a Keeper is made of.
type KeeperOptions struct {
	// Store and Cache are required.
	Store Store
	Cache Cache
	// Pepper is required, and the same for all replicas.
	Pepper Pepper
	// CheckScope reads a scope and returns what is wrong with it, in words for who has
	// wished it. Required.
	CheckScope func(scope string) error
	// Drop is the Drop of this replica's Door, which is told first. Required.
	Drop func(id string)
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Keeper makes, shows and ends managed keys. It is safe for concurrent use.
//
// Its errors are a *WishError for what cannot be, ErrNotFound, those named at its
// methods, and ErrUnavailable for a fault: the change may or may not be stored then.
// ErrNotAnnounced is one of these for which it is.
type Keeper struct {
	store      Store
	shared     shared
	pepper     Pepper
	checkScope func(string) error
	drop       func(string)
	now        func() time.Time
}

// NewKeeper returns a Keeper. It panics without what is required, which only a program
// that was never run can forget.
func NewKeeper(o KeeperOptions) *Keeper {
	if o.Store == nil || o.Cache == nil || o.Pepper.isZero() || o.CheckScope == nil || o.Drop == nil {
		panic("apikey: a Keeper needs a Store, a Cache, a Pepper, CheckScope and Drop")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Keeper{
		store: o.Store, shared: shared{cache: o.Cache, pepper: o.Pepper, now: o.Now},
		pepper: o.Pepper, checkScope: o.CheckScope, drop: o.Drop, now: o.Now,
	}
}

// Create makes a key and returns it with its text, which nothing returns again.
func (k *Keeper) Create(ctx context.Context, w Wish) (Record, string, error) {
	now := k.second()
	r, err := w.record(now, k.checkScope)
	if err != nil {
		return Record{}, "", fmt.Errorf("create API key: %w", err)
	}
	for range attempts { // An id that exists is as improbable as a secret that is guessed.
		var text string
		r.ID = newID()
		text, r.Secrets = k.secret(r.ID, now)
		r.MAC = k.pepper.mac(r)
		err := k.store.Add(ctx, r)
		switch {
		case err == nil:
			return r, text, nil
		case !errors.Is(err, ErrConflict):
			return Record{}, "", fault("create API key", err)
		}
	}
	return Record{}, "", fmt.Errorf("create API key: %w", errBusy)
}

// secret makes a secret for the key of that id.
func (k *Keeper) secret(id string, now time.Time) (text string, made []Secret) {
	text = newText(id)
	return text, []Secret{{Digest: k.pepper.digest(text), Pepper: k.pepper.id, CreatedAt: now}}
}

// List returns all keys, the oldest first, those too that are not Intact.
func (k *Keeper) List(ctx context.Context) ([]Record, error) {
	records, err := k.store.List(ctx)
	return records, fault("list API keys", err)
}

// Find returns one key, though it may not be Intact.
func (k *Keeper) Find(ctx context.Context, id string) (Record, error) {
	if !ValidID(id) {
		return Record{}, ErrNotFound
	}
	r, err := k.store.Find(ctx, id)
	if err == nil && r.ID != id {
		return Record{}, fault("find API key", errMixedUp)
	}
	return r, fault("find API key", err)
}

// Intact reports whether a record is as it was written. False means that it was altered in
// the Store, or cannot be read; nobody is let in by it. Of a record of another pepper
// nobody can tell, and nobody is let in either.
func (k *Keeper) Intact(r Record) bool { return k.pepper.check(r.ID, r) == nil }

// Rotate gives a key a new secret and returns its text, which nothing returns again. The
// secret before goes on for overlap, 0 to 720h, and one before that ends at once.
//
// ErrRevoked and ErrExpired say that the key is over, and so does ErrInvalid, of one that
// was made under another pepper: nobody can tell whether it is as it was written. One that
// is not Intact is ErrUnavailable. ErrConflict says that the key was rotated or revoked by
// somebody else at the same moment, and nothing was changed: to do it once more would end
// the secret that is in use. After ErrNotAnnounced the record and the text are returned,
// too.
func (k *Keeper) Rotate(ctx context.Context, id string, overlap time.Duration) (Record, string, error) {
	if overlap < 0 || overlap > maxOverlap {
		return Record{}, "", fmt.Errorf("rotate: %w", &WishError{[]string{fmt.Sprintf("overlap must be 0s to %v, not %v", maxOverlap, overlap)}})
	}
	r, err := k.Find(ctx, id)
	if err != nil {
		return Record{}, "", fmt.Errorf("rotate: %w", err)
	}
	if err := k.pepper.check(id, r); err != nil {
		return Record{}, "", fmt.Errorf("rotate: %w: %w", ErrUnavailable, err)
	}
	now := k.second()
	switch {
	case !k.pepper.canCheck(r):
		return Record{}, "", fmt.Errorf("rotate: %w", errPepper)
	case !r.RevokedAt.IsZero():
		return Record{}, "", fmt.Errorf("rotate: %w", ErrRevoked)
	case !before(now, r.ExpiresAt):
		return Record{}, "", fmt.Errorf("rotate: %w", ErrExpired)
	}
	text, secrets := k.secret(id, now)
	if last := r.Secrets[0]; overlap > 0 {
		last.ExpiresAt = now.Add(overlap).Truncate(time.Second)
		secrets = append(secrets, last)
	}
	r.Secrets = secrets
	err = k.replace(ctx, &r)
	if err != nil && !errors.Is(err, ErrNotAnnounced) {
		return Record{}, "", fmt.Errorf("rotate: %w", err)
	}
	return r, text, err
}

// Revoke ends a key. Nil means that it is stored, and that all replicas that listen
// refuse it. A key that was revoked before is announced once more, and returned as it is.
// One that is not Intact is revoked like any other: that makes it good for nothing.
func (k *Keeper) Revoke(ctx context.Context, id string) (Record, error) {
	for range attempts {
		r, err := k.Find(ctx, id)
		if err != nil {
			return Record{}, fmt.Errorf("revoke: %w", err)
		}
		if !r.RevokedAt.IsZero() && k.Intact(r) {
			return r, k.announce(ctx, r, k.now())
		}
		r.RevokedAt = k.second()
		err = k.replace(ctx, &r)
		switch {
		case errors.Is(err, ErrConflict):
			continue
		case err != nil && !errors.Is(err, ErrNotAnnounced):
			return Record{}, fmt.Errorf("revoke: %w", err)
		}
		return r, err
	}
	return Record{}, fmt.Errorf("revoke: %w", errBusy)
}

// replace stores a changed record under the next Version, and tells everybody.
func (k *Keeper) replace(ctx context.Context, r *Record) error {
	at := k.now()
	r.Version++
	r.MAC = k.pepper.mac(*r)
	if err := k.store.Replace(ctx, *r); err != nil {
		k.drop(r.ID) // It may be stored.
		return fault("store API key", err)
	}
	return k.announce(ctx, *r, at)
}

// announce puts a record, as the Store has it since at, in the place of older ones, and
// tells all replicas, though the caller may be gone. They are told also when there is no
// room for the record: who was told does not believe an older one.
func (k *Keeper) announce(ctx context.Context, r Record, at time.Time) error {
	k.drop(r.ID)
	ctx, cancel := detach(ctx)
	defer cancel()
	err := errors.Join(k.shared.putRecord(ctx, r, at), k.shared.cache.Announce(ctx, r.ID))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNotAnnounced, err)
	}
	return nil
}

// second is now as a Record has it.
func (k *Keeper) second() time.Time { return k.now().UTC().Truncate(time.Second) }

// fault names the operation in an error of the Store, and marks it as ErrUnavailable
// unless it is an answer. Nil stays nil.
func fault(operation string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrNotFound), errors.Is(err, ErrConflict):
		return fmt.Errorf("%s: %w", operation, err)
	default:
		return fmt.Errorf("%s: %w: %w", operation, ErrUnavailable, err)
	}
}
