package trace

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	sdk "go.opentelemetry.io/otel/sdk/trace"
)

var _ sdk.SpanExporter = (*exporter)(nil)

// exporter stands before the one that sends. It keeps what fails from OpenTelemetry's
// handler of errors, and tells the log of the beginning and the end of it.
type exporter struct {
	to      sdk.SpanExporter
	timeout time.Duration
	log     *slog.Logger
	// ended is closed when the goroutine of the queue has ended.
	ended chan struct{}

	mu     sync.Mutex
	failed error // of the last export
	since  time.Time
	lost   int // spans, since then
}

func newExporter(o Options, to sdk.SpanExporter) *exporter {
	return &exporter{to: to, timeout: o.Timeout, log: o.Log, ended: make(chan struct{})}
}

// ExportSpans implements sdk.SpanExporter. It never fails.
func (e *exporter) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	ctx, cancel := context.WithTimeout(ctx, e.timeout)
	defer cancel()
	e.report(e.to.ExportSpans(ctx, spans), len(spans))
	return nil
}

// report tells the log when exports begin to fail and when they work again: a line for
// each batch would be all that an operator sees while a collector is down.
func (e *exporter) report(err error, spans int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case err != nil && e.failed == nil:
		e.since, e.lost = time.Now().UTC(), 0
		e.log.Warn("traces cannot be exported; requests are served as ever", slog.String("error", describe(err)))
	case err == nil && e.failed != nil:
		e.log.Info("traces are exported again", slog.Time("failed_since", e.since), slog.Int("spans_lost", e.lost))
	}
	e.failed = err
	if err != nil {
		e.lost += spans
	}
}

// failure is what became of the last export.
func (e *exporter) failure() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.failed == nil {
		return nil
	}
	return errors.New(describe(e.failed))
}

// Shutdown implements sdk.SpanExporter. The queue calls it when its goroutine has ended.
func (e *exporter) Shutdown(ctx context.Context) error {
	defer close(e.ended)
	return e.to.Shutdown(ctx)
}
