package trace

import (
	"cmp"
	"context"
	"encoding/hex"
	"net/http"
	"strconv"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	api "go.opentelemetry.io/otel/trace"
)

// Request is the trace of one request. It belongs to the request's goroutine.
type Request struct {
	tracer *Tracer
	span   api.Span
}

// Outcome is what became of a request, all of it from closed sets.
type Outcome struct {
	// Method is one that everybody knows, or "OTHER".
	Method string
	// Pattern is the pattern of the route, "" when the request did not get to one.
	Pattern string
	// Route is the route as the metrics and the log name it.
	Route string
	// Rule and Reason are those of the policy, "" where it did not decide.
	Rule, Reason string
	Status       int
}

// Begin begins the trace of r, whose peer is trusted when it is a proxy of our own. What
// is done with the returned context is part of it; where the trace is not recorded, that
// is r's own.
func (t *Tracer) Begin(r *http.Request, trusted bool) (context.Context, *Request) {
	var (
		original = r.Context()
		ctx      = original
		named    api.SpanContext
	)
	// RFC 9110 section 5.3 and W3C Trace Context section 3.2: of two neither counts.
	if parents := r.Header["Traceparent"]; len(parents) == 1 {
		named = parse(parents[0])
	}
	if trusted && named.IsValid() {
		ctx = api.ContextWithRemoteSpanContext(ctx, named)
	}
	ctx, span := t.tracer.Start(ctx, "request", api.WithSpanKind(api.SpanKindServer))
	if !span.IsRecording() {
		return original, &Request{t, span}
	}
	if !trusted && named.IsValid() {
		span.AddLink(api.Link{SpanContext: named})
	}
	return ctx, &Request{t, span}
}

// parse reads a traceparent. It returns an invalid SpanContext for anything else.
func parse(traceparent string) api.SpanContext {
	carrier := propagation.MapCarrier{"traceparent": traceparent}
	return api.SpanContextFromContext(propagation.TraceContext{}.Extract(context.Background(), carrier))
}

// ID is the id of the trace in hexadecimal, "" when it is not recorded.
func (q *Request) ID() string {
	if !q.span.IsRecording() {
		return ""
	}
	return q.span.SpanContext().TraceID().String()
}

// Upstream begins the part of the trace that PHP has, in the context that Begin returned.
// parent is the traceparent that PHP gets, which also says whether to record. end is
// called once, with the status of PHP's answer, or why there is none.
func (q *Request) Upstream(ctx context.Context) (parent string, end func(status int, failure error)) {
	if !q.span.IsRecording() {
		return traceparent(q.span.SpanContext()), func(int, error) {}
	}
	_, span := q.tracer.tracer.Start(ctx, "upstream", api.WithSpanKind(api.SpanKindClient))
	return traceparent(span.SpanContext()), func(status int, failure error) {
		if status != 0 {
			span.SetAttributes(attribute.Int("http.response.status_code", status))
		}
		switch {
		case failure != nil:
			fail(span, kindOf(failure))
		case status >= http.StatusBadRequest: // OpenTelemetry's HTTP conventions: a client's span fails with 4xx, too.
			fail(span, strconv.Itoa(status))
		}
		span.End()
	}
}

// End ends the trace.
func (q *Request) End(o Outcome) {
	if !q.span.IsRecording() {
		return
	}
	attributes := append(make([]attribute.KeyValue, 0, 6),
		attribute.String("http.request.method", o.Method),
		attribute.Int("http.response.status_code", o.Status),
		attribute.String("faveo_gateway.route", o.Route),
	)
	if o.Pattern != "" {
		attributes = append(attributes, attribute.String("http.route", o.Pattern))
	}
	if o.Reason != "" {
		attributes = append(attributes,
			attribute.String("faveo_gateway.rule", o.Rule), attribute.String("faveo_gateway.reason", o.Reason))
	}
	q.span.SetName(o.Method + " " + cmp.Or(o.Pattern, o.Route))
	q.span.SetAttributes(attributes...)
	if o.Status >= http.StatusInternalServerError {
		fail(q.span, strconv.Itoa(o.Status))
	}
	q.span.End()
}

// fail marks a span by a kind of failure from a closed set, never by a message.
func fail(span api.Span, kind string) {
	span.SetAttributes(attribute.String("error.type", kind))
	span.SetStatus(codes.Error, "")
}

// traceparent writes the header, W3C Trace Context section 3.2.
func traceparent(c api.SpanContext) string {
	trace, span := c.TraceID(), c.SpanID()
	b := append(make([]byte, 0, 55), "00-"...)
	b = hex.AppendEncode(b, trace[:])
	b = append(b, '-')
	b = hex.AppendEncode(b, span[:])
	if c.IsSampled() {
		return string(append(b, "-01"...))
	}
	return string(append(b, "-00"...))
}
