package proxy

import (
	"bufio"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"strings"
)

// call is one request on its way. It is pooled together with the ReverseProxy
// that it configures: the hooks are bound once, and the fields below reverse
// are those of the request under way.
//
// Only the goroutine that runs Forward touches a call. What other goroutines
// of net/http may still hold when Forward has returned (the request's body, a
// hijacked connection) is never part of it.
type call struct {
	proxy   *Proxy
	reverse httputil.ReverseProxy

	w       http.ResponseWriter
	in      *http.Request
	passage Passage
	fleet   *fleet
	to      choice
	answers uint64      // that to had given when the request was sent to it
	tried   []*upstream // before to
	upload  *upload     // nil: no body
	tunnel  *hijacker   // nil: the client did not ask for a websocket
	answer  answer
	sent    bool  // Rewrite ran: what fails from here on is not the request's form
	status  int   // of the answer, 0 before
	err     error // why there is no answer, classified
}

func newCall(p *Proxy) *call {
	c := &call{proxy: p}
	c.reverse = httputil.ReverseProxy{
		Rewrite:        c.rewrite,
		Transport:      c,
		ModifyResponse: c.modify,
		ErrorHandler:   c.fail,
		BufferPool:     &p.buffers,
		// What it would log is an error that Forward returns or the panic shows.
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug),
	}
	return c
}

func (c *call) begin(w http.ResponseWriter, r *http.Request, p Passage, f *fleet) {
	c.w, c.in, c.passage, c.fleet = w, r, p, f
	if p.Kind == Web && p.Edit == nil && wantsWebsocket(r) {
		c.tunnel = &hijacker{ResponseWriter: w}
		c.w = c.tunnel
	}
}

func (c *call) run() error {
	to, ok := c.fleet.pick(nil, c.repeatable())
	if !ok {
		return errNoneLeft
	}
	if len(c.fleet.upstreams) > 1 {
		c.proxy.budget.earn(c.fleet.config.Retries.BudgetPercent)
	}
	c.enter(to)
	c.reverse.ServeHTTP(c.w, c.in)
	if c.answer.err != nil {
		// ReverseProxy panics by itself only when the context says that a server
		// recovers; a context made anew must not turn half an answer into a whole one.
		panic(http.ErrAbortHandler)
	}
	return c.err
}

// enter begins an attempt with an upstream.
func (c *call) enter(to choice) {
	c.to = to
	to.inflight.Add(1)
	c.answers = to.answers.Load()
}

// leave ends it: counts the outcome and tells the upstream's standing.
func (c *call) leave() {
	if c.sent {
		c.to.metrics.count(c.proxy.metrics.code(c))
	}
	c.judge()
	c.proxy.leave(c.to.upstream)
}

// end gives the call back. It runs while a panic passes, too.
func (c *call) end() {
	if c.to.upstream != nil {
		c.leave()
	}
	c.reset()
	c.proxy.calls.Put(c)
}

// reset drops everything of the last request, so that the pool keeps nothing of
// it alive.
func (c *call) reset() {
	c.w, c.in, c.fleet, c.upload, c.tunnel = nil, nil, nil, nil, nil
	c.passage, c.to = Passage{}, choice{}
	clear(c.tried)
	c.tried = c.tried[:0]
	c.answer.reset(&c.proxy.buffers)
	c.sent, c.status, c.err = false, 0, nil
}

// rewrite makes the request that PHP gets. ReverseProxy has removed the
// hop-by-hop headers, and everything the client named in Connection, before it
// calls this, so nothing set here can be taken away again.
func (c *call) rewrite(pr *httputil.ProxyRequest) {
	out := pr.Out
	out.URL.Opaque = "" // "GET http:x" has one; RequestURI would prefer it to the path.
	pr.SetURL(c.to.url)
	out.URL.RawQuery = pr.In.URL.RawQuery
	out.Host = pr.In.Host
	out.Trailer, out.GetBody = nil, nil // GetBody would let the transport read past upload.
	if out.Body != nil {
		c.upload = &upload{ReadCloser: out.Body}
		out.Body = c.upload
	}
	c.fleet.filter.request(c.passage, pr.In.Header, out.Header)
	if c.tunnel != nil {
		out.Header["Connection"] = []string{"Upgrade"}
		out.Header["Upgrade"] = []string{"websocket"}
	}
	c.proxy.identify(pr.In, out.Header)
	c.sent = true
}

// RoundTrip implements http.RoundTripper for the ReverseProxy of this call.
//
// It goes back to the context of the request as it came: the trace that
// ReverseProxy adds exists to forward interim answers, and clears the headers
// that the gateway has set on the answer when it does.
func (c *call) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.WithContext(c.in.Context())
	res, err := c.attempt(r)
	for err != nil && c.elsewhere(err) {
		r = c.toward(r)
		res, err = c.attempt(r)
		c.proxy.metrics.retried(err)
	}
	return res, err
}

func (c *call) attempt(r *http.Request) (*http.Response, error) {
	start := c.proxy.now()
	res, err := c.to.transport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	c.to.metrics.observe(c.proxy.now().Sub(start))
	if c.to.report != nil && !goneBehind(res.StatusCode) {
		c.to.report(alive, nil) // The others need not wait for the end of a long answer.
		c.to.report = nil
	}
	return res, nil
}

var (
	errStatus = errors.New("upstream answered with no final status")
	// errIdentity is a token of the gateway's own that PHP does not accept: its
	// secret or its clock differs. The client, who has proved who it is, must not
	// read that as a refusal and log in again and again.
	errIdentity = errors.New("upstream refuses the gateway's own token")
)

// modify sees the answer before a byte of it is written.
func (c *call) modify(res *http.Response) error {
	cleanAnswer(c.passage.Kind, res.Header)
	c.status = res.StatusCode
	switch {
	case c.passage.Identified && res.StatusCode == http.StatusUnauthorized:
		return errIdentity
	case c.passage.Edit != nil && !editable(res):
		return errUneditable
	case res.StatusCode == http.StatusSwitchingProtocols:
		// The body is the connection and must stay what it is. ReverseProxy refuses a
		// switch that was not asked for.
		return nil
	case res.StatusCode < http.StatusOK:
		return errStatus // net/http panics when it is told to write 0 to 99.
	}
	c.answer.begin(res)
	if err := c.edit(res); err != nil {
		return err
	}
	return c.label(res)
}

// fail hears of every error before the answer, and of one after it: a
// connection that breaks between the switch of protocols and its announcement.
func (c *call) fail(_ http.ResponseWriter, _ *http.Request, err error) {
	if c.tunnel != nil && c.tunnel.taken {
		return
	}
	c.err = c.classify(err)
}

// wantsWebsocket reports whether r asks for the one protocol that may be
// switched to. A body would stand in the tunnel's way, and RFC 6455 section 4.1
// wants GET.
func wantsWebsocket(r *http.Request) bool {
	return r.Method == http.MethodGet && r.ContentLength == 0 &&
		strings.EqualFold(r.Header.Get("Upgrade"), "websocket") &&
		hasToken(r.Header["Connection"], "upgrade")
}

// hasToken reports whether a list header holds the token, in any case.
func hasToken(values []string, token string) bool {
	for _, v := range values {
		for item := range strings.SplitSeq(v, ",") {
			if strings.EqualFold(strings.Trim(item, " \t"), token) {
				return true
			}
		}
	}
	return false
}

// hijacker remembers that the connection was taken over, after which no error
// can be rendered any more.
type hijacker struct {
	http.ResponseWriter
	taken bool
}

// Hijack implements http.Hijacker.
func (h *hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffers, err := http.NewResponseController(h.ResponseWriter).Hijack()
	h.taken = err == nil
	return conn, buffers, err
}

// Unwrap lets http.ResponseController reach the writer below.
func (h *hijacker) Unwrap() http.ResponseWriter { return h.ResponseWriter }

var _ http.RoundTripper = (*call)(nil)
