package gateway_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"faveo-gateway/upstream/faveo/faveotest"
)

// lockingOut are the settings of a gateway as it is installed: only Faveo's own
// setting for an account, 15 in 15 minutes, and the defaults.
func lockingOut(over settings) settings {
	return merge(settings{
		"login.lockout.per_account": "15/15m", "login.lockout.per_pair": "10/15m", "login.lockout.per_address": "60/15m",
	}, over)
}

// withCheapPasswords is onMariaDB where the password of all accounts is "right", and
// hashing it costs next to nothing.
func withCheapPasswords(t *testing.T) (settings, *faveotest.Database) {
	t.Helper()
	stores, db := onMariaDB(t)
	hash, err := bcrypt.GenerateFromPassword([]byte("right"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	db.Exec(t, "UPDATE users SET password = ?", string(hash))
	return stores, db
}

// loginFrom tries to log in with these headers, and returns the status.
func (w *world) loginFrom(username, password string, headers ...string) answer {
	w.t.Helper()
	form := fmt.Sprintf("username=%s&password=%s", username, password)
	return w.send(http.MethodPost, "/api/v1/authenticate", form, append(headers, "Content-Type: application/x-www-form-urlencoded")...)
}

// TestThousandWrongPasswords are sent to one account from fifty addresses at once. No
// more than the account's allowance are looked at, and its owner gets in from where he
// has logged in before.
func TestThousandWrongPasswords(t *testing.T) {
	inOrder(t)
	stores, _ := withCheapPasswords(t)
	w := start(t, merge(stores, lockingOut(settings{"server.trusted_proxies": "127.0.0.1"})))
	const home = "X-Forwarded-For: 203.0.113.9"
	if got := w.loginFrom("alice", "right", home); got.status != http.StatusOK {
		t.Fatalf("the owner: %d %s", got.status, got.body)
	}
	var (
		group             sync.WaitGroup
		next              atomic.Int64
		lookedAt, refused atomic.Int64
	)
	for range 20 {
		group.Go(func() {
			for n := next.Add(1); n <= 1000; n = next.Add(1) {
				// By turns one of her names.
				name := []string{"alice", "ALICE", "alice@example.test"}[n%3]
				switch got := w.loginFrom(name, "wrong", fmt.Sprintf("X-Forwarded-For: 198.51.100.%d", n%50)); got.status {
				case http.StatusUnauthorized:
					lookedAt.Add(1)
				case http.StatusTooManyRequests:
					refused.Add(1)
				default:
					t.Errorf("a wrong password: %d %s", got.status, got.body)
				}
			}
		})
	}
	group.Wait()
	if lookedAt.Load() != 15 || refused.Load() != 985 {
		t.Errorf("%d were looked at and %d refused, want 15 and 985", lookedAt.Load(), refused.Load())
	}
	if got := w.loginFrom("alice", "right", home); got.status != http.StatusOK {
		t.Errorf("the owner from the usual address: %d %s", got.status, got.body)
	}
	got := w.loginFrom("alice", "right", "X-Forwarded-For: 203.0.113.10")
	seconds, err := strconv.Atoi(got.header.Get("Retry-After"))
	if got.status != http.StatusTooManyRequests || err != nil || seconds < 1 || seconds > 60 {
		t.Errorf("a stranger with the right password: %d, Retry-After %q", got.status, got.header.Get("Retry-After"))
	}
	if got := w.loginFrom("bob", "right", "X-Forwarded-For: 198.51.100.1"); got.status == http.StatusTooManyRequests {
		t.Errorf("another account from an attacker's address: %d %s", got.status, got.body)
	}
}

// TestForgedAddressesChangeNothing: who is no trusted proxy is at its allowance,
// whatever it says of where it comes from.
func TestForgedAddressesChangeNothing(t *testing.T) {
	inOrder(t)
	stores, _ := withCheapPasswords(t)
	w := start(t, merge(stores, lockingOut(nil)))
	for _, header := range []string{"X-Forwarded-For: 10.0.0.%d", "X-Real-IP: 10.0.0.%d", "Forwarded: for=10.0.0.%d", "X_Forwarded_For: 10.0.0.%d", "True-Client-IP: 10.0.0.%d"} {
		name, _, _ := strings.Cut(header, ":")
		for n := range 12 {
			want := http.StatusUnauthorized
			if n >= 10 {
				want = http.StatusTooManyRequests
			}
			if got := w.loginFrom(name, "wrong", fmt.Sprintf(header, n)); got.status != want {
				t.Errorf("%s, attempt %d: %d, want %d", name, n+1, got.status, want)
			}
		}
	}
}

// TestFaveosOwnThreshold is what counts for an account when nothing is configured.
func TestFaveosOwnThreshold(t *testing.T) {
	inOrder(t)
	stores, db := withCheapPasswords(t)
	db.Exec(t, "UPDATE settings_security SET backlist_threshold = 3, lockout_period = 10")
	w := start(t, merge(stores, lockingOut(settings{"login.lockout.per_account": unset})))
	for n := range 4 {
		want := http.StatusUnauthorized
		if n == 3 {
			want = http.StatusTooManyRequests
		}
		if got := w.loginFrom("nobody", "wrong"); got.status != want {
			t.Errorf("attempt %d: %d, want %d", n+1, got.status, want)
		}
	}
}
