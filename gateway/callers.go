package gateway

import (
	"github.com/labstack/echo/v4"

	"faveo-gateway/gateway/identity"
	"faveo-gateway/gateway/login"
	"faveo-gateway/gateway/stage"
)

// ofCaller serves what is the caller's own.
func (d frontDoor) ofCaller(serve func(echo.Context, *identity.Principal) error) echo.HandlerFunc {
	return func(c echo.Context) error {
		caller := stage.From(c).Principal
		if caller == nil {
			return stage.ErrTokenNotProvided // A policy that lets strangers in has nobody to show.
		}
		return serve(c, caller)
	}
}

// ofSession serves what only the holder of a token may see or end: the sessions of a
// person are no business of a machine that has an API key in the person's name.
func (d frontDoor) ofSession(serve func(echo.Context, *identity.Principal) error) echo.HandlerFunc {
	return d.ofCaller(func(c echo.Context, caller *identity.Principal) error {
		if caller.Proof == identity.ProofAPIKey {
			return stage.ErrTokenNotProvided
		}
		return serve(c, caller)
	})
}

// endSession ends one of the caller's own sessions.
func (d frontDoor) endSession(c echo.Context, caller *identity.Principal) error {
	return d.login.EndSession(c, caller, c.Param("session"))
}

// refresh replaces the token of the request. The session judges whether it may:
// the authenticate stage would refuse a token that was refreshed before, and
// nobody would learn that two hold it.
func (d frontDoor) refresh(c echo.Context) error { return d.login.Refresh(c, holderOf(c)) }

// logout ends the session of a verified token. The session itself is not asked
// for: ending one that has ended is a success.
func (d frontDoor) logout(c echo.Context) error { return d.login.Logout(c, holderOf(c)) }

// holderOf is the bearer of the request's verified token.
func holderOf(c echo.Context) login.Holder {
	x := stage.From(c)
	return login.Holder{Token: x.Token, Raw: x.RawToken(), Client: stage.ClientOf(c)}
}
