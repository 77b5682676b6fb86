package gateway

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"

	"faveo-gateway/gateway/keyring"
	"faveo-gateway/gateway/stage"
	"faveo-gateway/gateway/token"
)

// jwksPath is where RFC 8615 puts well-known documents: at the root, whatever
// the base path.
const jwksPath = "/.well-known/jwks.json"

// maxKeysAge bounds how long a reader may keep the keys.
const maxKeysAge = 5 * time.Minute

// publicKeys prints the JWK set of the keys that verify (RFC 7517 section 5), once
// for each generation of the ring. It is safe for concurrent use.
type publicKeys struct {
	ring *keyring.Ring
	// cacheControl is shorter than keys.publish_ahead, so that a new key is known
	// everywhere before it signs.
	cacheControl string
	printed      atomic.Pointer[printedKeys]
}

// printedKeys is the document of one generation.
type printedKeys struct {
	generation uint64
	document   []byte
}

func newPublicKeys(ring *keyring.Ring, publishAhead time.Duration) *publicKeys {
	age := min(publishAhead/2, maxKeysAge)
	return &publicKeys{ring: ring, cacheControl: fmt.Sprintf("public, max-age=%d", age/time.Second)}
}

// print returns the document of the keys as they are now.
func (k *publicKeys) print() ([]byte, error) {
	// The generation is read first: a document of later keys is printed once more,
	// never one of earlier keys kept.
	generation := k.ring.Generation()
	if p := k.printed.Load(); p != nil && p.generation == generation {
		return p.document, nil
	}
	document, err := token.PublicSet(k.ring.PublicKeys())
	if err != nil {
		return nil, err
	}
	k.printed.Store(&printedKeys{generation, document})
	return document, nil
}

// serveKeys answers for the one path of the key set.
func (d frontDoor) serveKeys(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		if r.URL.EscapedPath() != jwksPath || (r.Method != http.MethodGet && r.Method != http.MethodHead) {
			return next(c)
		}
		stage.From(c).Route = stage.RouteKeys
		document, err := d.keys.print()
		if err != nil {
			return err
		}
		c.Response().Header().Set(echo.HeaderCacheControl, d.keys.cacheControl)
		return c.Blob(http.StatusOK, "application/jwk-set+json", document)
	}
}
