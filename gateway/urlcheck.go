package gateway

import (
	"context"
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"

	"faveo-gateway/gateway/stage"
	"faveo-gateway/policy"
	"faveo-gateway/upstream/laravel"
)

// urlChecker appends what PHP would answer for a URL, or false for one that only
// PHP's fetching could tell about.
type urlChecker func(ctx context.Context, dst []byte, url string, given bool, basePath string, hosts ...string) ([]byte, bool, error)

// checkURL answers GET helpdesk/url, which Faveo's WHMCS add-on calls to find out
// whether an address is a Faveo. PHP fetches whatever it names, local files
// included; here nothing is fetched.
func (d frontDoor) checkURL(c echo.Context) error {
	request := stage.Canonical(c)
	if err := request.LoadBody(0); err != nil {
		return err
	}
	value, given := request.Input("url")
	text, isText := value.Text()
	if given && !isText && value.Kind() != laravel.KindNull {
		return stage.Overrule(c, policy.ReasonBlocked)
	}
	body, answered, err := d.checker(c.Request().Context(), nil, text, isText, d.basePath, c.Request().Host)
	if err != nil {
		return fmt.Errorf("%w: %w", errDatabase, err)
	}
	if !answered {
		return stage.Overrule(c, policy.ReasonBlocked)
	}
	return c.Blob(http.StatusOK, "application/json", body)
}
