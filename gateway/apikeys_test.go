package gateway_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// TestBoundKeyInPlaceOfAToken serves a machine by its key alone, from each place where it
// may be: PHP hears of the user in whose place it stands, and never of the key.
func TestBoundKeyInPlaceOfAToken(t *testing.T) {
	inOrder(t)
	stores, _ := onMariaDBCheaply(t)
	w := start(t, managed(stores))
	key := w.newKey(settings{"user": "4", "scopes": "customer"})
	for _, place := range []string{inHeader, inQuery, inForm, inJSON} {
		got := w.keyed("POST", "/api/v1/helpdesk/collaborator/get-ticket", url.Values{"ticket_id": {"1"}}, place, literal(place, key.secret))
		if got.status != http.StatusOK || !strings.HasPrefix(got.body, `{"collaborator"`) {
			t.Errorf("in %s: %d %s", place, got.status, got.body)
		}
		w.wantBridge("4")
	}
	for _, place := range []string{inHeader, inQuery} {
		if got := w.keyed("GET", priority, nil, place, key.secret); got.status != http.StatusOK {
			t.Errorf("read, in %s: %d %s", place, got.status, got.body)
		}
		w.wantBridge("4")
		got := w.keyed("GET", "/api/v1/authenticate/user", nil, place, key.secret)
		if got.status != http.StatusOK || !strings.Contains(got.body, `{"user":{"id":4,"user_name":"alice"`) || !strings.Contains(got.body, `"internal_note":null`) {
			t.Errorf("its user, in %s: %d %s", place, got.status, got.body)
		}
	}
	if n := counter(t, w.metrics(), `faveo_gateway_apikey_checks_total{result="managed"}`); n < 8 {
		t.Errorf("%d keys were counted", n)
	}
	if log := w.log.String(); !strings.Contains(log, `"user_id":4,"proof":"api_key","api_key_id":"`+key.id+`"`) {
		t.Error("the log does not name the key by its id")
	}
	w.wantHidden(key.secret)
}

// TestKeysNeedATokenForSessions: the sessions of a person are no business of a machine.
func TestKeysNeedATokenForSessions(t *testing.T) {
	inOrder(t)
	stores, _ := onMariaDBCheaply(t)
	w := start(t, managed(stores))
	bound, unbound := w.newKey(settings{"user": "4", "scopes": "admin"}), w.newKey(settings{"scopes": "admin"})
	token := w.login("alice", "AlicePass1!")
	session := w.sessions(token)[0].ID
	const base = "/api/v1/authenticate/"
	for _, key := range []managedKey{bound, unbound} {
		for _, r := range [][2]string{{"GET", "sessions"}, {"DELETE", "sessions/" + session}, {"POST", "refresh"}, {"POST", "logout"}} {
			w.wantProblem("key alone, "+r[1], w.send(r[0], base+r[1], "", key.header()), 401, "token_not_provided")
			w.wantProblem("key alone, in the query, "+r[1], w.send(r[0], base+r[1]+"?api_key="+key.secret, ""), 401, "token_not_provided")
		}
		w.wantProblem("unknown", w.send("POST", base+"refresh", "", "X-API-Key: "+key.secret+"x", bearer(token)), 401, "token_invalid")
	}
	w.wantProblem("nobody's key alone", w.send("GET", priority, "", unbound.header()), 401, "token_not_provided")
	w.wantProblem("nobody's key alone", w.send("GET", base+"user", "", unbound.header()), 401, "token_not_provided")
	bobs := w.newKey(settings{"user": "5", "scopes": "admin"})
	w.wantProblem("refresh beside bob's key", w.send("POST", base+"refresh", "", bearer(token), bobs.header()), 403, "forbidden")
	w.wantServed("alice, whom nobody has logged out", token)
	if got := w.send("GET", base+"sessions", "", bearer(token), bound.header()); got.status != http.StatusOK {
		t.Errorf("sessions with a token beside the key: %d %s", got.status, got.body)
	}
	successor := w.wantToken("refresh beside a key", w.send("POST", base+"refresh", "", bearer(token), bound.header()))
	if got := w.send("POST", base+"logout", "", bearer(successor), bound.header()); got.status != http.StatusOK {
		t.Errorf("logout beside a key: %d %s", got.status, got.body)
	}
	w.wantHidden(bound.secret, unbound.secret)
}

// TestKeyBesideAToken only takes away from what the token may, and must not be another
// user's.
func TestKeyBesideAToken(t *testing.T) {
	inOrder(t)
	stores, _ := onMariaDBCheaply(t)
	w := start(t, managed(stores))
	const tickets = "/api/v1/helpdesk/tickets"
	admin, alice := w.login("demo_admin", "AdminPass1!"), w.login("alice", "AlicePass1!")
	narrow, wide := w.newKey(settings{"scopes": "customer"}), w.newKey(settings{"scopes": "admin"})
	alices, admins := w.newKey(settings{"scopes": "admin", "user": "4"}), w.newKey(settings{"scopes": "admin", "user": "1"})
	for _, try := range []struct {
		name, path, token string
		key               managedKey
		status            int
		sub               string
	}{
		{"a narrow key", tickets, admin, narrow, 403, ""},
		{"a narrow key within its scope", priority, admin, narrow, 200, "1"},
		{"a wide key", tickets, admin, wide, 200, "1"},
		{"a wide key adds nothing", tickets, alice, wide, 403, ""},
		{"his own", tickets, admin, admins, 200, "1"},
		{"her own", priority, alice, alices, 200, "4"},
		{"an administrator's beside a customer's token", tickets, alice, admins, 403, ""},
		{"an administrator's beside a customer's token", priority, alice, admins, 403, ""},
		{"a customer's beside an administrator's token", priority, admin, alices, 403, ""},
		{"another's at authenticate/user", "/api/v1/authenticate/user", admin, alices, 403, ""},
		{"another's at a route that is open", "/api/v1/helpdesk/check-url", admin, alices, 403, ""},
	} {
		for place, got := range map[string]answer{
			"both in headers":   w.send("GET", try.path, "", bearer(try.token), try.key.header()),
			"both in the query": w.send("GET", try.path+"?token="+try.token+"&api_key="+try.key.secret, ""),
			"the key in JSON":   w.send("GET", try.path, `{"api_key":"`+try.key.secret+`"}`, "Content-Type: application/json", bearer(try.token)),
			"both in JSON":      w.send("GET", try.path, `{"api_key":"`+try.key.secret+`","token":"`+try.token+`"}`, "Content-Type: application/json"),
		} {
			if try.status == http.StatusForbidden {
				w.wantProblem(try.name+", "+place, got, 403, "forbidden")
			} else if got.status != try.status {
				t.Errorf("%s, %s: %d %s", try.name, place, got.status, got.body)
			}
		}
		if try.sub != "" {
			w.wantBridge(try.sub)
		}
	}
	// Behind a key that has proved its user a second proof is one too many, even his own.
	for _, token := range []string{alice, admin} {
		for place, got := range map[string]answer{
			"form": w.send("POST", "/api/v1/helpdesk/collaborator/get-ticket", "ticket_id=1&token="+token, "Content-Type: application/x-www-form-urlencoded", alices.header()),
			"JSON": w.send("GET", priority, `{"token":"`+token+`"}`, "Content-Type: application/json", alices.header()),
		} {
			w.wantProblem("a token in the "+place+" behind a bound key", got, 400, "ambiguous_request")
		}
	}
	if got := w.send("GET", priority, `{"token":"`+admin+`"}`, "Content-Type: application/json", wide.header()); got.status != http.StatusOK {
		t.Errorf("a token in the body behind a key of nobody: %d %s", got.status, got.body)
	}
	w.wantHidden(narrow.secret, wide.secret, alices.secret, admins.secret)
}

// TestLoginWithAManagedKey: where a key is demanded a managed one does; whatever is wrong
// with it, the answer is Faveo's, and has not the word that the iOS app takes for a success.
func TestLoginWithAManagedKey(t *testing.T) {
	inOrder(t)
	stores, _ := onMariaDBCheaply(t)
	w := start(t, merge(managed(stores), settings{"api_keys.required": "always"}))
	good := w.newKey(settings{"scopes": "customer"})
	revoked, abroad := w.newKey(settings{"scopes": "customer"}), w.newKey(settings{"scopes": "customer", "networks": "10.0.0.0/8"})
	over := w.newKey(settings{"scopes": "customer", "expires": "1s"})
	w.revokeKey(revoked)
	eventually(t, "the end of a key", func() bool {
		return strings.Contains(w.send("GET", priority, "", over.header()).body, "token_expired")
	})
	alice := url.Values{"username": {"alice"}, "password": {"AlicePass1!"}}
	for name, key := range map[string]string{
		"revoked": revoked.secret, "expired": over.secret, "from another network": abroad.secret,
		"unknown": "fgw_0123456789ab" + good.secret[16:], "malformed": good.secret + "x", "cut": good.secret[:60], "only its beginning": "fgw_",
		"in another case": strings.ToUpper(good.secret), "Faveo's": installationKey, "none": "",
	} {
		for _, place := range []string{inHeader, inQuery, inForm, inJSON} {
			for password, values := range map[string]url.Values{
				"right": alice, "wrong": {"username": {"alice"}, "password": {"wrong"}}, "missing": {},
			} {
				got := w.keyed("POST", "/api/v1/authenticate", values, place, literal(place, key))
				if got.status != http.StatusOK || got.body != wrongAPIKey || got.header.Get("Www-Authenticate") != "" {
					t.Errorf("%s in %s, %s password: %d %s %v", name, place, password, got.status, got.body, got.header)
				}
			}
		}
	}
	for _, place := range []string{inHeader, inQuery, inForm, inJSON} {
		got := w.keyed("POST", "/api/v1/authenticate", alice, place, literal(place, good.secret))
		token := w.wantToken("login with the key in "+place, got)
		if got := w.send("GET", priority, "", bearer(token)); got.body != wrongAPIKey {
			t.Errorf("its token without the key: %d %s", got.status, got.body)
		}
		if got := w.send("GET", priority, "", bearer(token), good.header()); !strings.Contains(got.body, `{"name":"Low",`) {
			t.Errorf("its token with the key: %d %s", got.status, got.body)
		}
	}
	w.wantHidden(good.secret, revoked.secret, abroad.secret, over.secret)
}
