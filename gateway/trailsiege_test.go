package gateway_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	wire "faveo-gateway/gateway/admin"
)

// trailNow is what the trail says: all that was recorded up to now, but for what is still
// gathered.
func trailNow(t *testing.T, w *world) []wire.AuditEntry {
	t.Helper()
	eventually(t, "all is written", func() bool {
		return counter(t, w.metrics(), "faveo_gateway_audit_queue") == 0
	})
	var document wire.AuditEntries
	got := w.manage(http.MethodGet, "audit?limit=1000", "")
	if err := json.Unmarshal([]byte(got.body), &document); err != nil || got.status != http.StatusOK {
		t.Fatalf("audit: %d %s", got.status, got.body)
	}
	return document.Entries
}

// TestSiegeHidesNoAttackOnAnAccount: eleven hundred refusals from one /64, which is one
// client, and from as many networks, do not keep the trail from naming an account that
// is attacked and locked out behind them.
func TestSiegeHidesNoAttackOnAnAccount(t *testing.T) {
	inOrder(t)
	stores, _ := withCheapPasswords(t)
	w := start(t, merge(managed(stores), settings{"server.trusted_proxies": "127.0.0.1", "login.lockout.per_pair": "5/15m"}))
	for _, from := range []string{"2001:db8::%x", "2001:db8:1:%x::1"} {
		for i := range 1100 {
			w.send(http.MethodGet, "/api/v1/helpdesk/tickets", "", "X-Forwarded-For: "+fmt.Sprintf(from, i+1))
		}
	}
	for range 6 {
		w.loginFrom("demo_admin", "wrong", "X-Forwarded-For: 203.0.113.7")
	}
	told := make(map[string]int)
	strangers := 0
	for _, e := range trailNow(t, w) {
		switch {
		case e.UserID == 1 && e.Address == "203.0.113.7":
			told[e.Kind+" "+e.Reason]++
		case e.Kind == "request":
			strangers++
		}
	}
	for _, what := range []string{"login wrong_password", "lockout pair", "login locked_out_pair"} {
		if told[what] == 0 {
			t.Errorf("the trail tells of %v, not of %s", told, what)
		}
	}
	if strangers > 200 {
		t.Errorf("2200 refusals of strangers are %d entries", strangers)
	}
}

// TestOneTokenDoesNotFillTheTrail, however often its holder refreshes it or logs out with
// it.
func TestOneTokenDoesNotFillTheTrail(t *testing.T) {
	stores, _ := onMariaDB(t)
	w := start(t, managed(stores))
	token := w.login("alice", "AlicePass1!")
	for _, path := range []string{"refresh", "logout"} {
		for range 300 {
			if got := w.send(http.MethodPost, "/api/v1/authenticate/"+path, "", bearer(token)); got.status != http.StatusOK {
				t.Fatalf("%s: %d %s", path, got.status, got.body)
			}
		}
	}
	entries, told := trailNow(t, w), make(map[string]int)
	for _, e := range entries {
		told[e.Kind+" "+e.Detail]++
	}
	for _, what := range []string{"refresh ", "refresh the same successor again", "session_ended logout"} {
		if told[what] == 0 {
			t.Errorf("the trail tells of %v, not of %q", told, what)
		}
	}
	if len(entries) > 15 {
		t.Errorf("300 refreshes and 300 logouts are %d entries: %v", len(entries), told)
	}
}
