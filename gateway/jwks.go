package gateway

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"faveo-gateway/gateway/stage"
)

// jwksPath is where RFC 8615 puts well-known documents: at the root, whatever
// the base path.
const jwksPath = "/.well-known/jwks.json"

// keysCacheControl lets a reader keep the keys for five minutes: short, so that a
// new key is known everywhere before it signs.
const keysCacheControl = "public, max-age=300"

// publicKeys prints the JWK set of the keys that verify (RFC 7517 section 5).
type publicKeys func() ([]byte, error)

// serveKeys answers for the one path of the key set.
func (d frontDoor) serveKeys(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		if r.URL.EscapedPath() != jwksPath || (r.Method != http.MethodGet && r.Method != http.MethodHead) {
			return next(c)
		}
		stage.From(c).Route = stage.RouteKeys
		document, err := d.keys()
		if err != nil {
			return err
		}
		c.Response().Header().Set(echo.HeaderCacheControl, keysCacheControl)
		return c.Blob(http.StatusOK, "application/jwk-set+json", document)
	}
}
