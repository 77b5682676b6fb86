package gateway_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// TestTrailOfRefusedKeys names the key that is used by somebody who has its secret and may
// not: revoked, over, or from elsewhere. Of a wrong secret nobody knows whose it is.
func TestTrailOfRefusedKeys(t *testing.T) {
	stores, db := onMariaDB(t)
	w := start(t, managed(stores))
	away, awaySecret := w.makeKey(`{"name":"away","scopes":"staff","user":"2","networks":"192.0.2.0/24"}`)
	over, overSecret := w.makeKey(`{"name":"over","scopes":"staff","user":"2"}`)
	brief, briefSecret := w.makeKey(`{"name":"brief","scopes":"staff","user":"2","expires":"1s"}`)
	if got := w.manage(http.MethodPost, "apikeys/"+over+"/revoke", ""); got.status != http.StatusOK {
		t.Fatalf("revoke: %d %s", got.status, got.body)
	}
	use := func(secret string) answer {
		return w.send("GET", "/api/v1/helpdesk/priority", "", "X-API-Key: "+secret)
	}
	w.wantProblem("away", use(awaySecret), http.StatusForbidden, "forbidden")
	w.wantProblem("over", use(overSecret), http.StatusUnauthorized, "token_revoked")
	eventually(t, "its end", func() bool { return use(briefSecret).status == http.StatusUnauthorized })
	guess := guessedKey()
	w.wantProblem("unknown", use(guess), http.StatusUnauthorized, "token_invalid")
	if got := w.send("POST", "/api/v1/authenticate?username=alice&password=x", "", "X-API-Key: "+overSecret); !strings.Contains(got.body, "wrong api key") {
		t.Errorf("the login: %d %s", got.status, got.body)
	}
	db.Exec(t, "UPDATE settings_system SET api_enable = 1, api_key_mandatory = 1, api_key = 'the key of the site'")

	type entry struct{ Kind, Reason, Actor, Detail string }
	want := []entry{
		{"request", "apikey_network", "api_key", "API key " + away},
		{"request", "apikey_revoked", "api_key", "API key " + over},
		{"request", "apikey_expired", "api_key", "API key " + brief},
		{"request", "apikey_invalid", "", ""},
		{"request", "apikey_wrong", "", ""},
	}
	missing := func() (names []string) {
		var trail struct{ Entries []entry }
		got := w.manage(http.MethodGet, "audit?limit=1000", "")
		if err := json.Unmarshal([]byte(got.body), &trail); err != nil {
			t.Fatalf("audit: %d %s", got.status, got.body)
		}
		has := map[entry]bool{}
		for _, e := range trail.Entries {
			has[e] = true
		}
		for _, e := range want {
			if !has[e] {
				names = append(names, e.Reason)
			}
		}
		return names
	}
	eventually(t, "the trail", func() bool {
		w.send("POST", "/api/v1/authenticate?username=alice&password=x", "") // Once the settings have come through.
		return len(missing()) == 0
	})
	if !strings.Contains(w.log.String(), "API key "+away+": ") || strings.Contains(w.log.String(), guess[4:16]) {
		t.Error("the log does not name the key, or names the guess")
	}
}
