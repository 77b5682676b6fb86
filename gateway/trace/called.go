package trace

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"go.opentelemetry.io/otel/attribute"
	api "go.opentelemetry.io/otel/trace"
)

// Called records a call that has just ended and took so long, where ctx is that of a
// recorded trace. dependency and operation come from closed sets. What runs beside the
// requests has no trace, and is not recorded.
func (t *Tracer) Called(ctx context.Context, dependency, operation string, took time.Duration, failure error) {
	if t == nil || !api.SpanContextFromContext(ctx).IsSampled() {
		return
	}
	now := time.Now()
	_, span := t.tracer.Start(ctx, dependency+" "+operation,
		api.WithSpanKind(api.SpanKindClient), api.WithTimestamp(now.Add(-took)),
		api.WithAttributes(
			attribute.String("faveo_gateway.dependency", dependency),
			attribute.String("db.operation.name", operation),
		))
	if failure != nil {
		fail(span, kindOf(failure))
	}
	span.End(api.WithTimestamp(now))
}

// kindOf names the kind of a failure, the closed set of the attribute error.type.
func kindOf(failure error) string {
	var network net.Error
	switch {
	case errors.Is(failure, http.ErrAbortHandler):
		return "broken_off"
	case errors.Is(failure, context.Canceled):
		return "canceled"
	case errors.Is(failure, context.DeadlineExceeded), errors.As(failure, &network) && network.Timeout():
		return "timeout"
	default:
		return "_OTHER" // OpenTelemetry's name for what is not told apart.
	}
}
