package redisstore_test

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"strconv"
	"strings"
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
	lost int // how many messages of subscriptions are still to be lost
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

// lose lets the next n messages of subscriptions disappear, and nothing else.
func (r *relay) lose(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lost = n
}

// left returns how many messages are still to be lost.
func (r *relay) left() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.lost
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
		r.running.Go(func() { r.pump(near, far, isNew, readFrame) })
		r.running.Go(func() { r.pump(far, near, isNew, readSome) })
	}
}

// pump copies what read returns until either side closes. A connection made after
// swallow is new.
func (r *relay) pump(to, from net.Conn, isNew bool, read func(*bufio.Reader) ([]byte, error)) {
	defer func() { _, _ = to.Close(), from.Close() }()
	reader := bufio.NewReader(from)
	for {
		piece, err := read(reader)
		if err != nil {
			return
		}
		if !r.pass(piece, isNew) {
			continue
		}
		if _, err := to.Write(piece); err != nil {
			return
		}
	}
}

// pass waits while everything is held, and reports whether the piece goes on.
func (r *relay) pass(piece []byte, isNew bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.hold && !isNew {
		r.held.Wait()
	}
	if r.lost == 0 || !bytes.HasPrefix(piece, []byte("*3\r\n$7\r\nmessage\r\n")) {
		return true
	}
	r.lost--
	return false
}

// readSome reads what is there.
func readSome(r *bufio.Reader) ([]byte, error) {
	if _, err := r.Peek(1); err != nil {
		return nil, err
	}
	piece := make([]byte, r.Buffered())
	_, err := io.ReadFull(r, piece)
	return piece, err
}

// readFrame reads one answer or message of a server, whole.
func readFrame(r *bufio.Reader) ([]byte, error) {
	frame, err := r.ReadBytes('\n')
	if err != nil {
		return nil, err
	}
	n, _ := strconv.Atoi(strings.TrimSpace(string(frame[1:])))
	switch frame[0] {
	case '$':
		if n >= 0 {
			text := make([]byte, n+len("\r\n"))
			if _, err := io.ReadFull(r, text); err != nil {
				return nil, err
			}
			frame = append(frame, text...)
		}
	case '*':
		for range n {
			part, err := readFrame(r)
			if err != nil {
				return nil, err
			}
			frame = append(frame, part...)
		}
	}
	return frame, nil
}
