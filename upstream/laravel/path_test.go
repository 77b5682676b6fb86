package laravel_test

import (
	"errors"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"strings"
	"testing"

	"faveo-gateway/upstream/laravel"
)

// withTarget is a request as a server hands it over, with a target that
// net/http's own parser may refuse: the reader must not count on it.
func withTarget(method, target string) *http.Request {
	return &http.Request{
		Method: method, RequestURI: target, URL: &url.URL{Path: "/"},
		Host: "helpdesk.example.test", Header: http.Header{}, Body: http.NoBody,
	}
}

func TestPathsThatAreRefused(t *testing.T) {
	for _, test := range []struct {
		name, target string
		want         laravel.Reason
	}{
		{"encoded letter", "/api/v1/helpdes%6b/tickets", laravel.ReasonPathEncoding},
		{"encoded slash", "/api/v1%2fhelpdesk/tickets", laravel.ReasonPathEncoding},
		{"encoded prefix", "/%61pi/v1/helpdesk/tickets", laravel.ReasonPathAlias},
		{"encoded prefix slash", "/api%2Fv1/helpdesk/tickets", laravel.ReasonPathAlias},
		{"twice encoded prefix", "/%2561pi/v1/helpdesk/tickets", laravel.ReasonPathAlias},
		{"three times encoded prefix", "/%252561pi/v1/helpdesk/tickets", laravel.ReasonPathAlias},
		{"four times encoded prefix", "/%25252561pi/v1/helpdesk/tickets", laravel.ReasonPathEncoding},
		{"upper case prefix", "/API/v1/helpdesk/tickets", laravel.ReasonPathAlias},
		{"mixed case prefix", "/Api/v1/helpdesk/tickets", laravel.ReasonPathAlias},
		{"doubled leading slash", "//api/v1/helpdesk/tickets", laravel.ReasonPathAlias},
		{"doubled inner slash", "/api//v1/helpdesk/tickets", laravel.ReasonPathSlashes},
		{"trailing slash", "/api/v1/helpdesk/tickets/", laravel.ReasonPathSlashes},
		{"prefix with slash only", "/api/", laravel.ReasonPathSlashes},
		{"dot segment", "/api/./v1/helpdesk/tickets", laravel.ReasonPathDots},
		{"dot dot segment", "/api/v1/x/../helpdesk/tickets", laravel.ReasonPathDots},
		{"dot dot into the API", "/css/../api/v1/helpdesk/tickets", laravel.ReasonPathDots},
		{"encoded dot dot into the API", "/css/%2e%2e/api/v1/helpdesk/tickets", laravel.ReasonPathAlias},
		{"dot dot with encoded slash", "/css/..%2fapi/v1/helpdesk/tickets", laravel.ReasonPathDots},
		{"dot dot with backslash", `/css/..\api\v1\helpdesk\tickets`, laravel.ReasonPathDots},
		{"dot dot with parameter", "/css/..;/api/v1/helpdesk/tickets", laravel.ReasonPathDots},
		{"web file above the root", "/..%2f..%2f.env", laravel.ReasonPathDots},
		{"dot segment in front", "/./api/v1/helpdesk/tickets", laravel.ReasonPathDots},
		{"backslashes", `/api\v1\helpdesk\tickets`, laravel.ReasonPathAlias},
		{"encoded backslashes", "/api%5cv1%5chelpdesk%5ctickets", laravel.ReasonPathAlias},
		{"backslash in the API", `/api/v1\helpdesk/tickets`, laravel.ReasonPathByte},
		{"path parameter", "/api;x=1/v1/helpdesk/tickets", laravel.ReasonPathAlias},
		{"path parameter in the API", "/api/v1;x=1/helpdesk/tickets", laravel.ReasonPathByte},
		{"trailing dot as on Windows", "/api./v1/helpdesk/tickets", laravel.ReasonPathAlias},
		{"index.php prefix", "/index.php/api/v1/helpdesk/tickets", laravel.ReasonPathAlias},
		{"index.php glued", "/index.phpapi/v1/helpdesk/tickets", laravel.ReasonPathAlias},
		{"index.php glued and escaped", "/%69ndex.php%61pi/v1/helpdesk/tickets", laravel.ReasonPathAlias},
		{"index.php and as many bytes", "/x/INDEX.phpXXXXapi/v1/helpdesk/tickets", laravel.ReasonPathAlias},
		{"another script", "/probe.php/api/v1/helpdesk/tickets", laravel.ReasonPathAlias},
		{"index.php in front of index.php", "/x/index.php/api/v1/helpdesk/tickets", laravel.ReasonPathAlias},
		{"index.php inside the API", "/api/v1/authenticate/index.php/api/v1/helpdesk/tickets", laravel.ReasonPathScript},
		{"upper case index.php inside the API", "/api/v1/INDEX.PHP/x", laravel.ReasonPathScript},
		{"index.php glued", "/api/xindex.php/v1", laravel.ReasonPathScript},
		{"folder of the installation", "/community/public/api/v1/helpdesk/tickets", laravel.ReasonPathAlias},
		{"encoded folder", "/community/public%2fapi%2fv1/helpdesk/tickets", laravel.ReasonPathAlias},
		{"NUL", "/api/v1/helpdesk/tickets\x00", laravel.ReasonPathControl},
		{"encoded NUL", "/dashboard%00", laravel.ReasonPathControl},
		{"encoded NUL in the API", "/api/v1/helpdesk%00/tickets", laravel.ReasonPathEncoding},
		{"twice encoded NUL", "/dashboard%2500", laravel.ReasonPathControl},
		{"encoded line feed", "/dashboard%0d%0aX:%20y", laravel.ReasonPathControl},
		{"control byte", "/dash\x01board", laravel.ReasonPathControl},
		{"tab in the API", "/api/v1\t/x", laravel.ReasonPathControl},
		{"malformed escape", "/dashboard%zz", laravel.ReasonPathEncoding},
		{"cut escape", "/dashboard%2", laravel.ReasonPathEncoding},
		{"non-ASCII in the API", "/api/v1/ä", laravel.ReasonPathByte},
		{"blank in the API", "/api/v1/a b", laravel.ReasonPathByte},
		{"plus in the API", "/api/v1/a+b", laravel.ReasonPathByte},
		{"absolute form", "http://helpdesk.example.test/api/v1/helpdesk/tickets", laravel.ReasonTargetForm},
		{"absolute form of another host", "http://other.example.test/dashboard", laravel.ReasonTargetForm},
		{"authority form", "helpdesk.example.test:443", laravel.ReasonTargetForm},
		{"asterisk form", "*", laravel.ReasonTargetForm},
		{"fragment", "/dashboard#/api/v1/x", laravel.ReasonTargetForm},
		{"blank in the query", "/dashboard?x HTTP/1.1", laravel.ReasonTargetForm},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := laravel.NewReader("", limits).Read(withTarget(http.MethodGet, test.target))
			if got := reason(err); got != test.want {
				t.Errorf("Read(%q): %q, want %q", test.target, got, test.want)
			}
		})
	}
}

func TestPathsThatPass(t *testing.T) {
	for _, test := range []struct {
		target string
		api    bool
		sent   string
	}{
		{"/api/v1/helpdesk/tickets", true, "/api/v1/helpdesk/tickets"},
		{"/api/v1/a_b-c.d", true, "/api/v1/a_b-c.d"},
		{"/api/...", true, "/api/..."},
		{"/api", false, "/api"},
		{"/api?x=/index.php/api/v1/y", false, "/api?x=/index.php/api/v1/y"},
		{"/", false, "/"},
		{"/apis/v1", false, "/apis/v1"},
		{"/show/api", false, "/show/api"},
		{"/dashboard/", false, "/dashboard/"},
		{"/show/caf%C3%A9%20au%2Flait", false, "/show/caf%C3%A9%20au%2Flait"},
		{"/show/100%2525", false, "/show/100%2525"},
		{"/a!$&'()*+,;=:@[]~b", false, "/a!$&'()*+,;=:@[]~b"},
		{"/a|b^c\"d", false, "/a%7Cb%5Ec%22d"},
		{"/a%2Fb|c", false, "/a%2Fb%7Cc"},
		{"/caf\xc3\xa9", false, "/caf%C3%A9"},
		{"//cdn/x", false, "//cdn/x"},
		{"/login?a=%zz;b&&=[", false, "/login?a=%zz;b&&=["},
		{"/index.php", false, "/index.php"},
	} {
		t.Run(test.target, func(t *testing.T) {
			q, err := laravel.NewReader("", limits).Read(withTarget(http.MethodGet, test.target))
			if err != nil {
				t.Fatal(err)
			}
			out := rebuild(t, q)
			if q.API != test.api || out.URL.RequestURI() != test.sent {
				t.Errorf("API %v, sent %q, want %v, %q", q.API, out.URL.RequestURI(), test.api, test.sent)
			}
		})
	}
}

func TestBasePath(t *testing.T) {
	for _, test := range []struct {
		target, path string
		api          bool
		want         error
	}{
		{"/community/public/api/v1/x", "/api/v1/x", true, nil},
		{"/community/public/api", "/api", false, nil},
		{"/community/public/", "/", false, nil},
		{"/community/public", "/", false, nil},
		{"/community/publicx/api/v1/x", "", false, laravel.ErrOutsideBase},
		{"/community/public%2fapi/v1/x", "", false, laravel.ErrOutsideBase},
		{"/Community/public/api/v1/x", "", false, laravel.ErrOutsideBase},
		{"/community//public/api/v1/x", "", false, laravel.ErrOutsideBase},
		{"/api/v1/x", "", false, laravel.ErrOutsideBase},
		{"/", "", false, laravel.ErrOutsideBase},
	} {
		t.Run(test.target, func(t *testing.T) {
			q, err := laravel.NewReader("/community/public/", limits).Read(withTarget(http.MethodGet, test.target))
			if !errors.Is(err, test.want) {
				t.Fatalf("got %v, want %v", err, test.want)
			}
			if err != nil {
				return
			}
			if q.Path != test.path || q.API != test.api {
				t.Errorf("path %q, API %v, want %q, %v", q.Path, q.API, test.path, test.api)
			}
			if sent := rebuild(t, q).URL.RequestURI(); sent != test.target {
				t.Errorf("sent %q, want %q", sent, test.target)
			}
		})
	}
}

func TestMethods(t *testing.T) {
	for method, want := range map[string]laravel.Reason{
		"GET": "", "HEAD": "", "POST": "", "PUT": "", "PATCH": "", "DELETE": "", "OPTIONS": "",
		"get": laravel.ReasonMethod, "Post": laravel.ReasonMethod, "TRACE": laravel.ReasonMethod, "CONNECT": laravel.ReasonMethod,
		"PURGE": laravel.ReasonMethod, "PROPFIND": laravel.ReasonMethod, "": laravel.ReasonMethod,
	} {
		_, err := laravel.NewReader("", limits).Read(withTarget(method, "/api/v1/helpdesk/tickets"))
		if got := reason(err); got != want {
			t.Errorf("method %q: %q, want %q", method, got, want)
		}
	}
}

func TestMethodOverride(t *testing.T) {
	form, json := "application/x-www-form-urlencoded", "application/json"
	for _, test := range []struct{ name, text string }{
		{"query", raw("POST", "/api/v1/x?_method=DELETE", "", "")},
		{"query on GET", raw("GET", "/api/v1/x?_method=DELETE", "", "")},
		{"query encoded", raw("POST", "/api/v1/x?%5Fmethod=DELETE", "", "")},
		{"query array", raw("POST", "/api/v1/x?_method[]=DELETE", "", "")},
		{"form", raw("POST", "/api/v1/x", form, "_method=DELETE")},
		{"JSON", raw("POST", "/api/v1/x", json, `{"_method":"DELETE"}`)},
		{"JSON escaped", raw("POST", "/api/v1/x", json, `{"\u005fmethod":"DELETE"}`)},
		{"multipart", raw("POST", "/api/v1/x", "multipart/form-data; boundary=X", multipart("_method", "DELETE"))},
		{"multipart file", raw("POST", "/api/v1/x", "multipart/form-data; boundary=X",
			"--X\r\nContent-Disposition: form-data; name=\"_method\"; filename=\"a\"\r\n\r\nDELETE\r\n--X--\r\n")},
		{"header", "POST /api/v1/x HTTP/1.1\r\nHost: h\r\nX-HTTP-Method-Override: DELETE\r\n\r\n"},
		{"header lower", "POST /api/v1/x HTTP/1.1\r\nHost: h\r\nx-http-method-override: DELETE\r\n\r\n"},
		{"header underscores", "POST /api/v1/x HTTP/1.1\r\nHost: h\r\nX_HTTP_Method_Override: DELETE\r\n\r\n"},
		{"header dots", "POST /api/v1/x HTTP/1.1\r\nHost: h\r\nX.HTTP-Method_Override: DELETE\r\n\r\n"},
		{"X-HTTP-Method", "POST /api/v1/x HTTP/1.1\r\nHost: h\r\nX-HTTP-Method: DELETE\r\n\r\n"},
		{"X-Method-Override", "POST /api/v1/x HTTP/1.1\r\nHost: h\r\nX-Method_Override: DELETE\r\n\r\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			want := laravel.ReasonMethodOverride
			if test.name == "multipart file" {
				want = laravel.ReasonParameterConflict
			}
			if _, err := read(t, test.text); reason(err) != want {
				t.Errorf("%q, want %q", reason(err), want)
			}
		})
	}
}

// canonicalPath is the contract for API paths, written a second time.
var canonicalPath = regexp.MustCompile(`^/api(/[A-Za-z0-9_.-]+)+$`)

func FuzzPath(f *testing.F) {
	for _, target := range []string{
		"/api/v1/x", "/%61pi/v1", "/a/../api/v1", `/api\v1`, "/API/v1", "//api//v1", "/x%2f..%2fapi%2fv1", "/a;b/c", "/caf\xc3\xa9|", "/%2525252561pi/x", "/index.php/api/v1",
	} {
		f.Add(target)
	}
	f.Fuzz(func(t *testing.T, target string) {
		if target == "" || strings.Contains(target, "?") {
			t.Skip("not a path")
		}
		q, err := laravel.NewReader("", limits).Read(withTarget(http.MethodGet, target))
		if err != nil {
			return
		}
		sent := rebuild(t, q).URL.RequestURI()
		if q.API {
			if !canonicalPath.MatchString(target) || sent != target || strings.Contains(strings.ToLower(target), "index.php") {
				t.Errorf("API path %q passes, sent %q", target, sent)
			}
			return
		}
		checkNoAlias(t, target)
		before, _ := url.PathUnescape(target)
		if after, err := url.PathUnescape(sent); err != nil || after != before || strings.Count(strings.ToLower(sent), "%2f") != strings.Count(strings.ToLower(target), "%2f") {
			t.Errorf("%q is sent as %q", target, sent)
		}
	})
}

// checkNoAlias unescapes and resolves a web path as servers do, by other code
// than the reader's, and looks for the API at its beginning.
func checkNoAlias(t *testing.T, target string) {
	t.Helper()
	for p := target; ; {
		for _, resolved := range []string{p, path.Clean(p), path.Clean(strings.ReplaceAll(p, `\`, "/"))} {
			// Old Symfony needs no slash behind the script.
			resolved = "/" + strings.TrimPrefix(strings.TrimPrefix(strings.ToLower(resolved), "/index.php"), "/")
			if rest, found := strings.CutPrefix(resolved, "/api/"); found && strings.Trim(rest, `/\`) != "" {
				t.Errorf("%q becomes %q", target, resolved)
			}
		}
		plain, err := url.PathUnescape(p)
		if err != nil || plain == p {
			return
		}
		p = plain
	}
}
