package gateway_test

import (
	"net/http"
	"strings"
	"testing"
)

// TestKeysThatWereAlteredInTheDatabase: who may write to the state database, which may be
// another one than Faveo's, and holds a key, makes it no better. Operators see which it is,
// beside all others, and can end it.
func TestKeysThatWereAlteredInTheDatabase(t *testing.T) {
	stores, db := onMariaDB(t)
	w := start(t, managed(stores))
	good, goodSecret := w.makeKey(`{"name":"good","scopes":"staff","user":"2"}`)
	var last string
	for name, change := range map[string]string{
		"the user":     "user_id = 1",
		"the scopes":   `scopes = '["admin"]'`,
		"the networks": "networks = '[]'",
		"the expiry":   "expires_at = NULL",
		"the MAC":      "mac = REPEAT('0', 64)",
		"no scopes":    "scopes = 'null'",
	} {
		id, secret := w.makeKey(`{"name":"weak","scopes":"staff","user":"2","networks":"127.0.0.0/8","expires":"1h"}`)
		db.Exec(t, "UPDATE faveo_gateway_api_keys SET "+change+" WHERE id = ?", id)
		for range 2 {
			w.wantProblem(name, w.send(http.MethodGet, "/api/v1/helpdesk/priority", "", "X-API-Key: "+secret), http.StatusServiceUnavailable, "unavailable")
		}
		if list := w.manage(http.MethodGet, "apikeys", ""); list.status != http.StatusOK || strings.Count(list.body, `"state":"altered"`) != 1 {
			t.Errorf("%s: the list is %d %s", name, list.status, list.body)
		}
		named := strings.Contains(w.log.String(), `nobody is let in by it","api_key_id":"`+id+`"`)
		unreadable := name == "no scopes"
		if named == unreadable {
			t.Errorf("%s: the log names it: %v", name, named)
		}
		if !unreadable && strings.Contains(w.metrics(), "faveo_gateway_apikey_altered_records_total 0\n") {
			t.Errorf("%s: no altered record is counted", name)
		}
		if name == "no scopes" {
			db.Exec(t, "DELETE FROM faveo_gateway_api_keys WHERE id = ?", id)
			continue
		}
		if got := w.manage(http.MethodPost, "apikeys/"+id+"/rotate", ""); got.status != http.StatusServiceUnavailable {
			t.Errorf("%s: rotate: %d %s", name, got.status, got.body)
		}
		if got := w.manage(http.MethodPost, "apikeys/"+id+"/revoke", ""); got.status != http.StatusOK || !strings.Contains(got.body, `"state":"revoked"`) {
			t.Errorf("%s: revoke: %d %s", name, got.status, got.body)
		}
		last = secret
	}
	w.wantProblem("revoked", w.send(http.MethodGet, "/api/v1/helpdesk/priority", "", "X-API-Key: "+last), http.StatusUnauthorized, "token_revoked")
	if got := w.send(http.MethodGet, "/api/v1/helpdesk/priority", "", "X-API-Key: "+goodSecret); got.status != http.StatusOK {
		t.Errorf("%s, which nobody has touched: %d %s", good, got.status, got.body)
	}
}
