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
	// about names the key, session or user that the request is about.
	about []slog.Attr
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

// observe renders the error of whatever comes behind it and writes the one log
// event. Scrapes and probes, which come every few seconds, have none.
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
