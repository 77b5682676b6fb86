package login_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"faveo-gateway/gateway/identity"
	"faveo-gateway/gateway/limit"
	"faveo-gateway/gateway/login"
)

// site is a Faveo in memory: alice may log in, the others may not.
type site struct {
	mu     sync.Mutex
	hashes int
	fault  error
	hash   func() // What one hash does besides being counted.
	// longest is what HashTime says.
	longest time.Duration
	// attempts are those that are counted, and events what was told.
	attempts attempts
	events   []login.Event
	// perAccount is Faveo's own setting, nil for none.
	perAccount func(context.Context) limit.Rate
	lookups    int
	log        bytes.Buffer
	// mySessions are its sessions.
	mySessions
}

var errUnusable = errors.New("unusable hash")

func (s *site) spend() {
	s.mu.Lock()
	s.hashes++
	s.mu.Unlock()
	if s.hash != nil {
		s.hash()
	}
}

// Find implements login.Directory.
func (s *site) Find(_ context.Context, name string) (login.Account, error) {
	s.mu.Lock()
	s.lookups++
	s.mu.Unlock()
	if s.fault != nil {
		return login.Account{}, s.fault
	}
	account := login.Account{UserID: 4, Role: identity.RoleUser, MayLogin: true, Fingerprint: "f"}
	account.Verify = func(password string) (bool, error) {
		s.spend()
		return password == "right", nil
	}
	account.Answer = func(dst []byte, token string) ([]byte, error) {
		return append(dst, `{"token":"`+token+`"}`...), nil
	}
	switch strings.ToLower(name) {
	case "alice", "alice@example.test":
	case "banned":
		account.UserID, account.MayLogin = 5, false
	case "nullpw":
		account.UserID = 6
		account.Verify = func(string) (bool, error) { return false, errUnusable }
	default:
		return login.Account{}, login.ErrNoAccount
	}
	return account, nil
}

// Fold implements login.Directory: of a name only the case does not count.
func (s *site) Fold(_ context.Context, name string) (string, error) {
	return fmt.Sprintf("digest-%x", strings.ToLower(name)[:min(len(name), 20)]), s.fault
}

// Profile implements login.Directory.
func (s *site) Profile(context.Context, []byte, uint64) ([]byte, error) { return nil, s.fault }

// Decoy implements login.Hashes.
func (s *site) Decoy(string) { s.spend() }

// HashTime implements login.Hashes.
func (s *site) HashTime() time.Duration { return s.longest }

func newService(s *site, c login.Config) (*login.Service, *prometheus.Registry) {
	r := prometheus.NewRegistry()
	s.attempts.Local = limit.NewLocal(limit.LocalOptions{})
	return login.New(login.Options{
		Config: c, Directory: s, Hashes: s, Sessions: s, Tokens: &s.mySessions, Limits: &s.attempts, Registerer: r,
		Log:        slog.New(slog.NewTextHandler(&s.log, nil)),
		PerAccount: s.perAccount,
		Observe: func(_ context.Context, e login.Event) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.events = append(s.events, e)
		},
	}), r
}

// TestEveryRefusalIsAlike spends exactly one hash and the same time on each way
// to fail.
func TestEveryRefusalIsAlike(t *testing.T) {
	for _, try := range []struct {
		name, username, password string
		reason                   login.Reason
	}{
		{"wrong password", "alice", "wrong", login.ReasonWrongPassword},
		{"unknown", "nobody", "right", login.ReasonUnknownName},
		{"banned with the right password", "banned", "right", login.ReasonMayNotLogin},
		{"banned with a wrong password", "banned", "wrong", login.ReasonWrongPassword},
		{"unusable hash", "nullpw", "right", login.ReasonUnusableHash},
		{"no name", "", "right", login.ReasonUnknownName},
		{"no password", "alice", "", login.ReasonWrongPassword},
		{"NUL in the name", "alice\x00", "right", login.ReasonNUL},
		{"NUL in the password", "alice", "right\x00", login.ReasonNUL},
		{"password over the limit", "alice", strings.Repeat("x", 5000), login.ReasonTooLong},
		{"unknown with a password over the limit", "nobody", strings.Repeat("x", 5000), login.ReasonUnknownName},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := &site{hash: func() { time.Sleep(70 * time.Millisecond) }}
			service, registry := newService(s, login.DefaultConfig())
			began := time.Now()
			_, err := service.Login(t.Context(), login.Credentials{Username: try.username, Password: try.password})
			if !errors.Is(err, login.ErrInvalidCredentials) {
				t.Errorf("%s: error is %v", try.name, err)
			}
			if s.hashes != 1 || time.Since(began) != 250*time.Millisecond || len(s.starts) != 0 {
				t.Errorf("%s: %d hashes, %v, %d sessions; want 1, 250ms, 0", try.name, s.hashes, time.Since(began), len(s.starts))
			}
			if len(s.events) != 1 || s.events[0].Kind != login.KindLogin || s.events[0].Outcome != login.Refused || s.events[0].Reason != try.reason {
				t.Errorf("%s: told %+v, want the reason %s", try.name, s.events, try.reason)
			}
			wantLogins(t, registry, "invalid_credentials")
		})
	}
}

// TestSuccess starts one session with what the account and the client are.
func TestSuccess(t *testing.T) {
	s := &site{}
	service, registry := newService(s, login.DefaultConfig())
	body, err := service.Login(t.Context(), login.Credentials{Username: "alice", Password: "right", Client: identity.Client{Address: "192.0.2.1", Agent: "app"}})
	if err != nil || string(body) != `{"token":"raw-1"}` {
		t.Fatalf("login: %s, %v", body, err)
	}
	want := login.NewSession{UserID: 4, Role: identity.RoleUser, Fingerprint: "f", Client: identity.Client{Address: "192.0.2.1", Agent: "app"}, ID: "session-1", Token: first}
	if len(s.starts) != 1 || s.starts[0] != want {
		t.Errorf("sessions %+v, want %+v", s.starts, want)
	}
	wantLogins(t, registry, "success")
}

// TestFaultIsNoRefusal hands a failing database's error on as it is.
func TestFaultIsNoRefusal(t *testing.T) {
	down := errors.New("database is down")
	service, registry := newService(&site{fault: down}, login.DefaultConfig())
	_, err := service.Login(t.Context(), login.Credentials{Username: "alice", Password: "right"})
	if !errors.Is(err, down) || errors.Is(err, login.ErrInvalidCredentials) {
		t.Errorf("error is %v", err)
	}
	wantLogins(t, registry, "error")
}

// TestFullQueue answers ErrBusy after the deadline, lets a client that left go,
// and never hashes more passwords at once than there are slots.
func TestFullQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var atOnce, most int
		var mu sync.Mutex
		s := &site{hash: func() {
			mu.Lock()
			atOnce++
			most = max(most, atOnce)
			mu.Unlock()
			time.Sleep(time.Second)
			mu.Lock()
			atOnce--
			mu.Unlock()
		}}
		config := login.DefaultConfig()
		config.MaxConcurrentHashes = 2
		config.QueueTimeout = 1500 * time.Millisecond
		service, registry := newService(s, config)
		outcomes := make(chan error, 6)
		for range 6 {
			go func() {
				_, err := service.Login(t.Context(), login.Credentials{Username: "alice", Password: "right"})
				outcomes <- err
			}()
		}
		synctest.Wait() // Two hash, four wait.
		gone, leave := context.WithCancel(t.Context())
		go func() {
			time.Sleep(500 * time.Millisecond)
			leave()
		}()
		if _, err := service.Login(gone, login.Credentials{Username: "alice", Password: "right"}); !errors.Is(err, context.Canceled) {
			t.Errorf("a client that left: %v", err)
		}
		var good, busy int
		for range 6 {
			switch err := <-outcomes; {
			case err == nil:
				good++
			case errors.Is(err, login.ErrBusy):
				busy++
			default:
				t.Errorf("outcome %v", err)
			}
		}
		if good != 4 || busy != 2 || most != 2 {
			t.Errorf("%d good, %d busy, %d at once; want 4, 2, 2", good, busy, most)
		}
		if n := count(t, registry, "faveo_gateway_logins_total", "busy"); n != 2 {
			t.Errorf("metric counts %v busy logins, want 2", n)
		}
	})
}

// TestPaddingHoldsNoSlot lets a right login through while a wrong one waits for
// its time.
func TestPaddingHoldsNoSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		config := login.DefaultConfig()
		config.MaxConcurrentHashes = 1
		config.MinFailureTime = 10 * time.Second
		service, _ := newService(&site{}, config)
		go service.Login(t.Context(), login.Credentials{Username: "alice", Password: "wrong"})
		synctest.Wait()
		began := time.Now()
		if _, err := service.Login(t.Context(), login.Credentials{Username: "alice", Password: "right"}); err != nil || time.Since(began) != 0 {
			t.Errorf("login took %v, %v", time.Since(began), err)
		}
	})
}

// TestValidate reports every fault with its path.
func TestValidate(t *testing.T) {
	var got []string
	login.Config{
		MaxConcurrentHashes: -1, MinFailureTime: time.Hour, LegacyClients: []string{""},
		Lockout: login.LockoutConfig{KnownAddresses: time.Second},
	}.Validate(func(path, _ string) { got = append(got, path) })
	if want := "max_concurrent_hashes queue_timeout min_failure_time lockout.known_addresses legacy_clients"; strings.Join(got, " ") != want {
		t.Errorf("faults at %v, want %s", got, want)
	}
	login.DefaultConfig().Validate(func(path, message string) { t.Errorf("default %s: %s", path, message) })
}

func wantLogins(t *testing.T, registry *prometheus.Registry, result string) {
	t.Helper()
	if n := count(t, registry, "faveo_gateway_logins_total", result); n != 1 {
		t.Errorf("metric counts %v logins with result %s, want 1", n, result)
	}
}

// count is the value of a counter or a gauge, by its label if it has one.
func count(t *testing.T, registry *prometheus.Registry, name, label string) float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			if family.GetName() == name && (label == "" || m.GetLabel()[0].GetValue() == label) {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue() // It is one of them.
			}
		}
	}
	t.Fatalf("no %s{%q}", name, label)
	return 0
}
