package gateway

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"time"
)

// closer is a named cleanup. Cleanups run backwards in the order of their
// registration, within one deadline.
type closer struct {
	name  string
	close func(context.Context) error
}

// onStop registers a cleanup.
func (g *Gateway) onStop(name string, clean func(context.Context) error) {
	g.closers = append(g.closers, closer{name, clean})
}

// Run serves until ctx is done, then drains: readiness turns false, the public
// listener closes, requests in flight finish within shutdown_grace, and only
// then are the stores closed. It returns nil after a clean drain.
func (g *Gateway) Run(ctx context.Context) error {
	private := make(chan error, 1)
	go func() { private <- serve("admin", g.adminServer, g.adminListener) }()
	g.front.serve()
	g.log.Info("listening", slog.String("address", g.Address()), slog.String("admin", g.AdminAddress()))

	var fault error
	select {
	case <-ctx.Done():
	case fault = <-g.front.ended:
	case fault = <-private:
		return errors.Join(fault, g.drain())
	}
	return errors.Join(fault, g.drain(), <-private)
}

// drain tells the world to go elsewhere and stops.
func (g *Gateway) drain() error {
	g.log.Info("draining", slog.String("grace", g.grace().String()))
	g.admin.Drain()
	return g.release()
}

// grace is how long what is under way may take to end.
func (g *Gateway) grace() time.Duration {
	return g.configuration().Server.ShutdownGrace
}

// release runs the cleanups.
func (g *Gateway) release() error {
	ctx, cancel := context.WithTimeout(context.Background(), g.grace())
	defer cancel()
	var faults []error
	for _, c := range slices.Backward(g.closers) {
		if err := c.close(ctx); err != nil {
			faults = append(faults, fmt.Errorf("stop %s: %w", c.name, err))
		}
	}
	return errors.Join(faults...)
}

func serve(name string, server *http.Server, listener net.Listener) error {
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("%s listener: %w", name, err)
	}
	return nil
}

// shutdown stops a server: it finishes what is in flight, and cuts what is
// still there when the grace has passed.
func shutdown(server *http.Server, listener net.Listener) func(context.Context) error {
	return func(ctx context.Context) error {
		// A server that never served does not know its listener.
		defer listener.Close()
		if err := server.Shutdown(ctx); err != nil {
			return errors.Join(err, server.Close())
		}
		return nil
	}
}

// serverLog is where net/http writes of connections that break before they
// are requests: handshakes that fail, floods of bad ones.
func (g *Gateway) serverLog() *log.Logger {
	return slog.NewLogLogger(g.log.Handler(), slog.LevelDebug)
}
