package gateway_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"faveo-gateway/gateway/storetest/service"
)

// TestAccountBehindAKey: what happens to the user in whose place a key stands counts for
// the key within sessions.account_ttl, and no longer than it lasts.
func TestAccountBehindAKey(t *testing.T) {
	inOrder(t)
	stores, db := onMariaDBCheaply(t)
	const ttl = 200 * time.Millisecond
	w := start(t, merge(managed(stores), settings{"sessions.account_ttl": ttl.String()}))
	const tickets = "/api/v1/helpdesk/tickets"
	agent := w.newKey(settings{"user": "2", "scopes": "admin"})
	beside := w.newKey(settings{"scopes": "admin"})
	token := w.login("agent_support", "AgentSupport1!")
	for _, change := range []struct {
		name, does, undoes string
		status             int
		code               string
	}{
		{"banned", "ban = 1", "ban = 0", 401, "token_revoked"},
		{"deleted", "is_delete = 1", "is_delete = 0", 401, "token_revoked"},
		{"inactive", "active = 0", "active = 1", 401, "token_revoked"},
		{"a customer", "role = 'user'", "role = 'agent'", 403, "forbidden"},
		{"of no known role", "role = 'boss'", "role = 'agent'", 403, "forbidden"},
	} {
		served := func() bool { return w.send("GET", tickets, "", agent.header()).status == http.StatusOK }
		if !served() {
			t.Fatalf("not served before the user is %s", change.name)
		}
		db.Exec(t, "UPDATE users SET "+change.does+" WHERE id = 2")
		began := time.Now()
		eventually(t, change.name, func() bool { return !served() })
		if took := time.Since(began); took > ttl+time.Second {
			t.Errorf("%s counts after %v", change.name, took)
		}
		w.wantProblem(change.name, w.send("GET", tickets, "", agent.header()), change.status, change.code)
		w.wantProblem(change.name+", the user's token beside another key", w.send("GET", tickets, "", bearer(token), beside.header()), change.status, change.code)
		db.Exec(t, "UPDATE users SET "+change.undoes+" WHERE id = 2")
		eventually(t, "no more "+change.name, served)
		if change.status == http.StatusUnauthorized {
			token = w.login("agent_support", "AgentSupport1!") // The session has ended for good.
		}
	}
	// Another password ends sessions, and is no business of a machine that has a key.
	cheaply(t, db, map[string]string{"agent_support": "another one"})
	eventually(t, "the end of the session", func() bool { return w.send("GET", tickets, "", bearer(token)).status == http.StatusUnauthorized })
	if got := w.send("GET", tickets, "", agent.header()); got.status != http.StatusOK {
		t.Errorf("after a new password: %d %s", got.status, got.body)
	}
	db.Exec(t, "DELETE FROM users WHERE id = 2")
	eventually(t, "the account is gone", func() bool { return w.send("GET", tickets, "", agent.header()).status == http.StatusUnauthorized })
	w.wantProblem("an account that is gone", w.send("GET", tickets, "", agent.header()), 401, "token_revoked")
}

// TestBoundKeyWithoutFaveosDatabase: a user of whom nothing is known any more is no
// reason to refuse his key, and none to serve it.
func TestBoundKeyWithoutFaveosDatabase(t *testing.T) {
	stores, _ := onMariaDBCheaply(t)
	database := newSwitch(t, service.MariaDBAddress)
	w := start(t, merge(managed(stores), settings{
		"state.database": stores["faveo.database"], "sessions.account_ttl": "300ms", "api_keys.cache_ttl": "0s",
		"faveo.database": strings.Replace(stores["faveo.database"], service.MariaDBAddress, database.address(), 1),
	}))
	key, cold := w.newKey(settings{"user": "4", "scopes": "customer"}), w.newKey(settings{"user": "5", "scopes": "customer"})
	w.wantKeyServed("before", key)
	mend := database.cut()
	for _, k := range []managedKey{key, cold} {
		eventually(t, "the end of account_ttl", func() bool {
			got := w.send(http.MethodGet, priority, "", k.header())
			if got.status != http.StatusOK {
				w.wantProblem("a user of whom nothing is known", got, http.StatusServiceUnavailable, "unavailable")
			}
			return got.status != http.StatusOK
		})
	}
	w.wantProblem("a key that is none, all the same", w.send(http.MethodGet, priority, "", "X-API-Key: "+withOtherSecret(key.secret)), 401, "token_invalid")
	mend()
	eventually(t, "the database is back", func() bool { return w.send(http.MethodGet, priority, "", key.header()).status == http.StatusOK })
}
