package trace_test

import (
	"bytes"
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.uber.org/goleak"

	"faveo-gateway/gateway/trace"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// options are those of the tests; the log goes to the buffer.
func options(log *buffer) trace.Options {
	return trace.Options{
		SampleRatio: 1, Timeout: 5 * time.Second, Version: "tested", Instance: "replica",
		Log: slog.New(slog.NewJSONHandler(log, nil)),
	}
}

// kept are the spans of a Tracer that was closed.
func kept(t *testing.T, ratio float64, do func(*trace.Tracer)) tracetest.SpanStubs {
	t.Helper()
	memory := &remembering{}
	o := options(&buffer{})
	o.SampleRatio = ratio
	tracer := trace.OpenTo(o, memory)
	do(tracer)
	if err := tracer.Close(t.Context()); err != nil {
		t.Fatalf("close: %v", err)
	}
	return memory.spans
}

// remembering keeps what it was sent beyond its Shutdown, at which OpenTelemetry's own
// exporter in memory forgets.
type remembering struct {
	tracetest.NoopExporter
	spans tracetest.SpanStubs
}

func (m *remembering) ExportSpans(_ context.Context, spans []sdk.ReadOnlySpan) error {
	m.spans = append(m.spans, tracetest.SpanStubsFromReadOnlySpans(spans)...)
	return nil
}

// attributes are those of a span by name.
func attributes(s tracetest.SpanStub) map[string]string {
	all := map[string]string{}
	for _, a := range s.Attributes {
		all[string(a.Key)] = a.Value.String()
	}
	return all
}

// buffer is a log that is read while it is written.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
