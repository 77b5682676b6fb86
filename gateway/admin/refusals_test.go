package admin_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"faveo-gateway/gateway/admin"
)

// TestForgedRequests are attacks on what stands before the routes.
func TestForgedRequests(t *testing.T) {
	noToken := without("Authorization")
	for _, try := range []struct {
		name   string
		target string
		change change
		status int
		code   string
	}{
		{"a name that was rebound", "/admin/v1/keys", host("attacker.test:9090"), 403, "forbidden"},
		{"a name that ends like ours", "/admin/v1/keys", host("x-admin.example.test"), 403, "forbidden"},
		{"a name that begins like ours", "/admin/v1/keys", host("localhost.attacker.test"), 403, "forbidden"},
		{"a name with a dot at its end", "/admin/v1/keys", host("localhost."), 403, "forbidden"},
		{"an address in another spelling", "/admin/v1/keys", host("2130706433:9090"), 403, "forbidden"},
		{"an octal address", "/admin/v1/keys", host("0177.0.0.1"), 403, "forbidden"},
		{"no Host", "/admin/v1/keys", host(""), 403, "forbidden"},
		{"only a port", "/admin/v1/keys", host(":9090"), 403, "forbidden"},
		{"a forwarded Host does not count", "/admin/v1/keys", func(r *http.Request) {
			host("attacker.test")(r)
			header("X-Forwarded-Host", "localhost")(r)
		}, 403, "forbidden"},
		{"a page of another site", "/admin/v1/keys", header("Origin", "https://attacker.test"), 403, "forbidden"},
		{"a page of this listener", "/admin/v1/keys", header("Origin", "http://127.0.0.1:9090"), 403, "forbidden"},
		{"a sandboxed page", "/admin/v1/keys", header("Origin", "null"), 403, "forbidden"},
		{"an empty Origin", "/admin/v1/keys", header("Origin", ""), 403, "forbidden"},
		{"a browser's cross-site request", "/admin/v1/keys", header("Sec-Fetch-Site", "cross-site"), 403, "forbidden"},
		{"a browser's same-site request", "/admin/v1/keys", header("Sec-Fetch-Site", "same-site"), 403, "forbidden"},
		{"two words of a browser", "/admin/v1/keys", header("Sec-Fetch-Site", "none", "cross-site"), 403, "forbidden"},

		{"no token", "/admin/v1/keys", noToken, 401, "token_not_provided"},
		{"no token, no such route", "/admin/v1/nothing", noToken, 401, "token_not_provided"},
		{"no token, the root of the API", "/admin", noToken, 401, "token_not_provided"},
		{"no token, a percent-encoded path", "/%61dmin/v1/keys", noToken, 401, "token_not_provided"},
		{"another token", "/admin/v1/keys", header("Authorization", "Bearer "+strings.Repeat("x", len(secret))), 401, "token_invalid"},
		{"a beginning of the token", "/admin/v1/keys", header("Authorization", "Bearer "+secret[:len(secret)-1]), 401, "token_invalid"},
		{"the token and more", "/admin/v1/keys", header("Authorization", "Bearer "+secret+"x"), 401, "token_invalid"},
		{"the token in another case", "/admin/v1/keys", header("Authorization", "Bearer "+strings.ToUpper(secret)), 401, "token_invalid"},
		{"the token behind two spaces", "/admin/v1/keys", header("Authorization", "Bearer  "+secret), 401, "token_invalid"},
		{"an empty token", "/admin/v1/keys", header("Authorization", "Bearer "), 401, "token_invalid"},
		{"an empty header", "/admin/v1/keys", header("Authorization", ""), 401, "token_invalid"},
		{"the token alone", "/admin/v1/keys", header("Authorization", secret), 401, "token_invalid"},
		{"another scheme", "/admin/v1/keys", header("Authorization", "Basic "+secret), 401, "token_invalid"},
		{"two Authorization headers", "/admin/v1/keys", header("Authorization", "Bearer "+secret, "Bearer "+secret), 401, "token_invalid"},
		{"a second header with another token", "/admin/v1/keys", header("Authorization", "Bearer "+secret, "Bearer x"), 401, "token_invalid"},
		{"the token in the query", "/admin/v1/keys?token=" + secret, noToken, 401, "token_not_provided"},
		{"the token as access_token", "/admin/v1/keys?access_token=" + secret, noToken, 401, "token_not_provided"},
		{"the token in a cookie", "/admin/v1/keys", func(r *http.Request) {
			noToken(r)
			header("Cookie", "token="+secret+"; Authorization="+secret)(r)
		}, 401, "token_not_provided"},
		{"the token in another header", "/admin/v1/keys", func(r *http.Request) {
			noToken(r)
			header("X-API-Key", secret)(r)
		}, 401, "token_not_provided"},

		{"no such route", "/admin/v1/nothing", nil, 404, "not_found"},
		{"another version", "/admin/v2/keys", nil, 404, "not_found"},
		{"the root of the API", "/admin", nil, 404, "not_found"},
		{"another case", "/admin/v1/Keys", nil, 404, "not_found"},
		{"a slash at the end", "/admin/v1/keys/", nil, 404, "not_found"},
		{"a doubled slash", "/admin//v1/keys", nil, 404, "not_found"},
		{"a dot segment", "/admin/v1/sessions/../keys", nil, 404, "not_found"},
		{"an encoded dot segment", "/admin/v1/sessions/%2e%2e/keys", nil, 404, "not_found"},
		{"an encoded letter", "/admin/v1/%6beys", nil, 404, "not_found"},
		{"an encoded slash", "/admin%2fv1/keys", nil, 404, "not_found"},
		{"an encoded space", "/admin/v1/keys%20", nil, 404, "not_found"},
		{"outside of the API", "/debug/pprof/", nil, 404, "not_found"},
		{"a slash before everything", "//admin/v1/keys", nil, 404, "not_found"},
	} {
		t.Run(try.name, func(t *testing.T) {
			d := newDesk()
			var changes []change
			if try.change != nil {
				changes = append(changes, try.change)
			}
			d.wantRefusal(t, d.send("GET", try.target, changes...), try.status, try.code)
		})
	}
}

// TestOrder asks for everything wrong at once, and mends one thing after the
// other: what is seen first is answered first.
func TestOrder(t *testing.T) {
	changes := []change{host("attacker.test"), header("Origin", "http://attacker.test"), without("Authorization")}
	want := []struct {
		status  int
		message string
	}{{403, "another Host"}, {403, "web page"}, {401, "not provided"}, {404, "Not found"}}
	for i, w := range want {
		d := newDesk()
		got := d.wantRefusal(t, d.send("BREW", "/admin/v1/nothing?token=SECRET", changes[i:]...), w.status, map[int]string{403: "forbidden", 401: "token_not_provided", 404: "not_found"}[w.status])
		if !strings.Contains(got.Message, w.message) {
			t.Errorf("step %d says %q, want %q", i, got.Message, w.message)
		}
	}
}

// TestChallenges follow RFC 6750 section 3.
func TestChallenges(t *testing.T) {
	for _, try := range []struct {
		change change
		want   string
	}{
		{without("Authorization"), `Bearer realm="faveo-gateway admin"`},
		{header("Authorization", "Bearer x"), `Bearer realm="faveo-gateway admin", error="invalid_token", error_description="Token is invalid"`},
	} {
		if got := newDesk().send("GET", "/admin/v1/keys", try.change).Header().Get("WWW-Authenticate"); got != try.want {
			t.Errorf("got %q, want %q", got, try.want)
		}
	}
}

// TestMethods are told apart exactly, whatever a header would make of them.
func TestMethods(t *testing.T) {
	override := header("X-HTTP-Method-Override", "DELETE")
	for _, try := range []struct {
		method, target string
		allow          []string
	}{
		{"HEAD", "/admin/v1/keys", []string{"GET", "POST"}},
		{"PUT", "/admin/v1/keys", []string{"GET", "POST"}},
		{"DELETE", "/admin/v1/keys", []string{"GET", "POST"}},
		{"GET", "/admin/v1/keys/rotate", []string{"POST"}},
		{"GET", "/admin/v1/keys/" + kid + "/revoke", []string{"POST"}},
		{"POST", "/admin/v1/sessions?all=true", []string{"DELETE", "GET"}},
		{"GET", "/admin/v1/sessions/" + sid, []string{"DELETE"}},
		{"POST", "/admin/v1/replicas", []string{"GET"}},
		{"DELETE", "/admin/v1/apikeys", []string{"GET", "POST"}},
		{"DELETE", "/admin/v1/apikeys/" + keyID, []string{"GET"}},
		{"POST", "/admin/v1/apikeys/" + keyID, []string{"GET"}},
		{"GET", "/admin/v1/apikeys/" + keyID + "/rotate", []string{"POST"}},
		{"GET", "/admin/v1/apikeys/" + keyID + "/revoke", []string{"POST"}},
		{"POST", "/admin/v1/lockouts?all=true", []string{"DELETE", "GET"}},
		{"DELETE", "/admin/v1/audit", []string{"GET"}},
		{"POST", "/admin/v1/audit/verify", []string{"GET"}},
		{"POST", "/metrics", []string{"GET"}},
	} {
		t.Run(try.method+" "+try.target, func(t *testing.T) {
			d := newDesk()
			w := d.send(try.method, try.target, override)
			if w.Code != 405 || len(d.fake.calls) > 0 || !strings.Contains(w.Body.String(), `"method_not_allowed"`) {
				t.Errorf("got %d %s, called %v", w.Code, w.Body, d.fake.calls)
			}
			for _, method := range try.allow {
				if !strings.Contains(w.Header().Get("Allow"), method) {
					t.Errorf("Allow is %q, want %s in it", w.Header().Get("Allow"), method)
				}
			}
		})
	}
	// OPTIONS tells who has the token what there is, and nobody else.
	d := newDesk()
	if w := d.send("OPTIONS", "/admin/v1/keys"); w.Code != 204 || w.Header().Get("Allow") == "" || w.Header().Get("Access-Control-Allow-Origin") != "" || len(d.fake.calls) > 0 {
		t.Errorf("OPTIONS: %d %v", w.Code, w.Header())
	}
	d = newDesk()
	d.wantRefusal(t, d.send("OPTIONS", "/admin/v1/keys", without("Authorization")), 401, "token_not_provided")
	d.wantRefusal(t, d.send("OPTIONS", "/admin/v1/keys", header("Origin", "https://attacker.test")), 403, "forbidden")
}

// TestBadInput never does more than was asked, and says what was not understood.
func TestBadInput(t *testing.T) {
	const (
		rotate, revoke, ends = "/admin/v1/keys/rotate", "/admin/v1/keys/" + kid + "/revoke", "/admin/v1/sessions"
		apiKeys, oneKey      = "/admin/v1/apikeys", "/admin/v1/apikeys/" + keyID
		lockouts             = "/admin/v1/lockouts"
		audit, verify        = "/admin/v1/audit", "/admin/v1/audit/verify"
		explain              = "/admin/v1/policy/explain?method=GET&path=/api/v1/x"
	)
	jsonBody := func(text string) change { return body("application/json", text) }
	for _, try := range []struct {
		name, method, target string
		change               change
		message              string
	}{
		{"neither user nor all", "DELETE", ends, nil, "Either user=N or all=true"},
		{"user and all", "DELETE", ends + "?user=7&all=true", nil, "Either user=N or all=true"},
		{"user 0 is not everybody", "DELETE", ends + "?user=0", nil, `query parameter "user"`},
		{"an empty user", "DELETE", ends + "?user=", nil, `query parameter "user"`},
		{"two users", "DELETE", ends + "?user=7&user=8", nil, `"user" is given more than once`},
		{"a user with a zero before it", "DELETE", ends + "?user=07", nil, `query parameter "user"`},
		{"a negative user", "DELETE", ends + "?user=-1", nil, `query parameter "user"`},
		{"a user with a sign", "DELETE", ends + "?user=%2B7", nil, `query parameter "user"`},
		{"a user beyond all numbers", "DELETE", ends + "?user=18446744073709551616", nil, `query parameter "user"`},
		{"all=false", "DELETE", ends + "?all=false", nil, `query parameter "all"`},
		{"all=1", "DELETE", ends + "?all=1", nil, `query parameter "all"`},
		{"all without a value", "DELETE", ends + "?all", nil, `query parameter "all"`},
		{"all in another case", "DELETE", ends + "?ALL=true", nil, `query parameter "ALL" is unknown`},
		{"a misspelled user", "DELETE", ends + "?all=true&usr=7", nil, `query parameter "usr" is unknown`},
		{"a semicolon", "DELETE", ends + "?all=true;user=7", nil, "malformed"},
		{"a broken escape", "DELETE", ends + "?user=%zz", nil, "malformed"},
		{"a body that narrows it down", "DELETE", ends + "?all=true", jsonBody(`{"user":7}`), "must not have a body"},
		{"all of one session", "DELETE", ends + "/" + sid + "?all=true", nil, `"all" is unknown`},
		{"a token in the query", "GET", "/admin/v1/keys?token=SECRET", nil, `"token" is unknown`},
		{"a very long name", "GET", "/admin/v1/keys?" + strings.Repeat("n", 5000), nil, `"nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn..." is unknown`},
		{"limit 0", "GET", ends + "?limit=0", nil, "1 to 10000"},
		{"a limit too high", "GET", ends + "?limit=10001", nil, "1 to 10000"},
		{"a limit that is no number", "GET", ends + "?limit=all", nil, "1 to 10000"},
		{"a body of a GET", "GET", "/admin/v1/keys", jsonBody(`{}`), "must not have a body"},
		{"an unknown member", "POST", rotate, jsonBody(`{"algorithm":"EdDSA","force":"yes"}`), `"force" is unknown`},
		{"a member in another case", "POST", rotate, jsonBody(`{"Algorithm":"EdDSA"}`), `"Algorithm" is unknown`},
		{"a member given twice", "POST", rotate, jsonBody(`{"algorithm":"EdDSA","algorithm":"RS256"}`), `"algorithm" is given more than once`},
		{"an empty algorithm", "POST", rotate, jsonBody(`{"algorithm":""}`), `member of the body "algorithm"`},
		{"an algorithm that is null", "POST", rotate, jsonBody(`{"algorithm":null}`), `"algorithm" must be a text`},
		{"an algorithm that is a list", "POST", rotate, jsonBody(`{"algorithm":["EdDSA"]}`), `"algorithm" must be a text`},
		{"the algorithm in the query", "POST", rotate + "?algorithm=EdDSA", nil, `"algorithm" is unknown`},
		{"a member where there is none", "POST", revoke, jsonBody(`{"algorithm":"EdDSA"}`), `"algorithm" is unknown`},
		{"two documents", "POST", rotate, jsonBody(`{}{"algorithm":"EdDSA"}`), "not one JSON object"},
		{"something behind the document", "POST", rotate, jsonBody(`{} x`), "not one JSON object"},
		{"a list", "POST", rotate, jsonBody(`[]`), "not one JSON object"},
		{"a null", "POST", rotate, jsonBody(`null`), "not one JSON object"},
		{"no JSON", "POST", rotate, jsonBody(`algorithm=EdDSA`), "not one JSON object"},
		{"half a document", "POST", rotate, jsonBody(`{"algorithm":"EdDSA"`), "not one JSON object"},
		{"a name without a value", "POST", rotate, jsonBody(`{"algorithm"`), "not one JSON object"},
		{"a number for a name", "POST", rotate, jsonBody(`{7:"EdDSA"}`), "not one JSON object"},

		{"an API key without anything", "POST", apiKeys, nil, `"name" and "scopes" must be given`},
		{"an API key without scopes", "POST", apiKeys, jsonBody(`{"name":"x"}`), `"name" and "scopes" must be given`},
		{"an API key without a name", "POST", apiKeys, jsonBody(`{"scopes":"staff"}`), `"name" and "scopes" must be given`},
		{"an API key with empty scopes", "POST", apiKeys, jsonBody(`{"name":"x","scopes":""}`), `"scopes" must be scopes`},
		{"an API key with a list of scopes", "POST", apiKeys, jsonBody(`{"name":"x","scopes":["staff"]}`), `"scopes" must be a text`},
		{"an API key with scopes given twice", "POST", apiKeys, jsonBody(`{"name":"x","scopes":"staff","scopes":"agent"}`), `"scopes" is given more than once`},
		{"an API key with empty networks is not good everywhere", "POST", apiKeys, jsonBody(`{"name":"x","scopes":"staff","networks":""}`), `"networks" must be networks`},
		{"an API key with misspelled networks is not good everywhere", "POST", apiKeys, jsonBody(`{"name":"x","scopes":"staff","network":"192.0.2.0/24"}`), `"network" is unknown`},
		{"an API key with an empty expiry does not live for ever", "POST", apiKeys, jsonBody(`{"name":"x","scopes":"staff","expires":""}`), `"expires" must be a time`},
		{"an API key with an empty rate", "POST", apiKeys, jsonBody(`{"name":"x","scopes":"staff","rate":""}`), `"rate" must be a rate`},
		{"an API key with an empty user is not nobody's", "POST", apiKeys, jsonBody(`{"name":"x","scopes":"staff","user":""}`), `"user" must be the number of a user`},
		{"an API key of user 0", "POST", apiKeys, jsonBody(`{"name":"x","scopes":"staff","user":"0"}`), `"user" must be the number of a user`},
		{"an API key of a user that is a number", "POST", apiKeys, jsonBody(`{"name":"x","scopes":"staff","user":7}`), `"user" must be a text`},
		{"an API key with a secret of one's own", "POST", apiKeys, jsonBody(`{"name":"x","scopes":"staff","secret":"SECRET"}`), `"secret" is unknown`},
		{"an API key in the query", "POST", apiKeys + "?name=x&scopes=staff", nil, `"name" is unknown`},
		{"a rotation with an empty overlap", "POST", oneKey + "/rotate", jsonBody(`{"overlap":""}`), `"overlap" must be how long`},
		{"a rotation with the overlap in the query", "POST", oneKey + "/rotate?overlap=0s", nil, `"overlap" is unknown`},
		{"a revocation with an overlap", "POST", oneKey + "/revoke", jsonBody(`{"overlap":"24h"}`), `"overlap" is unknown`},
		{"API keys of a user", "GET", apiKeys + "?user=7", nil, `"user" is unknown`},

		{"a question without a method", "GET", "/admin/v1/policy/explain?path=/api", nil, "method=METHOD and path=PATH are needed"},
		{"a question without a path", "GET", "/admin/v1/policy/explain?method=GET", nil, "method=METHOD and path=PATH are needed"},
		{"a question with a method of two words", "GET", "/admin/v1/policy/explain?method=GET+/x&path=/api", nil, `"method" must be a method`},
		{"a question with a whole URL", "GET", "/admin/v1/policy/explain?method=GET&path=http://x/api", nil, `"path" must be a path`},
		{"a question with an empty role", "GET", explain + "&role=", nil, `"role" must be a role`},
		{"a question with user 0", "GET", explain + "&user=0", nil, `"user" must be the number of a user`},
		{"a question with two scopes", "GET", explain + "&scope=staff&scope=public", nil, `"scope" is given more than once`},
		{"a question with a name for a department", "GET", explain + "&departments=1,sales", nil, `"departments" must be numbers`},
		{"a question with a parameter that is half encoded", "GET", explain + "&param=a%3D%25zz", nil, `"param" must be parameters`},
		{"a question with a misspelled role", "GET", explain + "&rol=user", nil, `"rol" is unknown`},

		{"lockouts of nobody", "DELETE", lockouts, nil, "One of user=N, address=A and all=true"},
		{"lockouts of a user and an address", "DELETE", lockouts + "?user=7&address=192.0.2.7", nil, "and only one"},
		{"lockouts of a user and all", "DELETE", lockouts + "?user=7&all=true", nil, "and only one"},
		{"lockouts of an address and all", "DELETE", lockouts + "?address=192.0.2.7&all=true", nil, "and only one"},
		{"lockouts of everything at once", "DELETE", lockouts + "?address=192.0.2.7&all=true&user=7", nil, "and only one"},
		{"lockouts of an empty address", "DELETE", lockouts + "?address=", nil, `"address" must be an IP address`},
		{"lockouts of a name", "DELETE", lockouts + "?address=SECRET", nil, `"address" must be an IP address`},
		{"lockouts of a short address", "DELETE", lockouts + "?address=192.0.2", nil, `"address" must be an IP address`},
		{"lockouts of an address with a zone", "DELETE", lockouts + "?address=fe80::1%25SECRET", nil, `"address" must be an IP address`},
		{"lockouts of an address with a port", "DELETE", lockouts + "?address=192.0.2.7:80", nil, `"address" must be an IP address`},
		{"lockouts of a network", "DELETE", lockouts + "?address=192.0.2.0/24", nil, `"address" must be an IP address`},
		{"lockouts of the whole world", "DELETE", lockouts + "?address=::/0", nil, `"address" must be an IP address`},
		{"lockouts of a network with a host in it", "DELETE", lockouts + "?address=2001:db8::1/64", nil, `"address" must be an IP address`},
		{"lockouts to a limit", "DELETE", lockouts + "?all=true&limit=1", nil, `"limit" is unknown`},
		{"a list of lockouts of a user", "GET", lockouts + "?user=7", nil, `"user" is unknown`},

		{"an audit trail behind nothing", "GET", audit + "?after=", nil, "the number of an entry, or 0"},
		{"an audit trail behind a negative number", "GET", audit + "?after=-1", nil, "the number of an entry, or 0"},
		{"an audit trail behind 00", "GET", audit + "?after=00", nil, "the number of an entry, or 0"},
		{"an audit trail without end", "GET", audit + "?limit=10001", nil, "1 to 10000"},
		{"an audit trail behind a hash", "GET", audit + "?after=3&hash=" + digest, nil, `"hash" is unknown`},
		{"a proof behind a number without a hash", "GET", verify + "?after=3", nil, "must both be given"},
		{"a proof behind a hash without a number", "GET", verify + "?hash=" + digest, nil, "must both be given"},
		{"a proof behind the hash of no entry", "GET", verify + "?after=0&hash=" + digest, nil, "must both be given"},
		{"a proof behind an empty hash", "GET", verify + "?after=3&hash=", nil, "64 digits in hexadecimal"},
		{"a proof behind a short hash", "GET", verify + "?after=3&hash=" + digest[1:], nil, "64 digits in hexadecimal"},
		{"a proof behind a hash in capitals", "GET", verify + "?after=3&hash=" + strings.ToUpper(digest), nil, "64 digits in hexadecimal"},
		{"a proof to a limit", "GET", verify + "?limit=1", nil, `"limit" is unknown`},

		{"a form", "POST", rotate, body("application/x-www-form-urlencoded", `{}`), "Content-Type"},
		{"plain text", "POST", rotate, body("text/plain", `{}`), "Content-Type"},
		{"no content type", "POST", rotate, func(r *http.Request) { jsonBody(`{}`)(r); without("Content-Type")(r) }, "Content-Type"},
	} {
		t.Run(try.name, func(t *testing.T) {
			d := newDesk()
			var changes []change
			if try.change != nil {
				changes = append(changes, try.change)
			}
			got := d.wantRefusal(t, d.send(try.method, try.target, changes...), 400, "bad_request")
			if !strings.Contains(got.Message, try.message) {
				t.Errorf("says %q, want %q", got.Message, try.message)
			}
		})
	}
	d := newDesk()
	d.wantRefusal(t, d.send("POST", rotate, jsonBody(`{"algorithm":"`+strings.Repeat("x", 17<<10)+`"}`)), 413, "request_too_large")
}

// TestImpossibleIDs are not found, and not looked for.
func TestImpossibleIDs(t *testing.T) {
	for _, target := range []string{
		"/admin/v1/keys//revoke", "/admin/v1/keys/a.b/revoke", "/admin/v1/keys/a b/revoke", "/admin/v1/keys/" + strings.Repeat("a", 65) + "/revoke",
		"/admin/v1/keys/a/b/revoke", "/admin/v1/keys/" + kid + "/revoke/",
	} {
		d := newDesk()
		d.wantRefusal(t, d.send("POST", strings.ReplaceAll(target, " ", "%20"), nil...), 404, "not_found")
	}
	for _, target := range []string{
		"//rotate", "/a.b/rotate", "/a%20b/revoke", "/%61/revoke", "/" + strings.Repeat("a", 65) + "/revoke", "/a/b/revoke", "/" + keyID + "/revoke/", "/" + keyID + "/delete",
	} {
		d := newDesk()
		d.wantRefusal(t, d.send("POST", "/admin/v1/apikeys"+target), 404, "not_found")
	}
	for _, id := range []string{"", "a/b", "..", "a%2Fb", "a*", keyID + "/", keyID + "/x", keyID + "/rotate/x"} {
		d := newDesk()
		d.wantRefusal(t, d.send("GET", "/admin/v1/apikeys/"+id), 404, "not_found")
	}
	for _, id := range []string{"", "a/b", "..", "%2e%2e", "a%2Fb", "%41AAA", sid[:21] + "%41", "a*", sid + "/"} {
		d := newDesk()
		d.wantRefusal(t, d.send("DELETE", "/admin/v1/sessions/"+id), 404, "not_found")
	}
}

// TestFaults become answers that say what is known and nothing of the inside.
func TestFaults(t *testing.T) {
	wrapped := func(err error) error { return fmt.Errorf("SECRET of the inside: %w", err) }
	for _, try := range []struct {
		name    string
		fault   error
		status  int
		code    string
		message string
		level   string
	}{
		{"not found", wrapped(admin.ErrNotFound), 404, "not_found", "There is no key with that id", "WARN"},
		{"unavailable", wrapped(admin.ErrUnavailable), 503, "unavailable", "asked for again", "ERROR"},
		{"out of time", wrapped(context.DeadlineExceeded), 503, "unavailable", "asked for again", "ERROR"},
		{"half done", admin.Unavailable("The key is revoked; its sessions are not ended yet", errors.New("SECRET of the inside")), 503, "unavailable", "its sessions are not ended yet", "ERROR"},
		{"explained", wrapped(admin.BadRequest("There is no algorithm of that name")), 400, "bad_request", "no algorithm", "WARN"},
		{"not found, explained", &admin.Problem{Status: 404, Code: "not_found", Message: "It is gone", Cause: admin.ErrNotFound}, 404, "not_found", "It is gone", "WARN"},
		{"anything else", errors.New("SECRET of the inside"), 500, "internal", "request id", "ERROR"},
	} {
		t.Run(try.name, func(t *testing.T) {
			d := newDesk()
			d.fake.fault = try.fault
			w := d.send("POST", "/admin/v1/keys/"+kid+"/revoke")
			if w.Code != try.status || !strings.Contains(w.Body.String(), `"`+try.code+`"`) || !strings.Contains(w.Body.String(), try.message) || strings.Contains(w.Body.String(), "SECRET") {
				t.Errorf("got %d %s", w.Code, w.Body)
			}
			if got := w.Header().Get("Retry-After"); (got == "2") != (try.status == 503) {
				t.Errorf("Retry-After is %q", got)
			}
			event := d.event(t)
			text, _ := event["error"].(string)
			if event["level"] != try.level || event["kid"] != kid || (try.status >= 500) == (text == "") {
				t.Errorf("event is %v", event)
			}
		})
	}
}

// TestMissingAPIKey says what was not found, whatever was to be done with it, and
// names it in the log.
func TestMissingAPIKey(t *testing.T) {
	for method, suffixes := range map[string][]string{"GET": {""}, "POST": {"/rotate", "/revoke"}} {
		for _, suffix := range suffixes {
			d := newDesk()
			d.fake.fault = fmt.Errorf("SECRET of the inside: %w", admin.ErrNotFound)
			w := d.send(method, "/admin/v1/apikeys/"+keyID+suffix)
			if w.Code != 404 || !strings.Contains(w.Body.String(), "There is no API key with that id") || strings.Contains(w.Body.String(), "SECRET") {
				t.Errorf("%s %q: %d %s", method, suffix, w.Code, w.Body)
			}
			if event := d.event(t); event["apikey_id"] != keyID {
				t.Errorf("event is %v", event)
			}
		}
	}
}

// TestFailedCreation shows no secret, for nobody knows whether it is good.
func TestFailedCreation(t *testing.T) {
	for _, target := range []string{"/admin/v1/apikeys", "/admin/v1/apikeys/" + keyID + "/rotate"} {
		d := newDesk()
		d.fake.fault = admin.ErrUnavailable
		var changes []change
		if target == "/admin/v1/apikeys" {
			changes = append(changes, body("application/json", `{"name":"x","scopes":"staff"}`))
		}
		if w := d.send("POST", target, changes...); w.Code != 503 || strings.Contains(w.Body.String(), "fgw_") {
			t.Errorf("%s: %d %s", target, w.Code, w.Body)
		}
		d.event(t)
	}
}

// TestTold tells of every request below /admin, with the client as it is, and of none
// beside it.
func TestTold(t *testing.T) {
	for target, guarded := range map[string]bool{
		"/admin": true, "/%61dmin/v1/keys": true, "/admin/v1/nothing": true, "/admin/v1/keys": true,
		"/": false, "/debug/pprof/": false, "/metrics": false, "/livez": false, "/readyz": false,
	} {
		d := newDesk()
		d.send("GET", target, without("Authorization"), header("User-Agent", "curl/8"), header("X-Forwarded-For", "203.0.113.9"))
		told := *d.told
		if !guarded {
			if len(told) > 0 {
				t.Errorf("%s: told %v", target, told)
			}
			continue
		}
		if len(told) != 1 {
			t.Fatalf("%s: told %v", target, told)
		}
		e := told[0]
		if e.RequestID == "" || e.Client != "192.0.2.1" || e.Agent != "curl/8" || e.Method != "GET" || e.Route != "" || e.Status != 401 || e.Code != "token_not_provided" || len(e.About) > 0 {
			t.Errorf("%s: told %+v", target, e)
		}
	}
}

// TestWithoutDesks is a fault of that request alone.
func TestWithoutDesks(t *testing.T) {
	h := admin.New(admin.Options{Gatherer: prometheus.NewRegistry(), Token: secret})
	for _, target := range []string{"keys", "sessions", "apikeys", "lockouts", "audit"} {
		r := httptest.NewRequest("GET", "http://localhost/admin/v1/"+target, nil)
		r.Header.Set("Authorization", "Bearer "+secret)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != 500 || !strings.Contains(w.Body.String(), `"internal"`) {
			t.Errorf("%s: %d %s", target, w.Code, w.Body)
		}
	}
}

// TestPanic is a fault like others; the next request is served.
func TestPanic(t *testing.T) {
	d := newDesk()
	d.fake.panic = "SECRET of the inside"
	if w := d.send("GET", "/admin/v1/keys"); w.Code != 500 || strings.Contains(w.Body.String(), "SECRET") || !strings.Contains(w.Body.String(), `"internal"`) {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	if event := d.event(t); event["level"] != "ERROR" || !strings.Contains(event["stack"].(string), "goroutine") {
		t.Errorf("event is %v", event)
	}
	d.fake.panic = nil
	if w := d.send("GET", "/admin/v1/keys"); w.Code != 200 {
		t.Errorf("after it: %d %s", w.Code, w.Body)
	}
	d.fake.panic = http.ErrAbortHandler
	defer func() {
		if value := recover(); value != any(http.ErrAbortHandler) {
			t.Errorf("recovered %v, want the connection cut", value)
		}
	}()
	d.send("GET", "/admin/v1/keys")
}

// hangingUp is Keys whose client is gone before it begins.
type hangingUp struct{ *fake }

func (k hangingUp) Revoke(ctx context.Context, kid string) (admin.Revoked, error) {
	return admin.Revoked{}, errors.Join(ctx.Err(), k.call(ctx, "revoke %s", kid))
}

func (k hangingUp) Status(ctx context.Context) (admin.KeyStatus, error) {
	return admin.KeyStatus{}, errors.Join(ctx.Err(), k.call(ctx, "status"))
}

// TestHangingUp stops a reading, and no change.
func TestHangingUp(t *testing.T) {
	f := &fake{}
	h := admin.New(admin.Options{Gatherer: prometheus.NewRegistry(), Token: secret, Keys: hangingUp{f}, Sessions: sessions{f}})
	gone, leave := context.WithCancel(t.Context())
	leave()
	for _, try := range []struct {
		method, target string
		status         int
	}{{"POST", "/admin/v1/keys/" + kid + "/revoke", 200}, {"GET", "/admin/v1/keys", 503}} {
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(gone, try.method, "http://localhost"+try.target, nil)
		r.Header.Set("Authorization", "Bearer "+secret)
		h.ServeHTTP(w, r)
		if w.Code != try.status {
			t.Errorf("%s: %d %s, want %d", try.method, w.Code, w.Body, try.status)
		}
	}
}

// slow is Sessions that never answers.
type slow struct{ sessions }

func (slow) EndAll(ctx context.Context) (int, error) {
	<-ctx.Done()
	return 0, ctx.Err()
}

func (slow) List(ctx context.Context, _ uint64, _ int) ([]admin.Session, bool, error) {
	<-ctx.Done()
	return nil, false, ctx.Err()
}

// TestBounds end what hangs.
func TestBounds(t *testing.T) {
	for _, try := range []struct {
		method, target string
		most           time.Duration
	}{{"GET", "/admin/v1/sessions", 15 * time.Second}, {"DELETE", "/admin/v1/sessions?all=true", 2 * time.Minute}} {
		synctest.Test(t, func(t *testing.T) {
			f := &fake{}
			h := admin.New(admin.Options{Gatherer: prometheus.NewRegistry(), Token: secret, Keys: f, Sessions: slow{sessions{f}}})
			began := time.Now()
			r := httptest.NewRequest(try.method, "http://localhost"+try.target, nil)
			r.Header.Set("Authorization", "Bearer "+secret)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if took := time.Since(began); w.Code != 503 || took >= try.most {
				t.Errorf("%s: %d after %v, want 503 before %v", try.method, w.Code, took, try.most)
			}
		})
	}
}

// TestOff has no API without a token, and says what to set.
func TestOff(t *testing.T) {
	h := handler()
	for _, authorization := range []string{"", "Bearer ", "Bearer x"} {
		r := httptest.NewRequest("DELETE", "/admin/v1/sessions?all=true", nil)
		r.Header.Set("Authorization", authorization)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != 404 || !strings.Contains(w.Body.String(), `"not_found"`) || !strings.Contains(w.Body.String(), "admin.token is not set") {
			t.Errorf("%q: %d %s", authorization, w.Code, w.Body)
		}
	}
}

// TestOpenRoutes ask for nothing: scrapers call by service name. They are not in
// the log.
func TestOpenRoutes(t *testing.T) {
	for _, path := range []string{"/metrics", "/livez", "/readyz"} {
		d := newDesk()
		w := d.send("GET", path, without("Authorization"), host("gateway.monitoring.svc:9090"))
		if w.Code != 200 || w.Header().Get("X-Content-Type-Options") != "nosniff" || d.log.Len() > 0 {
			t.Errorf("%s: %d %v, log %q", path, w.Code, w.Header(), d.log)
		}
	}
}
