package faveo_test

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"faveo-gateway/upstream/faveo"
	"faveo-gateway/upstream/faveo/faveotest"
)

const (
	urlMissing   = `{"error":{"url":["The url field is required."]}}`
	urlInvalid   = `{"error":{"url":["The url must be a valid URL."]}}`
	urlMalformed = `{"error":{"url":["The url format is invalid."]}}`
	urlFound     = `{"result":"{\"status\":\"success\"}"}`
	forbidden    = ""
)

func expectURL(t *testing.T, db *faveo.DB, want, text string, given bool, base string, hosts ...string) {
	t.Helper()
	out, answered, err := db.AppendURLCheck(t.Context(), []byte("x"), text, given, base, hosts...)
	if err != nil || string(out) != "x"+want || answered != (want != forbidden) {
		t.Errorf("%.100q for %q at %q: %s, %v, %v, want %q", text, hosts, base, out, answered, err, want)
	}
}

// TestRecordedURLChecks: what was recorded without fetching is answered the same, all that was fetched is forbidden.
func TestRecordedURLChecks(t *testing.T) {
	db := open(t, faveotest.New(t), faveo.Options{})
	n := 0
	for _, r := range faveotest.Recordings(t, "routes") {
		if !strings.HasPrefix(r.Name, "url-") {
			continue
		}
		query, err := url.ParseQuery(r.Request.Query)
		if err != nil {
			t.Fatal(err)
		}
		want := string(r.Response.Body)
		if strings.HasPrefix(want, `{"result"`) {
			want = forbidden
		}
		expectURL(t, db, want, query.Get("url"), query.Has("url"), "", r.Request.Headers.Get("Host"))
		n++
	}
	if n < 20 {
		t.Errorf("only %d recordings", n)
	}
}

func TestURLCheck(t *testing.T) {
	db := open(t, faveotest.New(t), faveo.Options{}) // settings_system.url is http://helpdesk.example.test
	for text, want := range map[string]string{
		"":               urlMissing,
		" \t\r\n\v\x00 ": urlMissing,

		"nonsense":                         urlInvalid,
		"helpdesk.example.test":            urlInvalid,
		"//helpdesk.example.test":          urlInvalid,
		"http:/helpdesk.example.test":      urlInvalid,
		"javascript:alert(1)":              urlInvalid,
		"http://":                          urlInvalid,
		"http://a":                         urlInvalid, // Laravel wants two characters.
		"http://helpdesk example.test":     urlInvalid,
		"http://helpdesk.example.test:":    urlInvalid,
		"http://helpdesk.example.test/\\":  urlInvalid,
		"http://helpdesk.example.test%00":  urlInvalid,
		"http://helpdesk.example.test\n\n": urlInvalid,
		" http://helpdesk.example.test":    forbidden, // Laravel: invalid. Not worth knowing.

		"http://helpdesk.example.test":      urlFound,
		"http://helpdesk.example.test/":     urlFound,
		"https://helpdesk.example.test/":    urlFound,
		"HTTP://HelpDesk.Example.TEST":      urlFound,
		"http://helpdesk.example.test:80":   urlFound,
		"https://helpdesk.example.test:443": urlFound,
		"http://front.example.test":         urlFound,
		"http://front.example.test:80/":     urlFound,
		"https://front.example.test:8443/":  urlFound,

		// Somebody else's.
		"http://example.test":                           forbidden,
		"http://127.0.0.1":                              forbidden,
		"http://127.0.0.1:8099/admin?x=":                forbidden,
		"http://169.254.169.254/latest/meta-data":       forbidden,
		"http://helpdesk.example.test.evil.test":        forbidden,
		"http://evil-helpdesk.example.test":             forbidden,
		"http://helpdesk.example.test.":                 forbidden,
		"http://helpdesk.example.test:8080":             forbidden,
		"http://helpdesk.example.test:443":              forbidden,
		"https://helpdesk.example.test:80":              forbidden,
		"http://helpdesk.example.test:080":              forbidden,
		"http://front.example.test:8444":                forbidden,
		"http://user@helpdesk.example.test":             forbidden,
		"http://user:pw@helpdesk.example.test/":         forbidden,
		"http://helpdesk.example.test@evil.test":        forbidden,
		"http://helpdesk.example.test:80@evil.test":     forbidden,
		"http://evil.test/http://helpdesk.example.test": forbidden,
		"http://evil.test#http://helpdesk.example.test": forbidden,
		"http://evil.test?://helpdesk.example.test":     forbidden,
		"http://[::1]/":                                 forbidden,
		"http://[::ffff:127.0.0.1]":                     forbidden,
		"http://user@[::1]/":                            forbidden,
		"http://0x7f000001":                             forbidden,

		// The right host, but what PHP fetches is not its check-url.
		"http://helpdesk.example.test//":         forbidden,
		"http://helpdesk.example.test/.":         forbidden,
		"http://helpdesk.example.test/x":         forbidden,
		"http://helpdesk.example.test?":          forbidden,
		"http://helpdesk.example.test/?x=":       forbidden,
		"http://helpdesk.example.test/#":         forbidden,
		"http://helpdesk.example.test#x":         forbidden,
		"http://helpdesk.example.test/community": forbidden,
		"http://helpdesk.example.test\n":         forbidden, // PHP's $ lets it pass.
		"http://helpdesk.example.test/\n":        forbidden,
		"http://helpdesk.example.test:80\n":      forbidden,

		// Other schemes.
		"file:///etc/passwd":                  forbidden,
		"file://helpdesk.example.test/":       forbidden,
		"gopher://helpdesk.example.test":      forbidden,
		"ftp://helpdesk.example.test":         forbidden,
		"nonsense://helpdesk.example.test":    forbidden,
		"http://http://helpdesk.example.test": urlInvalid,

		// Not decided here.
		"http://hélpdesk.example.test":        forbidden,
		"http://\xff":                         forbidden,
		"http\u017f://helpdesk.example.test":  forbidden,
		"http://helpde\u017fk.example.test":   forbidden,
		"http://" + strings.Repeat("a", 3000): forbidden,
		strings.Repeat("a", 1<<20):            forbidden,
	} {
		expectURL(t, db, want, text, true, "", "front.example.test:8443", "", "::1", "[::1]:8080")
	}
	expectURL(t, db, urlMissing, "http://helpdesk.example.test", false, "", "helpdesk.example.test")
}

// TestURLCheckBelowABasePath: only where Faveo lies does its check-url answer.
func TestURLCheckBelowABasePath(t *testing.T) {
	d := faveotest.New(t)
	d.Exec(t, "UPDATE settings_system SET url = 'https://desk.example.test:8443/support/'")
	db := open(t, d, faveo.Options{})
	for text, want := range map[string]string{
		"http://front.example.test/community/public":   urlFound,
		"http://front.example.test/community/public/":  urlFound,
		"http://front.example.test/community/public//": forbidden,
		"http://front.example.test/community/PUBLIC":   forbidden,
		"http://front.example.test/community":          forbidden,
		"http://front.example.test/":                   forbidden,
		"http://front.example.test":                    forbidden,
		"http://front.example.test/support":            forbidden,
		"https://desk.example.test:8443/support":       urlFound,
		"http://desk.example.test:8443/support/":       urlFound,
		"https://desk.example.test/support":            urlFound,
		"https://desk.example.test:8443/":              forbidden,
		"https://desk.example.test:8444/support":       forbidden,
		"https://desk.example.test/community/public":   forbidden,
	} {
		expectURL(t, db, want, text, true, "/community/public", "front.example.test")
	}
}

// TestURLCheckWithStrangeSettings: a settings_system.url that names no site makes nothing a site.
func TestURLCheckWithStrangeSettings(t *testing.T) {
	d := faveotest.New(t)
	for _, stored := range []any{nil, "", "http://", "http:///", "//evil.test", "evil.test", "ftp://evil.test", "http://u@evil.test", "http://evil.test?x", "http://evil.test#x"} {
		d.Exec(t, "UPDATE settings_system SET url = ?", stored)
		db := open(t, d, faveo.Options{})
		for _, text := range []string{"http://evil.test", "http://u@evil.test", "http://evil.test?x", "http://evil.test#x", "ftp://evil.test"} {
			expectURL(t, db, forbidden, text, true, "")
		}
		expectURL(t, db, urlInvalid, "http:///", true, "")
	}
	d.Exec(t, "DELETE FROM settings_system")
	expectURL(t, open(t, d, faveo.Options{}), forbidden, "http://evil.test", true, "")
}

// TestURLCheckOfLaravel5: v1.9 to v1.11 say it in other words, and their rule is another.
func TestURLCheckOfLaravel5(t *testing.T) {
	d := faveotest.New(t)
	for _, version := range []string{"1.9", "1.10", "1.11"} {
		db := open(t, d, faveo.Options{Version: version})
		for text, want := range map[string]string{
			"":                                urlMissing,
			"nonsense":                        urlMalformed,
			"http://help1":                    urlMalformed, // Its names end in a letter.
			"http://helpdesk.example.test/":   urlFound,
			"http://127.0.0.1":                urlFound,
			"http://helpdesk.example.test/\"": forbidden,
			"http://helpdesk.example.test/ ":  urlMalformed,
		} {
			expectURL(t, db, want, text, true, "", "127.0.0.1", "help1")
		}
	}
	expectURL(t, open(t, d, faveo.Options{}), urlFound, "http://help1", true, "", "help1")
}

// TestURLCheckWithoutDatabase: what needs the database is a fault, what does not is answered.
func TestURLCheckWithoutDatabase(t *testing.T) {
	db := openURL(t, "mysql://root@127.0.0.1:1/faveo", faveo.Options{Version: "2"})
	expectURL(t, db, urlMissing, "", true, "")
	expectURL(t, db, urlInvalid, "nonsense", true, "")
	expectURL(t, db, urlFound, "http://front.example.test", true, "", "front.example.test")
	out, answered, err := db.AppendURLCheck(t.Context(), []byte("x"), "http://evil.test", true, "", "front.example.test")
	if err == nil || errors.Is(err, faveo.ErrNotFound) || answered || string(out) != "x" {
		t.Errorf("%s, %v, %v, want a fault", out, answered, err)
	}
	db = openURL(t, "mysql://root@127.0.0.1:1/faveo", faveo.Options{})
	if out, answered, err := db.AppendURLCheck(t.Context(), []byte("x"), "nonsense", true, ""); err == nil || answered || string(out) != "x" {
		t.Errorf("of an unknown version: %s, %v, %v, want a fault", out, answered, err)
	}
}

func TestSiteURLIsCached(t *testing.T) {
	d := faveotest.New(t)
	c := &clock{now: time.Unix(1795422695, 0)}
	var reads atomic.Int32
	db := open(t, d, faveo.Options{Now: c.Now, Observe: func(_ context.Context, operation string, _ time.Duration, _ error) {
		if operation == "site_url" {
			reads.Add(1)
		}
	}})
	expect := func(want string, wantReads int32) {
		t.Helper()
		if got, err := db.SiteURL(t.Context()); err != nil || got != want || reads.Load() != wantReads {
			t.Errorf("SiteURL = %q, %v after %d reads, want %q after %d", got, err, reads.Load(), want, wantReads)
		}
	}
	expect("http://helpdesk.example.test", 1)
	d.Exec(t, "UPDATE settings_system SET url = NULL")
	c.advance(29 * time.Second)
	expect("http://helpdesk.example.test", 1)
	c.advance(time.Second)
	expect("", 2)
	d.Exec(t, "RENAME TABLE settings_system TO moved")
	c.advance(time.Minute)
	expect("", 3)
}
