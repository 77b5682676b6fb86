package login_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"faveo-gateway/gateway/identity"
	"faveo-gateway/gateway/login"
)

// first is the first token that mySessions issues.
var first = login.Issued{Raw: "raw-1", ID: "token-1", KeyID: "key"}

// mySessions are sessions and tokens in memory: each new token and session has
// the next number, and what is sealed names its holder.
type mySessions struct {
	mu       sync.Mutex
	issued   []login.Subject
	starts   []login.NewSession
	refresh  func(h login.Holder, mint login.Mint) (string, error)
	dead     error
	fault    error
	ended    []string
	listed   []login.Session
	tokensOf error // what Issue fails with
}

// NewID implements login.Sessions.
func (s *mySessions) NewID() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return fmt.Sprintf("session-%d", len(s.starts)+1)
}

// Start implements login.Sessions.
func (s *mySessions) Start(_ context.Context, n login.NewSession) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fault != nil {
		return s.fault
	}
	s.starts = append(s.starts, n)
	return nil
}

// Alive implements login.Sessions.
func (s *mySessions) Alive(context.Context, login.Holder) error { return s.dead }

// Refresh implements login.Sessions.
func (s *mySessions) Refresh(_ context.Context, h login.Holder, mint login.Mint) (string, error) {
	return s.refresh(h, mint)
}

// List implements login.Sessions.
func (s *mySessions) List(context.Context, uint64) ([]login.Session, error) { return s.listed, s.fault }

// End implements login.Sessions.
func (s *mySessions) End(_ context.Context, h login.Holder) error {
	return s.end(fmt.Sprintf("%d %s", h.UserID, h.SessionID))
}

// EndOther implements login.Sessions.
func (s *mySessions) EndOther(_ context.Context, userID uint64, id string) error {
	return s.end(fmt.Sprintf("%d %s", userID, id))
}

// EndAll implements login.Sessions.
func (s *mySessions) EndAll(_ context.Context, userID uint64) error {
	return s.end(fmt.Sprintf("%d *", userID))
}

func (s *mySessions) end(what string) error {
	if s.fault == nil {
		s.ended = append(s.ended, what)
	}
	return s.fault
}

// Issue implements login.Tokens.
func (s *mySessions) Issue(subject login.Subject) (login.Issued, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tokensOf != nil {
		return login.Issued{}, s.tokensOf
	}
	s.issued = append(s.issued, subject)
	n := len(s.issued)
	return login.Issued{Raw: fmt.Sprintf("raw-%d", n), ID: fmt.Sprintf("token-%d", n), KeyID: "key", ExpiresAt: subject.NotAfter}, nil
}

// Seal implements login.Tokens.
func (s *mySessions) Seal(holder, successor string) (string, error) {
	return holder + ">" + successor, nil
}

// Open implements login.Tokens.
func (s *mySessions) Open(holder, sealed string) (string, error) {
	successor, ok := strings.CutPrefix(sealed, holder+">")
	if !ok {
		return "", errors.New("sealed for somebody else")
	}
	return successor, nil
}

var holder = login.Holder{Token: identity.Token{UserID: 4, SessionID: "session-1", ID: "old"}, Raw: "raw-old"}

// TestRefreshMintsForTheSameSession hands the session's bounds and the account's
// present role to the new token.
func TestRefreshMintsForTheSameSession(t *testing.T) {
	until := time.Unix(1800000000, 0)
	s := &site{}
	s.refresh = func(h login.Holder, mint login.Mint) (string, error) {
		if h != holder {
			t.Errorf("refresh of %+v", h)
		}
		minted, err := mint(identity.RoleAgent, until)
		if want := (login.Issued{Raw: "raw-1", ID: "token-1", KeyID: "key", ExpiresAt: until}); minted.Token != want {
			t.Errorf("minted %+v, want %+v", minted.Token, want)
		}
		return minted.Sealed, err
	}
	service, _ := newService(s, login.DefaultConfig())
	token, err := service.Refresh(t.Context(), holder)
	if err != nil || token != "raw-1" {
		t.Errorf("refresh: %q, %v", token, err)
	}
	want := login.Subject{UserID: 4, Role: identity.RoleAgent, SessionID: "session-1", NotAfter: until}
	if len(s.issued) != 1 || s.issued[0] != want {
		t.Errorf("issued for %+v, want %+v", s.issued, want)
	}
	wantRefreshes(t, s, false)
}

// wantRefreshes checks that each refresh is told, and which were repeated.
func wantRefreshes(t *testing.T, s *site, repeated ...bool) {
	t.Helper()
	var want []login.Event
	for _, again := range repeated {
		want = append(want, login.Event{
			Kind: login.KindRefresh, Outcome: login.Success, UserID: 4, SessionID: "session-1", Repeated: again,
		})
	}
	if !slices.Equal(s.events, want) {
		t.Errorf("the events are %+v, want %+v", s.events, want)
	}
}

// TestRefreshReturnsTheFirstSuccessor opens what another request has sealed, and
// makes no token itself.
func TestRefreshReturnsTheFirstSuccessor(t *testing.T) {
	s := &site{}
	s.refresh = func(login.Holder, login.Mint) (string, error) { return "raw-old>of another replica", nil }
	service, _ := newService(s, login.DefaultConfig())
	if token, err := service.Refresh(t.Context(), holder); err != nil || token != "of another replica" || len(s.issued) != 0 {
		t.Errorf("refresh: %q, %v; %d tokens issued", token, err, len(s.issued))
	}
	// A record that was sealed for another token opens for nobody.
	s.refresh = func(login.Holder, login.Mint) (string, error) { return "raw-other>stolen", nil }
	if token, err := service.Refresh(t.Context(), holder); err == nil || token != "" {
		t.Errorf("a foreign successor: %q, %v", token, err)
	}
	// One that was made here in vain, because another was faster.
	s.refresh = func(_ login.Holder, mint login.Mint) (string, error) {
		_, err := mint(identity.RoleUser, time.Time{})
		return "raw-old>of another replica", err
	}
	if token, err := service.Refresh(t.Context(), holder); err != nil || token != "of another replica" {
		t.Errorf("a slower refresh: %q, %v", token, err)
	}
	wantRefreshes(t, s, true, true)
}

// TestRefreshRefusals come back as they are.
func TestRefreshRefusals(t *testing.T) {
	refused, broken := errors.New("reused"), errors.New("no signing key")
	s := &site{}
	s.refresh = func(login.Holder, login.Mint) (string, error) { return "", refused }
	service, _ := newService(s, login.DefaultConfig())
	if _, err := service.Refresh(t.Context(), holder); !errors.Is(err, refused) {
		t.Errorf("error is %v", err)
	}
	s.tokensOf = broken
	s.refresh = func(_ login.Holder, mint login.Mint) (string, error) {
		_, err := mint(identity.RoleUser, time.Time{})
		return "", err
	}
	if _, err := service.Refresh(t.Context(), holder); !errors.Is(err, broken) {
		t.Errorf("error is %v", err)
	}
}

// TestLoginWithoutAStoredSessionHasNoToken answers a fault, never the token that
// was made already.
func TestLoginWithoutAStoredSessionHasNoToken(t *testing.T) {
	down := errors.New("redis is down")
	s := &site{}
	s.mySessions.fault = down
	service, registry := newService(s, login.DefaultConfig())
	body, err := service.Login(t.Context(), login.Credentials{Username: "alice", Password: "right"})
	if body != nil || !errors.Is(err, down) {
		t.Errorf("login: %q, %v", body, err)
	}
	wantLogins(t, registry, "error")
}

// TestLogoutAllNeedsALiveSession keeps an old token from ending everything.
func TestLogoutAllNeedsALiveSession(t *testing.T) {
	dead := errors.New("revoked")
	s := &site{}
	service, _ := newService(s, login.DefaultConfig())
	if err := service.LogoutAll(t.Context(), holder); err != nil || len(s.ended) != 1 || s.ended[0] != "4 *" {
		t.Errorf("logout all: %v, ended %q", err, s.ended)
	}
	s.dead = dead
	if err := service.LogoutAll(t.Context(), holder); !errors.Is(err, dead) || len(s.ended) != 1 {
		t.Errorf("logout all by a dead session: %v, ended %q", err, s.ended)
	}
	if err := service.Logout(t.Context(), holder); err != nil || s.ended[1] != "4 session-1" {
		t.Errorf("logout by a dead session: %v, ended %q", err, s.ended)
	}
}
