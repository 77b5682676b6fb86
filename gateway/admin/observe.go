package admin

import (
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/labstack/echo/v4"
)

// exchange is what the log event of one request is made of.
type exchange struct {
	requestID string
	// route is the pattern, empty for what is no route.
	route string
	// about names the key, session, user or address that the request is about.
	about []slog.Attr
}

// Event is a request below /admin that was answered. None of it is a credential.
type Event struct {
	// RequestID is that of the log and of a Refusal.
	RequestID string
	// Client is the address of the client, Agent its User-Agent as it sent it.
	Client, Agent string
	// Method is the request's, "other" for one that nobody knows. Route is the pattern,
	// such as /admin/v1/apikeys/:apikey_id/revoke; empty for what never reached one.
	Method, Route string
	// Status is that of the answer, Code its word for a refusal or a fault, empty for
	// success.
	Status int
	Code   string
	// About names what the request is about, as far as it was read, with the keys kid,
	// session_id, apikey_id and address, each a text, and user_id, a uint64. A new key
	// that was made is named too.
	About []slog.Attr
}

const exchangeKey = "exchange"

// exchangeOf returns the exchange that observe has opened.
func exchangeOf(c echo.Context) *exchange {
	x, ok := c.Get(exchangeKey).(*exchange)
	if !ok {
		panic("no exchange: observe is the first in New") // A programmer's mistake.
	}
	return x
}

// observe renders the error of whatever comes behind it, writes the one log event,
// and tells of what the guard stood before. Scrapes and probes, which come every few
// seconds, have none.
func (h *Handler) observe(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		started := time.Now()
		x := &exchange{requestID: rand.Text()}
		c.Set(exchangeKey, x)
		header := c.Response().Header()
		header.Set(echo.HeaderCacheControl, "no-store")
		header.Set(echo.HeaderXContentTypeOptions, "nosniff")
		err := next(c)
		if err != nil {
			c.Error(err)
		}
		if !isOpen(c.Request().URL.Path) {
			h.report(c, x, err, time.Since(started))
		}
		if isGuarded(c.Request().URL.Path) {
			h.tell(eventOf(c, x, err))
		}
		return nil
	}
}

// report writes the event: refusals as warnings, faults with what broke.
func (h *Handler) report(c echo.Context, x *exchange, err error, took time.Duration) {
	status := c.Response().Status
	attrs := []slog.Attr{
		slog.String("request_id", x.requestID),
		slog.String("client", c.RealIP()),
		slog.String("method", knownMethod(c.Request().Method)),
		slog.String("route", x.route),
		slog.Int("status", status),
		slog.Int64("duration_us", took.Microseconds()),
	}
	attrs = append(attrs, x.about...)
	level := slog.LevelInfo
	if err != nil {
		level = slog.LevelWarn
		attrs = append(attrs, slog.String("code", problemOf(err).Code))
	}
	// A refusal's text may quote the client, who may have written the token into the
	// wrong place; a fault's is our own.
	if status >= http.StatusInternalServerError {
		level = slog.LevelError
		attrs = append(attrs, slog.String("error", err.Error()))
	}
	var panicked *panicError
	if errors.As(err, &panicked) {
		attrs = append(attrs, slog.String("stack", string(panicked.stack)))
	}
	h.log.LogAttrs(c.Request().Context(), level, "admin request", attrs...)
}

func eventOf(c echo.Context, x *exchange, err error) Event {
	r := c.Request()
	e := Event{
		RequestID: x.requestID, Client: c.RealIP(), Agent: r.UserAgent(),
		Method: knownMethod(r.Method), Route: x.route, Status: c.Response().Status, About: x.about,
	}
	if err != nil {
		e.Code = problemOf(err).Code
	}
	return e
}

// knownMethod folds what a client invents into one value.
func knownMethod(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return method
	default:
		return "other"
	}
}

// panicError is a panic as an error. It is answered as an internal fault.
type panicError struct {
	value any
	stack []byte
}

// Error implements error.
func (e *panicError) Error() string { return fmt.Sprintf("panic: %v", e.value) }

// recoverHere turns a panic into an error. http.ErrAbortHandler passes: it is how
// a handler cuts a connection whose answer cannot be completed.
func recoverHere(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) (err error) {
		defer func() {
			value := recover()
			if value == nil {
				return
			}
			if cause, ok := value.(error); ok && errors.Is(cause, http.ErrAbortHandler) {
				panic(value)
			}
			err = &panicError{value: value, stack: debug.Stack()}
		}()
		return next(c)
	}
}
