package proxy_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"faveo-gateway/upstream/proxy"
)

// TestAnswerHeaders sends what PHP and its web server add.
func TestAnswerHeaders(t *testing.T) {
	const answer = "HTTP/1.1 200 OK\r\nServer: nginx/1.22\r\nX-Powered-By: PHP/8.2\r\nAlt-Svc: h3=\":443\"\r\nX-Request-Id: theirs\r\n" +
		"Set-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-RateLimit-Limit: 60\r\nX-RateLimit-Remaining: 59\r\nX-Hop: gone\r\nKeep-Alive: timeout=5\r\n" +
		"Connection: X-Hop\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
	for _, kind := range []proxy.Kind{proxy.API, proxy.Web} {
		f := fronting(t, newProxy(t, options(newPHP(t, says(answer)).url)), kind)
		got := f.get(t, "/api/v1/x", "")
		for _, name := range []string{"Server", "X-Powered-By", "Alt-Svc", "X-Request-Id", "X-Hop", "Keep-Alive"} {
			if hasHeader(got, name) {
				t.Errorf("kind %d: %s came through: %q", kind, name, got)
			}
		}
		for _, line := range []string{"X-Ratelimit-Limit: 60", "X-Ratelimit-Remaining: 59", "Content-Type: application/json"} {
			if !hasLine(got, line) {
				t.Errorf("kind %d: %s is missing: %q", kind, line, got)
			}
		}
		api := kind == proxy.API
		if hasLine(got, "X-Content-Type-Options: nosniff") != api || hasLine(got, "Cache-Control: no-cache, private") != api ||
			hasLine(got, "Set-Cookie: b=2") == api {
			t.Errorf("kind %d: %q", kind, got)
		}
	}
}

func TestCachingRuleOfFaveoIsKept(t *testing.T) {
	upstream := newPHP(t, says("HTTP/1.1 200 OK\r\nCache-Control: max-age=5\r\nContent-Length: 0\r\n\r\n"))
	f := fronting(t, newProxy(t, options(upstream.url)), proxy.API)
	if got := f.get(t, "/api/v1/x", ""); !hasLine(got, "Cache-Control: max-age=5") || strings.Contains(got, "no-cache") {
		t.Errorf("answer %q", got)
	}
}

// TestMediaType is the table of label.
func TestMediaType(t *testing.T) {
	const html, script = "Content-Type: text/html; charset=UTF-8\r\n", "<script>alert(1)</script>"
	blanks := strings.Repeat("\n", 5000)
	tests := []struct {
		name, method, status, headers, body, want string
		sandbox                                   bool
	}{
		{"object as HTML", "GET", "200 OK", html, `{"a":"` + script + `"}`, "application/json", false},
		{"list as HTML", "GET", "200 OK", html, `[1]`, "application/json", false},
		{"blanks before the object", "GET", "200 OK", html, " \r\n\t{}", "application/json", false},
		{"many blanks before the object", "GET", "200 OK", html, blanks + "{}", "application/json", false},
		{"many blanks before a page", "GET", "200 OK", html, blanks + script, "application/json", false},
		{"odd spelling of the type", "GET", "200 OK", "Content-Type: \tText/HTML ;a=b\r\n", "{}", "application/json", false},
		{"second of two types", "GET", "200 OK", "Content-Type: application/json\r\n" + html, "{}", "application/json", false},
		{"blank type", "GET", "200 OK", "Content-Type: \r\n", "{}", "application/json", false},
		{"no type", "GET", "200 OK", "", "{}", "application/json", false},
		{"no type and a page", "GET", "200 OK", "", script, "", true},
		{"error as HTML", "GET", "500 Internal Server Error", html, `{"error":"Too Many Attempts."}`, "application/json", false},
		{"refusal as HTML", "GET", "404 Not Found", html, `{}`, "application/json", false},
		{"a real page", "GET", "502 Bad Gateway", html, "<html>", "text/html; charset=UTF-8", true},
		{"a warning before the object", "GET", "200 OK", html, "<br />\n<b>Warning</b>{}", "text/html; charset=UTF-8", true},
		{"a JSON text", "GET", "200 OK", html, `"` + script + `"`, "text/html; charset=UTF-8", true},
		{"empty", "OPTIONS", "200 OK", html, "", "text/html; charset=UTF-8", false},
		{"redirect", "GET", "302 Found", html, "<!DOCTYPE html>", "text/html; charset=UTF-8", false},
		{"HEAD", "HEAD", "200 OK", html, "", "application/json", false},
		{"compressed", "GET", "200 OK", html + "Content-Encoding: gzip\r\n", "\x1f\x8b<script>", "application/json", false},
		{"a part", "GET", "206 Partial Content", html, script, "application/json", false},
		{"another type", "GET", "200 OK", "Content-Type: text/plain\r\n", "{}", "text/plain", false},
	}
	for _, tt := range tests {
		for _, chunked := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, chunked %t", tt.name, chunked), func(t *testing.T) {
				framed := fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(tt.body), tt.body)
				if chunked {
					framed = "Transfer-Encoding: chunked\r\n\r\n"
					if tt.body != "" {
						framed += fmt.Sprintf("%x\r\n%s\r\n", len(tt.body), tt.body)
					}
					framed += "0\r\n\r\n"
				}
				if tt.method == "HEAD" {
					framed = "Content-Length: 2\r\n\r\n"
				}
				upstream := newPHP(t, says("HTTP/1.1 "+tt.status+"\r\n"+tt.headers+framed))
				f := fronting(t, newProxy(t, options(upstream.url)), proxy.API)
				res := f.parse(t, tt.method, "/api/v1/x", "")
				body, err := io.ReadAll(res.Body)
				if err != nil || string(body) != tt.body {
					t.Errorf("body %q, %v, want %q", body, err, tt.body)
				}
				values := res.Header["Content-Type"]
				if got := strings.Join(values, "|"); got != tt.want || len(values) > 1 {
					t.Errorf("type %q, want %q", got, tt.want)
				}
				if got := res.Header.Get("Content-Security-Policy") != ""; got != tt.sandbox {
					t.Errorf("sandbox %t, want %t", got, tt.sandbox)
				}
			})
		}
	}
}

// TestMediaTypeOnWeb: a page is a page, and one without a type is not guessed.
func TestMediaTypeOnWeb(t *testing.T) {
	for headers, want := range map[string]string{"Content-Type: text/html\r\n": "text/html", "": ""} {
		upstream := newPHP(t, says("HTTP/1.1 200 OK\r\n"+headers+"Content-Length: 8\r\n\r\n<script>"))
		f := fronting(t, newProxy(t, options(upstream.url)), proxy.Web)
		res := f.parse(t, "GET", "/page", "")
		if values := res.Header["Content-Type"]; strings.Join(values, "|") != want {
			t.Errorf("type %q, want %q", values, want)
		}
	}
}

// TestRecordedAnswers replays what the real Faveo said on its API: all JSON
// arrives as JSON, and no body changes but those that name a file of the server.
func TestRecordedAnswers(t *testing.T) {
	files, err := filepath.Glob("../../testdata/faveo-contract/routes/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no recordings: %v", err)
	}
	recorded := make(chan recording, 1)
	upstream := newPHP(t, func(conn net.Conn, _ *bufio.Reader, _ *http.Request) bool {
		_, err := io.WriteString(conn, (<-recorded).wire())
		return err == nil
	})
	f := fronting(t, newProxy(t, options(upstream.url)), proxy.API)
	relabelled, concealed := 0, 0
	for _, file := range files {
		r := readRecording(t, file)
		if !strings.HasPrefix(r.Request.Path, "/api/v") || r.Request.Method == http.MethodHead {
			continue
		}
		recorded <- r
		res := f.parse(t, r.Request.Method, "/api/v1/x", "")
		<-upstream.received
		body, err := io.ReadAll(res.Body)
		want, _, leaks := strings.Cut(r.Response.Body, `,"file":"<app>`)
		if leaks {
			concealed++
			want += "}"
		}
		if err != nil || string(body) != want || res.StatusCode != r.Response.Status || res.ContentLength != int64(len(want)) {
			t.Errorf("%s: status %d, body %q, %v", file, res.StatusCode, body, err)
		}
		if got := res.Header.Get("Content-Type"); got != "application/json" {
			t.Errorf("%s: type %q", file, got)
		}
		if r.Response.Headers.Get("Content-Type") != "application/json" {
			relabelled++
		}
	}
	if relabelled == 0 {
		t.Error("no recording of an answer with the wrong type")
	}
	if concealed != 2 {
		t.Errorf("%d recordings with a path of the server, want 2", concealed)
	}
}

type recording struct {
	Request  struct{ Method, Path string }
	Response struct {
		Status  int
		Headers http.Header
		Body    string
	}
}

func readRecording(t *testing.T, file string) recording {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var r recording
	if err := json.Unmarshal(content, &r); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return r
}

// wire is the answer as bytes.
func (r recording) wire() string {
	var b strings.Builder
	fmt.Fprintf(&b, "HTTP/1.1 %d Recorded\r\n", r.Response.Status)
	_ = r.Response.Headers.Write(&b) // A strings.Builder does not fail.
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(r.Response.Body), r.Response.Body)
	return b.String()
}

// TestInterimAnswers are not forwarded, and do not clear what the gateway has
// put on the answer.
func TestInterimAnswers(t *testing.T) {
	upstream := newPHP(t, says("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\nSet-Cookie: a=1\r\n\r\nHTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"))
	p := newProxy(t, options(upstream.url))
	f := newFront(t, func(w http.ResponseWriter, r *http.Request) error {
		w.Header().Set("X-Request-Id", "ours")
		return p.Forward(w, r, proxy.Passage{Kind: proxy.Web})
	})
	got := f.get(t, "/page", "")
	if !strings.HasPrefix(got, "HTTP/1.1 404 Not Found\r\n") || !hasLine(got, "X-Request-Id: ours") || hasHeader(got, "Link") || hasHeader(got, "Set-Cookie") {
		t.Errorf("answer %q", got)
	}
}

// TestRedirectOfAPage goes to the client as PHP wrote it.
func TestRedirectOfAPage(t *testing.T) {
	upstream := newPHP(t, says("HTTP/1.1 302 Found\r\nLocation: https://helpdesk.example.test/auth/login\r\nContent-Length: 0\r\n\r\n"))
	f := fronting(t, newProxy(t, options(upstream.url)), proxy.Web)
	if got := f.get(t, "/page", ""); !hasLine(got, "Location: https://helpdesk.example.test/auth/login") {
		t.Errorf("answer %q", got)
	}
}

// parse sends a request and reads the head of the answer.
func (f *front) parse(t *testing.T, method, target, lines string) *http.Response {
	t.Helper()
	answer := f.ask(t, method, target, lines)
	res, err := http.ReadResponse(bufio.NewReader(strings.NewReader(answer)), &http.Request{Method: method})
	if err != nil {
		t.Fatalf("answer %q: %v", answer, err)
	}
	return res
}
