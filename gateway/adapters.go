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
	"faveo-gateway/gateway/token"
	"faveo-gateway/upstream/faveo"
)

// The adapters fit a room to the small interface that another room declares.

// directory shows Faveo's accounts to the login.
type directory struct {
	faveo *faveo.DB
}

var _ login.Directory = directory{}

// Find implements login.Directory.
func (d directory) Find(ctx context.Context, username string) (login.Account, error) {
	user, err := d.faveo.FindByLogin(ctx, username)
	if err != nil {
		return login.Account{}, accountFault(err)
	}
	return login.Account{
		UserID:      user.ID,
		Role:        identity.RoleOf(user.Role),
		MayLogin:    user.MayLogin(),
		Fingerprint: user.PasswordFingerprint(),
		Verify: func(password string) (bool, error) {
			return faveo.VerifyPassword(user.PasswordHash(), password)
		},
		Answer: func(dst []byte, token string) ([]byte, error) {
			return d.faveo.AppendLogin(dst, token, user)
		},
	}, nil
}

// Profile implements login.Directory.
func (d directory) Profile(ctx context.Context, dst []byte, userID uint64) ([]byte, error) {
	user, err := d.faveo.FindByID(ctx, userID)
	if err != nil {
		return nil, accountFault(err)
	}
	return d.faveo.AppendUser(dst, user)
}

// Decoy implements login.Directory.
func (d directory) Decoy(ctx context.Context, password string) {
	d.faveo.VerifyNothing(ctx, password)
}

func accountFault(err error) error {
	if errors.Is(err, faveo.ErrNotFound) {
		return login.ErrNoAccount
	}
	return fmt.Errorf("%w: %w", errDatabase, err)
}

// accounts shows the state of Faveo's accounts to the sessions.
type accounts struct {
	faveo *faveo.DB
}

var _ session.Accounts = accounts{}

// Account implements session.Accounts.
func (a accounts) Account(ctx context.Context, userID uint64) (session.Account, error) {
	account, err := a.faveo.Account(ctx, userID)
	if errors.Is(err, faveo.ErrNotFound) {
		return session.Account{}, session.ErrNoAccount
	}
	if err != nil {
		return session.Account{}, err
	}
	return session.Account{
		UserID: account.ID, Role: account.Role,
		MayLogin: account.MayLogin(), PasswordFingerprint: account.PasswordFingerprint(),
	}, nil
}

// sessions shows the session manager to the login and to the authenticate stage.
type sessions struct {
	manager *session.Manager
	// life is how long a session lasts: as long as its token.
	life time.Duration
	now  func() time.Time
}

var (
	_ login.Sessions = sessions{}
	_ stage.Sessions = sessions{}
)

// Start implements login.Sessions.
func (s sessions) Start(ctx context.Context, n login.NewSession) (string, error) {
	started, err := s.manager.Start(ctx, session.Login{
		UserID: n.UserID, Role: string(n.Role), PasswordFingerprint: n.Fingerprint,
		Address: n.Address, Agent: n.Agent, ExpiresAt: s.now().Add(s.life),
	})
	return started.ID, err
}

// Principal implements stage.Sessions.
func (s sessions) Principal(ctx context.Context, t stage.Token) (*identity.Principal, error) {
	_, account, err := s.manager.Check(ctx, t.UserID, t.SessionID)
	if err != nil {
		return nil, err
	}
	return &identity.Principal{
		UserID: t.UserID, Role: identity.RoleOf(account.Role),
		SessionID: t.SessionID, Proof: identity.ProofToken,
	}, nil
}

// Alive implements login.Sessions.
func (s sessions) Alive(ctx context.Context, userID uint64, id string) error {
	_, _, err := s.manager.Check(ctx, userID, id)
	return err
}

// End implements login.Sessions.
func (s sessions) End(ctx context.Context, userID uint64, id string) error {
	return s.manager.End(ctx, userID, id)
}

// EndAll implements login.Sessions.
func (s sessions) EndAll(ctx context.Context, userID uint64) error {
	_, err := s.manager.EndAll(ctx, userID)
	return err
}

// tokens shows the issuer and the verifier to the login and to the authenticate
// stage.
type tokens struct {
	issuer   *token.Issuer
	verifier *token.Verifier
}

var (
	_ login.Tokens = tokens{}
	_ stage.Tokens = tokens{}
)

// Issue implements login.Tokens.
func (t tokens) Issue(userID uint64, role identity.Role, sessionID string) (string, error) {
	raw, _, err := t.issuer.Issue(token.Subject{UserID: userID, Role: string(role), SessionID: sessionID})
	return raw, err
}

// Verify implements stage.Tokens.
func (t tokens) Verify(raw string) (stage.Token, error) {
	claims, err := t.verifier.Verify(raw)
	if err != nil {
		return stage.Token{}, err
	}
	return stage.Token{UserID: claims.UserID, SessionID: claims.SessionID}, nil
}
