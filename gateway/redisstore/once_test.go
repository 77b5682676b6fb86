package redisstore_test

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"faveo-gateway/gateway/redisstore"
	"faveo-gateway/gateway/session"
)

// TestClusterRunsAScriptOnce has a node that takes every script and never answers it:
// its second run would not say what the first one has done.
func TestClusterRunsAScriptOnce(t *testing.T) {
	node := startSilentNode(t)
	store := open(t, redisstore.Options{URL: "redis-cluster://" + node.address()})
	s := newSession(time.Now(), 7)
	for name, call := range map[string]func() error{
		"Create":  func() error { _, err := store.Create(t.Context(), s, 1); return err },
		"Replace": func() error { return store.Replace(t.Context(), s, s) },
		"Put":     func() error { return store.APIKeys().Put(t.Context(), "a", 1, nil, time.Minute) },
		"Delete":  func() error { return store.Delete(t.Context(), 7, session.NewID()) },
	} {
		node.scripts.Store(0)
		if err := call(); err == nil {
			t.Errorf("%s succeeded without an answer", name)
		}
		if n := node.scripts.Load(); n != 1 {
			t.Errorf("%s was sent %d times, want once", name, n)
		}
	}
}

// silentNode is a Redis Cluster of one node, which hangs up on scripts.
type silentNode struct {
	listener net.Listener
	running  sync.WaitGroup
	scripts  atomic.Int32
}

func startSilentNode(t *testing.T) *silentNode {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n := &silentNode{listener: listener}
	n.running.Go(func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			n.running.Go(func() { n.serve(c) })
		}
	})
	// The Store is closed before, and with it the connections.
	t.Cleanup(func() {
		_ = listener.Close()
		n.running.Wait()
	})
	return n
}

func (n *silentNode) address() string { return n.listener.Addr().String() }

// serve answers what a client asks for before it sends its command.
func (n *silentNode) serve(c net.Conn) {
	defer c.Close()
	port := n.listener.Addr().(*net.TCPAddr).Port
	for r := bufio.NewReader(c); ; {
		command, err := readFrame(r)
		command = bytes.ToLower(command)
		switch {
		case err != nil:
			return
		case bytes.Contains(command, []byte("\r\neval")):
			n.scripts.Add(1)
			return
		case bytes.Contains(command, []byte("\r\nslots\r\n")):
			fmt.Fprintf(c, "*1\r\n*3\r\n:0\r\n:16383\r\n*3\r\n$9\r\n127.0.0.1\r\n:%d\r\n$4\r\nnode\r\n", port)
		case bytes.Contains(command, []byte("\r\nping\r\n")):
			fmt.Fprint(c, "+PONG\r\n")
		default:
			fmt.Fprint(c, "-ERR unknown command\r\n")
		}
	}
}
