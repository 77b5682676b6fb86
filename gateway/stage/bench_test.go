package stage_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"faveo-gateway/gateway/stage"
)

// BenchmarkObserve is what the first stage costs: the Exchange, the metrics, the log event.
func BenchmarkObserve(b *testing.B) {
	e, peers := echo.New(), stage.NewPeers(nil)
	e.IPExtractor = peers.Extractor()
	e.Pre(stage.NewObserver(peers, slog.New(slog.NewJSONHandler(io.Discard, nil)), prometheus.NewRegistry()).Observe())
	e.Any("/*", func(c echo.Context) error { return c.NoContent(http.StatusNoContent) }, stage.On(stage.RouteWeb))
	r := httptest.NewRequest(http.MethodGet, "/page", nil)
	b.ReportAllocs()
	for b.Loop() {
		e.ServeHTTP(httptest.NewRecorder(), r)
	}
}
