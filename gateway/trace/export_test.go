package trace

import sdk "go.opentelemetry.io/otel/sdk/trace"

// OpenTo is Open with another place to export to.
func OpenTo(o Options, to sdk.SpanExporter) *Tracer { return open(o, to) }
