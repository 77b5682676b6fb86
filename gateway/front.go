package gateway

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"

	"faveo-gateway/gateway/config"
)

// front serves the public listener. What answers requests, and the bounds of connections,
// can be exchanged while requests are under way: none is lost, and none waits.
//
// The routes are exchanged whole; a request that has begun ends on those that it began
// on. The bounds belong to an http.Server, which must not be changed while it serves. So
// another one takes the place of the first at the listener, and the first keeps the
// connections that it has.
type front struct {
	listener *net.TCPListener
	// secure lets a server speak TLS over a listener, or leaves both as they are. It is set
	// before serve is called.
	secure func(*http.Server, net.Listener) net.Listener
	log    *log.Logger
	routes atomic.Pointer[echo.Echo]
	// ended gets an error of the listener itself, the first one.
	ended chan error

	mu sync.Mutex
	// turns are all that may have connections; the last one takes new ones.
	turns  []*turn
	bounds bounds
	closed bool
}

// bounds are the settings of an http.Server.
type bounds struct {
	timeouts  config.ServerTimeouts
	maxHeader int
}

func boundsOf(c config.Server) bounds { return bounds{c.Timeouts, c.MaxHeaderBytes} }

// newFront binds the listener.
func newFront(c config.Server, routes *echo.Echo, log *log.Logger) (*front, error) {
	listener, err := listen("server.listen", c.Listen)
	if err != nil {
		return nil, err
	}
	f := &front{listener: listener.(*net.TCPListener), log: log, ended: make(chan error, 1), bounds: boundsOf(c)}
	f.routes.Store(routes)
	return f, nil
}

// ServeHTTP implements http.Handler.
func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) { f.routes.Load().ServeHTTP(w, r) }

// serve begins to take connections.
func (f *front) serve() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.next()
}

// exchange takes over other routes, and other bounds for the connections that come from
// now on.
func (f *front) exchange(routes *echo.Echo, b bounds) {
	f.routes.Store(routes)
	f.mu.Lock()
	defer f.mu.Unlock()
	if b == f.bounds {
		return
	}
	f.bounds = b
	if len(f.turns) == 0 || f.closed {
		return // It does not serve yet, or no more.
	}
	f.turns[len(f.turns)-1].retire()
	f.next()
}

// next lets another server take the connections. mu is held.
func (f *front) next() {
	t := &turn{TCPListener: f.listener, ended: make(chan struct{})}
	t.server = &http.Server{
		Handler:           f,
		ReadHeaderTimeout: f.bounds.timeouts.ReadHeader,
		ReadTimeout:       f.bounds.timeouts.Read,
		WriteTimeout:      f.bounds.timeouts.Write,
		IdleTimeout:       f.bounds.timeouts.Idle,
		MaxHeaderBytes:    f.bounds.maxHeader,
		// OPTIONS * walks the stages like everything else, and is refused there.
		DisableGeneralOptionsHandler: true,
		ErrorLog:                     f.log,
	}
	listener := f.secure(t.server, t)
	f.turns = append(f.turns, t)
	go func() {
		defer close(t.ended)
		if err := t.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) && !t.retired.Load() {
			select {
			case f.ended <- fmt.Errorf("server listener: %w", err):
			default: // The first one ends the gateway.
			}
		}
	}()
}

// shutdown takes no more connections, lets all requests end, and cuts what is still
// there when ctx ends.
func (f *front) shutdown(ctx context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	faults := make([]error, len(f.turns))
	var all sync.WaitGroup
	for i, t := range f.turns {
		all.Go(func() {
			if err := t.server.Shutdown(ctx); err != nil {
				faults[i] = errors.Join(err, t.server.Close())
			}
		})
	}
	all.Wait()
	for _, t := range f.turns {
		<-t.ended
	}
	// A server that never served does not know its listener.
	if err := f.listener.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		faults = append(faults, err)
	}
	return errors.Join(faults...)
}

// turn is the listener as one server has it, for as long as that is the one to take
// connections.
type turn struct {
	*net.TCPListener
	server  *http.Server
	retired atomic.Bool
	ended   chan struct{} // closed when the server takes no more
}

// Accept implements net.Listener.
func (t *turn) Accept() (net.Conn, error) {
	conn, err := t.TCPListener.Accept()
	if err != nil && t.retired.Load() {
		return nil, net.ErrClosed
	}
	return conn, err
}

// Close implements net.Listener. The end of a turn is not that of the listener.
func (t *turn) Close() error {
	if t.retired.Load() {
		return nil
	}
	return t.TCPListener.Close()
}

// retire returns when the server takes no more connections; those that come meanwhile
// wait in the listener for the next one.
func (t *turn) retire() {
	t.retired.Store(true)
	// A deadline that is over wakes who waits, and closes nothing. It cannot fail on a
	// listener that is open; on one that is closed, the server has ended.
	_ = t.SetDeadline(time.Unix(1, 0))
	<-t.ended
	_ = t.SetDeadline(time.Time{})
}
