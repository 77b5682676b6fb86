package policy_test

import (
	"reflect"
	"strings"
	"testing"

	"faveo-gateway/policy"
)

// scopesOf reads scopes.
func scopesOf(t testing.TB, texts ...string) []policy.Scope {
	t.Helper()
	var scopes []policy.Scope
	for _, text := range texts {
		s, err := policy.ParseScope(text)
		if err != nil {
			t.Fatal(err)
		}
		scopes = append(scopes, s)
	}
	return scopes
}

func TestParseScope(t *testing.T) {
	for text, want := range map[string]string{
		"public": "public", "authenticated": "authenticated", " customer ": "customer", "staff": "staff", "admin": "admin",

		"GET /api/v1/helpdesk/tickets":              "GET /api/v1/helpdesk/tickets",
		"POST,GET /api/v1/helpdesk/tickets":         "GET,POST /api/v1/helpdesk/tickets",
		"  GET ,  POST   /api/v1/helpdesk/tickets ": "GET,POST /api/v1/helpdesk/tickets",
		"HEAD /api/v1/x":                            "HEAD /api/v1/x",
		"HEAD,GET /api/v1/x":                        "GET /api/v1/x",
		"DELETE,PATCH,PUT,POST,HEAD,GET /api/v1/x":  "GET,POST,PUT,PATCH,DELETE /api/v1/x",
		"/api/v1/x":           "/api/v1/x",
		"* /api/v1/plugin/**": "/api/v1/plugin/**",
		"*   /api/v1/plugin/{id:int}/{what:word}": "/api/v1/plugin/{id:int}/{what:word}",
		"/api/**": "/api/**",
		"/api":    "/api",
	} {
		s, err := policy.ParseScope(text)
		if err != nil || s.String() != want {
			t.Errorf("%q: got %q, %v; want %q", text, s, err, want)
		}
	}
}

func TestParseScopeFaults(t *testing.T) {
	const classes = "want a class (public, authenticated, customer, staff, admin) or a route such as GET /api/v1/helpdesk/tickets"
	for text, want := range map[string]string{
		"": "it is empty", "  ": "it is empty",
		"boss": classes, "Staff": classes, "roles": classes, "blocked": classes, "gateway": classes, "web": classes, "none": classes,
		"*": classes, "GET": classes, "staff\n": classes, "customer staff": classes, "staff,admin": classes,

		"GET/api/v1/x":            "want a blank between the methods and the path",
		"GET\t/api/v1/x":          "want a blank between",
		"GET\n/api/v1/x":          "want a blank between",
		"GET https://host/api/v1": "want a blank between",
		"get /api/v1/x":           `unknown method "get", want GET, HEAD, POST, PUT, PATCH, DELETE, or * for every method`,
		"OPTIONS /api/v1/x":       `unknown method "OPTIONS"`,
		"GET POST /api/v1/x":      `unknown method "GET POST"`,
		"GET, /api/v1/x":          `unknown method ""`,
		"GET,* /api/v1/x":         `unknown method "*"`,
		"staff /api/v1/x":         `unknown method "staff"`,
		"POST,POST /api/v1/x":     "method POST is given twice",

		"/":                           "path has an empty segment",
		"/dashboard":                  "path must be /api or below it",
		"/**":                         "** may only be the last segment",
		"GET //api/v1/x":              "path has an empty segment",
		"GET /api/v1/x/":              "path has an empty segment",
		"GET /api/v1/../v1/x":         `path has the segment ".."`,
		"GET /api/**/x":               "** may only be the last segment",
		"GET /api/v1/*":               `segment "*": only letters`,
		"GET /api/v1/%78":             `segment "%78": only letters`,
		"GET /api/v1/x?ticket_id=1":   `segment "x?ticket_id=1": only letters`,
		"GET /api/v1/{id}":            "a capture is written {name:int} or {name:word}",
		"GET /api/v1/{a:int}/{a:int}": "capture {a} is named twice",
		"GET /api/v1/x,staff":         `segment "x,staff": only letters`,
	} {
		s, err := policy.ParseScope(text)
		if err == nil || !strings.Contains(err.Error(), want) || !reflect.DeepEqual(s, policy.Scope{}) {
			t.Errorf("%q: got %q, %v; want %s", text, s, err, want)
		}
	}
}

func TestParseScopes(t *testing.T) {
	for list, want := range map[string]string{
		"staff":                            "staff",
		"staff,GET /api/v1/x":              "staff | GET /api/v1/x",
		"staff, GET,POST /api/v1/x, admin": "staff | GET,POST /api/v1/x | admin",
		"GET, POST /api/v1/x,/api/v1/y":    "GET,POST /api/v1/x | /api/v1/y",
		"GET,POST,PUT /api/v1/x,* /api/v1/y,DELETE /api/v1/z": "GET,POST,PUT /api/v1/x | /api/v1/y | DELETE /api/v1/z",
	} {
		scopes, err := policy.ParseScopes(list)
		var texts []string
		for _, s := range scopes {
			texts = append(texts, s.String())
		}
		if got := strings.Join(texts, " | "); err != nil || got != want {
			t.Errorf("%q: got %q, %v; want %q", list, got, err, want)
		}
	}
	for list, want := range map[string][]string{
		"":                      {`scope "": it is empty`},
		"staff,,admin":          {`scope "": it is empty`},
		"staff,GET":             {`scope "GET": want a class`},
		"GET,staff":             {`scope "GET,staff": want a class`},
		"boss, GET /x, a,admin": {`scope "boss": `, `scope "GET /x": `, `scope "a": `},
	} {
		scopes, err := policy.ParseScopes(list)
		if err == nil || scopes != nil {
			t.Errorf("%q: got %v, %v", list, scopes, err)
			continue
		}
		lines := strings.Split(err.Error(), "\n")
		for i, line := range lines {
			if i >= len(want) || !strings.HasPrefix(line, want[i]) {
				t.Errorf("%q: fault %d: got %s, want %q", list, i, line, want)
			}
		}
		if len(lines) != len(want) {
			t.Errorf("%q: got %d faults, want %d", list, len(lines), len(want))
		}
	}
}

// FuzzParseScope checks that what is read prints as the same scope, and that a list
// of scopes is read as they are one by one.
func FuzzParseScope(f *testing.F) {
	for _, text := range []string{
		"staff", "GET,POST /api/v1/helpdesk/tickets", "* /api/v1/{id:int}/**", "/api", " HEAD , GET  /api/x ", "GET, /", ",,", "admin,", "\xff /api",
	} {
		f.Add(text)
	}
	public := scopesOf(f, "public")[0]
	f.Fuzz(func(t *testing.T, text string) {
		s, err := policy.ParseScope(text)
		if err != nil {
			return
		}
		again, err := policy.ParseScope(s.String())
		if err != nil || !reflect.DeepEqual(s, again) || again.String() != s.String() {
			t.Fatalf("%q prints as %q, which is %q, %v", text, s, again, err)
		}
		for list, want := range map[string][]policy.Scope{
			text: {s}, s.String(): {s}, text + ",public": {s, public}, "public," + text: {public, s}, text + "," + text: {s, s},
		} {
			if scopes, err := policy.ParseScopes(list); err != nil || !reflect.DeepEqual(scopes, want) {
				t.Fatalf("%q: got %q, %v; want %q", list, scopes, err, want)
			}
		}
	})
}
