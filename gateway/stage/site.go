package stage

import (
	"errors"

	"github.com/labstack/echo/v4"
)

// ErrForeignSite is a request that a browser sends for a page of another site.
var ErrForeignSite = errors.New("sent by a page of another site")

// RefuseForeignSites refuses what a browser sends for a page of another site, as it says
// itself (Sec-Fetch-Site). Such a page needs no answer to do harm: its visitors' browsers
// would guess at passwords from their own addresses, and lock their owners out there.
// Programs send no such header.
func RefuseForeignSites(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		for _, site := range c.Request().Header.Values("Sec-Fetch-Site") {
			if site != "same-origin" && site != "same-site" && site != "none" {
				return ErrForeignSite
			}
		}
		return next(c)
	}
}
