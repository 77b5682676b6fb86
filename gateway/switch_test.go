package gateway_test

import (
	"io"
	"net"
	"sync"
	"testing"
)

// switchboard is a connection to a store that a test can cut.
type switchboard struct {
	listener net.Listener
	target   string

	mu    sync.Mutex
	off   bool
	hung  bool
	conns map[net.Conn]bool
	wait  sync.WaitGroup
}

// newSwitch forwards a free port of loopback to target until the test ends.
func newSwitch(t testing.TB, target string) *switchboard {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &switchboard{listener: listener, target: target, conns: map[net.Conn]bool{}}
	s.wait.Go(s.accept)
	t.Cleanup(func() {
		listener.Close()
		s.cut()
		s.wait.Wait()
	})
	return s
}

func (s *switchboard) address() string { return s.listener.Addr().String() }

// cut breaks every connection and refuses new ones until the returned function
// is called.
func (s *switchboard) cut() (mend func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.off = true
	for c := range s.conns {
		c.Close()
	}
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.off = false
	}
}

// hang keeps every connection open and takes new ones, and lets nothing through any more
// until the returned function is called.
func (s *switchboard) hang() (mend func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hung = true
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.hung = false
		for c := range s.conns {
			c.Close() // What was swallowed never comes.
		}
	}
}

// gate is a way out of the switchboard.
type gate struct {
	*switchboard
	out net.Conn
}

// Write implements io.Writer.
func (g gate) Write(p []byte) (int, error) {
	g.mu.Lock()
	hung := g.hung
	g.mu.Unlock()
	if hung {
		return len(p), nil
	}
	return g.out.Write(p)
}

func (s *switchboard) accept() {
	for {
		near, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.wait.Go(func() { s.forward(near) })
	}
}

func (s *switchboard) forward(near net.Conn) {
	defer near.Close()
	if !s.hold(near) {
		return
	}
	defer s.release(near)
	far, err := net.Dial("tcp", s.target)
	if err != nil || !s.hold(far) {
		return
	}
	defer s.release(far)
	var both sync.WaitGroup
	both.Go(func() { io.Copy(gate{s, far}, near); far.Close() })
	both.Go(func() { io.Copy(gate{s, near}, far); near.Close() })
	both.Wait()
}

func (s *switchboard) hold(c net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.off {
		c.Close()
		return false
	}
	s.conns[c] = true
	return true
}

func (s *switchboard) release(c net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	c.Close()
}
