package gateway_test

import (
	"bufio"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience bounds one exchange of a raw client or a raw upstream. Nothing waits
// for it to pass but a test that fails.
const patience = 5 * time.Second

// rawPHP is an upstream that reads requests as the strictest reader would and
// keeps their exact bytes. It answers each with its request line, so that a
// client knows whose answer it holds; one with the parameter wait never.
type rawPHP struct {
	listener net.Listener
	serving  sync.WaitGroup
	waiting  chan struct{} // says that a request with wait has come

	mu       sync.Mutex
	received []string // whole requests, byte for byte
	broken   []string // what came of requests that broke off
	faults   []string // what the strict reader found wrong
}

func newRawPHP(t testing.TB) *rawPHP {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &rawPHP{listener: listener, waiting: make(chan struct{}, 1)}
	p.serving.Go(p.accept)
	t.Cleanup(func() {
		listener.Close()
		p.serving.Wait()
	})
	return p
}

func (p *rawPHP) accept() {
	for {
		conn, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.serving.Go(func() {
			defer conn.Close()
			// Connections that the gateway keeps open end with the gateway.
			p.serve(conn)
		})
	}
}

func (p *rawPHP) serve(conn net.Conn) {
	reader := bufio.NewReader(conn)
	for {
		m := strictReader{in: reader}
		err := m.request()
		p.mu.Lock()
		p.faults = append(p.faults, m.faults...)
		switch {
		case err == nil:
			p.received = append(p.received, m.raw.String())
		case m.raw.Len() > 0:
			p.broken = append(p.broken, m.raw.String())
		}
		p.mu.Unlock()
		if err != nil {
			return
		}
		if strings.Contains(m.line, "?wait") {
			p.waiting <- struct{}{}
			_, _ = reader.ReadByte() // Until the gateway gives up.
			return
		}
		body := `{"message":"User not found","line":` + strconv.Quote(m.line) + `}`
		if m.method == http.MethodHead {
			body = ""
		}
		fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	}
}

// since returns the whole requests after the first n, and how many there are.
func (p *rawPHP) since(n int) ([]string, int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.received[n:]), len(p.received)
}

// strictReader reads one request and records its bytes. Everything of which two
// web servers could make two things is a fault.
type strictReader struct {
	in     *bufio.Reader
	raw    strings.Builder
	faults []string

	line, method string
}

// The only forms of a line that pass without a fault.
var (
	strictLine   = regexp.MustCompile(`^[A-Z]+ /[!-~]* HTTP/1\.1$`)
	strictHeader = regexp.MustCompile(`^[A-Za-z0-9-]+: [\t -~\x80-\xff]*$`)
	strictChunk  = regexp.MustCompile(`^[0-9a-f]+$`)
)

// request returns an error when the connection ends before the request does.
func (m *strictReader) request() (err error) {
	if m.line, err = m.text(); err != nil {
		return err
	}
	m.method, _, _ = strings.Cut(m.line, " ")
	m.check(strictLine.MatchString(m.line), "request line %q", m.line)
	header := map[string]string{}
	for {
		line, err := m.text()
		if err != nil {
			return err
		}
		if line == "" {
			return m.body(header)
		}
		m.check(strictHeader.MatchString(line), "header line %q", line)
		name, value, _ := strings.Cut(line, ": ")
		name = strings.ToLower(name)
		_, twice := header[name]
		m.check(!twice || !singleton(name), "header %s twice", name)
		header[name] = value
	}
}

// singleton names the headers of which PHP takes one, whichever that is.
func singleton(name string) bool {
	switch name {
	case "host", "authorization", "content-type", "content-length", "transfer-encoding", "x-request-id":
		return true
	}
	return strings.HasPrefix(name, "x-forwarded-")
}

func (m *strictReader) body(header map[string]string) error {
	_, hosted := header["host"]
	m.check(hosted, "no host")
	length, sized := header["content-length"]
	coding, coded := header["transfer-encoding"]
	m.check(!sized || !coded, "both framings")
	if coded {
		m.check(coding == "chunked", "transfer coding %q", coding)
		return m.chunks()
	}
	if !sized {
		return nil
	}
	n, err := strconv.ParseUint(length, 10, 31)
	m.check(err == nil, "length %q", length)
	return m.bytes(int64(n))
}

func (m *strictReader) chunks() error {
	for {
		size, err := m.text()
		if err != nil {
			return err
		}
		n, err := strconv.ParseUint(size, 16, 31)
		m.check(err == nil && strictChunk.MatchString(size), "chunk size %q", size)
		if err := m.bytes(int64(n)); err != nil {
			return err
		}
		end, err := m.text()
		if err != nil {
			return err
		}
		m.check(end == "", "chunk or trailer ends with %q", end)
		if n == 0 {
			return nil
		}
	}
}

// text reads a line that must end with CRLF.
func (m *strictReader) text() (string, error) {
	line, err := m.in.ReadString('\n')
	m.raw.WriteString(line)
	if err != nil {
		return "", err
	}
	text, ok := strings.CutSuffix(line, "\r\n")
	m.check(ok && !strings.ContainsAny(text, "\r\x00"), "line end of %q", line)
	return text, nil
}

func (m *strictReader) bytes(n int64) error {
	_, err := io.CopyN(&m.raw, m.in, n)
	return err
}

func (m *strictReader) check(ok bool, format string, values ...any) {
	if !ok {
		m.faults = append(m.faults, fmt.Sprintf(format, values...))
	}
}

// arena is a gateway between a raw client and a raw PHP.
type arena struct {
	*world
	php *rawPHP
	// tokens are put in place of {name} in what the client sends; none of them may
	// ever reach PHP.
	tokens map[string]string
	base   string // the base path
	asked  int    // honest questions so far
}

// measured stands for the length of the body, which is known only when the tokens
// are in their places.
const measured = "Content-Length: {measured}\r\n"

// clientKey is an API key as clients send it; it may not reach PHP either.
const clientKey = "KEY-OF-THE-CLIENT"

func newArena(t testing.TB, over settings) *arena {
	t.Helper()
	stores, _ := onMariaDB(t)
	a := &arena{world: &world{t: t, log: &safeBuffer{}}, php: newRawPHP(t)}
	a.run(settings{"faveo.urls": "http://" + a.php.listener.Addr().String()}, stores, over)
	t.Cleanup(a.finish)
	a.base = over["server.base_path"]
	a.tokens = map[string]string{
		"admin": a.loginBelow(a.base, "demo_admin", "AdminPass1!"),
		"alice": a.loginBelow(a.base, "alice", "AlicePass1!"),
	}
	return a
}

// loginBelow is login for a base path.
func (a *arena) loginBelow(base, username, password string) string {
	a.t.Helper()
	got := a.send(http.MethodPost, base+"/api/v1/authenticate", "username="+username+"&password="+password, "Content-Type: application/x-www-form-urlencoded")
	var success struct{ Token string }
	if err := json.Unmarshal([]byte(got.body), &success); err != nil || success.Token == "" {
		a.t.Fatalf("login %s: %d %s", username, got.status, got.body)
	}
	return success.Token
}

// finish checks what holds for everything that PHP ever got.
func (a *arena) finish() {
	a.php.mu.Lock()
	defer a.php.mu.Unlock()
	for _, fault := range a.php.faults {
		a.t.Errorf("PHP could read a request in two ways: %s", fault)
	}
	all := strings.Join(a.php.received, "") + strings.Join(a.php.broken, "")
	for name, token := range a.tokens {
		if strings.Contains(all, token) || strings.Contains(all, strings.Split(token, ".")[2]) {
			a.t.Errorf("PHP got the client's token of %s", name)
		}
	}
	if strings.Contains(all, clientKey) {
		a.t.Error("PHP got the client's API key")
	}
}

// What becomes of the connection after an attack.
const (
	// kept: the next request gets its own answer.
	kept = "kept"
	// closed: there is no next request.
	closed = "closed"
)

// exchange is what a raw client saw.
type exchange struct {
	answer
	after string   // kept, closed, or how the two sides lost each other
	php   []string // the requests that PHP got, without the honest one
}

// attack sends raw as it is and reads one answer, status 0 for none. Then it asks
// an honest question on the same connection. A cut one ends its sending side
// instead: what it sent is a part of a message.
func (a *arena) attack(raw string, cut bool) exchange {
	a.t.Helper()
	_, before := a.php.since(0)
	conn, reader := a.dial(raw)
	defer conn.Close()
	if cut {
		conn.(*net.TCPConn).CloseWrite()
	}
	method, _, _ := strings.Cut(raw, " ")
	var (
		got = exchange{after: closed}
		err error
	)
	got.answer, err = readAnswer(reader, method)
	if err == nil && !cut {
		got.after = a.ask(conn, reader)
	}
	if isTimeout(err) {
		a.t.Fatalf("%q: no answer", raw)
	}
	all, _ := a.php.since(before)
	got.php = slices.DeleteFunc(all, func(raw string) bool { return strings.Contains(raw, "?honest=") })
	return got
}

// filled puts the tokens in their places, and then the length of the body.
func (a *arena) filled(raw string) string {
	for name, token := range a.tokens {
		raw = strings.ReplaceAll(raw, "{"+name+"}", token)
	}
	_, body, _ := strings.Cut(raw, "\r\n\r\n")
	return strings.Replace(raw, measured, fmt.Sprintf("Content-Length: %d\r\n", len(body)), 1)
}

// dial opens a connection and sends raw on it.
func (a *arena) dial(raw string) (net.Conn, *bufio.Reader) {
	a.t.Helper()
	raw = a.filled(raw)
	conn, err := net.Dial("tcp", a.gateway.Address())
	if err != nil {
		a.t.Fatal(err)
	}
	conn.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(conn, raw); err != nil {
		a.t.Fatalf("send %q: %v", raw, err)
	}
	return conn, bufio.NewReader(conn)
}

// ask puts an honest question and tells what became of it.
func (a *arena) ask(conn net.Conn, reader *bufio.Reader) string {
	a.t.Helper()
	a.asked++
	line := fmt.Sprintf("GET %s/page?honest=%d HTTP/1.1", a.base, a.asked)
	io.WriteString(conn, line+"\r\nHost: faveo.test\r\nConnection: close\r\n\r\n")
	got, err := readAnswer(reader, http.MethodGet)
	switch {
	case isTimeout(err):
		return "lost: no answer to the honest request"
	case err != nil:
		return closed
	case got.status != http.StatusOK || !strings.Contains(got.body, strconv.Quote(line)):
		return fmt.Sprintf("lost: the honest request got %d %s", got.status, got.body)
	}
	if rest, err := io.ReadAll(reader); len(rest) > 0 || isTimeout(err) {
		return fmt.Sprintf("lost: after the answer of the honest request came %q, %v", rest, err)
	}
	return kept
}

// readAnswer reads one final answer.
func readAnswer(reader *bufio.Reader, method string) (answer, error) {
	for {
		response, err := http.ReadResponse(reader, &http.Request{Method: method})
		if err != nil {
			return answer{}, err
		}
		body, err := io.ReadAll(response.Body)
		if response.StatusCode >= http.StatusOK || err != nil {
			return answer{response.StatusCode, response.Header, string(body)}, err
		}
	}
}

func isTimeout(err error) bool {
	var timeout net.Error
	return err != nil && errors.As(err, &timeout) && timeout.Timeout()
}

// settled replaces what differs from run to run: a bridge token that PHP accepts
// by the name of its user, a request id and a boundary of the gateway's.
func settled(raw string) string {
	raw = authorizationLine.ReplaceAllStringFunc(raw, func(line string) string {
		token := strings.TrimPrefix(line, "Authorization: Bearer ")
		if sub, ok := bridgeSubject(token); ok {
			return "Authorization: <bridge of " + sub + ">"
		}
		return line
	})
	raw = requestIDLine.ReplaceAllString(raw, "X-Request-Id: <minted>")
	return ownBoundary.ReplaceAllString(raw, "faveo-gateway-XXXXXXXXXXXXXXXXXXXXXXXXXX")
}

var (
	authorizationLine = regexp.MustCompile(`Authorization: Bearer [A-Za-z0-9_.-]+`)
	requestIDLine     = regexp.MustCompile(`X-Request-Id: [A-Z2-7]{26}`)
	ownBoundary       = regexp.MustCompile(`faveo-gateway-[A-Z2-7]{26}`)
)

// bridgeSubject verifies a token as PHP would and returns whose it is.
func bridgeSubject(token string) (string, bool) {
	dot := strings.LastIndexByte(token, '.')
	if dot < 0 {
		return "", false
	}
	signed, signature := token[:dot], token[dot+1:]
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(signed))
	if base64.RawURLEncoding.EncodeToString(mac.Sum(nil)) != signature {
		return "", false
	}
	_, payload, _ := strings.Cut(signed, ".")
	text, err := base64.RawURLEncoding.DecodeString(payload)
	var claims struct{ Sub string }
	return claims.Sub, err == nil && json.Unmarshal(text, &claims) == nil && claims.Sub != ""
}

// toPHP is what PHP must receive, in the form of settled: the target line, the
// given headers, those of the gateway, and a body of known length. A body after
// the header "Transfer-Encoding: chunked" is written as it is.
func toPHP(line, body string, headers ...string) string {
	headers = append(slices.Clone(headers), "X-Forwarded-For: 127.0.0.1", "X-Forwarded-Host: faveo.test",
		"X-Forwarded-Proto: http", "X-Request-Id: <minted>")
	slices.Sort(headers)
	first, framed := "", false
	headers = slices.DeleteFunc(headers, func(h string) bool {
		front := strings.HasPrefix(h, "User-Agent: ") || strings.HasPrefix(h, "Transfer-Encoding: ")
		if front {
			first += h + "\r\n"
			framed = framed || h[0] == 'T'
		}
		return front
	})
	method, _, _ := strings.Cut(line, " ")
	if !framed && (body != "" || method == "POST" || method == "PUT" || method == "PATCH") {
		first += fmt.Sprintf("Content-Length: %d\r\n", len(body))
	}
	return line + " HTTP/1.1\r\nHost: faveo.test\r\n" + first + strings.Join(headers, "\r\n") + "\r\n\r\n" + body
}

// asAdmin is the header by which PHP knows the administrator.
const asAdmin = "Authorization: <bridge of 1>"

// refusals reads how many requests were refused as ambiguous, by reason.
func (w *world) refusals() map[string]int {
	w.t.Helper()
	counts := map[string]int{}
	for _, match := range ambiguousCount.FindAllStringSubmatch(w.metrics(), -1) {
		counts[match[1]], _ = strconv.Atoi(match[2])
	}
	if len(counts) == 0 {
		w.t.Fatal("no metric of ambiguous requests")
	}
	return counts
}

var ambiguousCount = regexp.MustCompile(`(?m)^faveo_gateway_ambiguous_requests_total\{reason="([a-z_]+)"\} (\d+)$`)

// refusedFor names the reasons that were counted between two readings.
func refusedFor(before, after map[string]int) string {
	var reasons []string
	for reason, n := range after {
		for range n - before[reason] {
			reasons = append(reasons, reason)
		}
	}
	slices.Sort(reasons)
	return strings.Join(reasons, " ")
}
