package gateway_test

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestScopesOfAKey: a key is good for what its scopes name and for nothing else, and
// never for more than its user may.
func TestScopesOfAKey(t *testing.T) {
	inOrder(t)
	stores, _ := onMariaDBCheaply(t)
	w := start(t, managed(stores))
	const (
		admin, agent, alice = "1", "2", "4"

		tickets = "/api/v1/helpdesk/tickets"
		ticket  = "/api/v1/helpdesk/ticket"
		own     = "/api/v1/helpdesk/collaborator/get-ticket"
		user    = "/api/v1/authenticate/user"
	)
	for _, try := range []struct {
		user, scopes, method, path, parameters string
		status                                 int
	}{
		{admin, "customer", "GET", priority, "", 200},
		{admin, "customer", "GET", tickets, "", 403},
		{admin, "customer", "GET", user, "", 200},
		{admin, "authenticated", "GET", user, "", 200},
		{admin, "authenticated", "GET", priority, "", 403},
		{admin, "public", "GET", user, "", 403},
		{admin, "staff", "GET", tickets, "", 200},
		{admin, "staff", "GET", "/api/v1/helpdesk/api_key", "", 403},
		{admin, "admin", "GET", "/api/v1/helpdesk/api_key", "", 200},
		{admin, "admin", "HEAD", "/api/v1/helpdesk/api_key", "", 403},
		{admin, "admin", "GET", "/api/v1/system-config", "", 403},
		{admin, "GET /api/v1/helpdesk/tickets", "GET", tickets, "", 200},
		{admin, "GET /api/v1/helpdesk/tickets", "GET", tickets + "/", "", 400},
		{admin, "GET /api/v1/helpdesk/tickets", "GET", priority, "", 403},
		{admin, "GET /api/v1/helpdesk/tickets", "GET", user, "", 403},
		{admin, "GET /api/v1/helpdesk/tickets, GET /api/v1/helpdesk/priority", "GET", priority, "", 200},
		{admin, "GET /api/v1/helpdesk/**", "POST", own, "ticket_id=1", 403},
		{admin, "POST /api/v1/helpdesk/**", "POST", own, "ticket_id=1", 200},
		{admin, "/api/v1/helpdesk/**", "GET", user, "", 403},
		{admin, "GET /api/v1/helpdesk/api_key", "HEAD", "/api/v1/helpdesk/api_key", "", 403},
		{agent, "admin", "GET", tickets, "", 200},
		{agent, "admin", "GET", "/api/v1/helpdesk/api_key", "", 403},
		{agent, "admin", "GET", ticket, "ticket_id=1", 200},
		{agent, "admin", "GET", ticket, "ticket_id=4", 404}, // Of another department.
		{alice, "admin", "GET", tickets, "", 403},
		{alice, "customer", "GET", ticket, "ticket_id=1", 200},
		{alice, "customer", "GET", ticket, "ticket_id=4", 404}, // Bob's.
		{alice, "customer", "GET", ticket, "ticket_id=9999", 404},
		{alice, "admin", "GET", ticket, "ticket_id=4", 404},
		{alice, "/api/**", "POST", own, "ticket_id=4", 404},
		{alice, "customer", "GET", "/api/v1/helpdesk/customer", "user_id=5", 404},
		// What strangers may, one with a key may too, as a stranger.
		{alice, "authenticated", "GET", "/api/v1/helpdesk/check-url", "", 200},
		{alice, "GET /api/v1/helpdesk/tickets", "GET", "/api/v1/helpdesk/url", "", 200},
		// Another method or path in PHP's eyes is judged as such, or refused.
		{admin, "GET /api/v1/helpdesk/priority", "POST", priority, "_method=GET", 400},
		{admin, "GET /api/v1/helpdesk/priority", "GET", "/api/v1/helpdesk/%74ickets", "", 400},
		{admin, "GET /api/v1/helpdesk/priority", "GET", "/api/v1/helpdesk/priority/../tickets", "", 400},
	} {
		key := w.newKey(settings{"user": try.user, "scopes": try.scopes})
		name := try.user + " with " + try.scopes + ": " + try.method + " " + try.path + " " + try.parameters
		parameters, err := url.ParseQuery(try.parameters)
		if err != nil {
			t.Fatal(err)
		}
		got := w.keyed(try.method, try.path, parameters, inHeader, key.secret)
		if code := map[int]string{403: "forbidden", 404: "not_found", 400: "ambiguous_request"}[try.status]; code != "" && try.method != "HEAD" {
			w.wantProblem(name, got, try.status, code)
		} else if got.status != try.status {
			t.Errorf("%s: %d %s, want %d", name, got.status, got.body, try.status)
		}
	}
	if !strings.Contains(w.log.String(), `"reason":"key_scope"`) {
		t.Error("the log has no refusal for the scope of a key")
	}
}

// TestNetworksOfAKey: a key counts only from its networks. What a client says of its
// address counts where it comes from a proxy of our own.
func TestNetworksOfAKey(t *testing.T) {
	inOrder(t)
	stores, _ := onMariaDBCheaply(t)
	stores = managed(stores)
	direct := start(t, stores)
	behind := start(t, merge(stores, settings{"server.trusted_proxies": "127.0.0.0/8"}))
	inside := direct.newKey(settings{"user": "4", "scopes": "customer", "networks": "10.1.0.0/16, 2001:db8:1::/48, 192.0.2.7"})
	local := direct.newKey(settings{"user": "4", "scopes": "customer", "networks": "127.0.0.1"})
	for _, try := range []struct {
		forwarded string
		status    int
	}{
		{"10.1.2.3", 200},
		{"10.2.2.3", 403},
		{"::ffff:10.1.2.3", 200},
		{"2001:db8:1:2::3", 200},
		{"2001:db8:2::3", 403},
		{"192.0.2.7", 200},
		{"192.0.2.8", 403},
		{"10.1.2.3, 198.51.100.1", 403}, // The client has written the first one.
		{"198.51.100.1, 10.1.2.3", 200},
		{"10.1.2.3, 127.0.0.9", 200}, // Two proxies of ours.
		{"", 403},
		{"nonsense", 403},
		{"010.001.002.003", 403},
		{"10.1.2.3:443", 200}, // As some proxies write it.
		{"10.1.2.3, 198.51.100.1:443", 403},
		{"[2001:db8:1:2::3]:443", 200},
	} {
		got := behind.send("GET", priority, "", inside.header(), "X-Forwarded-For: "+try.forwarded)
		if try.status == http.StatusForbidden {
			behind.wantProblem("forwarded for "+try.forwarded, got, 403, "forbidden")
		} else if got.status != try.status {
			t.Errorf("forwarded for %q: %d %s, want %d", try.forwarded, got.status, got.body, try.status)
		}
	}
	// Where the proxy says nothing it is the client; where it says what cannot be read it is not.
	behind.wantKeyServed("the proxy itself", local)
	for _, unreadable := range []string{"unknown", "127.0.0.1, nonsense", "127.0.0.1x"} {
		behind.wantProblem(unreadable, behind.send("GET", priority, "", local.header(), "X-Forwarded-For: "+unreadable), 403, "forbidden")
	}
	for _, forged := range []string{
		"X-Forwarded-For: 10.1.2.3", "X-Real-IP: 10.1.2.3", "Forwarded: for=10.1.2.3", "Client-IP: 10.1.2.3", "True-Client-IP: 10.1.2.3",
		"CF-Connecting-IP: 10.1.2.3", "X-Forwarded-For: 10.1.2.3, 10.1.2.3",
	} {
		direct.wantProblem("forged "+forged, direct.send("GET", priority, "", inside.header(), forged), 403, "forbidden")
		if got := direct.send("GET", priority, "", local.header(), forged); got.status != http.StatusOK {
			t.Errorf("%s took a key away from its network: %d %s", forged, got.status, got.body)
		}
		if name, _, _ := strings.Cut(forged, ":"); name != "X-Forwarded-For" {
			behind.wantProblem("forged behind a proxy, "+forged, behind.send("GET", priority, "", inside.header(), forged, "X-Forwarded-For: 198.51.100.1"), 403, "forbidden")
		}
	}
	if n := counter(t, direct.metrics(), `faveo_gateway_apikey_checks_total{result="network"}`); n != 7 {
		t.Errorf("%d keys from elsewhere were counted, want 7", n)
	}
}

// TestKeyEnds: a key that has expired or was revoked is refused, in its user's place and
// beside a token, and says so only to who has its secret.
func TestKeyEnds(t *testing.T) {
	inOrder(t)
	stores, _ := onMariaDBCheaply(t)
	w := start(t, managed(stores))
	token := w.login("alice", "AlicePass1!")
	for _, end := range []struct {
		name, code string
		wish       settings
		end        func(managedKey)
	}{
		{"expired", "token_expired", settings{"expires": "1s"}, func(k managedKey) {
			eventually(t, "its expiry", func() bool { return w.send("GET", priority, "", k.header()).status != http.StatusOK })
		}},
		{"revoked", "token_revoked", nil, w.revokeKey},
	} {
		key := w.newKey(merge(settings{"user": "4", "scopes": "customer"}, end.wish))
		if got := w.send("GET", priority, "", key.header()); got.status != http.StatusOK {
			t.Fatalf("before it is %s: %d %s", end.name, got.status, got.body)
		}
		end.end(key)
		for place, got := range map[string]answer{
			"alone":              w.send("GET", priority, "", key.header()),
			"in the query":       w.send("GET", priority+"?api_key="+key.secret, ""),
			"in a body":          w.send("GET", priority, `{"api_key":"`+key.secret+`"}`, "Content-Type: application/json"),
			"beside a token":     w.send("GET", priority, "", key.header(), bearer(token)),
			"where all may go":   w.send("GET", "/api/v1/helpdesk/check-url", "", key.header()),
			"at helpdesk/url":    w.send("GET", "/api/v1/helpdesk/url", "", key.header()),
			"at a refresh":       w.send("POST", "/api/v1/authenticate/refresh", "", key.header(), bearer(token)),
			"authenticate/user":  w.send("GET", "/api/v1/authenticate/user", "", key.header()),
			"in a body, a token": w.send("GET", priority, `{"api_key":"`+key.secret+`"}`, "Content-Type: application/json", bearer(token)),
		} {
			w.wantProblem(end.name+", "+place, got, http.StatusUnauthorized, end.code)
		}
		w.wantProblem(end.name+", with another secret", w.send("GET", priority, "", "X-API-Key: "+withOtherSecret(key.secret)), 401, "token_invalid")
		if n := counter(t, w.metrics(), `faveo_gateway_apikey_checks_total{result="`+end.name+`"}`); n < 9 {
			t.Errorf("%d keys that are %s were counted, want 9", n, end.name)
		}
		w.wantHidden(key.secret)
	}
	w.wantServed("the token beside them", token)
}

// TestRateOfAKey: a key has its own limit, wherever it is used, and whoever is refused is
// told when to come again.
func TestRateOfAKey(t *testing.T) {
	inOrder(t)
	stores, _ := onMariaDBCheaply(t)
	stores = managed(stores)
	here, there := start(t, stores), start(t, merge(stores, settings{"limits.per_api_key": "1/1h"}))
	token := here.login("bob", "BobPass1!")
	key := here.newKey(settings{"user": "4", "scopes": "customer", "rate": "3/1m"})
	unbound := here.newKey(settings{"scopes": "customer"})
	for n, w := range []*world{here, there, here} {
		if got := w.send("GET", priority, "", key.header()); got.status != http.StatusOK {
			t.Errorf("request %d: %d %s", n+1, got.status, got.body)
		}
	}
	before := len(here.faveo.Requests())
	for _, w := range []*world{here, there} {
		for place, got := range map[string]answer{
			"header": w.send("GET", priority, "", key.header()),
			"query":  w.send("GET", priority+"?api_key="+key.secret, ""),
			"user":   w.send("GET", "/api/v1/authenticate/user", "", key.header()),
		} {
			w.wantProblem("over its rate, in the "+place, got, http.StatusTooManyRequests, "rate_limited")
			// Three a minute are one in twenty seconds, some of which have passed.
			if wait, err := strconv.Atoi(got.header.Get("Retry-After")); err != nil || wait < 10 || wait > 20 {
				t.Errorf("Retry-After is %q, want 20", got.header.Get("Retry-After"))
			}
		}
		if n := counter(t, w.metrics(), `faveo_gateway_rate_limited_total{limit="api_key"}`); n != 3 {
			t.Errorf("%d requests over the rate of a key were counted, want 3", n)
		}
	}
	if n := len(here.faveo.Requests()); n != before {
		t.Errorf("PHP got %d of them", n-before)
	}
	here.wantServed("a token without that key", token)
	if got := here.send("GET", priority, "", here.newKey(settings{"user": "4", "scopes": "customer"}).header()); got.status != http.StatusOK {
		t.Errorf("another key of the same user: %d %s", got.status, got.body)
	}
	// Without a rate of its own it has the one of limits.per_api_key.
	if got := there.send("GET", priority, "", unbound.header(), bearer(token)); got.status != http.StatusOK {
		t.Errorf("the first one of an hour: %d %s", got.status, got.body)
	}
	got := there.send("GET", priority, "", unbound.header(), bearer(token))
	there.wantProblem("the second one", got, http.StatusTooManyRequests, "rate_limited")
	if wait, _ := strconv.Atoi(got.header.Get("Retry-After")); time.Duration(wait)*time.Second < 59*time.Minute {
		t.Errorf("Retry-After is %q, want an hour", got.header.Get("Retry-After"))
	}
}
