package gateway_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// rawHTTP2 is a client of HTTP/2 that sends header fields as they are.
type rawHTTP2 struct {
	t      *testing.T
	conn   *tls.Conn
	framer *http2.Framer
	text   bytes.Buffer
	fields *hpack.Encoder
	stream uint32 // the last one
	// settings are those that the gateway sent first.
	settings map[http2.SettingID]uint32
}

func (a *arena) dialHTTP2(t *testing.T) *rawHTTP2 {
	t.Helper()
	config := a.trust.Clone()
	config.NextProtos = []string{"h2"}
	conn, err := tls.Dial("tcp", a.gateway.Address(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	c := &rawHTTP2{t: t, conn: conn, framer: http2.NewFramer(conn, conn), settings: map[http2.SettingID]uint32{}}
	c.framer.AllowIllegalWrites = true
	c.framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	c.fields = hpack.NewEncoder(&c.text)
	io.WriteString(conn, http2.ClientPreface)
	c.framer.WriteSettings()
	return c
}

// field is a name and a value of a header, or of what HTTP/2 has in place of a line.
type field [2]string

// send opens a stream. A nil body ends it with its head.
func (c *rawHTTP2) send(body []byte, fields ...field) {
	c.t.Helper()
	c.text.Reset()
	for _, f := range fields {
		c.fields.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]})
	}
	if c.stream == 0 {
		c.stream = 1
	} else {
		c.stream += 2
	}
	c.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: c.stream, BlockFragment: c.text.Bytes(), EndHeaders: true, EndStream: body == nil})
	if body != nil {
		c.framer.WriteData(c.stream, true, body)
	}
}

// answer reads until the last stream has its answer: its status, or 0 where the stream or
// the connection is reset.
func (c *rawHTTP2) answer() (status int, body string) {
	c.t.Helper()
	for {
		frame, err := c.framer.ReadFrame()
		switch {
		case isTimeout(err):
			c.t.Fatal("no answer")
		case errors.Is(err, http2.ErrFrameTooLarge):
			c.t.Fatal(err)
		case err != nil:
			return 0, ""
		}
		switch f := frame.(type) {
		case *http2.SettingsFrame:
			f.ForeachSetting(func(s http2.Setting) error { c.settings[s.ID] = s.Val; return nil })
		case *http2.GoAwayFrame:
			return 0, ""
		case *http2.RSTStreamFrame:
			if f.StreamID == c.stream && status == 0 {
				return 0, ""
			}
		case *http2.MetaHeadersFrame:
			if f.StreamID == c.stream {
				status, _ = strconv.Atoi(f.PseudoValue("status"))
			}
			if f.StreamID == c.stream && f.StreamEnded() {
				return status, body
			}
		case *http2.DataFrame:
			if f.StreamID != c.stream {
				continue
			}
			body += string(f.Data())
			if f.StreamEnded() {
				return status, body
			}
		}
	}
}

// newSecureArena is an arena whose gateway speaks TLS.
func newSecureArena(t *testing.T) *arena {
	t.Helper()
	stores, _ := onMariaDB(t)
	secured, trust, _, _ := overTLS(t)
	a := &arena{world: &world{t: t, log: &safeBuffer{}, trust: trust}, php: newRawPHP(t)}
	a.run(settings{"faveo.urls": "http://" + a.php.listener.Addr().String()}, stores, secured)
	t.Cleanup(a.finish)
	a.tokens = map[string]string{"admin": a.loginBelow("", "demo_admin", "AdminPass1!")}
	return a
}

// TestHTTP2Smuggling sends what HTTP/2 can say and HTTP/1.1, which PHP gets, cannot, or
// says in another way. Either PHP gets exactly these bytes, or nothing.
func TestHTTP2Smuggling(t *testing.T) {
	a := newSecureArena(t)
	overTLS := func(raw string) string {
		return strings.Replace(raw, "X-Forwarded-Proto: http\r\n", "X-Forwarded-Proto: https\r\n", 1)
	}
	var (
		bearer = field{"authorization", "Bearer " + a.tokens["admin"]}
		typed  = field{"content-type", "application/x-www-form-urlencoded"}
		form   = []byte("a=1")
		get    = func(path string, more ...field) []field {
			return append([]field{{":method", "GET"}, {":scheme", "https"}, {":authority", "faveo.test"}, {":path", path}}, more...)
		}
		post = func(more ...field) []field {
			return append([]field{{":method", "POST"}, {":scheme", "https"}, {":authority", "faveo.test"}, {":path", register}, bearer, typed}, more...)
		}
		without = func(fields []field, name string) []field {
			return slices.DeleteFunc(fields, func(f field) bool { return f[0] == name })
		}
		instead = func(fields []field, name, value string) []field {
			for i := range fields {
				if fields[i][0] == name {
					fields[i][1] = value
				}
			}
			return fields
		}
		page = overTLS(toPHP("GET /page", ""))
	)
	const (
		reset = 0
		// refused is 400, or reset when net/http sees the body first.
		refused = -1
	)
	for _, try := range []struct {
		name   string
		fields []field
		body   []byte
		php    string
		status int
	}{
		{"a form", post(), form, overTLS(formAtPHP), 200},
		{"a form with its length", post(field{"content-length", "3"}), form, overTLS(formAtPHP), 200},
		{"a page", get("/page"), nil, page, 200},

		{"longer than its length", post(field{"content-length", "2"}), form, "", reset},
		{"shorter than its length", post(field{"content-length", "4"}), form, "", reset},
		{"two lengths", post(field{"content-length", "3"}, field{"content-length", "30"}), form, "", 400},
		{"a length that is none", post(field{"content-length", "x"}), form, "", refused},
		{"a length that is none, of a page", get("/page", field{"content-length", "+3"}), form, "", refused},
		{"a transfer coding", post(field{"transfer-encoding", "chunked"}), []byte(inChunks("a=1")), "", 400},
		{"a transfer coding of a page", get("/page", field{"transfer-encoding", "chunked"}), []byte(hidden), "", 400},
		{"a connection header", get("/page", field{"connection", "x-forwarded-for"}), nil, "", 400},
		{"an upgrade", get("/page", field{"upgrade", "websocket"}), nil, "", 400},
		{"a proxy's header", get("/page", field{"proxy-connection", "keep-alive"}), nil, "", 400},

		{"a scheme that is not ours", instead(get("/page"), ":scheme", "http"), nil, page, 200},
		{"no scheme", without(get("/page"), ":scheme"), nil, "", reset},
		{"a host beside the authority", get("/page", field{"host", "evil.test"}), nil, page, 200},
		{"a host in place of the authority", without(get("/page", field{"host", "faveo.test"}), ":authority"), nil, page, 200},
		{"no host at all", without(get("/page"), ":authority"), nil, "", 400},
		{"an authority with a user", instead(get("/page"), ":authority", "u:p@faveo.test"), nil, "", reset},
		{"an authority with a path", instead(get("/page"), ":authority", "faveo.test/x"), nil, "", 400},
		{"an authority with a blank", instead(get("/page"), ":authority", "faveo.test x"), nil, "", 400},

		{"a blank in the path", get("/page HTTP/1.1"), nil, strings.Replace(page, "/page", "/page%20HTTP/1.1", 1), 200},
		{"a blank in the path of the API", get(priority+" HTTP/1.1", bearer), nil, "", 400},
		{"a blank in the query", get("/page?x HTTP/1.1"), nil, "", 400},
		{"a blank in the query of the API", get(priority+"?x HTTP/1.1", bearer), nil, "", 400},
		{"a line break in the path", get("/page HTTP/1.1\r\nX: y"), nil, "", reset},
		{"a line break in a value", get("/page", field{"x-a", "b\r\nX-Forwarded-For: 192.0.2.1"}), nil, "", reset},
		{"a line feed in a value", get("/page", field{"x-a", "b\nX-B: c"}), nil, "", reset},
		{"a line break in a name", get("/page", field{"x-a: b\r\nx-b", "c"}), nil, "", reset},
		{"a colon in a name", get("/page", field{"x-forwarded-for: 192.0.2.1 x", "c"}), nil, "", reset},
		{"a name in upper case", get("/page", field{"X-A", "b"}), nil, "", reset},
		{"a path without a slash", get("page"), nil, "", reset},
		{"no path", get(""), nil, "", reset},
		{"a path of another site", get("http://evil.test/page"), nil, "", 400},
		{"a path twice", get("/page", field{":path", "/api/v1/system-config"}), nil, "", reset},
		{"a fragment", get("/page#x"), nil, "", 400},
		{"everything", instead(get("*"), ":method", "OPTIONS"), nil, "", 400},
		{"a method with a blank", instead(get("/page"), ":method", "GET /api/v1/system-config HTTP/1.1 x"), nil, "", 400},
		{"a tunnel", []field{{":method", "CONNECT"}, {":authority", "faveo.test:443"}}, nil, "", 400},
		{"a tunnel for a websocket", append(get("/page", field{":protocol", "websocket"})[1:], field{":method", "CONNECT"}), nil, "", reset},

		{"who the client is", get("/page", field{"x-forwarded-for", "192.0.2.1"}, field{"x-forwarded-proto", "http"}, field{"x-forwarded-host", "evil.test"}), nil, page, 200},
		{"cookies in pieces", get("/page", field{"cookie", "a=1"}, field{"cookie", "b=2"}), nil, overTLS(toPHP("GET /page", "", "Cookie: a=1; b=2")), 200},
	} {
		client := a.dialHTTP2(t)
		_, before := a.php.since(0)
		client.send(try.body, try.fields...)
		status, body := client.answer()
		if status != try.status && (try.status != refused || status != 400 && status != reset) {
			t.Errorf("%s: answer is %d %s, want %d", try.name, status, body, try.status)
		}
		got, _ := a.php.since(before)
		switch {
		case try.php == "" && len(got) > 0:
			t.Errorf("%s: PHP got %q and should get nothing", try.name, got)
		case try.php != "" && (len(got) != 1 || settled(got[0]) != try.php):
			t.Errorf("%s: PHP got\n%q, want\n%q", try.name, got, try.php)
		}
	}
}

// TestHTTP2Bounds holds a connection of HTTP/2 to the bounds of HTTP/1.1, and one of its
// own.
func TestHTTP2Bounds(t *testing.T) {
	a := newSecureArena(t)
	head := []field{{":method", "GET"}, {":scheme", "https"}, {":authority", "faveo.test"}, {":path", "/page"}}
	client := a.dialHTTP2(t)
	client.send(nil, head...)
	if status, _ := client.answer(); status != http.StatusOK {
		t.Fatalf("a page: %d", status)
	}
	if got := client.settings[http2.SettingMaxConcurrentStreams]; got != 100 {
		t.Errorf("%d streams may be open at once, want 100", got)
	}
	if got := client.settings[http2.SettingMaxHeaderListSize]; got < 32<<10 || got > 33<<10 {
		t.Errorf("headers may have %d bytes, want server.max_header_bytes and what HTTP/2 counts beside", got)
	}
	_, before := a.php.since(0)
	client.send(nil, append(head, field{"x-a", strings.Repeat("a", 12<<10)}, field{"x-b", strings.Repeat("b", 12<<10)}, field{"x-c", strings.Repeat("c", 12<<10)})...)
	if status, _ := client.answer(); status != http.StatusRequestHeaderFieldsTooLarge && status != 0 {
		t.Errorf("36 KiB of headers: %d", status)
	}
	if got, _ := a.php.since(before); len(got) > 0 {
		t.Errorf("36 KiB of headers reached PHP")
	}
}
