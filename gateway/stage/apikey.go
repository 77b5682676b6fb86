package stage

import (
	"context"
	"errors"

	"github.com/labstack/echo/v4"

	"faveo-gateway/gateway/identity"
)

// ErrForeignKey is an API key that is bound to another user than the token beside it.
var ErrForeignKey = errors.New("the API key is another user's")

// APIKeys judges the API key of a request.
type APIKeys interface {
	// Admit returns the managed key that the text is, or nil where the text is none and
	// no key is needed. The text is "" when the request has no key. An error is either a
	// refusal or a fault of the infrastructure; gateway's error table tells them apart.
	Admit(ctx context.Context, text string, from identity.Client) (*identity.Key, error)
}

// RequireKey asks for the API key, where one is needed, on a route that proves no
// caller: it is in the header, in the query, or in the body that load has read.
func (a *Authenticator) RequireKey(load func(echo.Context) error) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			x := From(c)
			if err := load(c); err != nil {
				return err
			}
			if err := takeHeaderKey(c.Request(), x); err != nil {
				return err
			}
			if err := takeKey(x); err != nil {
				return err
			}
			if err := a.admit(c, x); err != nil {
				return err
			}
			return next(c)
		}
	}
}

// proveKey judges the API key, and proves its owner where the request has no token.
func (a *Authenticator) proveKey(c echo.Context, x *Exchange) error {
	if err := a.admit(c, x); err != nil || x.Principal != nil || x.Key == nil || x.Key.UserID == 0 {
		return err
	}
	principal, err := a.Sessions.KeyPrincipal(c.Request().Context(), useOf(x.Request), x.Key)
	x.Principal = principal
	return err
}

// admit judges the API key once: where there is one before the body was read, none in
// the body can differ from it. The token that the request turns out to have must be of
// the key's user.
func (a *Authenticator) admit(c echo.Context, x *Exchange) (err error) {
	if !x.admitted {
		x.Key, err = a.APIKeys.Admit(c.Request().Context(), x.rawKey, ClientOf(c))
		x.admitted = err == nil
	}
	if err == nil && x.hasForeignKey() {
		err = ErrForeignKey
	}
	return err
}

// hasForeignKey says whether the key is bound to another user than the request is of.
func (x *Exchange) hasForeignKey() bool {
	return x.Key != nil && x.Key.UserID != 0 && x.UserID() != 0 && x.UserID() != x.Key.UserID
}
