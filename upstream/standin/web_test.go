package standin_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestWebPages(t *testing.T) {
	f := newFaveo()
	for name, tc := range map[string]struct {
		method, uri, form string
		status            int
		contentType, want string
	}{
		"front page":     {"GET", "/", "", 200, "text/html", "Welcome"},
		"index.php":      {"GET", "/index.php", "", 200, "text/html", "Welcome"},
		"login form":     {"GET", "/auth/login", "", 200, "text/html", `name="password"`},
		"login":          {"POST", "/auth/login", "email=demoagent&password=demopass", 302, "text/html", "/dashboard"},
		"wrong password": {"POST", "/auth/login", "email=demoagent&password=x", 302, "text/html", `"/auth/login"`},
		"no session":     {"GET", "/dashboard", "", 302, "text/html", "/auth/login"},
		"stylesheet":     {"GET", "/lb-faveo/css/app.css", "", 200, "text/css", "font-family"},
		"missing":        {"GET", "/nothing", "", 404, "text/html", "404"},
	} {
		t.Run(name, func(t *testing.T) {
			got := send(t, f, tc.method, tc.uri, "", tc.form)
			text := body(t, got)
			if got.StatusCode != tc.status || !strings.HasPrefix(got.Header.Get("Content-Type"), tc.contentType) ||
				!strings.Contains(text, tc.want) {
				t.Errorf("answer %d %s %s", got.StatusCode, got.Header.Get("Content-Type"), text)
			}
		})
	}
}

func TestLoginSetsTwoCookies(t *testing.T) {
	f := newFaveo()
	cookies := send(t, f, "GET", "/auth/login", "", "").Cookies()
	if len(cookies) != 2 || cookies[0].Name != "XSRF-TOKEN" || !cookies[1].HttpOnly {
		t.Fatalf("cookies %v", cookies)
	}
	r := httptest.NewRequest(http.MethodGet, "/dashboard", nil)
	r.AddCookie(cookies[1])
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		t.Errorf("dashboard with session: %d", w.Code)
	}
}

func TestStaticFileKnowsRangesAndETags(t *testing.T) {
	r := httptest.NewRequest(http.MethodGet, "/lb-faveo/css/app.css", nil)
	r.Header.Set("Range", "bytes=0-3")
	w := httptest.NewRecorder()
	newFaveo().ServeHTTP(w, r)
	if w.Code != http.StatusPartialContent || w.Body.String() != "body" {
		t.Errorf("range: %d %q", w.Code, w.Body)
	}
	r.Header.Set("If-None-Match", w.Header().Get("ETag"))
	w = httptest.NewRecorder()
	newFaveo().ServeHTTP(w, r)
	if w.Code != http.StatusNotModified {
		t.Errorf("known file: %d", w.Code)
	}
}

func TestStreamSendsEachEventAtOnce(t *testing.T) {
	server := httptest.NewServer(newFaveo())
	defer server.Close()
	defer server.Client().CloseIdleConnections()
	// The second event would come after ten seconds: who reads the first before has not waited for the whole.
	got, err := server.Client().Get(server.URL + "/stream?chunks=2&pause=10000")
	if err != nil {
		t.Fatal(err)
	}
	defer got.Body.Close()
	if line, err := bufio.NewReader(got.Body).ReadString('\n'); err != nil || line != "data: 1\n" {
		t.Errorf("first line %q, %v", line, err)
	}
	if kind := got.Header.Get("Content-Type"); kind != "text/event-stream" {
		t.Errorf("content type %q", kind)
	}
}

func TestStreamEnds(t *testing.T) {
	if text := body(t, send(t, newFaveo(), "GET", "/stream?chunks=3&pause=0", "", "")); text != "data: 1\n\ndata: 2\n\ndata: 3\n\n" {
		t.Errorf("stream %q", text)
	}
}

func TestEchoUpgrades(t *testing.T) {
	server := httptest.NewServer(newFaveo())
	defer server.Close()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	// The key and its answer are the example of RFC 6455 section 1.3. The first bytes come with the request.
	_, _ = io.WriteString(conn, "GET /echo HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\nhel")
	answer := bufio.NewReader(conn)
	got, err := http.ReadResponse(answer, nil)
	if err != nil || got.StatusCode != http.StatusSwitchingProtocols ||
		got.Header.Get("Sec-WebSocket-Accept") != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
		t.Fatalf("answer %v, %v", got, err)
	}
	_, _ = io.WriteString(conn, "lo")
	echoed := make([]byte, 5)
	if _, err := io.ReadFull(answer, echoed); err != nil || string(echoed) != "hello" {
		t.Errorf("echo %q, %v", echoed, err)
	}
}

func TestEchoWithoutUpgradeIs426(t *testing.T) {
	if got := send(t, newFaveo(), "GET", "/echo", "", ""); got.StatusCode != http.StatusUpgradeRequired {
		t.Errorf("status %d", got.StatusCode)
	}
}

// endless is a body of zeros without end.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

func TestEndlessBodyIsRefused(t *testing.T) {
	r := httptest.NewRequest(http.MethodPost, "/", endless{})
	w := httptest.NewRecorder()
	newFaveo().ServeHTTP(w, r)
	if w.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("status %d, want 413", w.Code)
	}
}
