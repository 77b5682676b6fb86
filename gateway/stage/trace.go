package stage

import (
	"context"
	"net/http"

	"github.com/labstack/echo/v4"
)

// Tracer makes the traces of requests. It is safe for concurrent use.
type Tracer interface {
	// Begin begins the trace of r, which it continues when the peer is trusted. What the
	// returned context is given to is part of it; it is r's own when the trace is not
	// recorded.
	Begin(r *http.Request, trusted bool) (context.Context, Trace)
}

// Trace is that of one request. It belongs to the request's goroutine.
type Trace interface {
	// ID names the trace, "" when it is not recorded.
	ID() string
	// Upstream begins the part of it that PHP has. parent is the traceparent for PHP; end is
	// called once, with the status of its answer or the failure.
	Upstream(ctx context.Context) (parent string, end func(status int, failure error))
	// End ends it.
	End(Outcome)
}

// Outcome is what became of a request, without anything that a client wrote.
type Outcome struct {
	// Method is that of the metrics.
	Method string
	// Pattern is the router's, "" when the request did not get there.
	Pattern string
	// Route is that of the metrics and the log.
	Route string
	// Rule and Reason are those of the policy, "" where it did not decide.
	Rule, Reason string
	Status       int
}

// begin begins the trace of a request.
func (o *Observer) begin(c echo.Context, x *Exchange) {
	if o.tracer == nil {
		return
	}
	r := c.Request()
	ctx, trace := o.tracer.Begin(r, o.peers.trusts(r))
	if x.trace = trace; ctx != r.Context() {
		x.traceID = trace.ID()
		c.SetRequest(r.WithContext(ctx))
	}
}

// end ends the trace of a request.
func (x *Exchange) end(c echo.Context, method string, status int) {
	if x.trace != nil {
		x.trace.End(Outcome{
			Method: method, Pattern: c.Path(), Route: string(x.Route),
			Rule: x.Decision.Rule, Reason: string(x.Decision.Reason), Status: status,
		})
	}
}

// TraceID names the trace of the request, "" when none is recorded.
func (x *Exchange) TraceID() string { return x.traceID }

// upstream begins the part of the trace that PHP has, see Trace.
func (x *Exchange) upstream(ctx context.Context) (parent string, end func(status int, failure error)) {
	if x.trace == nil {
		return "", func(int, error) {}
	}
	return x.trace.Upstream(ctx)
}
