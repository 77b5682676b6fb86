package stage

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
)

// What somebody unknown may make the gateway hold, and for how long. A login or a
// token needs a few hundred bytes; the recorded contract knows a password of
// 100 kB that is refused as wrong and not as too large.
const (
	strangersBody = 128 << 10
	strangersTime = 10 * time.Second
)

// LoadStrangersBody reads the body of a caller who is not known yet. Nobody can
// park more than a small body on the gateway, or a slow one for long.
//
// Errors are those of laravel.Request.LoadBody.
func LoadStrangersBody(c echo.Context) error {
	return From(c).loadStrangersBody()
}

func (x *Exchange) loadStrangersBody() error {
	x.readBy(time.Now().Add(strangersTime))
	return x.loadBody(strangersBody)
}

// loadBody reads the body and lifts the deadline for reading: the server watches
// the connection while PHP works, and a deadline that passes then would look like
// a client that left.
func (x *Exchange) loadBody(limit int64) error {
	err := x.Request.LoadBody(limit)
	if err == nil {
		x.readBy(time.Time{})
	}
	return err
}

// readBy sets the deadline for reading. A connection that has none is a test's.
func (x *Exchange) readBy(deadline time.Time) {
	_ = http.NewResponseController(x.out).SetReadDeadline(deadline)
}
