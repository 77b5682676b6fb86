package login_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"faveo-gateway/gateway/identity"
	"faveo-gateway/gateway/login"
)

// site is a Faveo in memory: alice may log in, the others may not.
type site struct {
	mu     sync.Mutex
	hashes int
	fault  error
	hash   func() // What one hash does besides being counted.
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
	switch name {
	case "alice":
	case "banned":
		account.MayLogin = false
	case "nullpw":
		account.Verify = func(string) (bool, error) { return false, errUnusable }
	default:
		return login.Account{}, login.ErrNoAccount
	}
	return account, nil
}

// Profile implements login.Directory.
func (s *site) Profile(context.Context, []byte, uint64) ([]byte, error) { return nil, s.fault }

// Decoy implements login.Directory.
func (s *site) Decoy(context.Context, string) { s.spend() }

func newService(s *site, c login.Config) (*login.Service, *prometheus.Registry) {
	r := prometheus.NewRegistry()
	return login.New(login.Options{Config: c, Directory: s, Sessions: s, Tokens: &s.mySessions, Registerer: r}), r
}

// TestEveryRefusalIsAlike spends exactly one hash and the same time on each way
// to fail.
func TestEveryRefusalIsAlike(t *testing.T) {
	for _, try := range []struct{ name, username, password string }{
		{"wrong password", "alice", "wrong"},
		{"unknown", "nobody", "right"},
		{"banned with the right password", "banned", "right"},
		{"unusable hash", "nullpw", "right"},
		{"no name", "", "right"},
		{"no password", "alice", ""},
		{"NUL in the name", "alice\x00", "right"},
		{"NUL in the password", "alice", "right\x00"},
		{"password over the limit", "alice", strings.Repeat("x", 5000)},
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
			wantLogins(t, registry, "invalid_credentials")
		})
	}
}

// TestCostlyHashShowsAsStep rounds the time of a refusal up to whole steps.
func TestCostlyHashShowsAsStep(t *testing.T) {
	for hash, want := range map[time.Duration]time.Duration{
		0: 250 * time.Millisecond, 249 * time.Millisecond: 250 * time.Millisecond,
		260 * time.Millisecond: 500 * time.Millisecond, time.Second: 1250 * time.Millisecond,
	} {
		synctest.Test(t, func(t *testing.T) {
			service, _ := newService(&site{hash: func() { time.Sleep(hash) }}, login.DefaultConfig())
			began := time.Now()
			service.Login(t.Context(), login.Credentials{Username: "alice", Password: "wrong"})
			if took := time.Since(began); took != want {
				t.Errorf("a hash of %v: refused after %v, want %v", hash, took, want)
			}
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
		if n := testutil.ToFloat64(counter(t, registry, "busy")); n != 2 {
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
	login.Config{MaxConcurrentHashes: -1, MinFailureTime: time.Hour, LegacyClients: []string{""}}.Validate(func(path, _ string) {
		got = append(got, path)
	})
	if want := "max_concurrent_hashes queue_timeout min_failure_time legacy_clients"; strings.Join(got, " ") != want {
		t.Errorf("faults at %v, want %s", got, want)
	}
	login.DefaultConfig().Validate(func(path, message string) { t.Errorf("default %s: %s", path, message) })
}

func wantLogins(t *testing.T, registry *prometheus.Registry, result string) {
	t.Helper()
	if n := testutil.ToFloat64(counter(t, registry, result)); n != 1 {
		t.Errorf("metric counts %v logins with result %s, want 1", n, result)
	}
}

// counter finds logins_total{result} as it is exported.
func counter(t *testing.T, registry *prometheus.Registry, result string) prometheus.Collector {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() != "faveo_gateway_logins_total" {
			continue
		}
		for _, m := range family.GetMetric() {
			if m.GetLabel()[0].GetValue() == result {
				value := m.GetCounter().GetValue()
				return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "seen"}, func() float64 { return value })
			}
		}
	}
	t.Fatalf("no logins_total{result=%q}", result)
	return nil
}
