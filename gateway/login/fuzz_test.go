package login_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"faveo-gateway/gateway/identity"
	"faveo-gateway/gateway/login"
	"faveo-gateway/upstream/laravel"
)

// FuzzParameters sends any query, content type and body to the login. Whoever
// gets in must have been read as alice by the standard library as well: no
// encoding may turn something else into her name and password.
func FuzzParameters(f *testing.F) {
	const form, js = "application/x-www-form-urlencoded", "application/json"
	for _, seed := range [][3]string{
		{"username=alice&password=right", "", ""},
		{"", form, "username=alice&password=right"},
		{"", form, "username[]=alice&password=right"},
		{"", form, "username=alice%00&password=right"},
		{"", form + "; charset=UTF-8", "username=alice&username=alice&password=right"},
		{"username=bob", form, "username=alice&password=right"},
		{"", js, `{"username":"alice","password":"right"}`},
		{"", js, `{"username":"bob","username":"alice","password":"right"}`},
		{"", js, `{"username":["alice"],"password":"right"}`},
		{"", "Application/JSON", `{"username":"alice","password":"right"}`},
		{"", "text/plain", `{"username":"alice","password":"right"}`},
		{"username=alice&password=right", js, "\xef\xbb\xbf{}"},
		{"", "multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"username\"\r\n\r\nalice\r\n--b--\r\n"},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	config := login.DefaultConfig()
	config.MinFailureTime = 0
	config.Lockout = unlimited()
	config.QueueTimeout = time.Minute
	service, _ := newService(&site{}, config)
	reader := laravel.NewReader("", laravel.Limits{Body: 1 << 16, Parameters: 1 << 16})

	f.Fuzz(func(t *testing.T, query, contentType, body string) {
		r := httptest.NewRequest(http.MethodPost, "/api/v1/authenticate", strings.NewReader(body))
		r.URL.RawQuery = query
		r.RequestURI = "/api/v1/authenticate?" + query
		if contentType != "" {
			r.Header.Set("Content-Type", contentType)
		}
		request, err := reader.Read(r)
		if err != nil {
			return
		}
		defer request.Close()
		handler := &login.Handler{
			Service:   service,
			Canonical: func(echo.Context) *laravel.Request { return request },
			LoadBody:  func(echo.Context) error { return request.LoadBody(1 << 16) },
			ClientOf:  func(echo.Context) identity.Client { return identity.Client{} },
		}
		w := httptest.NewRecorder()
		if err := handler.Authenticate(echo.New().NewContext(r, w)); err != nil {
			return // Ambiguous, too large or broken: nobody got in.
		}
		switch w.Code {
		case http.StatusUnauthorized:
			if strings.Contains(w.Body.String(), "token") {
				t.Errorf("a refusal contains the word token: %s", w.Body)
			}
		case http.StatusOK:
			username, password := standardReading(query, body, "username"), standardReading(query, body, "password")
			isAlice := func(text string) bool { return strings.EqualFold(text, "alice") } // As for the site of these tests.
			if !slices.ContainsFunc(username, isAlice) || !slices.Contains(password, "right") {
				t.Errorf("%q %q %q let somebody in; the standard library reads %q, %q", query, contentType, body, username, password)
			}
		default:
			t.Errorf("status %d", w.Code)
		}
	})
}

// standardReading is every value that the standard library finds for a name, in
// the query and in the body read as each of the three types.
func standardReading(query, body, name string) []string {
	var found []string
	for _, text := range []string{query, body} {
		if values, err := url.ParseQuery(text); err == nil {
			found = append(found, values[name]...)
		}
	}
	var object map[string]any
	if json.Unmarshal([]byte(body), &object) == nil {
		if text, ok := object[name].(string); ok {
			found = append(found, text)
		}
	}
	// A multipart body holds a field's value between two line ends.
	for part := range strings.SplitSeq(body, "\r\n") {
		found = append(found, part)
	}
	return found
}
