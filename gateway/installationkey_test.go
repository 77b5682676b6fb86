package gateway_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"faveo-gateway/upstream/faveo/faveotest"
)

// Faveo's installation key, as the recordings have it, and its two refusals
// (faveo-contract README, section 3).
const (
	installationKey = "ThisIsTheRightApiKey0123456789ab"
	wrongAPIKey     = `{"result":"wrong api key"}`
	pleaseEnableAPI = `{"result":"please enable api"}`
)

// bobAtLogin is how bob logs in.
var bobAtLogin = url.Values{"username": {"bob"}, "password": {"BobPass1!"}}

// setInstallationKey writes Faveo's settings; nil is NULL.
func setInstallationKey(t testing.TB, db *faveotest.Database, enable, mandatory, key any) {
	t.Helper()
	db.Exec(t, "UPDATE settings_system SET api_enable = ?, api_key_mandatory = ?, api_key = ? WHERE id = 1", enable, mandatory, key)
}

// forgetInstallation makes Redis forget those settings, as it does by itself half a
// minute after they were read.
func forgetInstallation(t testing.TB, stores settings) {
	t.Helper()
	redisSays(t, redisAddress, "DEL "+stores["redis.key_prefix"]+"{k:faveo-installation}")
}

// keyedRoute is a route of which an API key may be asked, and a piece of its success.
type keyedRoute struct {
	name, method, path string
	parameters         url.Values
	places             []string
	token              bool
	success            string
}

func keyedRoutes() []keyedRoute {
	return []keyedRoute{
		{"login", "POST", "/api/v1/authenticate", bobAtLogin, []string{inHeader, inQuery, inForm, inJSON}, false, `"user_id":{"id":5,`},
		{"read", "GET", priority, nil, []string{inHeader, inQuery, inJSON}, true, `{"result":[{"name":"Low",`},
		{"write", "POST", "/api/v1/helpdesk/collaborator/get-ticket", url.Values{"ticket_id": {"1"}}, []string{inHeader, inQuery, inForm, inJSON}, true, `"collaborator"`},
		{"url", "GET", "/api/v1/helpdesk/url", nil, []string{inHeader, inQuery}, false, `{`},
		{"check-url", "GET", "/api/v1/helpdesk/check-url", nil, []string{inHeader, inQuery, inJSON}, false, `"status":"success"`},
		{"user", "GET", "/api/v1/authenticate/user", nil, []string{inHeader, inQuery, inJSON}, true, `"user":{"id":4,`},
	}
}

// wantOfKey is what a request is answered, "" for its success: what the check would that
// Faveo forgot to run, who reads the settings.
func wantOfKey(required string, enable, mandatory any, right bool) string {
	switch {
	case required == "never", required == "faveo" && mandatory != 1:
		return ""
	case required == "faveo" && enable != 1:
		return pleaseEnableAPI
	case !right:
		return wrongAPIKey
	}
	return ""
}

// TestInstallationKey asks every route for the installation's key, under all of Faveo's
// settings and all of the gateway's, with a key in each place where clients have theirs.
func TestInstallationKey(t *testing.T) {
	inOrder(t)
	asked := 0
	for _, required := range []string{"faveo", "always", "never"} {
		stores, db := onMariaDBCheaply(t)
		over := settings{"api_keys.cache_ttl": "0s"}
		if required != "faveo" { // Which is the default.
			over["api_keys.required"] = required
		}
		w := start(t, merge(managed(stores), over))
		machine := w.newKey(settings{"scopes": "admin"}).secret
		token := w.wantToken("login", w.send("POST", "/api/v1/authenticate?username=alice&password=AlicePass1!", "", "X-API-Key: "+machine))
		for _, set := range faveoSettings(required) {
			setInstallationKey(t, db, set.enable, set.mandatory, installationKey)
			forgetInstallation(t, stores)
			for _, route := range keyedRoutes() {
				for _, try := range keyTries(route, machine) {
					want := wantOfKey(required, set.enable, set.mandatory, try.right)
					if try.managed {
						want = ""
					}
					got := route.try(w, token, try.place, try.key)
					asked++
					if ok := got.status == http.StatusOK && (got.body == want || want == "" && strings.Contains(got.body, route.success)); !ok {
						t.Errorf("required %s, %+v, %s, key %s in %q: %d %s, want 200 %s", required, set, route.name, try.key, try.place, got.status, got.body, want)
					}
					if want != "" && (got.header.Get("Content-Type") != "application/json" || got.header.Get("Cache-Control") != "no-store") {
						t.Errorf("%s is refused under the headers %v", route.name, got.header)
					}
				}
			}
		}
		w.wantHidden(machine, installationKey)
	}
	t.Logf("%d requests", asked)
}

// faveoSetting is what Faveo says of its key; nil is NULL.
type faveoSetting struct{ enable, mandatory any }

// faveoSettings are all of them where they decide, and some where they must not.
func faveoSettings(required string) (all []faveoSetting) {
	if required != "faveo" {
		return []faveoSetting{{nil, nil}, {0, 1}, {1, 1}}
	}
	for _, enable := range []any{nil, 0, 1} {
		for _, mandatory := range []any{nil, 0, 1} {
			all = append(all, faveoSetting{enable, mandatory})
		}
	}
	return all
}

// keyTry is a key in a place.
type keyTry struct {
	place, key     string
	right, managed bool
}

// keyTries are all keys in all places of a route.
func keyTries(r keyedRoute, machine string) []keyTry {
	tries := []keyTry{{}}
	for _, place := range r.places {
		if place == inJSON {
			for _, none := range []string{"null", "[]", `["` + installationKey + `"]`, "1"} {
				tries = append(tries, keyTry{place: place, key: none})
			}
		}
		for _, wrong := range []string{"", "WrongKey", strings.ToLower(installationKey)} {
			tries = append(tries, keyTry{place: place, key: literal(place, wrong)})
		}
		tries = append(tries,
			keyTry{place: place, key: literal(place, installationKey), right: true},
			keyTry{place: place, key: literal(place, machine), managed: true})
	}
	return tries
}

// try sends a request to the route.
func (r keyedRoute) try(w *world, token, place, key string) answer {
	w.t.Helper()
	var headers []string
	if r.token {
		headers = append(headers, bearer(token))
	}
	return w.keyed(r.method, r.path, r.parameters, place, key, headers...)
}

// TestNoInstallationKeyEqualsNone: where Faveo demands a key and has none, an empty one,
// or a missing one, is not it; nor is the text of a managed key in Faveo's settings.
func TestNoInstallationKeyEqualsNone(t *testing.T) {
	stores, db := onMariaDBCheaply(t)
	w := start(t, merge(stores, settings{"api_keys.cache_ttl": "0s"}))
	managed := wellFormedKey("fgw_0123456789ab_" + strings.Repeat("A", 43))
	for name, stored := range map[string]any{"NULL": nil, "empty": "", "like a managed one": managed} {
		setInstallationKey(t, db, 1, 1, stored)
		forgetInstallation(t, stores)
		for _, place := range []string{"", inHeader, inQuery, inForm} {
			for _, key := range []string{"", "0", "NULL", managed} {
				if got := w.keyed("POST", "/api/v1/authenticate", bobAtLogin, place, key); got.body != wrongAPIKey {
					t.Errorf("%s, %q in %q: %d %s", name, key, place, got.status, got.body)
				}
			}
		}
	}
}

// TestTwoAPIKeys: two that differ are one too many, wherever they are and whichever is
// right; the same twice is one. Who has a bad one in the head gets no further.
func TestTwoAPIKeys(t *testing.T) {
	stores, db := onMariaDBCheaply(t)
	setInstallationKey(t, db, 1, 1, installationKey)
	w := start(t, managed(stores))
	one := w.newKey(settings{"scopes": "admin", "user": "4"}).secret
	other := w.newKey(settings{"scopes": "admin", "user": "4"}).secret
	const (
		form = "Content-Type: application/x-www-form-urlencoded"
		json = "Content-Type: application/json"
		own  = "/api/v1/helpdesk/collaborator/get-ticket"

		login = "/api/v1/authenticate?username=alice&password=AlicePass1!"
	)
	header := func(key string) string { return "X-API-Key: " + key }
	good := []string{one, other, installationKey}
	for _, pair := range [][2]string{{one, other}, {one, installationKey}, {installationKey, "WrongKey"}, {one, one + "x"}} {
		for _, ab := range [][2]string{pair, {pair[1], pair[0]}} {
			a, b := ab[0], ab[1]
			for name, got := range map[string]answer{
				"two headers":           w.send("GET", priority, "", header(a), header(b)),
				"header and query":      w.send("GET", priority+"?api_key="+b, "", header(a)),
				"helpdesk/url":          w.send("GET", "/api/v1/helpdesk/url?api_key="+a, "", header(b)),
				"login, two headers":    w.send("POST", login, "", header(a), header(b)),
				"login, query and form": w.send("POST", login+"&api_key="+a, "api_key="+b, form),
				"login, query and JSON": w.send("POST", login+"&api_key="+a, `{"api_key":"`+b+`"}`, json),
			} {
				w.wantProblem(name, got, 400, "ambiguous_request")
				if strings.Contains(got.body, "token") {
					t.Errorf("%s: the refusal has the word token: %s", name, got.body)
				}
			}
			for name, got := range map[string]answer{
				"header and form": w.send("POST", own, "ticket_id=1&api_key="+b, form, header(a)),
				"header and JSON": w.send("POST", own, `{"ticket_id":"1","api_key":"`+b+`"}`, json, header(a)),
				"query and form":  w.send("POST", own+"?api_key="+a, "ticket_id=1&api_key="+b, form),
				"query and JSON":  w.send("GET", priority+"?api_key="+a, `{"api_key":"`+b+`"}`, json),
			} {
				switch {
				case slices.Contains(good, a):
					w.wantProblem(name, got, 400, "ambiguous_request")
				case a == "WrongKey": // Whose body is not even read.
					if got.body != wrongAPIKey {
						t.Errorf("%s, a wrong one first: %d %s", name, got.status, got.body)
					}
				default:
					w.wantProblem(name, got, 401, "token_invalid")
				}
			}
		}
	}
	for name, got := range map[string]answer{
		"two headers":     w.send("GET", priority, "", header(one), header(one)),
		"header, query":   w.send("GET", priority+"?api_key="+one, "", header(one)),
		"an empty header": w.send("GET", priority+"?api_key="+one, "", header("")),
		"an empty query":  w.send("GET", priority+"?api_key=", "", header(one)),
		"three places":    w.send("POST", own+"?api_key="+one, "ticket_id=1&api_key="+one, form, header(one)),
		"no text":         w.send("POST", own, `{"ticket_id":"1","api_key":null}`, json, header(one)),
	} {
		if got.status != http.StatusOK || strings.Contains(got.body, "api key") {
			t.Errorf("one key, %s: %d %s", name, got.status, got.body)
		}
	}
	if n := w.refusals()["two_api_keys"]; n == 0 {
		t.Error("no ambiguous request was counted for its two API keys")
	}
}

// TestInstallationSettingsCountWithoutRestart changes Faveo's settings under a gateway
// that has them in its memory.
func TestInstallationSettingsCountWithoutRestart(t *testing.T) {
	stores, db := onMariaDBCheaply(t)
	over := merge(stores, settings{"api_keys.cache_ttl": "100ms"})
	w, other := start(t, over), start(t, over)
	token := w.login("alice", "AlicePass1!")
	other.wantServed("before", token)
	for _, change := range []struct {
		name                   string
		enable, mandatory, key any
		want                   string
	}{
		{"demanded", 1, 1, installationKey, wrongAPIKey},
		{"not enabled", 0, 1, installationKey, pleaseEnableAPI},
		{"not demanded", nil, nil, nil, ""},
	} {
		setInstallationKey(t, db, change.enable, change.mandatory, change.key)
		forgetInstallation(t, stores)
		for _, replica := range []*world{w, other} {
			eventually(t, change.name, func() bool {
				got := replica.send("GET", priority, "", bearer(token))
				return got.body == change.want || change.want == "" && strings.Contains(got.body, `{"name":"Low",`)
			})
		}
	}
}

// TestWhatNeedsNoInstallationKey, however much Faveo demands one: to log out must not
// depend on it, and it is a key of the API.
func TestWhatNeedsNoInstallationKey(t *testing.T) {
	stores, db := onMariaDBCheaply(t)
	setInstallationKey(t, db, 1, 1, installationKey)
	w := start(t, stores)
	const (
		base = "/api/v1/authenticate"
		key  = "X-API-Key: " + installationKey
	)
	token := w.wantToken("login", w.send("POST", base+"?username=alice&password=AlicePass1!", "", key))
	for name, got := range map[string]answer{
		"refresh":       w.send("POST", base+"/refresh", "", bearer(token)),
		"sessions":      w.send("GET", base+"/sessions", "", bearer(token)),
		"another route": w.send("GET", priority, "", bearer(token)),
		"an unknown":    w.send("GET", "/api/v1/nothing", "", bearer(token)),
	} {
		if got.status != http.StatusOK || got.body != wrongAPIKey {
			t.Errorf("%s without a key: %d %s", name, got.status, got.body)
		}
	}
	for _, path := range []string{"/", "/.well-known/jwks.json"} {
		if got := w.send("GET", path, ""); got.status != http.StatusOK || got.body == wrongAPIKey {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
	successor := w.wantToken("refresh", w.send("POST", base+"/refresh", "", bearer(token), key))
	if got := w.send("POST", base+"/logout", "", bearer(successor)); got.status != http.StatusOK || got.body == wrongAPIKey {
		t.Errorf("logout without a key: %d %s", got.status, got.body)
	}
	w.wantProblem("after it", w.send("GET", priority, "", bearer(successor), key), 401, "token_revoked")
}
