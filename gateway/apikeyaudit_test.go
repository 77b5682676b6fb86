package gateway_test

import (
	"encoding/json"
	"net/http"
	"testing"
)

// TestAuditOfAPIKeys: the trail tells who made, rotated and ended which key, which key
// was refused and why, and nothing of a key whose secret was wrong.
func TestAuditOfAPIKeys(t *testing.T) {
	inOrder(t)
	stores, _ := onMariaDBCheaply(t)
	w := start(t, merge(managed(stores), settings{"api_keys.required": "always"}))
	alices := settings{"user": "4", "scopes": "authenticated"}
	key := w.newKey(alices)
	w.wantKey("rotate", w.manage(http.MethodPost, "apikeys/"+key.id+"/rotate", `{"overlap":"1h"}`), http.StatusOK)
	abroad := w.newKey(merge(alices, settings{"networks": "10.0.0.0/8"}))
	slow := w.newKey(merge(alices, settings{"rate": "1/1h"}))
	token := w.wantToken("login", w.send("POST", "/api/v1/authenticate?username=bob&password=BobPass1!", "", key.header()))
	const user = "/api/v1/authenticate/user"

	w.send("GET", priority, "", key.header())
	w.send("GET", user, "", key.header(), bearer(token))
	w.send("GET", user, "", abroad.header())
	w.send("GET", user, "", slow.header())
	w.send("GET", user, "", slow.header())
	w.send("GET", user, "", "X-API-Key: "+withOtherSecret(key.secret))
	w.send("GET", user, "", bearer(token))
	w.revokeKey(key)
	w.send("GET", user, "", key.header())
	w.send("POST", "/api/v1/authenticate", "", key.header())

	type entry struct {
		Kind, Outcome, Reason, Actor, Subject, Detail string
		UserID                                        uint64 `json:"user_id"`
	}
	want := []entry{
		{"apikey_created", "success", "", "admin", key.id, "authenticated", 4},
		{"apikey_rotated", "success", "", "admin", key.id, "the old secret goes on for 1h0m0s", 4},
		{"apikey_revoked", "success", "", "admin", key.id, "", 4},
		{"request", "refused", "key_scope", "api_key", "priority", "API key " + key.id, 4},
		{"request", "refused", "apikey_of_another_user", "api_key", "", "API key " + key.id, 5},
		{"request", "refused", "apikey_network", "api_key", "", "API key " + abroad.id, 0},
		{"request", "refused", "rate_limited", "api_key", "api_key", "API key " + slow.id, 4},
		{"request", "refused", "apikey_invalid", "", "", "", 0},
		{"request", "refused", "apikey_wrong", "user", "", "", 5},
		{"request", "refused", "apikey_revoked", "api_key", "", "API key " + key.id, 0},
	}
	var missing []entry
	defer func() {
		if t.Failed() {
			t.Logf("the trail is without %+v", missing)
		}
	}()
	eventually(t, "the audit trail is written", func() bool {
		var trail struct{ Entries []entry }
		if got := w.manage(http.MethodGet, "audit", ""); json.Unmarshal([]byte(got.body), &trail) != nil {
			t.Fatalf("audit: %d %s", got.status, got.body)
		}
		has := map[entry]bool{}
		for _, e := range trail.Entries {
			has[e] = true
		}
		missing = nil
		for _, e := range want {
			if !has[e] {
				missing = append(missing, e)
			}
		}
		return len(missing) == 0
	})
	w.wantHidden(key.secret, abroad.secret, slow.secret)
}
