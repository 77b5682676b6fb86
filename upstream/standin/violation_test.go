package standin_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"faveo-gateway/upstream/standin"
)

func TestCredentialsThatMustNotReachPHP(t *testing.T) {
	const list = "/api/v1/helpdesk/priority"
	for name, tc := range map[string]struct {
		uri, header, value, contentType, body string
		want                                  standin.Violation
	}{
		"token in query":         {uri: list + "?token=x", want: standin.ViolationQueryToken},
		"empty token in query":   {uri: list + "?token=", want: standin.ViolationQueryToken},
		"encoded token in query": {uri: list + "?t%6fken[]=x", want: standin.ViolationQueryToken},
		"token behind a blank":   {uri: list + "?+token=x", want: standin.ViolationQueryToken},
		"token on open route":    {uri: "/api/v1/helpdesk/check-url?token=x", want: standin.ViolationQueryToken},
		"token on no route":      {uri: "/api/v9/nothing?token=x", want: standin.ViolationQueryToken},
		"token in JSON of a GET": {
			uri: list, contentType: "application/json", body: `{"token":null}`, want: standin.ViolationBodyToken,
		},
		"token in vendor JSON": {
			uri: list, contentType: "application/x+json", body: `{"token":"x"}`, want: standin.ViolationBodyToken,
		},
		"token in cookie":  {uri: list, header: "Cookie", value: "a=b; token=x", want: standin.ViolationCookieToken},
		"api_key":          {uri: list + "?api_key=x", want: standin.ViolationAPIKeyParameter},
		"api.key":          {uri: list + "?api.key=x", want: standin.ViolationAPIKeyParameter},
		"X-API-Key":        {uri: list, header: "X-API-Key", value: "x", want: standin.ViolationAPIKeyHeader},
		"X_API_Key":        {uri: list, header: "X_API_Key", value: "x", want: standin.ViolationAPIKeyHeader},
		"X-API-Key on web": {uri: "/", header: "x-api_key", value: "x", want: standin.ViolationAPIKeyHeader},
		"second header":    {uri: list, header: "Authorization", value: "Bearer y", want: standin.ViolationAuthorization},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFaveo()
			r := httptest.NewRequest(http.MethodGet, tc.uri, strings.NewReader(tc.body))
			r.Header.Set("Authorization", "Bearer "+mint(t, "1"))
			r.Header.Set("Content-Type", tc.contentType)
			if tc.header != "" {
				r.Header[tc.header] = append(r.Header[tc.header], tc.value)
			}
			w := httptest.NewRecorder()
			f.ServeHTTP(w, r)
			if w.Code != http.StatusInternalServerError || !strings.Contains(w.Body.String(), string(tc.want)) {
				t.Errorf("answer %d %s, want 500 naming %q", w.Code, w.Body, tc.want)
			}
			if v := f.Violations(); !slices.Equal(v, []standin.Violation{tc.want}) {
				t.Errorf("violations %q, want %q", v, tc.want)
			}
		})
	}
}

func TestCredentialsInForms(t *testing.T) {
	multipart := "--B\r\nContent-Disposition: form-data; name=\"api_key\"\r\n\r\nx\r\n--B--\r\n"
	for name, tc := range map[string]struct {
		contentType, body string
		want              standin.Violation
	}{
		"form":      {"application/x-www-form-urlencoded", "ticket_id=1&token=x", standin.ViolationBodyToken},
		"multipart": {"multipart/form-data; boundary=B", multipart, standin.ViolationAPIKeyParameter},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFaveo()
			r := httptest.NewRequest(http.MethodPost, "/api/v1/helpdesk/reply", strings.NewReader(tc.body))
			r.Header.Set("Authorization", "Bearer "+mint(t, "1"))
			r.Header.Set("Content-Type", tc.contentType)
			w := httptest.NewRecorder()
			f.ServeHTTP(w, r)
			if v := f.Violations(); w.Code != 500 || !slices.Equal(v, []standin.Violation{tc.want}) {
				t.Errorf("answer %d, violations %q, want 500 and %q", w.Code, v, tc.want)
			}
		})
	}
}

func TestAuthorizationIsExactlyOneBearerToken(t *testing.T) {
	token := mint(t, "1")
	for _, value := range []string{
		"bearer " + token, "Bearer" + token, "Bearer\t" + token, "Bearer  " + token, "Basic YWJj, Bearer " + token,
		"Bearer " + token + ", Bearer " + token, "Token " + token, "Bearer ", "",
	} {
		f := newFaveo()
		r := httptest.NewRequest(http.MethodGet, ownUser, nil)
		r.Header.Set("Authorization", value)
		w := httptest.NewRecorder()
		f.ServeHTTP(w, r)
		if v := f.Violations(); w.Code != 500 || !slices.Equal(v, []standin.Violation{standin.ViolationAuthorization}) {
			t.Errorf("%.30q: answer %d, violations %q", value, w.Code, v)
		}
	}
}

// TestWebFormsMayHaveSuchNames: the pages of the administration have fields named api_key, which are no credentials.
func TestWebFormsMayHaveSuchNames(t *testing.T) {
	f := newFaveo()
	got := send(t, f, "POST", "/auth/login?token=csrf", "", "email=demoadmin&password=demopass&api_key=x&token=y")
	if got.StatusCode != http.StatusFound || len(f.Violations()) > 0 {
		t.Errorf("answer %d, violations %q, want 302 and none", got.StatusCode, f.Violations())
	}
}

func TestRequestsAreRememberedAsReceived(t *testing.T) {
	f := newFaveo()
	if _, found := f.LastRequest(); found {
		t.Error("a request before the first")
	}
	send(t, f, "POST", "/api/v1/helpdesk/%74icket/?a=1&a=2", "", "x=%20y")
	got, found := f.LastRequest()
	if !found || got.Method != "POST" || got.URI != "/api/v1/helpdesk/%74icket/?a=1&a=2" ||
		string(got.Body) != "x=%20y" || got.BodySize != 6 || got.Header.Get("Content-Type") == "" {
		t.Errorf("last request %+v", got)
	}
	for range 300 {
		send(t, f, "GET", "/", "", "")
	}
	if n := len(f.Requests()); n != 256 {
		t.Errorf("%d requests remembered, want 256", n)
	}
}
