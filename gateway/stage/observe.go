package stage

import (
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"faveo-gateway/gateway/identity"
	"faveo-gateway/upstream/laravel"
)

// statusClientGone is what the log and the metrics say when the client left
// before there was an answer. It is never sent (nginx's convention).
const statusClientGone = 499

// Observer makes the one log event and the metrics of every request.
type Observer struct {
	peers   Peers
	log     *slog.Logger
	tracer  Tracer
	metrics *metrics
}

// NewObserver returns an Observer that writes access events to log. t is nil where
// nothing is traced.
func NewObserver(peers Peers, log *slog.Logger, t Tracer, r prometheus.Registerer) *Observer {
	return &Observer{peers: peers, log: log, tracer: t, metrics: newMetrics(r)}
}

// Trusting returns an Observer of the same log and metrics that believes other peers.
func (o *Observer) Trusting(peers Peers) *Observer {
	other := *o
	other.peers = peers
	return &other
}

// Observe opens the Exchange, lets Echo render the error of the later
// stages, and reports what was answered. It is the outermost stage.
//
// Where nothing was answered, because the client left or its body broke off, it
// cuts the connection: net/http would end the request with an empty 200, and
// whoever still listens would take that for success.
func (o *Observer) Observe() echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			started := time.Now()
			x := o.open(c)
			o.begin(c, x)
			if closesAfter(c.Request()) {
				c.Response().Header().Set(echo.HeaderConnection, "close")
			}
			o.metrics.inFlight.Inc()
			defer o.metrics.inFlight.Dec()
			// A panic that means "cut the connection" passes through here and is
			// reported on its way.
			cut := true
			defer func() {
				if cut {
					o.report(c, x, http.ErrAbortHandler, time.Since(started))
				}
			}()
			err := next(c)
			if err != nil && !x.out.begun() {
				c.Error(err)
			}
			cut = false
			o.report(c, x, err, time.Since(started))
			if !x.out.begun() {
				panic(http.ErrAbortHandler)
			}
			return nil
		}
	}
}

// closesAfter says whether the connection must not be used again: behind a proxy
// that counts the bytes of such a request otherwise, what it takes for the rest
// of this one would be served as the next. net/http hides the Content-Length
// that came beside Transfer-Encoding, so every chunked request is suspect
// (RFC 9112 section 6.1).
func closesAfter(r *http.Request) bool {
	return !r.ProtoAtLeast(1, 1) || len(r.TransferEncoding) > 0
}

// open puts a new Exchange in the context.
func (o *Observer) open(c echo.Context) *Exchange {
	r := c.Request()
	x := &Exchange{
		RequestID: o.peers.requestID(r),
		Client:    c.RealIP(),
		Secure:    o.peers.secure(r),
		Route:     RouteRefused,
		out:       recorder{ResponseWriter: c.Response().Writer},
	}
	c.Response().Writer = &x.out
	c.Set(exchangeKey, x)
	return x
}

func (o *Observer) report(c echo.Context, x *Exchange, err error, took time.Duration) {
	status := x.out.status
	if status == 0 {
		status = statusClientGone
	}
	method := methodLabel(c.Request().Method)
	o.metrics.observeRequest(x, method, status, took)
	o.metrics.observeExchange(x)
	x.end(c, method, status)
	var ambiguous *laravel.Ambiguous
	if errors.As(err, &ambiguous) {
		o.metrics.ambiguous.WithLabelValues(string(ambiguous.Reason)).Inc()
	}
	o.write(c, x, err, status, took)
}

// write writes the request's one log event. The path is without its query,
// which may hold a token or a password.
func (o *Observer) write(c echo.Context, x *Exchange, err error, status int, took time.Duration) {
	level := slog.LevelInfo
	if status >= http.StatusInternalServerError {
		level = slog.LevelError
	}
	ctx := c.Request().Context()
	if !o.log.Enabled(ctx, level) {
		return
	}
	var room [17]slog.Attr
	attrs := append(room[:0],
		slog.String("request_id", x.RequestID),
		slog.String("client", x.Client),
		slog.String("method", bounded(c.Request().Method, 16)),
		slog.String("path", bounded(c.Request().URL.EscapedPath(), 512)),
		slog.String("route", string(x.Route)),
		slog.Int("status", status),
		slog.Int64("bytes", x.out.bytes),
		slog.Int64("duration_us", took.Microseconds()),
	)
	if id := x.TraceID(); id != "" {
		attrs = append(attrs, slog.String("trace_id", id))
	}
	if x.Source != "" {
		attrs = append(attrs, slog.String("token_source", string(x.Source)))
	}
	if id := x.UserID(); id != 0 {
		attrs = append(attrs, slog.Uint64("user_id", id))
	}
	if p := x.Principal; p != nil && p.Proof != identity.ProofToken {
		attrs = append(attrs, slog.String("proof", string(p.Proof))) // Whose client still has a token of Faveo's, or an API key.
	}
	if p := x.Principal; p != nil && p.Grace != 0 {
		attrs = append(attrs, slog.String("grace", p.Grace.String())) // What was believed though a store failed.
	}
	if x.Key != nil {
		attrs = append(attrs, slog.String("api_key_id", x.Key.ID))
	}
	if x.Decision.Reason != "" {
		attrs = append(attrs, slog.String("rule", x.Decision.Rule), slog.String("reason", string(x.Decision.Reason)))
	}
	if err != nil {
		attrs = append(attrs, slog.String("error", err.Error()))
	}
	var panicked *PanicError
	if errors.As(err, &panicked) {
		attrs = append(attrs, slog.String("stack", string(panicked.Stack)))
	}
	o.log.LogAttrs(ctx, level, "request", attrs...)
}

// bounded cuts what a client may make as long as it likes.
func bounded(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return s[:most] + "…"
}
