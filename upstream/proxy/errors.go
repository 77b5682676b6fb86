package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"sync/atomic"
)

// What Forward returns; test with errors.Is. Each wraps its cause, which names
// addresses of the inner network: it belongs into a log and never into an
// answer.
var (
	// ErrUnavailable: no usable answer. The connection was refused, not made in
	// time, not trusted (TLS), reset before the headers, or the answer was not
	// HTTP, or it had to be edited and could not be. 502.
	ErrUnavailable = errors.New("upstream unavailable")
	// ErrTimeout: the upstream has the request but did not answer within
	// timeouts.response_header or before the deadline of the request's context. 504.
	ErrTimeout = errors.New("upstream timed out")
	// ErrTooLarge: the request's body went over the limit that the gateway put on
	// it (*http.MaxBytesError). 413.
	ErrTooLarge = errors.New("request body too large")
	// ErrClientGone: the client cancelled the request, or its body broke off or came
	// too slowly. Nobody listens to the answer; count it apart from faults.
	ErrClientGone = errors.New("client gone")
	// ErrBadRequest: the request must not be sent on in this form. Its Host is
	// missing or none, it asks to switch to a protocol whose name is not ASCII, or
	// its method is CONNECT or TRACE. 400.
	ErrBadRequest = errors.New("request cannot be forwarded")
)

// errNoneLeft: every upstream is ejected, and each is being tried by another
// request already.
var errNoneLeft = fmt.Errorf("%w: no upstream is in service", ErrUnavailable)

// classify gives the cause of a failed call its sentinel.
//
// The order matters: a body that breaks off makes the transport fail as well,
// and a client that leaves makes everything fail; neither is the upstream's
// fault nor may it count as such.
func (c *call) classify(err error) error {
	if !c.sent {
		return fmt.Errorf("%w: %w", ErrBadRequest, err)
	}
	if cause := c.upload.failure(); cause != nil {
		return classifyUpload(cause)
	}
	if c.in.Context().Err() != nil {
		return classifyContext(c.in.Context())
	}
	if neverMade(err) {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return fmt.Errorf("%w: %w", ErrTimeout, err)
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}

func classifyUpload(cause error) error {
	var large *http.MaxBytesError
	if errors.As(cause, &large) {
		return fmt.Errorf("%w: %w", ErrTooLarge, cause)
	}
	var file *fs.PathError
	if errors.As(cause, &file) {
		// The body was spooled by the gateway: a full or failing disk is no fault of
		// the client, so it gets no sentinel and is rendered as internal.
		return fmt.Errorf("read spooled request body: %w", cause)
	}
	return fmt.Errorf("%w: read request body: %w", ErrClientGone, cause)
}

func classifyContext(ctx context.Context) error {
	sentinel := ErrClientGone
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		sentinel = ErrTimeout
	}
	return fmt.Errorf("%w: %w", sentinel, context.Cause(ctx))
}

// upload is the request's body. It remembers why reading it failed, which the
// transport's error does not always tell. It is never pooled: the transport's
// writing goroutine may be inside Read when Forward returns.
type upload struct {
	io.ReadCloser
	err atomic.Pointer[error]
	// read is set when the first byte was asked for.
	read atomic.Bool
	// ended is set behind the body's end. The transport asks once more, and a
	// server that has answered by then has closed the body: that is no failure.
	ended bool
}

// Read implements io.Reader.
func (u *upload) Read(p []byte) (int, error) {
	if u.ended {
		return 0, io.EOF
	}
	if !u.read.Load() {
		u.read.Store(true)
	}
	n, err := u.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		u.err.CompareAndSwap(nil, &err)
	}
	u.ended = err == io.EOF
	return n, err
}

// Close implements io.Closer. The transport closes the body of a request that it
// found no connection for; as long as nobody has read of it, another upstream may
// still need it. ReverseProxy closes what is behind it in any case.
func (u *upload) Close() error {
	if !u.read.Load() {
		return nil
	}
	return u.ReadCloser.Close()
}

// begun reports whether somebody has read of the body, false without one.
func (u *upload) begun() bool { return u != nil && u.read.Load() }

// failure returns the first error of Read but io.EOF, nil without a body.
func (u *upload) failure() error {
	if u == nil {
		return nil
	}
	if err := u.err.Load(); err != nil {
		return *err
	}
	return nil
}
