package gateway_test

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// inventor makes up what a client may choose freely: other texts each time, the same in
// each run.
type inventor struct{ source *rand.ChaCha8 }

// name is a text that nobody has sent before.
func (i inventor) name() string { return "zz" + hex.EncodeToString(i.bytes(8)) }

// madeUp finds a name in whatever case.
var madeUp = regexp.MustCompile(`(?i)zz[0-9a-f]{16}`)

func (i inventor) bytes(n int) []byte {
	b := make([]byte, n)
	_, _ = i.source.Read(b) // Never fails.
	return b
}

func (i inventor) base64(n int) string { return base64.RawURLEncoding.EncodeToString(i.bytes(n)) }

// token is a token with the given header, and a signature that nobody has made.
func (i inventor) token(header string) string {
	claims := fmt.Sprintf(`{"iss":%q,"sub":%q,"exp":4102444800}`, i.name(), i.name())
	return base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + "." + i.base64(64)
}

// hostile are requests by what they make up. What becomes of one does not depend on what
// was made up. {alice} is a token that is good.
var hostile = map[string]func(inventor) string{
	"method": func(i inventor) string {
		return strings.ToUpper(i.name()) + " /api/v1/helpdesk/priority HTTP/1.1\r\n\r\n"
	},
	"method of the web UI": func(i inventor) string { return strings.ToUpper(i.name()) + " /page HTTP/1.1\r\n\r\n" },
	"path":                 func(i inventor) string { return "GET /" + i.name() + "/" + i.name() + " HTTP/1.1\r\n\r\n" },
	"path of the API":      func(i inventor) string { return "GET /api/v1/" + i.name() + " HTTP/1.1\r\n\r\n" },
	"path with a good token": func(i inventor) string {
		return "GET /api/v1/" + i.name() + " HTTP/1.1\r\nAuthorization: Bearer {alice}\r\n\r\n"
	},
	"path that is escaped": func(i inventor) string { return "GET /api/v1/%2f" + i.name() + " HTTP/1.1\r\n\r\n" },
	"parameter": func(i inventor) string {
		return "GET /api/v1/helpdesk/priority?" + i.name() + "=" + i.name() + " HTTP/1.1\r\n\r\n"
	},
	"parameter with brackets": func(i inventor) string {
		return "GET /api/v1/helpdesk/priority?a.b=" + i.name() + "&a[" + i.name() + "]=1 HTTP/1.1\r\n\r\n"
	},
	"session": func(i inventor) string {
		return "DELETE /api/v1/authenticate/sessions/" + i.name() + " HTTP/1.1\r\nAuthorization: Bearer {alice}\r\n\r\n"
	},
	"host":       func(i inventor) string { return "GET /page HTTP/1.1\r\nHost: " + i.name() + ".test\r\n\r\n" },
	"user agent": func(i inventor) string { return "GET /page HTTP/1.1\r\nUser-Agent: " + i.name() + "\r\n\r\n" },
	"header":     func(i inventor) string { return "GET /page HTTP/1.1\r\nX-" + i.name() + ": " + i.name() + "\r\n\r\n" },
	"forwarded address": func(i inventor) string {
		return "GET /page HTTP/1.1\r\nX-Forwarded-For: " + i.name() + "\r\nX-Request-Id: " + i.name() + "\r\n\r\n"
	},
	"trace": func(i inventor) string {
		return "GET /page HTTP/1.1\r\ntraceparent: 00-" + hex.EncodeToString(i.bytes(16)) + "-" + hex.EncodeToString(i.bytes(8)) + "-01\r\n\r\n"
	},
	"token": func(i inventor) string { return bearing(i.name()) },
	"kid": func(i inventor) string {
		return bearing(i.token(fmt.Sprintf(`{"typ":"at+jwt","alg":"ES256","kid":%q}`, i.name())))
	},
	"alg": func(i inventor) string {
		return bearing(i.token(fmt.Sprintf(`{"typ":"at+jwt","alg":%q,"kid":"k"}`, i.name())))
	},
	"member of the token": func(i inventor) string {
		return bearing(i.token(fmt.Sprintf(`{"typ":"at+jwt","alg":"ES256","kid":"k",%q:1}`, i.name())))
	},
	"token in the query": func(i inventor) string {
		return "GET /api/v1/helpdesk/priority?token=" + i.name() + " HTTP/1.1\r\n\r\n"
	},
	"API key": func(i inventor) string {
		return "GET /api/v1/helpdesk/priority HTTP/1.1\r\nX-API-Key: fgw_" + i.name() + "_" + i.base64(32) + "\r\n\r\n"
	},
	"login": func(i inventor) string {
		return posting("/api/v1/authenticate", "application/x-www-form-urlencoded", "username="+i.name()+"&password="+i.name())
	},
	"JSON": func(i inventor) string {
		return posting("/api/v1/authenticate", "application/json",
			fmt.Sprintf(`{"username":%q,"password":%q,%q:{%q:[1]}}`, i.name(), i.name(), i.name(), i.name()))
	},
	"content type": func(i inventor) string {
		return posting("/api/v1/authenticate/logout", "application/"+i.name(), i.name())
	},
}

func bearing(token string) string {
	return "GET /api/v1/helpdesk/priority HTTP/1.1\r\nAuthorization: Bearer " + token + "\r\n\r\n"
}

func posting(path, contentType, body string) string {
	return fmt.Sprintf("POST %s HTTP/1.1\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s", path, contentType, len(body), body)
}

// TestHostileLabels: what clients make up is no label. A gateway that has seen each kind
// of request a few times has no series more after thousands of each.
func TestHostileLabels(t *testing.T) {
	inOrder(t)
	stores, db := onMariaDB(t)
	cheapPasswords(t, db)
	w := start(t, stores)
	i := inventor{rand.NewChaCha8([32]byte{6})}
	alice := w.login("alice", "cheap")
	attack := func(times int) {
		for kind, request := range hostile {
			for range times {
				raw := strings.ReplaceAll(request(i), "{alice}", alice)
				// Each on a connection of its own, which ends with the answer.
				raw = strings.Replace(raw, " HTTP/1.1\r\n", " HTTP/1.1\r\nConnection: close\r\n", 1)
				if !strings.Contains(raw, "Host: ") {
					raw = strings.Replace(raw, " HTTP/1.1\r\n", " HTTP/1.1\r\nHost: faveo.test\r\n", 1)
				}
				if got := w.raw(raw); !strings.HasPrefix(got, "HTTP/1.1 ") {
					t.Fatalf("%s: %q is answered %q", kind, raw, got)
				}
			}
		}
	}
	attack(3)
	// What goes on beside the requests counts, too, as soon as it has happened once.
	eventually(t, "the trail is written", func() bool { return strings.Contains(w.metrics(), `operation="audit_append"`) })
	before := seriesOf(w.metrics())
	attack(150)
	after := seriesOf(w.metrics())
	for _, s := range after {
		if _, known := slices.BinarySearch(before, s); !known {
			t.Errorf("a client has made the series %s", s)
		}
	}
	if len(before) < 300 || len(after) != len(before) {
		t.Errorf("%d series became %d", len(before), len(after))
	}
	if madeUp.MatchString(w.metrics()) {
		t.Error("what a client made up is in the metrics")
	}
}

// seriesOf lists the series of a text of metrics, in order.
func seriesOf(text string) []string {
	var all []string
	for _, match := range sample.FindAllStringSubmatch(text, -1) {
		all = append(all, match[1])
	}
	slices.Sort(all)
	return all
}

// sample is a line of the text format: name and labels, then the value. No label here
// holds a blank behind a brace.
var sample = regexp.MustCompile(`(?m)^([a-z][^ ]*(?:\{.*\})?) [^ ]+$`)
