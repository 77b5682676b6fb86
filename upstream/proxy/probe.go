package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// Probe asks every upstream for Options.ProbePath, all at once. An upstream is up
// when it answers with a status below 500: a page that is not there still proves
// that the server lives, and Laravel's maintenance mode is a 503.
//
// The error is nil as soon as one upstream is up, else it wraps ErrUnavailable
// and every cause. It blocks until then, at worst until the slowest has
// answered: the context should have a deadline. It changes nothing of what Run
// knows: how often somebody asks whether the gateway is ready must not decide
// which upstreams get requests.
//
// The Host header is the upstream's own name, for lack of a client's.
func (p *Proxy) Probe(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	upstreams := p.fleet.Load().upstreams
	answers := make(chan error, len(upstreams))
	for _, u := range upstreams {
		go func() { answers <- p.probe(ctx, u) }()
	}
	up := false
	var faults []error
	for range upstreams { // All of them: what was started is waited for.
		if err := <-answers; err != nil {
			faults = append(faults, err)
			continue
		}
		up = true
		cancel()
	}
	if up {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, errors.Join(faults...))
}

func (p *Proxy) probe(ctx context.Context, u *upstream) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.url.JoinPath(p.probePath).String(), nil)
	if err != nil {
		return fmt.Errorf("probe %s: %w", u.name, err)
	}
	r.Header["User-Agent"] = []string{"faveo-gateway"}
	u.inflight.Add(1)
	defer p.leave(u)
	res, err := u.transport.RoundTrip(r) // Not a client: a redirect is an answer.
	if err != nil {
		return fmt.Errorf("probe %s: %w", u.name, err)
	}
	defer res.Body.Close()
	// A short rest is read so that the connection can be used again.
	_, _ = io.CopyN(io.Discard, res.Body, 4<<10)
	if res.StatusCode >= http.StatusInternalServerError {
		return fmt.Errorf("probe %s: status %d", u.name, res.StatusCode)
	}
	return nil
}
