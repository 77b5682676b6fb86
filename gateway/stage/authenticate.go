package stage

import (
	"context"
	"errors"
	"slices"

	"github.com/labstack/echo/v4"

	"faveo-gateway/gateway/identity"
	"faveo-gateway/upstream/laravel"
)

// ErrTokenNotProvided means that the request carries no token where one is
// needed.
var ErrTokenNotProvided = errors.New("token not provided")

// Tokens verifies a bearer token without any I/O.
type Tokens interface {
	Verify(raw string) (identity.Token, error)
}

// Sessions proves that a token's session is alive and its account may log in.
// An error is either a refusal or a fault of the infrastructure; gateway's error
// table tells them apart.
type Sessions interface {
	Principal(ctx context.Context, t identity.Token, from identity.Client) (*identity.Principal, error)
}

// Authenticator turns a token into a Principal.
type Authenticator struct {
	Tokens   Tokens
	Sessions Sessions
	// Sources are the places where a token is accepted; elsewhere it is refused.
	Sources []identity.Source
	// BodyLimit bounds the body of a caller who is known, in bytes.
	BodyLimit int64
}

// Authenticate finds the one token of the request and proves its owner. A
// request without a token goes on without a Principal: the policy knows whether
// it needs one. A bad token stops here, on public routes too.
func (a *Authenticator) Authenticate() echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			x := From(c)
			if err := a.verifyToken(c, x); err != nil {
				return err
			}
			if !x.hasToken() {
				return next(c)
			}
			principal, err := a.Sessions.Principal(c.Request().Context(), x.Token, ClientOf(c))
			if err != nil {
				return err
			}
			x.Principal = principal
			if err := a.loadRest(x); err != nil {
				return err
			}
			return next(c)
		}
	}
}

// RequireToken verifies the token of the request without looking at its session,
// for the routes that judge the session themselves: for a logout an ended one is
// as good as a live one, for a refresh a token that was refreshed before is a
// sign of theft. A request without a token is ErrTokenNotProvided.
func (a *Authenticator) RequireToken() echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			x := From(c)
			if err := a.verifyToken(c, x); err != nil {
				return err
			}
			if !x.hasToken() {
				return ErrTokenNotProvided
			}
			// The session may have ended long ago: whoever holds such a token is a
			// stranger, and what these routes read is small.
			if err := x.loadStrangersBody(); err != nil {
				return err
			}
			if err := refuseSecondToken(x); err != nil {
				return err
			}
			return next(c)
		}
	}
}

// verifyToken takes the token out of the request and verifies it. It leaves
// Exchange.Source empty when there is none.
//
// The body is read only after the token of the head was verified, or, when the
// head has none, up to the small limit: nobody unknown can make the gateway
// hold or spool a large upload.
func (a *Authenticator) verifyToken(c echo.Context, x *Exchange) error {
	found, err := takeHead(c.Request(), x.Request)
	if err == nil && found.raw == "" {
		found, err = a.takeSmallBody(x)
	}
	if err != nil || found.raw == "" {
		return err
	}
	if !slices.Contains(a.Sources, found.source) {
		return &laravel.Ambiguous{Reason: ReasonTokenSource}
	}
	x.Source, x.raw = found.source, found.raw
	x.Token, err = a.Tokens.Verify(found.raw)
	return err
}

// ClientOf describes the client of a request.
func ClientOf(c echo.Context) identity.Client {
	return identity.Client{Address: From(c).Client, Agent: c.Request().UserAgent()}
}

// takeSmallBody looks into a small body for the token that the head lacks.
func (a *Authenticator) takeSmallBody(x *Exchange) (credential, error) {
	err := x.loadStrangersBody()
	if errors.Is(err, laravel.ErrTooLarge) {
		x.unread = err
		return credential{}, nil
	}
	if err != nil {
		return credential{}, err
	}
	return takeParameter(x.Request, identity.SourceBody)
}

// loadRest reads the rest of the request once its caller is known, and makes
// sure that no second token hides there.
func (a *Authenticator) loadRest(x *Exchange) error {
	if err := x.Request.LoadBody(a.BodyLimit); err != nil {
		return err
	}
	return refuseSecondToken(x)
}

// refuseSecondToken looks for a token in a body that was just read.
func refuseSecondToken(x *Exchange) error {
	second, err := takeParameter(x.Request, identity.SourceBody)
	if err == nil && second.raw != "" {
		err = &laravel.Ambiguous{Reason: ReasonTwoTokens}
	}
	return err
}
