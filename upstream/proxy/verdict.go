package proxy

import (
	"errors"
	"fmt"
	"net/http"
	"syscall"
)

// verdict is what the end of a request says about the server it was sent to.
// The client has a hand in most ends; only what it cannot bring about counts, or
// anybody could eject every server.
type verdict uint8

// The closed set of verdicts.
const (
	// neutral: nothing. The client left, its body broke off or was too large, the
	// gateway itself failed.
	neutral verdict = iota
	// alive: it answered. PHP's own 500 is an answer: an error that one user's
	// request provokes is no reason to take the server from all others.
	alive
	// faulty: it did not answer in time, or not whole, or said 502, 503 or 504 as
	// a web server does whose PHP is gone. A request can be made so heavy
	// that this is its own fault, see call.verdict and Proxy.mayEject.
	faulty
	// unreachable: no connection was made. No client can bring that about.
	unreachable
)

// err is what the breaker's trial hears.
func (v verdict) err() error {
	switch v {
	case alive:
		return nil
	case neutral:
		return errNoVerdict
	case faulty, unreachable:
	}
	return errFailed
}

// judge tells the standing of the upstream how the attempt ended.
func (c *call) judge() {
	switch v := c.verdict(); {
	case c.to.report != nil:
		c.to.report(v, c.fault())
	case v == alive:
		c.to.succeed()
	case v == faulty || v == unreachable:
		// One at a time, or two could both be the one that may still go.
		c.proxy.ejecting.Lock()
		defer c.proxy.ejecting.Unlock()
		c.to.fail(v, c.proxy.mayEject(c.to.standing), c.fault())
	}
}

// verdict judges the attempt that has just ended.
//
// A failure does not count when the server has given a good answer to somebody
// else, or to a probe, since this request was sent: then it works, and this
// request is what is slow. A client's reports that take minutes, or its refusal to read
// an answer until the server gives up, thus eject nobody while the probes pass.
func (c *call) verdict() verdict {
	v := c.outcome()
	if v == faulty && c.to.answers.Load() != c.answers {
		return neutral
	}
	return v
}

func (c *call) outcome() verdict {
	switch {
	case !c.sent:
		return neutral
	case neverMade(c.err):
		if exhausted(c.err) {
			return neutral
		}
		return unreachable
	case errors.Is(c.err, ErrTimeout):
		return faulty
	case c.err != nil && !errors.Is(c.err, ErrUnavailable), c.in.Context().Err() != nil:
		return neutral
	case c.answer.broken, errors.Is(c.err, errStatus), c.err != nil && c.status == 0:
		return faulty
	case goneBehind(c.status):
		return faulty
	}
	return alive
}

// goneBehind reports whether a status is that of a web server whose PHP is gone,
// busy or silent.
func goneBehind(status int) bool {
	return status == http.StatusBadGateway || status == http.StatusServiceUnavailable || status == http.StatusGatewayTimeout
}

// fault is why there is no good answer, for the log.
func (c *call) fault() error {
	switch {
	case c.err != nil:
		return c.err
	case c.answer.broken:
		return errBroken
	}
	return fmt.Errorf("status %d", c.status)
}

var errBroken = errors.New("the answer broke off")

// exhausted reports whether a connection was not made because this machine has
// run out of something.
func exhausted(err error) bool {
	for _, local := range [...]error{
		syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.EADDRNOTAVAIL,
	} {
		if errors.Is(err, local) {
			return true
		}
	}
	return false
}
