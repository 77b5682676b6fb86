package proxy

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"sync/atomic"
)

// fleet is what one configuration makes: immutable, but for whose turn it is. A
// request keeps the fleet that it began with.
type fleet struct {
	config    Config
	filter    filter
	secure    *tls.Config // of connections by https
	upstreams []*upstream
	turn      atomic.Uint64 // of RoundRobin
}

// upstream is one of PHP's web servers with the connections to it.
type upstream struct {
	*standing
	url       *url.URL
	transport *http.Transport
	// inflight counts requests under way, probes and open websockets included.
	inflight atomic.Int64
	// retired: no fleet in use holds it. Whoever ends its last request disposes of it.
	retired atomic.Bool
	// disposed: its standing knows that it is gone. Guarded by Proxy.mu.
	disposed bool
}

// Replace puts other upstreams and another configuration into service, all or
// nothing: an error, which names every fault as New does, changes nothing.
//
// No request is lost: those under way end where they are, by the old
// configuration. An upstream that stays keeps its connections, unless settings
// of theirs have changed, and what is known of its health either way. One that
// goes loses its idle connections and its metrics, when its last request has ended.
//
// Safe for concurrent use, with Forward too.
func (p *Proxy) Replace(upstreams []*url.URL, c Config) error {
	if err := validate(upstreams, c); err != nil {
		return fmt.Errorf("proxy: %w", err)
	}
	secure, err := c.TLS.Client()
	if err != nil {
		return fmt.Errorf("proxy.tls.%w", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	old := p.fleet.Load()
	next := &fleet{config: c, filter: newFilter(c.ForwardHeaders), secure: secure}
	for _, u := range upstreams {
		next.upstreams = append(next.upstreams, p.upstream(old, u, next))
	}
	p.fleet.Store(next)
	for _, u := range old.upstreams {
		if slices.Contains(next.upstreams, u) {
			continue
		}
		u.retired.Store(true)
		if u.inflight.Load() == 0 {
			p.dispose(u)
		}
	}
	select {
	case p.changed <- struct{}{}:
	default: // Run has not taken the last one yet.
	}
	return nil
}

// upstream returns that of the old fleet if nothing about it has changed, else a
// new one, with the standing that the server has. p.mu is held.
func (p *Proxy) upstream(old *fleet, u *url.URL, next *fleet) *upstream {
	c := next.config
	for _, o := range old.upstreams {
		if *o.url == *u && reflect.DeepEqual(ofTransport(old.config), ofTransport(c)) && sameFiles(old.secure, next.secure) {
			o.configure(c)
			return o
		}
	}
	s := p.standings[u.Host]
	if s == nil {
		s = newStanding(u.Host, p.metrics, c, p.log)
		p.standings[u.Host] = s
	}
	s.configure(c)
	s.holders++
	clone := *u
	return &upstream{standing: s, url: &clone, transport: newTransport(c, next.secure)}
}

// ofTransport returns c without what a transport does not depend on.
func ofTransport(c Config) Config {
	c.Balance, c.Health, c.Breaker, c.Retries, c.ForwardHeaders = "", Health{}, Breaker{}, Retries{}, nil
	return c
}

// leave ends a request to u.
func (p *Proxy) leave(u *upstream) {
	if u.inflight.Add(-1) == 0 && u.retired.Load() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.dispose(u)
	}
}

// dispose drops what u holds. A request that chose u just before it was retired
// does so once more when it ends. p.mu is held.
func (p *Proxy) dispose(u *upstream) {
	u.transport.CloseIdleConnections()
	if !u.disposed {
		u.disposed = true
		u.holders--
	}
	if u.holders > 0 {
		return
	}
	if s := p.standings[u.name]; s == nil || s == u.standing {
		delete(p.standings, u.name)
		p.metrics.drop(u.name)
	}
}

// mayEject says whether the fleet can do without s: at most half of it may be
// out, and never the last one. For failures that a client may have had a hand in.
func (p *Proxy) mayEject(s *standing) bool {
	upstreams := p.fleet.Load().upstreams
	out := 1
	for _, u := range upstreams {
		if u.standing != s && !u.ready.Load() {
			out++
		}
	}
	return out <= len(upstreams)/2
}
