// Package trace tells a collector how requests went, by OpenTelemetry. It is the only
// door to it.
//
// # What is recorded
//
// Of each sampled request one span of kind server, and below it one of kind client for
// each call that leaves the process: to a store, after it (see Called), and to PHP (see
// Request.Upstream). Their names and attributes come from closed sets: methods that
// everybody knows, route patterns, names of rules, statuses, operations. Nothing that a
// client writes is among them, nor is any text of an error: a path has ids in it, a query
// has tokens, and the message of a driver may have anything.
//
// # Whose trace it is
//
// A client could name a trace of somebody else as its parent, or have each of its
// requests recorded (W3C Trace Context sections 7.2 and 7.3). A traceparent is therefore
// continued only where it comes from a trusted proxy; with everybody else a new trace
// begins, and what the client named is a link of it. tracestate and baggage are neither
// read nor sent on.
//
// # What it costs
//
// A nil *Tracer is the one that traces nothing, and does nothing. Of a request that is not
// sampled there is only an id, which goes to PHP so that it does not sample by itself.
//
// # When the collector fails
//
// Spans wait in a queue of a fixed size; what finds it full is lost. No request waits for
// it or hears of it. The log does, once when it begins to fail and once when it works
// again, without a word of the collector's answer and without the headers that it is
// sent, which may be credentials.
//
// OpenTelemetry has one handler of errors for the whole process, which writes to stderr.
// Open replaces it: what it would say comes back as the error of an export.
package trace

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	api "go.opentelemetry.io/otel/trace"
)

// The bounds of what waits to be sent.
const (
	queueSize   = 4096 // spans
	batchSize   = 512  // spans
	batchWithin = 5 * time.Second
)

// Options are what a Tracer is made of. All are needed but Headers.
type Options struct {
	// Endpoint is the URL that batches are posted to, by http or https.
	Endpoint string
	// Headers go with each batch. Their values are never shown.
	Headers map[string]string
	// SampleRatio is how many of the traces that begin here are recorded, from 0 to 1.
	SampleRatio float64
	// Timeout bounds the export of a batch, with all its tries.
	Timeout time.Duration
	// Version and Instance tell of the gateway that it is, and which of its replicas.
	Version, Instance string
	Log               *slog.Logger
}

// Tracer makes traces. It is safe for concurrent use. A nil Tracer makes none.
type Tracer struct {
	tracer   api.Tracer
	provider *sdk.TracerProvider
	exporter *exporter
}

// Open returns a Tracer, without connecting. Close ends it.
func Open(o Options) (*Tracer, error) {
	to, err := newOTLP(o)
	if err != nil {
		return nil, err
	}
	return open(o, to), nil
}

// open makes a Tracer that exports to the given place.
func open(o Options, to sdk.SpanExporter) *Tracer {
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(error) {}))
	e := newExporter(o, to)
	provider := sdk.NewTracerProvider(
		// Only a proxy's trace has a parent that is remote: Begin sees to that.
		sdk.WithSampler(sdk.ParentBased(sdk.TraceIDRatioBased(o.SampleRatio))),
		sdk.WithResource(resource.NewSchemaless(
			attribute.String("service.name", "faveo-gateway"),
			attribute.String("service.version", o.Version),
			attribute.String("service.instance.id", o.Instance),
		)),
		// The exporter has a timeout of its own, whose error tells what it is.
		sdk.WithBatcher(e, sdk.WithMaxQueueSize(queueSize), sdk.WithMaxExportBatchSize(batchSize),
			sdk.WithBatchTimeout(batchWithin), sdk.WithExportTimeout(0)),
	)
	return &Tracer{tracer: provider.Tracer("faveo-gateway"), provider: provider, exporter: e}
}

// Close sends what is left until ctx ends, and returns when nothing runs any more. Its
// error says that spans were lost.
func (t *Tracer) Close(ctx context.Context) error {
	if t == nil {
		return nil
	}
	if err := t.provider.Shutdown(ctx); err != nil {
		// An export is under way still. Without the one below, it and those after it fail
		// at once.
		_ = t.exporter.to.Shutdown(ctx) // Its error is that ctx is over.
		<-t.exporter.ended
	}
	if err := t.exporter.failure(); err != nil {
		return fmt.Errorf("trace: %w", err)
	}
	return nil
}
