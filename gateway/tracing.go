package gateway

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"faveo-gateway/gateway/stage"
	"faveo-gateway/gateway/trace"
)

// traceGrace is how long the last spans may take when the gateway stops.
const traceGrace = 3 * time.Second

// openTraces returns what makes traces, nil where the configuration wants none. It is
// closed after all that makes spans.
func (g *Gateway) openTraces(o Options) (*trace.Tracer, error) {
	c := o.Config.Observability.Tracing
	if c.Endpoint == "" {
		return nil, nil
	}
	t, err := trace.Open(trace.Options{
		Endpoint: c.URL(), Headers: c.RevealHeaders(), SampleRatio: c.SampleRatio, Timeout: c.Timeout,
		Version: o.Build.Version, Instance: hostName(), Log: o.Log,
	})
	if err != nil {
		return nil, err
	}
	g.onStop("traces", func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, traceGrace)
		defer cancel()
		if err := t.Close(ctx); err != nil { // No fault of the drain.
			g.log.Warn("the last spans were not exported", slog.Any("error", err))
		}
		return nil
	})
	return t, nil
}

// tracer fits a trace.Tracer to the stages.
type tracer struct{ *trace.Tracer }

// stageTracer is t for the stages, nil where nothing is traced.
func stageTracer(t *trace.Tracer) stage.Tracer {
	if t == nil {
		return nil
	}
	return tracer{t}
}

// Begin implements stage.Tracer.
func (t tracer) Begin(r *http.Request, trusted bool) (context.Context, stage.Trace) {
	ctx, request := t.Tracer.Begin(r, trusted)
	return ctx, requestTrace{request}
}

// requestTrace fits a trace.Request to the stages.
type requestTrace struct{ *trace.Request }

// End implements stage.Trace.
func (t requestTrace) End(o stage.Outcome) { t.Request.End(trace.Outcome(o)) }
