package session

import (
	"context"
	"errors"
	"fmt"
	"time"

	"faveo-gateway/gateway/identity"
)

// attempts bounds how often Refresh begins again because the Session has changed
// meanwhile. Each change costs one: another refresh, after which this one has its
// answer, or a note of when the Session was used.
const attempts = 5

// Refresh is a token that is to be replaced.
type Refresh struct {
	// UserID, SessionID and TokenID are those of a token that was verified.
	UserID             uint64
	SessionID, TokenID string
	// Life is how long the new token lives, unless RefreshableUntil comes first.
	Life time.Duration
	// Mint makes the new token, for the account as it is now. Its expiry is not after
	// expiresAt, which is in whole seconds as tokens count them. Mint is called when
	// TokenID is the newest token; what it returns is forgotten when another refresh
	// was faster.
	Mint func(account Account, expiresAt time.Time) (Successor, error)
}

// Successor is a new token of a Session.
type Successor struct {
	Token Token
	// ExpiresAt is when the token expires.
	ExpiresAt time.Time
	// Sealed is the token itself, sealed for the holder of the one before; never
	// empty.
	Sealed string
}

// Refresh replaces a token by its successor and returns that, sealed for the
// holder. Within refresh_overlap the same token is answered with the same successor,
// whoever was first and on whatever replica, and also when the successor was refreshed
// in its turn. When the error is nil, it is stored.
//
// ErrSpent means that RefreshableUntil has come. ErrReused means that the token was
// replaced longer ago, or is not one of the last few, so that two must have it, and
// that the Session has been ended.
// ErrRevoked means that Session or account do not count any more. Any other error is
// one of Mint's or includes ErrUnavailable: then nothing has changed, or the
// successor was stored and asking again tells it.
func (m *Manager) Refresh(ctx context.Context, r Refresh) (sealed string, err error) {
	sealed, repeated, err := m.refresh(ctx, r)
	m.metrics.refreshed(repeated, err)
	return sealed, err
}

func (m *Manager) refresh(ctx context.Context, r Refresh) (sealed string, repeated bool, err error) {
	raw, ok := parseID(r.SessionID)
	if r.UserID == 0 || !ok || r.TokenID == "" {
		return "", false, ErrRevoked
	}
	for range attempts {
		now := m.now()
		s, account, err := m.refreshable(ctx, r, now)
		if err != nil {
			return "", false, err
		}
		if p := s.overlapping(r.TokenID, now); p != nil {
			return p.Successor, true, nil
		}
		if r.TokenID != s.Token.ID {
			return "", false, m.endReused(ctx, s)
		}
		changed, err := m.succeed(s, account, r, now)
		if err != nil {
			return "", false, fmt.Errorf("refresh session: %w", err)
		}
		err = m.store.Replace(ctx, s, changed)
		// Whatever came of it, what memory has is old.
		m.drop(sessionKey{r.UserID, raw})
		if err == nil {
			return changed.Previous[0].Successor, false, nil
		}
		if !errors.Is(err, ErrConflict) {
			return "", false, fault("refresh session", err)
		}
	}
	return "", false, fmt.Errorf("refresh session: %w: it has changed %d times meanwhile", ErrUnavailable, attempts)
}

// refreshable returns the Session as the Store has it, and its account. Memory is
// not asked: it has no successors.
func (m *Manager) refreshable(ctx context.Context, r Refresh, now time.Time) (Session, Account, error) {
	s, err := m.readSession(ctx, r.UserID, r.SessionID)
	if errors.Is(err, ErrNotFound) {
		return Session{}, Account{}, ErrRevoked
	}
	if err != nil {
		return Session{}, Account{}, fault("find session", err)
	}
	account, _, err := m.accountOf(ctx, identity.UseCredential, &s, now)
	if errors.Is(err, errShut) {
		// As in Check the decision does not depend on what the Store answers.
		_ = m.End(ctx, s.UserID, s.ID)
	}
	return s, account, err
}

// succeed returns s with the successor of its newest token.
func (m *Manager) succeed(s Session, account Account, r Refresh, now time.Time) (Session, error) {
	expiresAt := earlier(now.Add(r.Life), s.RefreshableUntil).UTC().Truncate(time.Second)
	if expiresAt.Sub(now) < time.Second {
		return Session{}, ErrSpent
	}
	minted, err := r.Mint(account, expiresAt)
	if err != nil {
		return Session{}, err
	}
	if minted.Sealed == "" || minted.Token.ID == s.Token.ID || minted.ExpiresAt.After(expiresAt) {
		return Session{}, errors.New("the new token is not one that could follow")
	}
	s.Previous = inFront(s.Previous, now, Superseded{
		TokenID: s.Token.ID, Until: wholeMillis(now).Add(m.config.RefreshOverlap), Successor: minted.Sealed,
	})
	s.Token = minted.Token
	s.SeenAt = wholeMillis(now)
	// The Session may not be over before the last of its tokens is: one that Faveo
	// issued would be adopted again, as if it had never been refreshed.
	if minted.ExpiresAt.After(s.ExpiresAt) {
		s.ExpiresAt = wholeMillis(minted.ExpiresAt)
	}
	return s, s.Validate()
}

// inFront puts newest in front of the tokens that overlap at now, as far as there is
// place for them.
func inFront(previous [predecessors]Superseded, now time.Time, newest Superseded) [predecessors]Superseded {
	list, n := [predecessors]Superseded{newest}, 1
	for _, p := range previous {
		if n < len(list) && now.Before(p.Until) {
			list[n] = p
			n++
		}
	}
	return list
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// endReused ends the Session of a token that was refreshed before: of its two
// holders one may be a thief, and nobody can tell which. That it has ended is said
// only when it has.
func (m *Manager) endReused(ctx context.Context, s Session) error {
	if err := m.End(ctx, s.UserID, s.ID); err != nil {
		return err
	}
	return ErrReused
}
