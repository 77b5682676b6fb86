// Package gateway is the application: it opens the stores, puts the rooms
// together, and runs the two listeners until its context ends.
//
// Everything that lasts is built once, in New, and in the order in which it depends on
// what is there already: see open in rooms.go. A setting that cannot work is an error of
// New, named by its key, before the first request is taken. A reload puts other stages in
// front of the same rooms (reload.go, front.go); a request ends on those that it began on.
//
// The rooms do not know one another. Small adapters here fit a room to the interface
// that another one declares: directory, accounts, sessions, tokens, facts, apiKeys,
// installation and tracer for the requests, the desks (keyDesk and its like) for the
// admin API, and trail for the events that all of them tell.
//
// Examine (doctor.go) fits the same rooms to the questions of package doctor, without a
// Gateway and without changing anything. Check and Explain work offline.
package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"faveo-gateway/gateway/admin"
	"faveo-gateway/gateway/config"
)

// Options are what a Gateway is made of. Config and Log are needed.
type Options struct {
	Config *config.Config
	// Reread reads the configuration again, from where Config came from: it is what a
	// reload takes over. Nil where that is not possible.
	Reread func() (*config.Config, error)
	// Files are those that Reread reads: a change of one of them, or of a file that the
	// configuration in force names, is a reload. Nil watches none.
	Files []string
	Log   *slog.Logger
	// LogLevel is the least severity of Log, which a reload may set; nil where it is fixed.
	LogLevel *slog.LevelVar
	// Build is the version that build_info tells.
	Build Build
}

// Gateway is a running or runnable gateway.
type Gateway struct {
	log          *slog.Logger
	logLevel     *slog.LevelVar
	admin        *admin.Handler
	rooms        *rooms
	settings     settings
	closers      []closer
	certificates certificates

	front         *front
	adminServer   *http.Server
	adminListener net.Listener
}

// New opens every dependency and binds both listeners. On an error everything
// that was opened is closed again.
func New(ctx context.Context, o Options) (_ *Gateway, err error) {
	// What changes while the stores are opened, which may take long, is a change, too.
	known := contents(watched(o.Files, o.Config))
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		newBuildInfo(o.Build),
	)
	g := &Gateway{log: o.Log, logLevel: o.LogLevel}
	g.settings = settings{read: o.Reread, config: o.Config, metrics: newReloadMetrics(registry)}
	defer func() {
		if err != nil {
			err = errors.Join(err, g.release())
		}
	}()
	for _, warning := range o.Config.Warnings(time.Now()) {
		o.Log.Warn(warning)
	}
	if g.rooms, err = g.open(ctx, o, registry); err != nil {
		return nil, err
	}
	g.admin = admin.New(g.privateDoor(o, registry))
	if g.certificates, err = openCertificates(o.Config, o.Log, registry); err != nil {
		return nil, err
	}
	if err := g.bind(o.Config, routes(g.rooms.frontDoor(o.Config, g.settings.policy))); err != nil {
		return nil, err
	}
	if o.Files != nil {
		g.background("files of the configuration", g.watchConfig(o.Files, known))
	}
	return g, nil
}

// What has no settings of its own: the admin listener's bounds, the census.
const (
	// readinessTimeout bounds one readiness probe, below the second that probes
	// usually wait.
	readinessTimeout       = 900 * time.Millisecond
	adminReadHeaderTimeout = 5 * time.Second
	adminReadTimeout       = 10 * time.Second
	adminIdleTimeout       = 2 * time.Minute
	// censusEvery is how often the live sessions are counted.
	censusEvery = 15 * time.Second
)

// bind opens the listeners and makes their servers. The admin listener is
// registered first, so that it is stopped last: it tells of the draining.
func (g *Gateway) bind(c *config.Config, public *echo.Echo) (err error) {
	if g.adminListener, err = listen("admin.listen", c.Admin.Listen); err != nil {
		return err
	}
	g.adminServer = &http.Server{
		Handler:           g.admin,
		ReadHeaderTimeout: adminReadHeaderTimeout,
		ReadTimeout:       adminReadTimeout,
		IdleTimeout:       adminIdleTimeout,
		ErrorLog:          g.serverLog(),
	}
	g.adminListener = g.certificates.overAdmin(g.adminServer, g.adminListener)
	g.onStop("admin listener", shutdown(g.adminServer, g.adminListener))

	if g.front, err = newFront(c.Server, public, g.serverLog()); err != nil {
		return err
	}
	if g.front.secure, err = g.overTLS(c, g.front.listener.Addr()); err != nil {
		return errors.Join(err, g.front.listener.Close())
	}
	g.onStop("public listener", g.front.shutdown)
	return nil
}

// Address is where the public listener listens, host:port.
func (g *Gateway) Address() string { return g.front.listener.Addr().String() }

// AdminAddress is where the admin listener listens, host:port.
func (g *Gateway) AdminAddress() string { return g.adminListener.Addr().String() }

// listen binds an address at start, so that a port that is taken is an error of
// New, not of a running gateway.
func listen(key, address string) (net.Listener, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	return listener, nil
}
