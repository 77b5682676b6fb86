// Package admin is the private listener: the metrics for the scraper and the
// two health probes for whoever starts and stops the gateway. Nothing of it
// exists on the public listener, and it is bound to loopback unless the operator
// says otherwise.
//
// Liveness says that the process serves; it depends on nothing outside, because
// restarting the gateway mends no database. Readiness says that requests sent
// here will be served: it asks every dependency, each within one bound, and
// turns false first of all when the gateway drains.
package admin

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Check asks one dependency whether it answers. Probe must be safe for
// concurrent use and end when its context does.
type Check struct {
	// Name is what /readyz calls the part, from the closed set of the label of
	// dependency_up.
	Name  string
	Probe func(context.Context) error
}

// Options are what a Handler works with.
type Options struct {
	Gatherer prometheus.Gatherer
	Checks   []Check
	// CheckTimeout bounds all checks of one readiness probe together.
	CheckTimeout time.Duration
}

// Handler serves the private listener. It is safe for concurrent use.
type Handler struct {
	echo     *echo.Echo
	checks   []Check
	timeout  time.Duration
	draining atomic.Bool
}

// New returns a Handler.
func New(o Options) *Handler {
	h := &Handler{echo: echo.New(), checks: o.Checks, timeout: o.CheckTimeout}
	h.echo.IPExtractor = echo.ExtractIPDirect()
	h.echo.GET("/metrics", echo.WrapHandler(promhttp.HandlerFor(o.Gatherer, promhttp.HandlerOpts{})))
	h.echo.GET("/livez", h.live)
	h.echo.GET("/readyz", h.ready)
	return h
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.echo.ServeHTTP(w, r) }

// Drain turns readiness false for good, so that load balancers send new
// requests elsewhere while those in flight finish.
func (h *Handler) Drain() { h.draining.Store(true) }

func (h *Handler) live(c echo.Context) error {
	return c.String(http.StatusOK, "ok\n")
}
