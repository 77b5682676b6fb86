package gateway

import (
	"context"
	"errors"
	"fmt"
	"time"

	"faveo-gateway/gateway/identity"
	"faveo-gateway/gateway/login"
	"faveo-gateway/gateway/session"
	"faveo-gateway/gateway/stage"
)

// sessions shows the session manager to the login and to the authenticate stage.
type sessions struct {
	manager *session.Manager
	// life is how long a session lasts without a refresh: as long as its token.
	// refreshable is how long refreshing can make it last.
	life, refreshable time.Duration
	now               func() time.Time
}

var (
	_ login.Sessions = sessions{}
	_ stage.Sessions = sessions{}
)

// NewID implements login.Sessions.
func (sessions) NewID() string { return session.NewID() }

// Start implements login.Sessions.
func (s sessions) Start(ctx context.Context, n login.NewSession) error {
	_, err := s.manager.Start(ctx, session.Login{
		SessionID: n.ID, UserID: n.UserID, Role: string(n.Role), PasswordFingerprint: n.Fingerprint,
		Address: n.Client.Address, Agent: n.Client.Agent,
		Token:     session.Token{ID: n.Token.ID, KeyID: n.Token.KeyID},
		ExpiresAt: n.Token.ExpiresAt, RefreshableUntil: s.refreshableUntil(s.now(), n.Token.ExpiresAt),
	})
	return err
}

// refreshableUntil bounds a session that began then. It is never before the end
// of its first token: Faveo's own may live longer than tokens.refresh_ttl.
func (s sessions) refreshableUntil(began, expires time.Time) time.Time {
	if until := began.Add(s.refreshable); until.After(expires) {
		return until
	}
	return expires
}

// Principal implements stage.Sessions.
func (s sessions) Principal(ctx context.Context, use identity.Use, t identity.Token, from identity.Client) (*identity.Principal, error) {
	standing, err := s.check(ctx, use, t, from)
	if err != nil {
		return nil, err
	}
	proof := identity.ProofToken
	if t.ByFaveo {
		proof = identity.ProofFaveoToken
	}
	return &identity.Principal{
		UserID: t.UserID, Role: identity.RoleOf(standing.Account.Role), SessionID: t.SessionID, Proof: proof, Grace: standing.Grace,
	}, nil
}

// KeyPrincipal implements stage.Sessions. A ban, a deletion and another role count
// within sessions.account_ttl, and failure.grace, as they do for a session.
func (s sessions) KeyPrincipal(ctx context.Context, use identity.Use, key *identity.Key) (*identity.Principal, error) {
	standing, err := s.manager.Account(ctx, use, key.UserID)
	if err != nil {
		return nil, err
	}
	account := standing.Account
	return &identity.Principal{
		UserID: account.UserID, Role: identity.RoleOf(account.Role), Proof: identity.ProofAPIKey, Grace: standing.Grace,
	}, nil
}

// check returns the standing of a token whose session counts. A token of Faveo's gets
// its session when it is first seen.
func (s sessions) check(ctx context.Context, use identity.Use, t identity.Token, from identity.Client) (session.Standing, error) {
	if !t.ByFaveo {
		return s.manager.Check(ctx, use, t.UserID, t.SessionID, t.ID)
	}
	return s.manager.CheckAdopted(ctx, use, session.Adoption{
		UserID: t.UserID, SessionID: t.SessionID, TokenID: t.ID,
		IssuedAt: t.IssuedAt, ExpiresAt: t.ExpiresAt, RefreshableUntil: s.refreshableUntil(t.IssuedAt, t.ExpiresAt),
		Address: from.Address, Agent: from.Agent,
	})
}

// Alive implements login.Sessions.
func (s sessions) Alive(ctx context.Context, h login.Holder) error {
	_, err := s.check(ctx, identity.UseCredential, h.Token, h.Client)
	return err
}

// Refresh implements login.Sessions.
func (s sessions) Refresh(ctx context.Context, h login.Holder, mint login.Mint) (string, error) {
	if h.ByFaveo {
		// Only now it may get the session that is to be prolonged. Whether it was
		// refreshed before is for Refresh to find out.
		if err := s.Alive(ctx, h); err != nil && !errors.Is(err, session.ErrRevoked) {
			return "", err
		}
	}
	sealed, err := s.manager.Refresh(ctx, session.Refresh{
		UserID: h.UserID, SessionID: h.SessionID, TokenID: h.ID, Life: s.life,
		Mint: func(account session.Account, notAfter time.Time) (session.Successor, error) {
			minted, err := mint(identity.RoleOf(account.Role), notAfter)
			if err != nil {
				return session.Successor{}, err
			}
			return session.Successor{
				Token:     session.Token{ID: minted.Token.ID, KeyID: minted.Token.KeyID},
				ExpiresAt: minted.Token.ExpiresAt, Sealed: minted.Sealed,
			}, nil
		},
	})
	if errors.Is(err, session.ErrReused) {
		err = fmt.Errorf("%w: %w", login.ErrReused, err)
	}
	return sealed, err
}

// List implements login.Sessions.
func (s sessions) List(ctx context.Context, userID uint64) ([]login.Session, error) {
	list, err := s.manager.List(ctx, userID)
	if err != nil {
		return nil, err
	}
	own := make([]login.Session, len(list))
	for i, each := range list {
		own[i] = login.Session{
			ID: each.ID, Address: each.Address, Agent: each.Agent,
			CreatedAt: each.CreatedAt, SeenAt: each.SeenAt, ExpiresAt: each.ExpiresAt,
		}
	}
	return own, nil
}

// End implements login.Sessions. That a token of Faveo's is over is always stored,
// whatever its session or its account: what the store has never known it could not
// refuse later.
func (s sessions) End(ctx context.Context, h login.Holder) error {
	if h.ByFaveo {
		return s.manager.EndAdopted(ctx, h.UserID, h.SessionID, h.ExpiresAt)
	}
	return s.manager.End(ctx, h.UserID, h.SessionID)
}

// EndOther implements login.Sessions.
func (s sessions) EndOther(ctx context.Context, userID uint64, id string) error {
	if !session.ValidID(id) {
		return session.ErrNotFound
	}
	if _, err := s.manager.Find(ctx, userID, id); err != nil {
		return err
	}
	return s.manager.End(ctx, userID, id)
}

// EndAll implements login.Sessions.
func (s sessions) EndAll(ctx context.Context, userID uint64) error {
	_, err := s.manager.EndAll(ctx, userID)
	return err
}
