package stage

import (
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"

	"github.com/labstack/echo/v4"
)

// PanicError is a panic of a later stage as an error. It is answered as an
// internal fault.
type PanicError struct {
	Value any
	Stack []byte
}

// Error implements error.
func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// Recover turns a panic into a PanicError that the observe stage reports.
// http.ErrAbortHandler passes: it is how a handler cuts a connection whose
// answer cannot be completed, and swallowing it would end a truncated answer as
// if it were whole.
func Recover() echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) (err error) {
			defer func() {
				value := recover()
				if value == nil {
					return
				}
				if cause, ok := value.(error); ok && errors.Is(cause, http.ErrAbortHandler) {
					panic(value)
				}
				err = &PanicError{Value: value, Stack: debug.Stack()}
			}()
			return next(c)
		}
	}
}
