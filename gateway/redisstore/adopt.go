package redisstore

import (
	"context"
	"errors"
	"time"

	"faveo-gateway/gateway/session"
)

// tombstoneMargin is how much longer than its token a tombstone lives: the clock by
// which that was reckoned may have been ahead.
const tombstoneMargin = time.Hour

// BeginAdoption tells Redis that nothing which ended is forgotten yet, because nothing
// has begun: it is for the very first start of an installation. From then on a missing
// marker means that Redis was emptied, and with it went the knowledge which tokens of
// Faveo have ended: Adopt then refuses all that were issued before, and marks anew.
// Whoever never calls it has everybody with a token of Faveo log in again, once; so
// does a site that adopts nothing for 31 days. A failover that loses the last writes
// cannot be told from none: it loses those ends, as it loses logins. Of a cluster, a
// master that comes back empty is noticed only if the marker was on it: there every
// master needs persistence, or a replica.
func (s *Store) BeginAdoption(ctx context.Context) error {
	return s.call(ctx, opAdopting, func(ctx context.Context) error {
		return s.client.Set(ctx, s.keys.adopting(), "", markLife).Err()
	})
}

// Adopt implements session.Store. What concerns all users is in another slot: it is
// asked for first, and again when the session is stored, because a DeleteEverything or
// the end of Redis may have come between. One that comes later finds the session. What
// was begun is carried through when the client hangs up: half an adoption would be an
// end.
func (s *Store) Adopt(ctx context.Context, adopted session.Session, issuedAt time.Time, maxPerUser int) ([]string, error) {
	if err := storable(adopted, true, maxPerUser); err != nil {
		return nil, err
	}
	if err := s.adoptable(ctx, issuedAt); err != nil {
		return nil, err
	}
	ctx = context.WithoutCancel(ctx)
	ended, err := s.store(ctx, opAdopt, s.scripts.adopt, adopted, maxPerUser, &issuedAt)
	if errors.Is(err, session.ErrNotFound) {
		return nil, err
	}
	// Also after a fault: the session may be stored all the same.
	again := s.adoptable(ctx, issuedAt)
	if errors.Is(again, session.ErrNotFound) {
		if err := s.Delete(ctx, adopted.UserID, adopted.ID); err != nil {
			return nil, err
		}
		return nil, again
	}
	if err != nil {
		return nil, err
	}
	return ended, again
}

// adoptable returns ErrNotFound for a token that is over with those of all users.
func (s *Store) adoptable(ctx context.Context, issuedAt time.Time) error {
	return s.call(ctx, opAdoptable, func(ctx context.Context) error {
		since, err := s.run(ctx, s.scripts.adoptable,
			[]string{s.keys.adopting(), s.keys.everybodysSince()}, markLife.Milliseconds(),
		).Int64()
		if err == nil && issuedAt.Unix() <= since {
			return session.ErrNotFound
		}
		return err
	})
}

// Bar implements session.Store.
func (s *Store) Bar(ctx context.Context, userID uint64, id string, until time.Time) error {
	if userID == 0 || !session.ValidID(id) {
		return session.ErrMalformed
	}
	life := max(until.Sub(s.now()), 0) + tombstoneMargin
	err := s.call(ctx, opBar, func(ctx context.Context) error {
		return s.run(ctx, s.scripts.bar,
			[]string{s.keys.index(userID), s.keys.tombstone(userID, id)},
			s.keys.user(userID), id, life.Milliseconds(),
		).Err()
	})
	if err != nil {
		return err
	}
	return s.announceEnd(ctx, sessionEnded(userID, id))
}

// DeleteEverything implements session.Store.
func (s *Store) DeleteEverything(ctx context.Context) (n int, err error) {
	err = s.call(ctx, opMark, func(ctx context.Context) error {
		return s.run(ctx, s.scripts.mark, []string{s.keys.everybodysSince()}, markLife.Milliseconds()).Err()
	})
	if err != nil {
		return 0, err
	}
	return s.DeleteWhere(ctx, func(session.Session) bool { return true })
}
