package proxy_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"faveo-gateway/upstream/faveo"
	"faveo-gateway/upstream/proxy"
)

// editing is an API passage with an edit.
func editing(edit func(io.Reader) io.Reader) proxy.Passage {
	return proxy.Passage{Kind: proxy.API, Edit: edit}
}

// passing is a front for any passage.
func passing(t *testing.T, p *proxy.Proxy, passage proxy.Passage) *front {
	t.Helper()
	return newFront(t, func(w http.ResponseWriter, r *http.Request) error { return p.Forward(w, r, passage) })
}

// framings are the two ways of a body through the wire.
var framings = map[string]func(body string) string{
	"length": func(body string) string { return fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body) },
	"chunks": func(body string) string {
		half := (len(body) + 1) / 2
		if half == len(body) {
			return fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", half, body)
		}
		return fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n", half, body[:half], len(body)-half, body[half:])
	},
}

// TestEditedRecordings: what a customer gets of the recorded threads.
func TestEditedRecordings(t *testing.T) {
	for _, name := range []string{"ticket-thread-own-user", "ticket-thread-other-user", "ticket-thread-own-none", "error-leaks-file-and-line"} {
		r := readRecording(t, "../../testdata/faveo-contract/routes/"+name+".json")
		want := r.Response.Body
		if strings.HasPrefix(want, "[") {
			_, rest, _ := strings.Cut(want, "},{") // The note is the newest thread.
			want = "[{" + rest
		}
		if name == "error-leaks-file-and-line" {
			want = `{"error":"Array to string conversion"}`
		}
		for framing, framed := range framings {
			t.Run(name+", "+framing, func(t *testing.T) {
				var head strings.Builder
				_ = r.Response.Headers.Write(&head)
				upstream := newPHP(t, says(fmt.Sprintf("HTTP/1.1 %d OK\r\n%s%s", r.Response.Status, &head, framed(r.Response.Body))))
				f := passing(t, newProxy(t, options(upstream.url)), editing(faveo.HideInternalThreads))
				for range 2 { // Over one connection to PHP, so that the first answer was read to its end.
					res := f.parse(t, "GET", "/api/v1/helpdesk/ticket-thread?id=1", "")
					body, err := io.ReadAll(res.Body)
					if err != nil || string(body) != want || strings.Contains(string(body), "INTERNAL") {
						t.Errorf("got  %s, %v\nwant %s", body, err, want)
					}
					if res.StatusCode != r.Response.Status || res.ContentLength != int64(len(want)) || res.Header.Get("Content-Type") != "application/json" {
						t.Errorf("status %d, length %d, want %d, type %q", res.StatusCode, res.ContentLength, len(want), res.Header.Get("Content-Type"))
					}
				}
			})
		}
	}
}

// TestEditAsksForTheWholeAnswer: nothing that the client says makes PHP send another body than the one to edit, or say
// whether that has changed.
func TestEditAsksForTheWholeAnswer(t *testing.T) {
	const lines = "Accept-Encoding: gzip, br\r\nRange: bytes=40-\r\nIf-Range: \"a\"\r\nIf-None-Match: \"a\"\r\nIf-Match: \"a\"\r\n" +
		"If-Modified-Since: Sat, 01 Nov 2026 00:00:00 GMT\r\nIf-Unmodified-Since: Sat, 01 Nov 2026 00:00:00 GMT\r\nUpgrade: websocket\r\n"
	for _, kind := range []proxy.Kind{proxy.API, proxy.Web} {
		upstream := newPHP(t, says(okAnswer))
		f := passing(t, newProxy(t, options(upstream.url)), proxy.Passage{Kind: kind, Edit: faveo.HideInternalNote})
		f.get(t, "/api/v1/x", lines)
		want := "GET /api/v1/x HTTP/1.1\r\nHost: helpdesk.example.test\r\nAccept-Encoding: identity\r\n" + identity + "\r\n"
		if got := upstream.got(t); got != want {
			t.Errorf("kind %d: PHP received\n%q, want\n%q", kind, got, want)
		}
	}
}

// TestNoRangeOnTheAPI: without an edit neither a part nor an encoding of an answer is asked for, behind which an error
// message could hide.
func TestNoRangeOnTheAPI(t *testing.T) {
	upstream := newPHP(t, says(okAnswer))
	f := fronting(t, newProxy(t, options(upstream.url)), proxy.API)
	f.get(t, "/api/v1/x", "Accept-Encoding: gzip\r\nRange: bytes=1-\r\nIf-Range: \"a\"\r\n")
	if got := upstream.got(t); hasHeader(got, "Range") || hasHeader(got, "If-Range") || hasHeader(got, "Accept-Encoding") {
		t.Errorf("PHP received %q", got)
	}
}

// TestUneditable: an answer of which it cannot be known what is in it does not pass, and nothing of it does.
func TestUneditable(t *testing.T) {
	const note = `{"internal_note":"NOTE"}`
	json := "Content-Type: application/json\r\n"
	tests := map[string]string{
		"compressed":               "200 OK\r\n" + json + "Content-Encoding: gzip\r\n" + framings["length"]("\x1f\x8bNOTE"),
		"encoded as itself":        "200 OK\r\n" + json + "Content-Encoding: identity\r\n" + framings["length"](note),
		"encoding without a name":  "200 OK\r\n" + json + "Content-Encoding: \r\n" + framings["length"](note),
		"part":                     "206 Partial Content\r\n" + json + "Content-Range: bytes 1-24/25\r\n" + framings["length"](note),
		"several parts":            "206 Partial Content\r\nContent-Type: multipart/byteranges; boundary=a\r\n" + framings["length"]("--a\r\n\r\n"+note+"\r\n--a--"),
		"unchanged":                "304 Not Modified\r\nEtag: \"NOTE\"\r\n\r\n",
		"page":                     "200 OK\r\nContent-Type: text/html\r\n" + framings["length"]("<p>NOTE</p>"),
		"error page":               "500 Internal Server Error\r\nContent-Type: text/html\r\n" + framings["chunks"]("<p>NOTE</p>"),
		"redirect with a page":     "302 Found\r\nLocation: /NOTE\r\nContent-Type: text/html\r\n" + framings["length"]("<p>NOTE</p>"),
		"warning before the JSON":  "200 OK\r\n" + json + framings["length"]("<br />\n<b>Warning</b>"+note),
		"warning behind the JSON":  "200 OK\r\n" + json + framings["length"](note+"<br />\n<b>Warning</b>: NOTE"),
		"PHP died":                 "200 OK\r\n" + json + framings["length"](`{"a":"NOTE","internal_note":`),
		"PHP died, in chunks":      "200 OK\r\n" + json + framings["chunks"](`{"a":"NOTE"`),
		"connection broke":         "200 OK\r\n" + json + "Content-Length: 90\r\n\r\n" + `{"a":"NOTE"`,
		"connection broke, chunks": "200 OK\r\n" + json + "Transfer-Encoding: chunked\r\n\r\nb\r\n" + `{"a":"NOTE"` + "\r\n",
		"another protocol":         "101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nNOTE",
	}
	for name, answer := range tests {
		t.Run(name, func(t *testing.T) {
			upstream := newPHP(t, saysAndCloses("HTTP/1.1 "+answer))
			o := options(upstream.url)
			registry := prometheus.NewRegistry()
			o.Registerer = registry
			f := passing(t, newProxy(t, o), editing(faveo.HideInternalNote))
			if got := f.get(t, "/api/v1/x", ""); !strings.HasPrefix(got, "HTTP/1.1 502 ") || strings.Contains(got, "NOTE") {
				t.Errorf("answer %q", got)
			}
			if err := f.result(t); !errors.Is(err, proxy.ErrUnavailable) {
				t.Errorf("error %v", err)
			}
			counted(t, registry, upstream.url, "unavailable")
		})
	}
}

// TestEditWithWebsocket: a passage with an edit opens no tunnel.
func TestEditWithWebsocket(t *testing.T) {
	f := passing(t, newProxy(t, options(newPHP(t, echo).url)), proxy.Passage{Kind: proxy.Web, Edit: faveo.HideInternalNote})
	if answer := f.send(t, upgrade("GET", "websocket")+"Connection: close\r\n\r\n"); !strings.HasPrefix(answer, "HTTP/1.1 200 ") {
		t.Errorf("answer %q", answer)
	}
}

// TestEditedAnswerDescribesItself: what PHP and its web server say of the body before the edit does not pass, and
// what they say of the answer does.
func TestEditedAnswerDescribesItself(t *testing.T) {
	const describing = "ETag: \"NOTE\"\r\nLast-Modified: NOTE\r\nContent-MD5: NOTE\r\nDigest: NOTE\r\nContent-Digest: NOTE\r\nRepr-Digest: NOTE\r\n" +
		"Accept-Ranges: NOTE\r\nContent-Range: NOTE\r\nX-RateLimit-Limit: 60\r\nTrailer: ETag\r\n"
	const body = `{"internal_note":"` + "a long one" + `"}`
	tests := []struct{ name, method, answer, want string }{
		{"length", "GET", "200 OK\r\n" + describing + framings["length"](body), `{"internal_note":null}`},
		{"chunks and a trailer", "GET", "200 OK\r\n" + describing + "Transfer-Encoding: chunked\r\n\r\n1e\r\n" + body + "\r\n0\r\nETag: \"NOTE\"\r\nX-Other: NOTE\r\n\r\n", `{"internal_note":null}`},
		{"error", "GET", "500 Internal Server Error\r\n" + describing + framings["length"](body), `{"internal_note":null}`},
		{"empty", "GET", "200 OK\r\n" + describing + "Content-Length: 0\r\n\r\n", ""},
		{"empty chunks", "GET", "200 OK\r\n" + describing + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", ""},
		{"redirect", "GET", "302 Found\r\nLocation: /a\r\n" + describing + "Content-Length: 0\r\n\r\n", ""},
		{"nothing", "GET", "204 No Content\r\n" + describing + "\r\n", ""},
		{"HEAD", "HEAD", "200 OK\r\n" + describing + "Content-Type: application/json\r\nContent-Length: 30\r\n\r\n", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := passing(t, newProxy(t, options(newPHP(t, says("HTTP/1.1 "+tt.answer)).url)), editing(faveo.HideInternalNote))
			got := f.ask(t, tt.method, "/api/v1/x", "")
			head, body, _ := strings.Cut(got, "\r\n\r\n")
			if body != tt.want || strings.Contains(got, "NOTE") || hasHeader(got, "Trailer") || !strings.HasPrefix(got, "HTTP/1.1 "+tt.answer[:3]) || !hasLine(got, "X-Ratelimit-Limit: 60") {
				t.Errorf("answer %q", got)
			}
			want := fmt.Sprintf("Content-Length: %d", len(tt.want))
			if bodyless := tt.method == "HEAD" || tt.answer[:3] == "204"; hasLine(got, want) == bodyless || bodyless && strings.Contains(head, "Content-Length") {
				t.Errorf("length: %q", head)
			}
		})
	}
}

// TestLongEditedAnswerHasNoTrailer, announced or not.
func TestLongEditedAnswerHasNoTrailer(t *testing.T) {
	long := `["` + strings.Repeat("a", 100<<10) + `"]`
	answer := "HTTP/1.1 200 OK\r\nTrailer: ETag\r\n" + strings.TrimSuffix(framings["chunks"](long), "\r\n") + "ETag: \"NOTE\"\r\nX-Other: NOTE\r\n\r\n"
	for name, edit := range map[string]func(io.Reader) io.Reader{"edited": faveo.HideInternalNote, "not edited": nil} {
		f := passing(t, newProxy(t, options(newPHP(t, says(answer)).url)), editing(edit))
		got := f.get(t, "/api/v1/x", "")
		if hasHeader(got, "Trailer") != (edit == nil) || strings.Contains(got, "NOTE") != (edit == nil) || !strings.Contains(got, "\r\n0\r\n") {
			t.Errorf("%s: %.300q … %q", name, got, got[max(0, len(got)-100):])
		}
	}
}

// TestEditBreaksOff: a failure behind what was sent is not an end.
func TestEditBreaksOff(t *testing.T) {
	long := `[{"a":"` + strings.Repeat("a", 100<<10) + `"}`
	tests := map[string]string{
		"not JSON any more":        "Transfer-Encoding: chunked\r\n\r\n" + fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(long)+1, long+"x"),
		"not JSON, length":         framings["length"](long + "x"),
		"ends in the middle":       framings["length"](long),
		"connection broke":         "Content-Length: 200000\r\n\r\n" + long,
		"connection broke, chunks": "Transfer-Encoding: chunked\r\n\r\n" + fmt.Sprintf("%x\r\n%s\r\n", len(long), long),
	}
	for name, answer := range tests {
		for _, bare := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, context without a server %t", name, bare), func(t *testing.T) {
				upstream := newPHP(t, saysAndCloses("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"+answer))
				o := options(upstream.url)
				registry := prometheus.NewRegistry()
				o.Registerer = registry
				p := newProxy(t, o)
				aborted := make(chan any, 1)
				f := newFront(t, func(w http.ResponseWriter, r *http.Request) error {
					defer func() {
						cause := recover()
						aborted <- cause
						panic(cause)
					}()
					if bare {
						r = r.WithContext(context.Background())
					}
					return p.Forward(w, r, editing(faveo.HideInternalNote))
				})
				got := f.ask(t, http.MethodGet, "/api/v1/x", "")
				res, err := http.ReadResponse(bufio.NewReader(strings.NewReader(got)), nil)
				if err == nil {
					_, err = io.ReadAll(res.Body)
				}
				if err == nil {
					t.Errorf("the client took %.100q for a whole answer", got)
				}
				if cause := <-aborted; cause != any(http.ErrAbortHandler) {
					t.Errorf("panic %v, want http.ErrAbortHandler", cause)
				}
				counted(t, registry, upstream.url, "broken")
			})
		}
	}
}

// TestEditIsGivenTheBody once, whole, and what it says of it stands: even an unexpected end.
func TestEditIsGivenTheBody(t *testing.T) {
	f := passing(t, newProxy(t, options(newPHP(t, says(okAnswer)).url)), editing(func(r io.Reader) io.Reader {
		return io.MultiReader(strings.NewReader("short"), &breaking{r, io.ErrUnexpectedEOF})
	}))
	if got := f.get(t, "/api/v1/x", ""); !strings.HasPrefix(got, "HTTP/1.1 502 ") || strings.Contains(got, "short") {
		t.Errorf("answer %q", got)
	}
	if err := f.result(t); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("error %v", err)
	}
}

// breaking ends in an error.
type breaking struct {
	io.Reader
	err error
}

func (f *breaking) Read(p []byte) (int, error) {
	if n, err := f.Reader.Read(p); err == nil {
		return n, nil
	}
	return 0, f.err
}

// TestLongEditedAnswer: memory does not grow with the answer, which comes without end as far as the gateway knows.
func TestLongEditedAnswer(t *testing.T) {
	const threads = 20_000
	public := `{"id":1,"is_internal":0,"body":"` + strings.Repeat("b", 1000) + `"}`
	internal := `{"id":2,"body":"` + strings.Repeat("NOTE", 250) + `","is_internal":1}`
	two := []byte("," + public + "," + internal)
	backend := newBackend(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=UTF-8")
		_, _ = io.WriteString(w, "["+internal)
		for range threads {
			_, _ = w.Write(two)
		}
		_, _ = io.WriteString(w, "]")
	})
	p := newProxy(t, options(backend))
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	counter := &counting{ResponseWriter: httptest.NewRecorder()}
	r := httptest.NewRequest(http.MethodGet, "http://a.test/api/v1/helpdesk/ticket-thread", nil)
	if err := p.Forward(counter, r, editing(faveo.HideInternalThreads)); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if want := threads*(len(public)+1) + 1; counter.bytes != want || counter.notes > 0 {
		t.Errorf("%d bytes, want %d, notes in %d writes", counter.bytes, want, counter.notes)
	}
	// The allocations of the backend, which runs in this process, are among them.
	used := (after.TotalAlloc - before.TotalAlloc) >> 10
	t.Logf("%d KiB allocated in all for an answer of %d KiB", used, threads*len(two)>>10)
	if used > 4<<10 {
		t.Error("that is not flat")
	}
}

// counting drops what is written.
type counting struct {
	http.ResponseWriter
	bytes, notes int
}

func (c *counting) Write(p []byte) (int, error) {
	c.bytes += len(p)
	if bytes.Contains(p, []byte("NOTE")) {
		c.notes++
	}
	return len(p), nil
}

// TestEditedAnswerIsStreamed: what is beyond the first 32 KiB does not wait for the end.
func TestEditedAnswerIsStreamed(t *testing.T) {
	long := strings.Repeat("a", 33<<10)
	tests := []struct {
		name, first, rest string
		edit              func(io.Reader) io.Reader
		chunked           bool
	}{
		{"note, chunks", `[{"a":"` + long + `"}`, `]`, faveo.HideInternalNote, true},
		{"note, length", `[{"a":"` + long + `"}`, `]`, faveo.HideInternalNote, false},
		{"threads", `[{"is_internal":0,"body":"` + long + `"}`, `]`, faveo.HideInternalThreads, true},
		{"error message", `{"error":"` + long + `"`, `}`, nil, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			seen := make(chan struct{})
			upstream := newPHP(t, func(conn net.Conn, _ *bufio.Reader, _ *http.Request) bool {
				head, format := "Transfer-Encoding: chunked", "%[1]x\r\n%[2]s\r\n"
				if !tt.chunked {
					head, format = fmt.Sprintf("Content-Length: %d", len(tt.first)+len(tt.rest)), "%[2]s"
				}
				fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"+head+"\r\n\r\n"+format, len(tt.first), tt.first)
				<-seen
				fmt.Fprintf(conn, format, len(tt.rest), tt.rest)
				if tt.chunked {
					_, _ = io.WriteString(conn, "0\r\n\r\n")
				}
				return true
			})
			f := passing(t, newProxy(t, options(upstream.url)), editing(tt.edit))
			conn := f.dial(t)
			if _, err := io.WriteString(conn, "GET /api/v1/x HTTP/1.1\r\nHost: a.test\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
			res, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			begun := make([]byte, len(tt.first))
			_, err = io.ReadFull(res.Body, begun)
			close(seen)
			if err != nil || string(begun) != tt.first {
				t.Fatalf("first part: %v", err)
			}
			if rest, err := io.ReadAll(res.Body); err != nil || string(rest) != tt.rest {
				t.Errorf("rest %q, %v", rest, err)
			}
		})
	}
}

// TestRefusedIdentity takes PHP's 401 for a fault when the gateway has vouched for
// the caller, and for an answer when it has not.
func TestRefusedIdentity(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusUnauthorized)
		io.WriteString(w, `{"success":false,"message":"Token Signature could not be verified."}`)
	}))
	defer upstream.Close()
	address, err := url.Parse(upstream.URL)
	if err != nil {
		t.Fatal(err)
	}
	p, err := proxy.New(proxy.Options{
		Upstreams: []*url.URL{address}, Config: proxy.DefaultConfig(), ProbePath: "/",
		Identify: func(*http.Request, http.Header) {}, Registerer: prometheus.NewRegistry(), Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for _, identified := range []bool{true, false} {
		w := httptest.NewRecorder()
		err := p.Forward(w, httptest.NewRequest(http.MethodGet, "http://faveo.test/api/v1/x", nil), proxy.Passage{Kind: proxy.API, Identified: identified})
		if errors.Is(err, proxy.ErrUnavailable) != identified || (!identified && w.Code != http.StatusUnauthorized) {
			t.Errorf("identified %v: %v, status %d", identified, err, w.Code)
		}
	}
}
