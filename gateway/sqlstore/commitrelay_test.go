package sqlstore_test

import (
	"io"
	"net"
	"sync"
	"testing"
)

// commitRelay stands between a Store and MariaDB and cuts a connection between a commit
// and its answer.
type commitRelay struct {
	listener net.Listener
	target   string
	running  sync.WaitGroup

	mu   sync.Mutex
	lose int // how many answers are still to be lost
	open map[net.Conn]struct{}
}

func newCommitRelay(t *testing.T, target string) *commitRelay {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &commitRelay{listener: listener, target: target, open: make(map[net.Conn]struct{})}
	r.running.Go(r.accept)
	t.Cleanup(func() {
		_ = listener.Close()
		r.mu.Lock()
		for c := range r.open {
			_ = c.Close()
		}
		r.mu.Unlock()
		r.running.Wait()
	})
	return r
}

func (r *commitRelay) address() string { return r.listener.Addr().String() }

// loseAnswers cuts the connections of the next n commits.
func (r *commitRelay) loseAnswers(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lose = n
}

func (r *commitRelay) left() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.lose
}

func (r *commitRelay) accept() {
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
		r.mu.Unlock()
		c := &commitConn{relay: r}
		r.running.Go(func() { c.toServer(far, near) })
		r.running.Go(func() { c.toClient(near, far) })
	}
}

// commitConn is one connection.
type commitConn struct {
	relay *commitRelay
	mu    sync.Mutex
	cut   bool // the next answer ends the connection
}

// toServer copies packets: three bytes of length, one of sequence, the rest.
func (c *commitConn) toServer(far, near net.Conn) {
	defer func() { _, _ = far.Close(), near.Close() }()
	for {
		packet := make([]byte, 4)
		if _, err := io.ReadFull(near, packet); err != nil {
			return
		}
		body := make([]byte, int(packet[0])|int(packet[1])<<8|int(packet[2])<<16)
		if _, err := io.ReadFull(near, body); err != nil {
			return
		}
		if string(body) == "\x03COMMIT" {
			c.relay.mu.Lock()
			if c.relay.lose > 0 {
				c.relay.lose--
				c.mu.Lock()
				c.cut = true
				c.mu.Unlock()
			}
			c.relay.mu.Unlock()
		}
		if _, err := far.Write(append(packet, body...)); err != nil {
			return
		}
	}
}

func (c *commitConn) toClient(near, far net.Conn) {
	defer func() { _, _ = far.Close(), near.Close() }()
	piece := make([]byte, 32<<10)
	for {
		n, err := far.Read(piece)
		c.mu.Lock()
		cut := c.cut
		c.mu.Unlock()
		if err != nil || cut {
			return
		}
		if _, err := near.Write(piece[:n]); err != nil {
			return
		}
	}
}
