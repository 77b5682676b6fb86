package limit_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"faveo-gateway/gateway/limit"
)

func route(t *testing.T, text string) limit.Route {
	t.Helper()
	r, err := limit.ParseRoute(text)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return r
}

func TestParseRoute(t *testing.T) {
	for text, want := range map[string]string{
		"POST /api/v1/helpdesk/create 10/1m":       "",
		"GET,POST /api/v1/helpdesk/** 100/1m":      "",
		"* /api/v1/a.b~c-d_e 5/10s":                "",
		"* /api/** 5/10s":                          "",
		"* /api 5/10s":                             "",
		"POST,GET /api/x 1/1s":                     "GET,POST /api/x 1/1s",
		"  DELETE\t/api/x   60/60s ":               "DELETE /api/x 60/1m",
		"GET,HEAD,POST,PUT,PATCH,DELETE /api 1/1s": "",
	} {
		if want == "" {
			want = text
		}
		if got := route(t, text); got.String() != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}

// TestParseRouteRefuses wants the fault to be named, and not the value.
func TestParseRouteRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"": "methods, a path and a rate", "POST /api/x": "methods, a path and a rate", "GET, POST /api/x 1/1s": "methods, a path and a rate",
		"post /api/x 1/1s": "methods must", "GET,GET /api/x 1/1s": "methods must", "GET, /api/x 1/1s": "methods must", "*,GET /api/x 1/1s": "methods must",
		"OPTIONS /api/x 1/1s": "methods must", "GET,*,POST /api/x 1/1s": "methods must",
		"* api/x 1/1s": "path must", "* / 1/1s": "path must", "* /** 1/1s": "path must", "* /API/x 1/1s": "path must", "* /apis 1/1s": "path must",
		"* /api/ 1/1s": "path must", "* /api//x 1/1s": "path must", "* /api/../x 1/1s": "path must", "* /api/./x 1/1s": "path must",
		"* /api/*/x 1/1s": "path must", "* /api/x* 1/1s": "path must", "* /api/**/x 1/1s": "path must", "* /api/%2e 1/1s": "path must", "* /api/x?y 1/1s": "path must",
		"* /api/{id} 1/1s": "path must", "* /api/é 1/1s": "path must",
		"* /api/x 1": "the rate must be", "* /api/x 0/1s": "the rate must be", "* /api/x off": "cannot be off",
	} {
		r, err := limit.ParseRoute(text)
		if err == nil || !strings.Contains(err.Error(), want) || !reflect.DeepEqual(r, limit.Route{}) {
			t.Errorf("%q: %+v, %v, want %q", text, r, err, want)
		}
	}
}

func TestRouteMatches(t *testing.T) {
	for text, c := range map[string]struct{ match, others []string }{
		"POST /api/v1/helpdesk/create 1/1s": {
			[]string{"POST /api/v1/helpdesk/create"},
			[]string{
				"GET /api/v1/helpdesk/create", "post /api/v1/helpdesk/create", "POST /api/v1/helpdesk/create/", "POST /api/v1/helpdesk/create/x",
				"POST /api/v1/helpdesk/creat", "POST /api/v1/helpdesk/Create", "POST ", " ",
			},
		},
		"GET /api/x/** 1/1s": {
			[]string{"GET /api/x", "HEAD /api/x", "GET /api/x/y", "GET /api/x/y/z", "GET /api/x/"},
			[]string{"POST /api/x", "GET /api/xy", "GET /api", "GET /api/y/x", "OPTIONS /api/x"},
		},
		"HEAD /api/x 1/1s": {[]string{"HEAD /api/x"}, []string{"GET /api/x"}},
		"* /api/x 1/1s":    {[]string{"GET /api/x", "OPTIONS /api/x", "PURGE /api/x"}, []string{"GET /api/x/y"}},
	} {
		r := route(t, text)
		for _, request := range slices.Concat(c.match, c.others) {
			method, path, _ := strings.Cut(request, " ")
			if got, want := r.Matches(method, path), slices.Contains(c.match, request); got != want {
				t.Errorf("%q matches %q: %v, want %v", text, request, got, want)
			}
		}
	}
}

// TestRouteKey: the same for the same requests, and another one for others.
func TestRouteKey(t *testing.T) {
	a := route(t, "GET,POST /api/x 1/1s")
	if b := route(t, "POST,GET /api/x 60/1m"); a.Key() != b.Key() || len(a.Key()) != 16 {
		t.Errorf("%q and %q", a.Key(), b.Key())
	}
	for _, other := range []string{"GET /api/x 1/1s", "* /api/x 1/1s", "GET,POST /api/x/** 1/1s", "GET,POST /api/y 1/1s"} {
		if b := route(t, other); a.Key() == b.Key() {
			t.Errorf("%q has the key of %q", b, a)
		}
	}
}

func FuzzParseRoute(f *testing.F) {
	for _, text := range []string{"POST /api/v1/helpdesk/create 10/1m", "GET,POST /api/** 100/1m", "* /api 5/10s", "*\n/api/x 1/1h"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := limit.ParseRoute(text)
		if err != nil {
			return
		}
		if again, err := limit.ParseRoute(r.String()); err != nil || !reflect.DeepEqual(again, r) {
			t.Errorf("%q is %+v, and its text %q is %+v, %v", text, r, r, again, err)
		}
		if !r.Rate.Limits() || !r.Matches("PURGE", r.Path) && len(r.Methods) == 0 {
			t.Errorf("%q is %+v", text, r)
		}
	})
}

func TestConfig(t *testing.T) {
	second := limit.Rate{Count: 1, Per: 1}
	with := func(change func(*limit.Config)) limit.Config {
		c := limit.DefaultConfig()
		change(&c)
		return c
	}
	x := route(t, "GET /api/x 1/1s")
	for name, c := range map[string]struct {
		config limit.Config
		want   []string
	}{
		"defaults": {limit.DefaultConfig(), nil},
		"off":      {with(func(c *limit.Config) { c.PerIP.Off, c.PerUser.Off, c.PerAPIKey.Off = true, true, true }), nil},
		"rates": {
			with(func(c *limit.Config) { c.PerIP, c.PerUser, c.PerAPIKey = second, second, second }),
			[]string{"per_ip", "per_user", "per_api_key"},
		},
		"routes":            {with(func(c *limit.Config) { c.PerRoute = []limit.Route{x, route(t, "GET /api/** 1/1s")} }), nil},
		"one route twice":   {with(func(c *limit.Config) { c.PerRoute = []limit.Route{x, route(t, "GET /api/x 2/1s")} }), []string{"per_route"}},
		"a hundred and one": {with(func(c *limit.Config) { c.PerRoute = manyRoutes(t, 101) }), []string{"per_route"}},
		"a hundred":         {with(func(c *limit.Config) { c.PerRoute = manyRoutes(t, 100) }), nil},
	} {
		var got []string
		c.config.Validate(func(path, message string) {
			if message == "" {
				t.Errorf("%s: no message", name)
			}
			got = append(got, path)
		})
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: faults of %q, want %q", name, got, c.want)
		}
	}
}

func manyRoutes(t *testing.T, n int) (routes []limit.Route) {
	for i := range n {
		routes = append(routes, route(t, "GET /api/"+strings.Repeat("x", i+1)+" 1/1s"))
	}
	return routes
}
