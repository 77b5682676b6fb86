package login

import (
	"context"
	"errors"
	"time"

	"faveo-gateway/gateway/identity"
)

// Holder is the bearer of a token that was verified.
type Holder struct {
	identity.Token
	// Raw is the token itself.
	Raw string
	// Client is where it came from.
	Client identity.Client
}

// event is what the holder did to the session.
func (h Holder) event(kind Kind, outcome Outcome) Event {
	return Event{Kind: kind, Outcome: outcome, UserID: h.UserID, SessionID: h.SessionID, Client: h.Client}
}

// NewSession is a session to be started.
type NewSession struct {
	// ID is from Sessions.NewID.
	ID          string
	UserID      uint64
	Role        identity.Role
	Fingerprint string
	Client      identity.Client
	// Token is its first token; the session lives as long.
	Token Issued
}

// Session is a session as its owner sees it.
type Session struct {
	ID                           string
	CreatedAt, SeenAt, ExpiresAt time.Time
	Address, Agent               string
}

// Successor is a token that is to replace the one before it.
type Successor struct {
	Token Issued
	// Sealed is Token.Raw as Tokens.Seal closes it.
	Sealed string
}

// Mint makes the successor of a token for an account that has this role now. It
// lives until notAfter at the longest.
type Mint func(role identity.Role, notAfter time.Time) (Successor, error)

// ErrReused is included in the refusal of a token that was refreshed longer ago, after
// which its session has been ended.
var ErrReused = errors.New("a token was refreshed twice")

// Sessions starts, prolongs and ends sessions. A nil error of what changes
// something means that it is stored. Refusals of a session that has ended are
// those of the authenticate stage; every other error is a fault, unless it says
// otherwise.
type Sessions interface {
	// NewID returns the id of a session that is about to be started.
	NewID() string
	Start(ctx context.Context, s NewSession) error
	// Alive returns nil for a holder whose session and account still count.
	Alive(ctx context.Context, h Holder) error
	// Refresh replaces the holder's token and returns the sealed successor: of
	// several refreshes of one token within its overlap, the first one's. ErrReused
	// when it was refreshed longer ago.
	Refresh(ctx context.Context, h Holder, mint Mint) (sealed string, err error)
	// List returns the user's sessions, the oldest first.
	List(ctx context.Context, userID uint64) ([]Session, error)
	// End ends the holder's own session, whether it is still there or not.
	End(ctx context.Context, h Holder) error
	// EndOther ends a session of the user by its id. One that is not there, or not
	// this user's, is a refusal.
	EndOther(ctx context.Context, userID uint64, id string) error
	EndAll(ctx context.Context, userID uint64) error
}

// Sessions returns the user's sessions, the oldest first.
func (s *Service) Sessions(ctx context.Context, userID uint64) ([]Session, error) {
	return s.sessions.List(ctx, userID)
}

// EndSession ends one of the user's sessions by its id; from is where the wish came
// from.
func (s *Service) EndSession(ctx context.Context, userID uint64, id string, from identity.Client) error {
	if err := s.sessions.EndOther(ctx, userID, id); err != nil {
		return err
	}
	s.observe(ctx, Event{Kind: KindSessionEnded, Outcome: Success, UserID: userID, SessionID: id, Client: from})
	return nil
}

// Logout ends a session. It is idempotent: the session may have ended before.
func (s *Service) Logout(ctx context.Context, h Holder) error {
	if err := s.sessions.End(ctx, h); err != nil {
		return err
	}
	s.observe(ctx, h.event(KindLogout, Success))
	return nil
}

// LogoutAll ends all sessions of the user. It needs one that is still alive: an
// old token, found in a log, must not throw its owner out everywhere.
func (s *Service) LogoutAll(ctx context.Context, h Holder) error {
	if err := s.sessions.Alive(ctx, h); err != nil {
		return err
	}
	if err := s.sessions.EndAll(ctx, h.UserID); err != nil {
		return err
	}
	e := h.event(KindLogoutAll, Success)
	e.SessionID = ""
	s.observe(ctx, e)
	return nil
}
