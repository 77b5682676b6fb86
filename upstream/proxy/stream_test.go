package proxy_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"faveo-gateway/upstream/proxy"
)

// TestAnswerIsStreamed reads the first part of an answer while the upstream
// waits for the test before it sends the second.
func TestAnswerIsStreamed(t *testing.T) {
	heads := map[string]string{
		"events":                       "Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n",
		"chunks":                       "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n",
		"chunks, first byte looked at": "Content-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n",
	}
	for name, head := range heads {
		t.Run(name, func(t *testing.T) {
			seen := make(chan struct{})
			upstream := newPHP(t, func(conn net.Conn, _ *bufio.Reader, _ *http.Request) bool {
				_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\n"+head+"2\r\n{1\r\n")
				<-seen
				_, _ = io.WriteString(conn, "2\r\n2}\r\n0\r\n\r\n")
				return true
			})
			f := fronting(t, newProxy(t, options(upstream.url)), proxy.API)
			conn := f.dial(t)
			if _, err := io.WriteString(conn, "GET /api/v1/x HTTP/1.1\r\nHost: a.test\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
			res, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			first := make([]byte, 2)
			_, err = io.ReadFull(res.Body, first)
			close(seen)
			if err != nil || string(first) != "{1" {
				t.Fatalf("first part %q, %v", first, err)
			}
			if rest, err := io.ReadAll(res.Body); err != nil || string(rest) != "2}" {
				t.Errorf("rest %q, %v", rest, err)
			}
		})
	}
}

// TestUploadIsStreamed sends the second half of a body only after the upstream
// has read the first.
func TestUploadIsStreamed(t *testing.T) {
	half := make(chan string, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		first := make([]byte, 3)
		_, _ = io.ReadFull(r.Body, first)
		half <- string(first)
		_, _ = io.Copy(w, r.Body)
	}))
	defer server.Close()
	base, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	f := fronting(t, newProxy(t, options(base)), proxy.Web)
	conn := f.dial(t)
	if _, err := io.WriteString(conn, "POST /upload HTTP/1.1\r\nHost: a.test\r\nContent-Length: 6\r\n\r\nabc"); err != nil {
		t.Fatal(err)
	}
	if got := <-half; got != "abc" {
		t.Fatalf("upstream read %q", got)
	}
	if _, err := io.WriteString(conn, "def"); err != nil {
		t.Fatal(err)
	}
	if answer, err := io.ReadAll(conn); err != nil || !strings.HasSuffix(string(answer), "\r\n\r\ndef") {
		t.Errorf("answer %q, %v", answer, err)
	}
}

// upgrade is what a client asks for.
func upgrade(method, protocol string) string {
	return method + " /socket HTTP/1.1\r\nHost: a.test\r\nConnection: keep-alive, Upgrade, HTTP2-Settings\r\nUpgrade: " + protocol +
		"\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
}

// echo switches protocols when it is asked to, and then repeats what it hears.
func echo(conn net.Conn, reader *bufio.Reader, r *http.Request) bool {
	protocol := r.Header.Get("Upgrade")
	if protocol == "" {
		_, _ = io.WriteString(conn, okAnswer)
		return false
	}
	_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nServer: nginx\r\nConnection: Upgrade\r\nUpgrade: "+protocol+"\r\n\r\n")
	_, _ = io.Copy(conn, reader)
	return false
}

// TestWebsocket switches protocols on the web UI and talks both ways.
func TestWebsocket(t *testing.T) {
	upstream := newPHP(t, echo)
	f := fronting(t, newProxy(t, options(upstream.url)), proxy.Web)
	conn := f.dial(t)
	if _, err := io.WriteString(conn, upgrade("GET", "WebSocket")+"\r\n"); err != nil {
		t.Fatal(err)
	}
	reader := bufio.NewReader(conn)
	res, err := http.ReadResponse(reader, nil)
	if err != nil || res.StatusCode != http.StatusSwitchingProtocols || res.Header.Get("Server") != "" {
		t.Fatalf("answer %v, %v", res, err)
	}
	if got := upstream.got(t); !hasLine(got, "Upgrade: websocket") || !hasLine(got, "Connection: Upgrade") ||
		!hasLine(got, "Sec-Websocket-Version: 13") || hasHeader(got, "Http2-Settings") || !hasLine(got, "X-Forwarded-For: 203.0.113.7") {
		t.Errorf("PHP received %q", got)
	}
	for _, message := range []string{"hello", "GET /api/v1/system-config HTTP/1.1\r\n\r\n"} {
		if _, err := io.WriteString(conn, message); err != nil {
			t.Fatal(err)
		}
		back := make([]byte, len(message))
		if _, err := io.ReadFull(reader, back); err != nil || string(back) != message {
			t.Fatalf("echo %q, %v", back, err)
		}
	}
	conn.Close()
	if err := f.result(t); err != nil {
		t.Errorf("error %v", err)
	}
}

// TestNoTunnel: every other switch of protocols is an ordinary request to PHP.
func TestNoTunnel(t *testing.T) {
	tests := []struct {
		name, raw string
		kind      proxy.Kind
	}{
		{"websocket on the API", upgrade("GET", "websocket") + "\r\n", proxy.API},
		{"h2c on the web UI", upgrade("GET", "h2c") + "\r\n", proxy.Web},
		{"websocket and h2c", upgrade("GET", "websocket, h2c") + "\r\n", proxy.Web},
		{"two upgrades", upgrade("GET", "h2c") + "Upgrade: websocket\r\n\r\n", proxy.Web},
		{"POST", upgrade("POST", "websocket") + "Content-Length: 0\r\n\r\n", proxy.Web},
		{"with a body", upgrade("GET", "websocket") + "Content-Length: 1\r\n\r\na", proxy.Web},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			upstream := newPHP(t, echo)
			f := fronting(t, newProxy(t, options(upstream.url)), tt.kind)
			if answer := f.send(t, tt.raw); !strings.HasPrefix(answer, "HTTP/1.1 200 ") {
				t.Errorf("answer %q", answer)
			}
			if got := upstream.got(t); hasHeader(got, "Upgrade") || hasHeader(got, "Connection") || hasHeader(got, "Http2-Settings") {
				t.Errorf("PHP received %q", got)
			}
		})
	}
}

// TestSwitchToAnotherProtocol: an upstream that switches to something else than
// was asked for is no answer.
func TestSwitchToAnotherProtocol(t *testing.T) {
	upstream := newPHP(t, saysAndCloses("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"))
	f := fronting(t, newProxy(t, options(upstream.url)), proxy.Web)
	if answer := f.send(t, upgrade("GET", "websocket")+"\r\n"); !strings.HasPrefix(answer, "HTTP/1.1 502 ") {
		t.Errorf("answer %q", answer)
	}
}

// TestWebsocketDeclined: the upstream streams an ordinary answer instead.
func TestWebsocketDeclined(t *testing.T) {
	upstream := newPHP(t, says("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n"))
	f := fronting(t, newProxy(t, options(upstream.url)), proxy.Web)
	if answer := f.send(t, upgrade("GET", "websocket")+"\r\n"); !strings.HasPrefix(answer, "HTTP/1.1 200 ") || !strings.Contains(answer, "a") {
		t.Errorf("answer %q", answer)
	}
	if err := f.result(t); err != nil {
		t.Errorf("error %v", err)
	}
}

// gone is a writer whose connection has gone when it is taken over.
type gone struct{ *httptest.ResponseRecorder }

func (gone) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	client, server := net.Pipe()
	client.Close()
	return server, bufio.NewReadWriter(bufio.NewReader(server), bufio.NewWriter(server)), nil
}

// TestClientGoneWhileSwitching: nothing can be rendered on a connection that
// was taken over, so there is no error to render.
func TestClientGoneWhileSwitching(t *testing.T) {
	upstream := newPHP(t, echo)
	p := newProxy(t, options(upstream.url))
	r := httptest.NewRequest(http.MethodGet, "http://a.test/socket", nil)
	r.Header = http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}}
	w := gone{httptest.NewRecorder()}
	if err := p.Forward(w, r, proxy.Passage{Kind: proxy.Web}); err != nil || w.Body.Len() > 0 {
		t.Errorf("error %v, body %q", err, w.Body)
	}
}
