package admin

import (
	"context"
	"net/http"
	"sync"

	"github.com/labstack/echo/v4"
)

// Readiness is the body of /readyz. Parts tells "ok" or "down" of each
// dependency; why one is down stands in the log, not in an open answer.
type Readiness struct {
	Ready bool              `json:"ready"`
	Parts map[string]string `json:"parts"`
}

func (h *Handler) ready(c echo.Context) error {
	if h.draining.Load() {
		return c.JSON(http.StatusServiceUnavailable, Readiness{Parts: map[string]string{"gateway": "draining"}})
	}
	readiness := h.ask(c.Request().Context())
	if !readiness.Ready {
		return c.JSON(http.StatusServiceUnavailable, readiness)
	}
	return c.JSON(http.StatusOK, readiness)
}

// ask probes all parts side by side.
func (h *Handler) ask(ctx context.Context) Readiness {
	ctx, cancel := context.WithTimeout(ctx, h.timeout)
	defer cancel()
	var (
		wait   sync.WaitGroup
		faults = make([]error, len(h.checks))
	)
	for i, check := range h.checks {
		wait.Go(func() { faults[i] = check.Probe(ctx) })
	}
	wait.Wait()
	readiness := Readiness{Ready: true, Parts: make(map[string]string, len(h.checks))}
	for i, check := range h.checks {
		readiness.Parts[check.Name] = "ok"
		if faults[i] != nil {
			readiness.Parts[check.Name] = "down"
			readiness.Ready = false
		}
	}
	return readiness
}
