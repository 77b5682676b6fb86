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
	"faveo-gateway/upstream/laravel"
)

// BenchmarkForwarded is a request of a stranger through observe, canonical and forward.
func BenchmarkForwarded(b *testing.B) {
	e := echo.New()
	e.Pre(
		stage.NewObserver(stage.Peers{}, slog.New(slog.NewJSONHandler(struct{ io.Writer }{io.Discard}, nil)), nil, prometheus.NewRegistry()).Observe(),
		stage.Canonicalize(laravel.NewReader("", laravel.Limits{Body: 1 << 20, Parameters: 1 << 20})),
	)
	send := func(w http.ResponseWriter, _ *http.Request, _ *stage.Exchange) error {
		w.WriteHeader(http.StatusOK)
		return nil
	}
	e.Any("/*", stage.Forward(send, nil))
	r := httptest.NewRequest(http.MethodGet, "/page", nil)
	b.ReportAllocs()
	for b.Loop() {
		e.ServeHTTP(httptest.NewRecorder(), r)
	}
}

// BenchmarkObserve is what the first stage costs: the Exchange and the metrics, without the log event.
func BenchmarkObserve(b *testing.B) {
	e, peers := echo.New(), stage.NewPeers(nil)
	e.IPExtractor = peers.Extractor()
	e.Pre(stage.NewObserver(peers, slog.New(slog.DiscardHandler), nil, prometheus.NewRegistry()).Observe())
	e.Any("/*", func(c echo.Context) error { return c.NoContent(http.StatusNoContent) }, stage.On(stage.RouteWeb))
	r := httptest.NewRequest(http.MethodGet, "/page", nil)
	b.ReportAllocs()
	for b.Loop() {
		e.ServeHTTP(httptest.NewRecorder(), r)
	}
}
