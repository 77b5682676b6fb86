package stage

import (
	"github.com/labstack/echo/v4"

	"faveo-gateway/upstream/laravel"
)

// Canonicalize reads the request once, as PHP will, or refuses it as ambiguous. It
// runs before the router: Echo's catch-all would otherwise match other
// spellings of a path than the named routes do.
func Canonicalize(reader *laravel.Reader) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			request, err := reader.Read(c.Request())
			if err != nil {
				return err
			}
			defer request.Close()
			From(c).Request = request
			return next(c)
		}
	}
}

// Canonical returns the request as PHP will read it.
func Canonical(c echo.Context) *laravel.Request {
	return From(c).Request
}
