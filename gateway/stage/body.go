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
// park more than a small body on the gateway, or a slow one for long. The server
// lifts the deadline by itself when the body has ended.
//
// Errors are those of laravel.Request.LoadBody.
func LoadStrangersBody(c echo.Context) error {
	return From(c).loadStrangersBody()
}

func (x *Exchange) loadStrangersBody() error {
	if x.Request.HasParameters() {
		// A connection that has no deadlines is a test's.
		_ = http.NewResponseController(&x.out).SetReadDeadline(time.Now().Add(strangersTime))
	}
	return x.Request.LoadBody(strangersBody)
}
