package deploy_test

import (
	"context"
	"maps"
	"net"
	"net/http"
	"net/http/fcgi"
	"sync"
	"testing"

	"faveo-gateway/upstream/standin"
)

// jwtSecret is the JWT_SECRET of the site whose web servers are tested.
const jwtSecret = "5a60b9c1f2d84e7fa3c9d1e07b264f585a60b9c1"

// php stands in for PHP-FPM: Faveo's stand-in behind FastCGI, and what it has seen.
type php struct {
	address string

	mu   sync.Mutex
	seen map[string]visit // By path.
}

// visit is what a script finds of a request in $_SERVER.
type visit struct {
	remoteAddr, authorization, forwardedFor string
	https                                   bool
}

// startPHP serves FastCGI on loopback until the test ends.
func startPHP(t *testing.T) *php {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &php{address: listener.Addr().String(), seen: map[string]visit{}}
	faveo := standin.New(standin.Options{Secret: jwtSecret})
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = fcgi.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			p.note(r)
			// The stand-in tells the site's address by the host of a request.
			faveo.ServeHTTP(w, r.WithContext(context.WithoutCancel(r.Context())))
		}))
	}()
	t.Cleanup(func() {
		_ = listener.Close()
		<-done
	})
	return p
}

func (p *php) note(r *http.Request) {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen[r.URL.Path] = visit{host, r.Header.Get("Authorization"), r.Header.Get("X-Forwarded-For"), r.TLS != nil}
}

// visits are copies of what was seen, by path.
func (p *php) visits() map[string]visit {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.seen)
}
