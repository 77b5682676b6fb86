package gateway_test

import (
	"net/http"
	"strings"
	"testing"

	"faveo-gateway/upstream/faveo/faveotest"
)

// enforced are the recordings of api-key that a gateway answers otherwise by default,
// by what is behind the route in their names: Faveo has a check that never runs, this
// is what it would say (faveo-contract README, section 3).
var enforced = map[string]string{
	"enable-null-mandatory-1-key-absent": pleaseEnableAPI,
	"enable-null-mandatory-1-key-right":  pleaseEnableAPI,
	"enable-null-mandatory-1-key-wrong":  pleaseEnableAPI,
	"enable-0-mandatory-1-key-absent":    pleaseEnableAPI,
	"enable-0-mandatory-1-key-right":     pleaseEnableAPI,
	"enable-0-mandatory-1-key-wrong":     pleaseEnableAPI,
	"enable-1-mandatory-1-key-absent":    wrongAPIKey,
	"enable-1-mandatory-1-key-wrong":     wrongAPIKey,
}

// TestAPIKeyContract replays the recordings of Faveo's installation key. With the check
// switched off all of them are answered as PHP answers, which is as if there were no
// settings; by default some are refused, on purpose.
func TestAPIKeyContract(t *testing.T) {
	inOrder(t)
	for required, differing := range map[string]map[string]string{"never": nil, "faveo": enforced} {
		t.Run(required, func(t *testing.T) {
			stores, db := onMariaDBCheaply(t)
			w := start(t, merge(managed(stores), settings{
				"api_keys.required": required, "api_keys.cache_ttl": "0s",
				"login.hide_internal_note": "false", "sessions.max_per_user": "100",
			}))
			token := w.login("alice", "AlicePass1!")
			different := 0
			for _, recording := range faveotest.Recordings(t, "api-key") {
				t.Run(recording.Name, func(t *testing.T) {
					defer db.Apply(t, recording.Precondition)()
					forgetInstallation(t, stores)
					w := w.in(t)
					route, variant, _ := strings.Cut(recording.Name, "-")
					if route != "authenticate" { // The recorded token is of another secret, and over.
						recording.Request.Headers.Set("Authorization", "Bearer "+token)
					}
					got, want := w.replay(recording), string(recording.Response.Body)
					refusal, differs := differing[variant]
					switch {
					case differs:
						different++
						want = refusal
					case route == "generate":
						w.wantProblem("a customer replaces the key", got, http.StatusForbidden, "forbidden")
						return
					case route == "helpdesk" && strings.HasPrefix(got.body, `{"tickets":[`):
						want = got.body // The stand-in has tickets of its own.
					}
					if got.status != recording.Response.Status || normal(got.body) != normal(want) {
						t.Errorf("answer is\n%d %s\nwant\n%d %s", got.status, normal(got.body), recording.Response.Status, normal(want))
					}
					sameContentType(t, got, recording)
				})
			}
			if want := 2 * len(differing); different != want {
				t.Errorf("%d recordings differ on purpose, want %d", different, want)
			}
			w.wantHidden(installationKey, "WrongKey")
		})
	}
}
