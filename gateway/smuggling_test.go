package gateway_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// row is one attack and what must become of it: either PHP gets exactly these
// bytes, or nothing at all and the client this refusal.
type row struct {
	name, raw string
	// cut says that what the client sends is only a part of a message.
	cut bool
	// php is what PHP gets, see toPHP; "" is nothing.
	php string
	// status is 0 for no answer. code is the gateway's, "" for an answer of
	// net/http, which refuses what is no HTTP before any stage runs. reason is the
	// label of the metric.
	status       int
	code, reason string
	// broken says that the message breaks off or breaks its framing: the client may
	// be told so or be cut off, but neither succeed nor be served another request.
	broken bool
	// after is what becomes of the connection; "" is kept or closed, both are well.
	after string
}

// withstand puts the rows to the test, one after the other.
func (a *arena) withstand(t *testing.T, rows []row) {
	t.Helper()
	counted, begun := a.refusals(), a.refusals()
	var reasons []string
	for _, try := range rows {
		got := a.attack(try.raw, try.cut)
		for i := range got.php {
			got.php[i] = settled(got.php[i])
		}
		switch {
		case try.php == "" && len(got.php) > 0:
			t.Errorf("%s: PHP got\n%q\nand should get nothing", try.name, got.php)
		case try.php != "" && (len(got.php) != 1 || got.php[0] != try.php):
			t.Errorf("%s: PHP got\n%q, want\n%q", try.name, got.php, try.php)
		}
		if try.broken {
			if got.status != 0 && got.status != http.StatusBadRequest || got.after != closed {
				t.Errorf("%s: answer is %d %s and the connection %s, want 400 or none and an end", try.name, got.status, got.body, got.after)
			}
		} else if got.status != try.status || got.code() != try.code {
			t.Errorf("%s: answer is %d %s, want %d %s", try.name, got.status, got.body, try.status, try.code)
		}
		if try.php != "" && got.status == http.StatusOK && !strings.HasPrefix(try.php, "HEAD ") && !strings.Contains(got.body, got.ownLine()) {
			t.Errorf("%s: the answer is another request's: %s", try.name, got.body)
		}
		if got.after != try.after && (try.after != "" || strings.HasPrefix(got.after, "lost")) {
			t.Errorf("%s: the connection is %s; want it %s", try.name, got.after, try.after)
		}
		if try.reason == "" {
			continue // The sum is checked at the end.
		}
		reasons = append(reasons, try.reason)
		now := a.refusals()
		if reason := refusedFor(counted, now); reason != try.reason {
			t.Errorf("%s: counted as %q, want %q", try.name, reason, try.reason)
		}
		counted = now
	}
	slices.Sort(reasons)
	if all, want := refusedFor(begun, a.refusals()), strings.Join(reasons, " "); all != want {
		t.Errorf("all together are counted as %s, want %s", all, want)
	}
}

// code is the gateway's error code, "" for an answer that is not its own.
func (e exchange) code() string {
	var body struct {
		Error string `json:"error"`
	}
	if json.Unmarshal([]byte(e.body), &body) != nil {
		return ""
	}
	return body.Error
}

// ownLine is how PHP's answer names the request that it answers.
func (e exchange) ownLine() string {
	line, _, _ := strings.Cut(e.php[0], "\r\n")
	return fmt.Sprintf("%q", line)
}

// What the attacks are made of.
const (
	register = "/api/v1/helpdesk/register" // staff, by POST, names no object
	priority = "/api/v1/helpdesk/priority" // everybody, by GET, names no object

	host    = "Host: faveo.test\r\n"
	admin   = "Authorization: Bearer {admin}\r\n"
	formed  = "Content-Type: application/x-www-form-urlencoded\r\n"
	json7   = "Content-Type: application/json\r\n"
	plain   = "Content-Type: text/plain\r\n"
	chunked = "Transfer-Encoding: chunked\r\n"
	crlf    = "\r\n"

	// hidden is the request that an attacker wants to reach PHP unseen.
	hidden = "GET /api/v1/system-config HTTP/1.1\r\nHost: faveo.test\r\n\r\n"
)

// post is a POST by the administrator, up to and with the blank line.
func post(headers string) string {
	return "POST " + register + " HTTP/1.1\r\n" + host + admin + headers + crlf
}

// length is a Content-Length for a text.
func length(text string) string { return fmt.Sprintf("Content-Length: %d\r\n", len(text)) }

// inChunks is a text as one chunk and the end.
func inChunks(text string) string { return fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(text), text) }

// Where PHP gets the form a=1, and the text hello as it streamed.
var (
	formAtPHP   = toPHP("POST "+register, "a=1", asAdmin, "Content-Type: application/x-www-form-urlencoded")
	emptyAtPHP  = toPHP("POST "+register, "", asAdmin)
	textAtPHP   = toPHP("POST "+register, "hello", asAdmin, "Content-Type: text/plain")
	streamAtPHP = toPHP("POST "+register, "5\r\nhello\r\n0\r\n\r\n", asAdmin, "Content-Type: text/plain", "Transfer-Encoding: chunked")
)

// TestRequestSmuggling sends messages of whose length two readers have two ideas.
// A request hidden in one must reach PHP as a body or not at all, and the client's
// next request must get its own answer or find the connection closed.
func TestRequestSmuggling(t *testing.T) {
	inOrder(t)
	a := newArena(t, nil)
	const (
		refused     = http.StatusBadRequest
		unsupported = http.StatusNotImplemented
	)
	t.Run("two framings", func(t *testing.T) {
		// RFC 9112 6.3: the coding overrides the length, and 6.1: the connection must
		// not be used again.
		a.withstand(t, []row{
			{name: "CL.TE", raw: post(formed+"Content-Length: 100\r\n"+chunked) + inChunks("a=1"), php: formAtPHP, status: 200, after: closed},
			{name: "CL.TE with a request behind", raw: post(formed+length(inChunks("a=1")+hidden)+chunked) + inChunks("a=1") + hidden, php: formAtPHP, status: 200, after: closed},
			{name: "TE.CL", raw: post(formed+chunked+"Content-Length: 4\r\n") + inChunks("a=1"), php: formAtPHP, status: 200, after: closed},
			{name: "TE.CL, opaque", raw: post(plain+chunked+"Content-Length: 4\r\n") + inChunks("hello"), php: streamAtPHP, status: 200, after: closed},
			{name: "TE and an impossible length", raw: post(formed+chunked+"Content-Length: x\r\n") + inChunks("a=1"), status: refused, after: closed},
			{name: "TE and two lengths", raw: post(formed+chunked+"Content-Length: 1\r\nContent-Length: 2\r\n") + inChunks("a=1"), status: refused, after: closed},
		})
	})
	t.Run("transfer codings", func(t *testing.T) {
		var rows []row
		for _, coding := range []string{
			"Transfer-Encoding: chunked, chunked", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
			"Transfer-Encoding: identity", "Transfer-Encoding: identity, chunked", "Transfer-Encoding: xchunked", "Transfer-Encoding: gzip, chunked",
			"Transfer-Encoding: chunked;q=1", "Transfer-Encoding: \"chunked\"", "Transfer-Encoding:", "Transfer-Encoding: chunked,", "Transfer-Encoding: ,chunked",
			"Transfer-Encoding: x\r\n chunked", "Transfer-Encoding: chun\r\n ked", "transfer-encoding: cow",
		} {
			rows = append(rows, row{name: coding, raw: post(formed+"Content-Length: 3\r\n"+coding+crlf) + "a=1", status: unsupported, after: closed})
		}
		for _, coding := range []string{
			"Transfer-Encoding : chunked", "Transfer-Encoding\t: chunked", " Transfer-Encoding: chunked\r\nX: 1", "Transfer-Encoding: \x0bchunked", "Transfer-Encoding: chunked\x00",
			"Transfer-Encoding: chunked\rX: 1", "Transfer\x00Encoding: chunked", "Transfer-Encoding\r\n: chunked", "Transfer-Encoding",
		} {
			rows = append(rows, row{name: coding, raw: "POST " + register + " HTTP/1.1\r\n" + coding + crlf + host + admin + formed + "Content-Length: 3\r\n\r\na=1", status: refused, after: closed})
		}
		for _, coding := range []string{"transfer-encoding: chunked", "Transfer-Encoding: CHUNKED", "Transfer-Encoding:chunked", "Transfer-Encoding: \t chunked \t", "Transfer-Encoding:\r\n chunked"} {
			rows = append(rows, row{name: coding, raw: post(formed+coding+crlf) + inChunks("a=1"), php: formAtPHP, status: 200})
		}
		for _, coding := range []string{"Transfer_Encoding: chunked", "Transfer.Encoding: chunked", "TRANSFER_ENCODING: chunked", "Content_Length: 100", "Content.Length: 0"} {
			rows = append(rows, row{name: coding, raw: post(formed+"Content-Length: 3\r\n"+coding+crlf) + "a=1", status: refused, code: "ambiguous_request", reason: "header_spelling", after: kept})
		}
		a.withstand(t, rows)
	})
	t.Run("lengths", func(t *testing.T) {
		var rows []row
		for _, lengths := range []string{
			"Content-Length: 3\r\nContent-Length: 4", "Content-Length: 4\r\nContent-Length: 3", "Content-Length: 3, 3", "Content-Length: 3,4", "Content-Length: +3", "Content-Length: -3",
			"Content-Length: 0x3", "Content-Length: 3e0", "Content-Length: 3.0", "Content-Length: three", "Content-Length: 99999999999999999999", "Content-Length: 18446744073709551619",
			"Content-Length: 3\r\n 0", "Content-Length: 3 0", "Content-Length:", "Content-Length: 3\r\nContent-Length:", "Content-Length: 3\x00", "Content-Length : 3", "Content-Length: \xb3",
		} {
			rows = append(rows, row{name: lengths, raw: post(formed+lengths+crlf) + "a=1", status: refused, after: closed})
		}
		for _, lengths := range []string{"Content-Length: 3\r\nContent-Length: 3", "Content-Length: 0003", "content-length:3", "Content-Length:\r\n 3", "Content-Length: \t3 "} {
			rows = append(rows, row{name: lengths, raw: post(formed+lengths+crlf) + "a=1", php: formAtPHP, status: 200, after: kept})
		}
		a.withstand(t, append(rows,
			row{name: "longer than the body", raw: post(formed+"Content-Length: 30\r\n") + "a=1", cut: true, broken: true},
			row{name: "longer than an opaque body", raw: post(plain+"Content-Length: 30\r\n") + "a=1", cut: true, broken: true},
			row{name: "a body of a GET", raw: "GET " + priority + " HTTP/1.1\r\n" + host + admin + length(hidden) + crlf + hidden, php: toPHP("GET "+priority, hidden, asAdmin), status: 200, after: kept},
		))
	})
	t.Run("chunks", func(t *testing.T) {
		var rows []row
		for _, body := range []string{
			"3;ext\r\na=1\r\n0\r\n\r\n", "3;a=b;c=\"d\"\r\na=1\r\n0;x\r\n\r\n", "003\r\na=1\r\n000\r\n\r\n", "1\r\na\r\n2\r\n=1\r\n0\r\n\r\n", "3 \r\na=1\r\n0\r\n\r\n", "3;\r\na=1\r\n0\r\n\r\n",
			"3\r\na=1\r\n0\r\nX: trailer\r\n\r\n", "3\r\na=1\r\n0\r\nContent-Length: 9\r\nTransfer-Encoding: identity\r\nAuthorization: Bearer {alice}\r\n\r\n",
		} {
			rows = append(rows, row{name: body, raw: post(formed+chunked) + body, php: formAtPHP, status: 200})
		}
		for _, body := range []string{
			"+3\r\na=1\r\n0\r\n\r\n", "-3\r\na=1\r\n0\r\n\r\n", "0x3\r\na=1\r\n0\r\n\r\n", " 3\r\na=1\r\n0\r\n\r\n", "3_0\r\na=1\r\n0\r\n\r\n", "\r\na=1\r\n0\r\n\r\n", "g\r\na=1\r\n0\r\n\r\n",
			"10000000000000003\r\na=1\r\n0\r\n\r\n", "3\na=1\r\n0\r\n\r\n", "3\r\na=1\n0\r\n\r\n", "3\r\na=1X\r\n0\r\n\r\n", "3\r\na=10\r\n\r\n", "3\r\r\na=1\r\n0\r\n\r\n", "3;a\nb\r\na=1\r\n0\r\n\r\n",
			"3\r\na=1\r\n0\n\r\n", "3;" + strings.Repeat("x", 5000) + "\r\na=1\r\n0\r\n\r\n",
		} {
			rows = append(rows,
				row{name: fmt.Sprintf("form %.20q", body), raw: post(formed+chunked) + body, broken: true},
				row{name: fmt.Sprintf("opaque %.20q", body), raw: post(plain+chunked) + body, broken: true},
			)
		}
		a.withstand(t, append(rows,
			row{name: "without an end", raw: post(formed+chunked) + "3\r\na=1\r\n", cut: true, broken: true},
			row{name: "opaque, without an end", raw: post(plain+chunked) + "3\r\na=1\r\n", cut: true, broken: true},
			row{name: "opaque", raw: post(plain+chunked) + "2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n\r\n", php: streamAtPHP, status: 200},
			row{
				name: "opaque, with trailers", raw: post(plain+chunked+"Trailer: X-Forwarded-For, Authorization\r\n") + "5\r\nhello\r\n0\r\nX-Forwarded-For: 6.6.6.6\r\nAuthorization: Bearer {alice}\r\n\r\n",
				php: streamAtPHP, status: 200,
			},
			row{name: "framing as trailers", raw: post(plain+chunked+"Trailer: Content-Length\r\n") + "5\r\nhello\r\n0\r\nContent-Length: 0\r\n\r\n", status: refused, after: closed},
		))
	})
	t.Run("versions", func(t *testing.T) {
		old := func(headers string) string {
			return "POST " + register + " HTTP/1.0\r\n" + host + admin + formed + headers + crlf
		}
		a.withstand(t, []row{
			{name: "HTTP/1.0 keep-alive", raw: old("Connection: keep-alive\r\nContent-Length: 3\r\n") + "a=1", php: formAtPHP, status: 200},
			{name: "HTTP/1.0", raw: old("Content-Length: 3\r\n") + "a=1", php: formAtPHP, status: 200, after: closed},
			// RFC 9112 6.1: HTTP/1.0 has no coding, so the framing is faulty, and the
			// connection must not be used again whatever is made of the message.
			{name: "HTTP/1.0 with chunks", raw: old("Connection: keep-alive\r\n"+chunked) + inChunks("a=1"), php: emptyAtPHP, status: 200, after: closed},
			{name: "HTTP/1.0 with a request behind", raw: old("Connection: keep-alive\r\n"+chunked) + hidden, php: emptyAtPHP, status: 200, after: closed},
			{name: "HTTP/1.0 with both framings", raw: old("Connection: keep-alive\r\nContent-Length: 3\r\n"+chunked) + "a=1", php: formAtPHP, status: 200, after: closed},
			{name: "HTTP/0.9", raw: "GET " + priority + "\r\n", cut: true, status: refused, after: closed},
			{name: "HTTP/2.0", raw: "GET " + priority + " HTTP/2.0\r\n" + host + admin + crlf, status: 505, after: closed},
			{name: "HTTP/2 preface", raw: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", status: refused, code: "ambiguous_request", reason: "target_form", after: closed},
			{name: "http/1.1", raw: "GET " + priority + " http/1.1\r\n" + host + admin + crlf, status: refused, after: closed},
			{name: "HTTP/1.1x", raw: "GET " + priority + " HTTP/1.1x\r\n" + host + admin + crlf, status: refused, after: closed},
			{name: "HTTP/01.1", raw: "GET " + priority + " HTTP/01.1\r\n" + host + admin + crlf, status: refused, after: closed},
		})
	})
	t.Run("lines", func(t *testing.T) {
		get := "GET " + priority + " HTTP/1.1\r\n" + host + admin
		atPHP := toPHP("GET "+priority, "", asAdmin)
		a.withstand(t, []row{
			{name: "bare LF", raw: strings.ReplaceAll(post(formed+"Content-Length: 3\r\n"), "\r\n", "\n") + "a=1", php: formAtPHP, status: 200, after: kept},
			{name: "one bare LF", raw: strings.Replace(post(formed+"Content-Length: 3\r\n"), "\r\n", "\n", 1) + "a=1", php: formAtPHP, status: 200, after: kept},
			{name: "LF CR LF", raw: get + "X: 1\n\r\n", php: atPHP, status: 200, after: kept},
			{name: "bare CR", raw: get + "X: 1\rY: 2\r\n\r\n", status: refused, after: closed},
			{name: "CR CR LF", raw: get + "X: 1\r\r\n\r\n", status: refused, after: closed},
			{name: "NUL in a value", raw: get + "X: \x00\r\n\r\n", status: refused, after: closed},
			{name: "control in a value", raw: get + "X: \x01\r\n\r\n", status: refused, after: closed},
			{name: "empty name", raw: get + ": 1\r\n\r\n", status: refused, after: closed},
			{name: "blank in a name", raw: get + "X Y: 1\r\n\r\n", status: refused, after: closed},
			{name: "no colon", raw: get + "X\r\n\r\n", status: refused, after: closed},
			{name: "leading blank line", raw: crlf + get + crlf, status: refused, after: closed},
			{name: "obs-fold", raw: get + "User-Agent: a\r\n\tb\r\n\r\n", php: toPHP("GET "+priority, "", asAdmin, "User-Agent: a b"), status: 200, after: kept},
			{name: "obs-fold hides a header", raw: "GET " + priority + " HTTP/1.1\r\n" + host + "User-Agent: a\r\n Authorization: Bearer x\r\n" + admin + crlf, php: toPHP("GET "+priority, "", asAdmin, "User-Agent: a Authorization: Bearer x"), status: 200, after: kept},
			{name: "folded token", raw: "GET " + priority + " HTTP/1.1\r\n" + host + "Authorization: Bearer\r\n {admin}\r\n\r\n", php: atPHP, status: 200, after: kept},
			{name: "first header folded", raw: "GET " + priority + " HTTP/1.1\r\n X: 1\r\n" + host + admin + crlf, status: refused, after: closed},
			{name: "header too large", raw: get + "X: " + strings.Repeat("x", 64<<10) + crlf + crlf, status: 431, after: closed},
		})
	})
	t.Run("pipelines", func(t *testing.T) {
		a.withstand(t, []row{
			{name: "request in a form", raw: post(formed+length(hidden)) + hidden, status: refused, code: "ambiguous_request", reason: "parameter_name", after: kept},
			{name: "request in a text", raw: post(plain+length(hidden)) + hidden, php: toPHP("POST "+register, hidden, asAdmin, "Content-Type: text/plain"), status: 200, after: kept},
			{name: "request in chunks", raw: post(plain+chunked) + inChunks(hidden), php: strings.Replace(streamAtPHP, "5\r\nhello", fmt.Sprintf("%x\r\n%s", len(hidden), hidden), 1), status: 200},
			{name: "request in JSON", raw: post(json7+length(hidden)) + hidden, php: emptyAtPHP, status: 200, after: kept},
			{name: "refused with a body", raw: "POST " + register + " HTTP/1.1\r\n" + host + plain + length(hidden) + crlf + hidden, status: 401, code: "token_not_provided", after: kept},
			{name: "refused with chunks", raw: "POST /api//v1 HTTP/1.1\r\n" + host + chunked + crlf + inChunks(hidden), status: refused, code: "ambiguous_request", reason: "path_slashes"},
			{name: "refused with broken chunks", raw: "POST /api//v1 HTTP/1.1\r\n" + host + chunked + crlf + "x\r\n" + hidden, status: refused, code: "ambiguous_request", reason: "path_slashes", after: closed},
		})
	})
	t.Run("client stops sending", func(t *testing.T) { halfClosedClientIsNotLiedTo(t, a) })
	t.Run("several at once", func(t *testing.T) { pipelinedRequestsAreJudgedEach(t, a) })
	t.Run("expectations and switches", func(t *testing.T) {
		upgrade := func(protocol string) string {
			return "GET /page HTTP/1.1\r\n" + host + "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: " + protocol + "\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n"
		}
		a.withstand(t, []row{
			{name: "Expect", raw: post(formed+"Expect: 100-continue\r\nContent-Length: 3\r\n") + "a=1", php: formAtPHP, status: 200, after: kept},
			{name: "Expect, opaque", raw: post(plain+"Expect: 100-continue\r\nContent-Length: 5\r\n") + "hello", php: textAtPHP, status: 200, after: kept},
			{name: "Expect in capitals", raw: post(formed+"Expect: 100-CONTINUE\r\nContent-Length: 3\r\n") + "a=1", php: formAtPHP, status: 200, after: kept},
			{name: "Expect something else", raw: post(formed+"Expect: 200-ok\r\nContent-Length: 3\r\n") + "a=1", status: http.StatusExpectationFailed, after: closed},
			{name: "Expect of a refused request", raw: "POST " + register + "?a=1&a=2 HTTP/1.1\r\n" + host + "Expect: 100-continue\r\n" + length(hidden) + crlf + hidden, status: refused, code: "ambiguous_request", reason: "parameter_conflict", after: closed},
			{name: "h2c", raw: upgrade("h2c"), php: toPHP("GET /page", ""), status: 200, after: kept},
			{name: "h2c beside websocket", raw: upgrade("websocket, h2c"), php: toPHP("GET /page", ""), status: 200, after: kept},
			{name: "h2c on the API", raw: strings.Replace(upgrade("h2c"), "/page", priority+"?x=1", 1), status: 401, code: "token_not_provided", after: kept},
			{name: "websocket on the API", raw: strings.Replace(strings.Replace(upgrade("websocket"), "/page", priority, 1), host, host+admin, 1), php: toPHP("GET "+priority, "", asAdmin), status: 200, after: kept},
			{name: "websocket with a body", raw: strings.Replace(upgrade("websocket"), host, host+length(hidden), 1) + hidden, php: toPHP("GET /page", hidden), status: 200, after: kept},
		})
	})
	t.Run("targets", func(t *testing.T) {
		get := func(target string) string { return "GET " + target + " HTTP/1.1\r\n" + host + admin + crlf }
		ambiguous := func(name, raw, reason, after string) row {
			return row{name: name, raw: raw, status: refused, code: "ambiguous_request", reason: reason, after: after}
		}
		a.withstand(t, []row{
			ambiguous("absolute", get("http://faveo.test"+priority), "target_form", kept),
			ambiguous("absolute, another host", get("http://evil.test/api/v1/system-config"), "target_form", kept),
			ambiguous("absolute, another scheme", get("file:///etc/passwd"), "target_form", kept),
			ambiguous("scheme without an authority", get("http:"+priority), "target_form", kept),
			ambiguous("network path", get("//faveo.test"+priority), "path_alias", kept),
			ambiguous("asterisk", get("*"), "target_form", kept),
			ambiguous("fragment", get(priority+"#x"), "target_form", kept),
			ambiguous("fragment in the query", get(priority+"?a=1#x"), "target_form", kept),
			ambiguous("asterisk of OPTIONS", "OPTIONS * HTTP/1.1\r\n"+host+crlf, "target_form", kept),
			ambiguous("authority", get("faveo.test:80"), "target_form", kept),
			{name: "without a slash", raw: get(priority[1:]), status: refused, after: closed},
			{name: "empty", raw: get(""), status: refused, after: closed},
			{name: "blank in the target", raw: get(priority + " x"), status: refused, after: closed},
			{name: "tab in the target", raw: get(priority + "\tx"), status: refused, after: closed},
			{name: "two blanks", raw: get(" " + priority), status: refused, after: closed},
			ambiguous("CONNECT", "CONNECT faveo.test:80 HTTP/1.1\r\n"+host+crlf, "target_form", ""),
			ambiguous("CONNECT to a path", "CONNECT "+priority+" HTTP/1.1\r\n"+host+admin+crlf, "method", kept),
			ambiguous("TRACE", "TRACE "+priority+" HTTP/1.1\r\n"+host+admin+crlf, "method", kept),
			ambiguous("TRACE of a page", "TRACE /page HTTP/1.1\r\n"+host+crlf, "method", kept),
			ambiguous("TRACK", "TRACK "+priority+" HTTP/1.1\r\n"+host+admin+crlf, "method", kept),
			ambiguous("lower case", "get "+priority+" HTTP/1.1\r\n"+host+admin+crlf, "method", kept),
			ambiguous("DEBUG of a page", "DEBUG /page HTTP/1.1\r\n"+host+crlf, "method", kept),
			{name: "no token method", raw: "G@T " + priority + " HTTP/1.1\r\n" + host + admin + crlf, status: refused, after: closed},
		})
	})
}

// TestHeaderSmuggling sends headers that would make PHP see another client, another
// method or another body than the gateway does.
func TestHeaderSmuggling(t *testing.T) {
	inOrder(t)
	a := newArena(t, nil)
	t.Run("named in Connection", func(t *testing.T) { headersNamedInConnection(t, a) })
	t.Run("forged", func(t *testing.T) { forgedIdentityHeaders(t, a) })
	t.Run("duplicated", func(t *testing.T) { duplicatedHeaders(t, a) })
}

// pipelinedRequestsAreJudgedEach sends three requests in one packet: a good
// one, one that only a gateway that lost count would pass, and a good one.
func pipelinedRequestsAreJudgedEach(t *testing.T, a *arena) {
	const last = "GET /page?last HTTP/1.1\r\nHost: faveo.test\r\nConnection: close\r\n\r\n"
	for name, first := range map[string]string{
		"form":                             post(formed+"Content-Length: 3\r\n") + "a=1",
		"text":                             post(plain+"Content-Length: 5\r\n") + "hello",
		"chunks":                           post(formed+chunked) + inChunks("a=1"),
		"chunked text":                     post(plain+chunked) + inChunks("hello"),
		"no body":                          "GET " + priority + " HTTP/1.1\r\n" + host + admin + crlf,
		"websocket that PHP does not want": "GET /page HTTP/1.1\r\n" + host + "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
	} {
		_, before := a.php.since(0)
		var statuses []int
		for _, got := range a.pipeline(first + hidden + last) {
			statuses = append(statuses, got.status)
		}
		got, _ := a.php.since(before)
		all := slices.Equal(statuses, []int{200, 403, 200}) && len(got) == 2 && strings.HasPrefix(got[1], "GET /page?last ")
		// After chunks the gateway may end the connection instead.
		one := slices.Equal(statuses, []int{200}) && len(got) == 1 && strings.Contains(first, chunked)
		if !all && !one {
			t.Errorf("%s: answers are %v, PHP got %q", name, statuses, got)
		}
	}
}

// halfClosedClientIsNotLiedTo ends the client's side while PHP works. The gateway
// gives up on PHP then; the client, who still listens, may not hear of a success.
func halfClosedClientIsNotLiedTo(t *testing.T, a *arena) {
	conn, reader := a.dial("GET " + priority + "?wait HTTP/1.1\r\n" + host + admin + crlf)
	defer conn.Close()
	select {
	case <-a.php.waiting:
	case <-time.After(patience):
		t.Fatal("PHP got nothing")
	}
	conn.(*net.TCPConn).CloseWrite()
	if got, err := readAnswer(reader, http.MethodGet); err == nil && got.status < 400 {
		t.Errorf("answer is %d %q", got.status, got.body)
	}
}

// pipeline sends raw at once and reads every answer to it.
func (a *arena) pipeline(raw string) (answers []answer) {
	a.t.Helper()
	conn, reader := a.dial(raw)
	defer conn.Close()
	for {
		got, err := readAnswer(reader, http.MethodGet)
		if err != nil {
			return answers
		}
		answers = append(answers, got)
	}
}

// headersNamedInConnection lists headers as hop-by-hop (RFC 9110 7.6.1): a
// client could so make vanish what the gateway says of it, or how PHP is to read
// the body that was judged.
func headersNamedInConnection(t *testing.T, a *arena) {
	pageAtPHP := toPHP("POST /page", "a=1", "Content-Type: application/x-www-form-urlencoded")
	var rows []row
	for _, name := range []string{
		"Authorization", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Request-Id", "Content-Type", "Content-Length", "Transfer-Encoding",
		"Cookie", "Host", "Connection", "keep-alive, Authorization", "AUTHORIZATION,x-forwarded-for\r\nConnection: content-type", "Upgrade, Content-Length", ",,Host,,",
		"Content-Type\r\n , Authorization", "*", "\"Authorization\"",
	} {
		named := formed + "Content-Length: 3\r\nConnection: " + name + crlf
		rows = append(rows,
			row{name: name, raw: post(named) + "a=1", php: formAtPHP, status: 200, after: kept},
			row{name: name + " on a page", raw: "POST /page HTTP/1.1\r\n" + host + named + crlf + "a=1", php: pageAtPHP, status: 200, after: kept},
		)
	}
	a.withstand(t, append(rows,
		row{name: "close among others", raw: post(formed+"Content-Length: 3\r\nConnection: Authorization, close, Content-Type\r\n") + "a=1", php: formAtPHP, status: 200, after: closed},
		row{name: "Keep-Alive and Proxy-Connection", raw: post(formed+"Content-Length: 3\r\nKeep-Alive: timeout=1\r\nProxy-Connection: close, Authorization\r\nTE: trailers, chunked\r\n") + "a=1", php: formAtPHP, status: 200, after: kept},
		row{name: "a cookie named on a page", raw: "GET /page HTTP/1.1\r\n" + host + "Cookie: laravel_session=a\r\nConnection: Cookie\r\n\r\n", php: toPHP("GET /page", ""), status: 200, after: kept},
	))
}

// spellings are the ways to write a name that PHP folds into one: it makes
// capitals of letters and "_" of everything that is neither letter nor digit.
func spellings(name string) []string {
	all := []string{name, strings.ToLower(name), strings.ToUpper(name)}
	if !strings.Contains(name, "-") {
		return all
	}
	for _, folded := range []string{"_", ".", "~", "!", "|"} {
		all = append(all, strings.ReplaceAll(name, "-", folded), strings.Replace(name, "-", folded, 1))
	}
	return append(all, strings.ToLower(strings.ReplaceAll(name, "-", "_")))
}

// forgedIdentityHeaders sends what only the gateway, or the web server before
// PHP, may say, in every spelling that PHP takes for it. PHP gets the request as if
// they had not been sent.
func forgedIdentityHeaders(t *testing.T, a *arena) {
	forged := []string{
		"X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Prefix", "X-Forwarded-Ssl", "X-Forwarded-Server", "X-Forwarded", "Forwarded", "Forwarded-For",
		"X-Real-IP", "Client-IP", "X-Client-IP", "X-Cluster-Client-IP", "True-Client-IP", "CF-Connecting-IP", "Fastly-Client-IP", "X-Remote-IP", "X-Remote-Addr", "Remote-Addr", "X-Original-Forwarded-For",
		"X-Original-URL", "X-Rewrite-URL", "X-Original-Host", "X-Host", "X-Request-Id", "Traceparent", "Tracestate", "Baggage",
		"X-API-Key", "X-Authorization", "Remote-User", "X-Remote-User", "Proxy", "Proxy-Authorization",
		// Symfony makes an Authorization of these (ServerBag::getHeaders).
		"Php-Auth-User", "Php-Auth-Pw", "Php-Auth-Digest",
		"X-Sendfile-Type", "X-Accel-Mapping", "X-PHP-Ob-Level", "Keep-Alive", "TE", "Trailer", "HTTP2-Settings", "Idempotency-Key", "X-Idempotency-Key",
	}
	// The gateway refuses these on the API instead: they would be another method,
	// or another body, than the one it judges.
	overriding := map[string]string{
		"X-HTTP-Method-Override": "method_override", "X-HTTP-Method": "method_override", "X-Method-Override": "method_override",
	}
	var (
		rows  []row
		page  = toPHP("GET /page", "")
		atPHP = toPHP("GET "+priority, "", asAdmin)
		value = ": " + clientKey
		web   = func(name string) string { return "GET /page HTTP/1.1\r\n" + host + name + value + crlf + crlf }
		api   = func(name string) string {
			return "GET " + priority + " HTTP/1.1\r\n" + host + admin + name + value + crlf + crlf
		}
		bothKinds = func(name, reason string) {
			rows = append(rows, row{name: name + " on a page", raw: web(name), php: page, status: 200, after: kept})
			if reason != "" {
				rows = append(rows, row{name: name, raw: api(name), status: 400, code: "ambiguous_request", reason: reason, after: kept})
				return
			}
			rows = append(rows, row{name: name, raw: api(name), php: atPHP, status: 200, after: kept})
		}
	)
	for _, header := range forged {
		for _, name := range spellings(header) {
			bothKinds(name, "")
		}
	}
	for header, reason := range overriding {
		for _, name := range spellings(header) {
			bothKinds(name, reason)
		}
	}
	for _, header := range []string{"Content_Type", "Content.Type", "Content_Length", "CONTENT_LENGTH", "Content.Encoding", "Transfer_Encoding"} {
		bothKinds(header, "header_spelling")
	}
	for _, header := range []string{"Http_Cookie", "Authorization_", "_Authorization", "X_Forwarded_For_", "Cookie_"} {
		bothKinds(header, "")
	}
	for _, header := range []string{"X-Forwarded-For ", "X-Forwarded-For\t", "X Forwarded For", "X-Forwarded-For\x00", "X-Forwarded-F\xf6r", "X-Forwarded-For(x)", "X-Forwarded-For[]", "X/Forwarded/For", "\"X-Forwarded-For\""} {
		rows = append(rows, row{name: header, raw: api(header), status: 400, after: closed}, row{name: header + " on a page", raw: web(header), status: 400, after: closed})
	}
	rows = append(rows,
		row{name: "Authorization on a page", raw: "GET /page HTTP/1.1\r\n" + host + admin + crlf, php: page, status: 200, after: kept},
		row{name: "a cookie on the API", raw: "GET " + priority + " HTTP/1.1\r\n" + host + admin + "Cookie: token={alice}; laravel_session=a\r\n\r\n", php: atPHP, status: 200, after: kept},
	)
	a.withstand(t, rows)
}

// duplicatedHeaders repeats headers that may stand once (RFC 9110 5.3): of two
// values nginx takes one, PHP the other, and a third joins them.
func duplicatedHeaders(t *testing.T, a *arena) {
	get := func(headers string) string { return "GET " + priority + " HTTP/1.1\r\n" + headers + crlf }
	ambiguous := func(name, raw, reason string) row {
		return row{name: name, raw: raw, status: 400, code: "ambiguous_request", reason: reason, after: kept}
	}
	jsonBody := `{"a":"1"}`
	a.withstand(t, []row{
		{name: "two hosts", raw: get(host + "Host: evil.test\r\n" + admin), status: 400, after: closed},
		{name: "two equal hosts", raw: get(host + host + admin), status: 400, after: closed},
		{name: "two hosts, other case", raw: get(host + "hOST: evil.test\r\n" + admin), status: 400, after: closed},
		{name: "no host", raw: get(admin), status: 400, after: closed},
		{name: "a list of hosts", raw: get("Host: faveo.test, evil.test\r\n" + admin), status: 400},
		{name: "a host with a user", raw: get("Host: faveo.test@evil.test\r\n" + admin), status: 400, after: closed},
		{name: "a host with a path", raw: get("Host: faveo.test/evil\r\n" + admin), status: 400},
		{name: "an empty host", raw: get("Host:\r\n" + admin), status: 400, code: "ambiguous_request", after: kept},
		{name: "a folded host", raw: get("Host_: evil.test\r\nX-Host: evil.test\r\n" + host + admin), php: toPHP("GET "+priority, "", asAdmin), status: 200, after: kept},

		ambiguous("two tokens in headers", get(host+admin+"Authorization: Bearer {alice}\r\n"), "authorization_header"),
		ambiguous("two equal tokens in headers", get(host+admin+admin), "authorization_header"),
		ambiguous("a token and an empty header", get(host+admin+"authorization:\r\n"), "authorization_header"),
		ambiguous("two tokens in one header", get(host+"Authorization: Bearer {alice}, Bearer {admin}\r\n"), "authorization_header"),
		ambiguous("a token behind another scheme", get(host+"Authorization: Basic YTpi Bearer {admin}\r\n"), "authorization_header"),
		ambiguous("a token in a word", get(host+"Authorization: xbearer{admin}\r\n"), "authorization_header"),
		ambiguous("a token behind a tab", get(host+"Authorization: Bearer\t{admin}\r\n"), "authorization_header"),
		ambiguous("header and query", "GET "+priority+"?token={alice} HTTP/1.1\r\n"+host+admin+crlf, "two_tokens"),
		{name: "header and an empty query", raw: "GET " + priority + "?token=&a=1 HTTP/1.1\r\n" + host + admin + crlf, php: toPHP("GET "+priority+"?a=1", "", asAdmin), status: 200, after: kept},
		{name: "another scheme", raw: get(host + "Authorization: Basic YTpi\r\n"), status: 401, code: "token_not_provided", after: kept},

		ambiguous("two types", post(formed+json7+length(jsonBody))+jsonBody, "content_type"),
		ambiguous("two equal types", post(json7+json7+length(jsonBody))+jsonBody, "content_type"),
		ambiguous("a list of types", post("Content-Type: application/json, application/x-www-form-urlencoded\r\n"+length(jsonBody))+jsonBody, "content_type"),
		ambiguous("types in other cases", post("content-type: text/plain\r\nCONTENT-TYPE: application/json\r\n"+length(jsonBody))+jsonBody, "content_type"),
		{name: "two types on a page", raw: "POST /page HTTP/1.1\r\n" + host + formed + json7 + length(jsonBody) + crlf + jsonBody, status: 400, code: "ambiguous_request", reason: "content_type", after: kept},
	})
}
