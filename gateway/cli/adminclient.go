package cli

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"time"

	"faveo-gateway/gateway/admin"
)

// The bounds of one question, longer than the gateway takes at most, so that its
// answer is heard. A change may walk through all sessions.
const (
	readTimeout    = 15 * time.Second
	changeTimeout  = 2 * time.Minute
	maxAdminAnswer = 64 << 20 // 10,000 sessions are some megabytes.
)

// adminClient asks the admin API. It goes straight to the address that it was
// given: a proxy of the environment or a redirect would carry the token elsewhere.
type adminClient struct {
	base   *url.URL
	token  string
	source string // where the token came from, for people
	http   *http.Client
}

// newAdminClient trusts a base with https as secure says.
func newAdminClient(base *url.URL, token, source string, secure *tls.Config) *adminClient {
	return &adminClient{
		base: base, token: token, source: source,
		http: &http.Client{
			Transport: &http.Transport{
				DisableKeepAlives: true, DisableCompression: true, ForceAttemptHTTP2: true, TLSClientConfig: secure,
			},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// question is one request.
type question struct {
	method, path string
	query        url.Values
	body         any // nil: none
}

// changes reports whether it asks for more than an answer.
func (q question) changes() bool { return q.method != http.MethodGet }

func (q question) timeout() time.Duration {
	if q.changes() {
		return changeTimeout
	}
	return readTimeout
}

// adminAnswer is the answer to a question.
type adminAnswer struct {
	status int
	json   bool
	body   []byte
	// now is the gateway's clock, by which its times are to be read.
	now time.Time
}

// ask asks, and reads the answer of success into document.
func (c *adminClient) ask(ctx context.Context, q question, document any) (adminAnswer, error) {
	a, err := c.send(ctx, q)
	if err != nil {
		return adminAnswer{}, c.unanswered(err, q)
	}
	if a.status < 200 || a.status > 299 {
		return adminAnswer{}, c.refused(a)
	}
	if !a.json || json.Unmarshal(a.body, document) != nil {
		return adminAnswer{}, c.unknown(a)
	}
	return a, nil
}

func (c *adminClient) send(ctx context.Context, q question) (adminAnswer, error) {
	ctx, cancel := context.WithTimeout(ctx, q.timeout())
	defer cancel()
	r, err := c.request(ctx, q)
	if err != nil {
		return adminAnswer{}, err
	}
	w, err := c.http.Do(r)
	if err != nil {
		return adminAnswer{}, err
	}
	defer w.Body.Close()
	body, err := io.ReadAll(http.MaxBytesReader(nil, w.Body, maxAdminAnswer))
	if err != nil {
		return adminAnswer{}, err
	}
	kind, _, _ := mime.ParseMediaType(w.Header.Get("Content-Type"))
	now, err := http.ParseTime(w.Header.Get("Date"))
	if err != nil {
		now = time.Now()
	}
	return adminAnswer{status: w.StatusCode, json: kind == "application/json", body: body, now: now}, nil
}

func (c *adminClient) request(ctx context.Context, q question) (*http.Request, error) {
	u := *c.base
	u.Path, u.RawQuery = q.path, q.query.Encode()
	var body io.Reader
	if q.body != nil {
		text, err := json.Marshal(q.body)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(ctx, q.method, u.String(), body)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+c.token)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	return r, nil
}

// unanswered explains why there is no answer. Whether a change was made is not
// known then, unless nothing was ever sent.
func (c *adminClient) unanswered(err error, q question) error {
	var (
		wrapped *url.Error
		network *net.OpError
		untrue  *tls.CertificateVerificationError
	)
	if errors.As(err, &wrapped) {
		err = wrapped.Err // Method and URL are said better here.
	}
	doubt := ""
	if q.changes() {
		doubt = "; it is not known whether it was done"
	}
	switch {
	case errors.As(err, &untrue):
		return fmt.Errorf("what answers at %s does not prove to be the gateway; nothing was sent (--admin-ca): %w", c.base, untrue.Err)
	case errors.As(err, &network) && network.Op == "dial":
		return fmt.Errorf("no gateway answers at %s (admin.listen): %w", c.base, err)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("the gateway at %s did not answer within %v%s", c.base, q.timeout(), doubt)
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("interrupted%s", doubt)
	default:
		return fmt.Errorf("the gateway at %s did not answer: %w%s", c.base, err, doubt)
	}
}

// refused explains an answer that is no success.
func (c *adminClient) refused(a adminAnswer) error {
	var r admin.Refusal
	if !a.json || json.Unmarshal(a.body, &r) != nil || r.Error == "" || r.StatusCode != a.status {
		return c.unknown(a)
	}
	if a.status == http.StatusUnauthorized {
		return fmt.Errorf("%s refuses the admin token of %s: it is not that of admin.token there (request id %s)",
			c.base, c.source, printable(r.RequestID))
	}
	return fmt.Errorf("%s: %s: %s (request id %s)", c.base, printable(r.Error), printable(r.Message), printable(r.RequestID))
}

// unknown is an answer of something else than an admin API.
func (c *adminClient) unknown(a adminAnswer) error {
	return fmt.Errorf("%s answers %d, but not as the admin API of a gateway does: is it the address of admin.listen?", c.base, a.status)
}
