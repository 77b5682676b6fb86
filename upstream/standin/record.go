package standin

import (
	"errors"
	"io"
	"net/http"
	"slices"
	"sync"
)

const (
	maxBody         = 64 << 20  // bytes of a request body that are read at all, as post_max_size in PHP
	maxRecorded     = 256       // requests that are remembered
	maxRecordedBody = 256 << 10 // bytes of a body that are remembered
)

// errBodyTooLarge reports a body over maxBody or one that could not be read to its end.
var errBodyTooLarge = errors.New("standin: request body too large or incomplete")

// Request is one request as it was received. Nothing in it is normalised.
type Request struct {
	Method   string
	URI      string // the request target of the request line: path and query, still encoded
	Proto    string // "HTTP/1.1"
	Host     string
	Header   http.Header
	Body     []byte // the first 256 KiB
	BodySize int    // bytes of the whole body
}

// record remembers the latest requests and violations.
type record struct {
	mu         sync.Mutex
	requests   []Request
	violations []Violation
}

func (c *record) add(r *http.Request, body []byte) {
	got := Request{
		Method: r.Method, URI: target(r), Proto: r.Proto, Host: r.Host, Header: r.Header.Clone(),
		Body: slices.Clone(body[:min(len(body), maxRecordedBody)]), BodySize: len(body),
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.requests) == maxRecorded {
		c.requests = slices.Delete(c.requests, 0, 1)
	}
	c.requests = append(c.requests, got)
}

// Requests returns the latest requests, oldest first, at most 256. The slice is the caller's; headers and bodies in it
// must not be modified.
func (f *Faveo) Requests() []Request {
	f.record.mu.Lock()
	defer f.record.mu.Unlock()
	return slices.Clone(f.record.requests)
}

// LastRequest returns the latest request; false means that there was none.
func (f *Faveo) LastRequest() (Request, bool) {
	all := f.Requests()
	if len(all) == 0 {
		return Request{}, false
	}
	return all[len(all)-1], true
}

// readBody reads the whole body, up to maxBody bytes. The error is errBodyTooLarge; what was read is returned with it.
func readBody(r *http.Request) ([]byte, error) {
	if r.Body == nil {
		return nil, nil
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil || len(body) > maxBody {
		return body, errBodyTooLarge
	}
	return body, nil
}

// target is the request target as the server received it. A request that never crossed a connection has none.
func target(r *http.Request) string {
	if r.RequestURI != "" {
		return r.RequestURI
	}
	return r.URL.RequestURI()
}
