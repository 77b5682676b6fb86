package redisstore_test

import (
	"net"
	"sync"
	"testing"
)

// relay stands between a Store and Redis, for faults that neither of them has.
type relay struct {
	listener net.Listener
	target   string
	running  sync.WaitGroup

	mu   sync.Mutex
	held *sync.Cond // signalled when hold changes
	hold bool
	open map[net.Conn]struct{}
}

// newRelay relays to target until the test ends.
func newRelay(t *testing.T, target string) *relay {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{listener: listener, target: target, open: make(map[net.Conn]struct{})}
	r.held = sync.NewCond(&r.mu)
	r.running.Go(r.accept)
	t.Cleanup(func() {
		_ = listener.Close()
		r.cut()
		r.running.Wait()
	})
	return r
}

func (r *relay) url() string { return "redis://" + r.listener.Addr().String() }

// cut closes all connections.
func (r *relay) cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for c := range r.open {
		_ = c.Close()
	}
	clear(r.open)
	r.hold = false
	r.held.Broadcast()
}

// swallow keeps all connections of now open and lets nothing through any more,
// as a firewall does that forgot them. Connections made later work.
func (r *relay) swallow() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hold = true
}

func (r *relay) accept() {
	for {
		near, err := r.listener.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", r.target)
		if err != nil {
			_ = near.Close()
			continue
		}
		r.mu.Lock()
		r.open[near], r.open[far] = struct{}{}, struct{}{}
		isNew := r.hold
		r.mu.Unlock()
		r.running.Go(func() { r.pump(near, far, isNew) })
		r.running.Go(func() { r.pump(far, near, isNew) })
	}
}

// pump copies until either side closes. A connection made after swallow is new.
func (r *relay) pump(to, from net.Conn, isNew bool) {
	defer func() { _, _ = to.Close(), from.Close() }()
	buffer := make([]byte, 4096)
	for {
		n, err := from.Read(buffer)
		r.mu.Lock()
		for r.hold && !isNew {
			r.held.Wait()
		}
		r.mu.Unlock()
		if _, failed := to.Write(buffer[:n]); err != nil || failed != nil {
			return
		}
	}
}
