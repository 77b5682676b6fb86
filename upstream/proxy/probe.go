package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
)

// Probe asks every upstream for Options.ProbePath, all at once, and records
// each in upstream_up. An upstream is up when it answers with a status below
// 500: a page that is not there still proves that the server lives, and
// Laravel's maintenance mode is a 503.
//
// The error is nil when at least one upstream is up, else it wraps
// ErrUnavailable and every cause. It blocks until the slowest has answered: the
// context should have a deadline.
//
// The Host header is the upstream's own name, for lack of a client's.
func (p *Proxy) Probe(ctx context.Context) error {
	faults := make([]error, len(p.upstreams))
	var probes sync.WaitGroup
	for i, u := range p.upstreams {
		probes.Go(func() {
			faults[i] = p.probe(ctx, u)
			up := 0.0
			if faults[i] == nil {
				up = 1
			}
			p.metrics.up.WithLabelValues(u.name).Set(up)
		})
	}
	probes.Wait()
	for _, err := range faults {
		if err == nil {
			return nil
		}
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, errors.Join(faults...))
}

func (p *Proxy) probe(ctx context.Context, u *upstream) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.url.JoinPath(p.probePath).String(), nil)
	if err != nil {
		return fmt.Errorf("probe %s: %w", u.name, err)
	}
	r.Header["User-Agent"] = []string{"faveo-gateway"}
	res, err := p.transport.RoundTrip(r) // Not a client: a redirect is an answer.
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
