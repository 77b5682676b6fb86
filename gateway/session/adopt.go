package session

import (
	"context"
	"errors"
	"fmt"
	"time"

	"faveo-gateway/gateway/identity"
)

// Adoption is a token that Faveo issued and that was verified. It knows nothing of
// sessions.
type Adoption struct {
	UserID uint64
	// SessionID is made out of the token: the same one for the same token, of the form
	// of NewID. TokenID is its jti.
	SessionID, TokenID string
	// IssuedAt and ExpiresAt are the token's; RefreshableUntil is not before
	// ExpiresAt.
	IssuedAt, ExpiresAt, RefreshableUntil time.Time
	// Address and Agent are the client's as it sent them.
	Address, Agent string
}

// CheckAdopted is Check for a token that Faveo issued. At its first sight the token
// gets a Session, on the account as it is then, at most account_ttl old, which must be
// able to log in: what the password was when Faveo issued the token, nobody knows. What
// was ended stays ended. A Store that was emptied has forgotten what that was: then
// every token from before is over, and its holder logs in again.
func (m *Manager) CheckAdopted(ctx context.Context, use identity.Use, a Adoption) (Standing, error) {
	s, err := m.check(ctx, use, a.UserID, a.SessionID, a.TokenID)
	if errors.Is(err, ErrNotFound) {
		if err = m.adopt(ctx, a); err == nil {
			s, err = m.check(ctx, use, a.UserID, a.SessionID, a.TokenID)
		}
	}
	return m.answer(s, err)
}

// EndAdopted is End for the Session of a token that Faveo issued and that expires at
// until. A token that nobody has shown yet does not get a Session later.
func (m *Manager) EndAdopted(ctx context.Context, userID uint64, id string, until time.Time) error {
	defer m.Drop(userID, id)
	ctx, cancel := m.detach(ctx)
	defer cancel()
	return fault("end adopted session", m.store.Bar(ctx, userID, id, until))
}

// adopt stores the Session of a token of Faveo's; ErrNotFound says that it was
// ended, ErrRevoked that there is nothing to adopt.
func (m *Manager) adopt(ctx context.Context, a Adoption) error {
	now := m.now()
	if !now.Before(a.ExpiresAt) {
		return ErrRevoked
	}
	// To adopt is to log in: no grace.
	l, _, err := m.lookFor(ctx, identity.UseCredential, a.UserID, now, look.open)
	if err != nil {
		return fault("read account", err)
	}
	if !l.open() {
		return ErrRevoked
	}
	s := a.session(l.account, wholeMillis(now))
	if err := s.Validate(); err != nil {
		return fmt.Errorf("adopt session: %w", err)
	}
	ended, err := m.store.Adopt(ctx, s, a.IssuedAt, max(m.config.MaxPerUser, 1))
	// A read from before the adoption, perhaps that of another first request, has
	// found nothing; nobody may join it any more.
	m.Drop(a.UserID, a.SessionID)
	if errors.Is(err, ErrNotFound) {
		return err
	}
	if err != nil {
		return fault("adopt session", err)
	}
	for _, id := range ended {
		m.Drop(a.UserID, id)
	}
	return nil
}

func (a Adoption) session(account Account, now time.Time) Session {
	return Session{
		ID: a.SessionID, UserID: a.UserID, Role: account.Role,
		Address: clean(a.Address, maxAddress), Agent: clean(a.Agent, maxAgent),
		CreatedAt: now, SeenAt: now,
		ExpiresAt:           wholeMillis(a.ExpiresAt),
		RefreshableUntil:    wholeMillis(a.RefreshableUntil),
		PasswordFingerprint: account.PasswordFingerprint,
		Token:               Token{ID: a.TokenID},
		Adopted:             true,
	}
}
