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

// Sessions proves that a caller may be served. An error is either a refusal or a fault
// of the infrastructure; gateway's error table tells them apart.
type Sessions interface {
	// Principal proves that a token's session is alive and its account may log in.
	Principal(ctx context.Context, use identity.Use, t identity.Token, from identity.Client) (*identity.Principal, error)
	// KeyPrincipal proves that the account that an API key is bound to may log in.
	KeyPrincipal(ctx context.Context, use identity.Use, key *identity.Key) (*identity.Principal, error)
}

// Authenticator turns a token or an API key into a Principal.
type Authenticator struct {
	Tokens   Tokens
	Sessions Sessions
	APIKeys  APIKeys
	// Sources are the places where a token is accepted; elsewhere it is refused.
	Sources []identity.Source
	// BodyLimit bounds the body of a caller who is known, in bytes.
	BodyLimit int64
}

// Authenticate finds the one token of the request and its API key, and proves the
// owner of the token, or of the key where there is no token. A request with neither
// goes on without a Principal: the policy knows whether it needs one. A bad token or
// key stops here, on public routes too.
func (a *Authenticator) Authenticate() echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if err := a.authenticate(c, From(c)); err != nil {
				return err
			}
			return next(c)
		}
	}
}

// authenticate reads the body only as far as the caller is known: whoever is proved by
// the head may send all of it.
func (a *Authenticator) authenticate(c echo.Context, x *Exchange) error {
	found, err := takeHead(c.Request(), x)
	if err != nil {
		return err
	}
	switch {
	case found.raw != "":
		err = a.proveToken(c, x, found)
	case x.rawKey != "":
		err = a.proveKey(c, x)
	}
	if err != nil {
		return err
	}
	if x.Principal != nil {
		return a.readRest(c, x)
	}
	if found, err = a.takeSmallBody(x); err != nil {
		return err
	}
	if found.raw != "" {
		if err := a.proveToken(c, x, found); err != nil {
			return err
		}
	}
	return a.proveKey(c, x)
}

// proveToken verifies a token and proves its owner.
func (a *Authenticator) proveToken(c echo.Context, x *Exchange, found credential) error {
	if err := a.verify(x, found); err != nil {
		return err
	}
	principal, err := a.Sessions.Principal(c.Request().Context(), useOf(x.Request), x.Token, ClientOf(c))
	x.Principal = principal
	return err
}

// readRest reads the rest of the request once its caller is known, and makes sure that
// no second token hides there. An API key that stands in for a token is one.
func (a *Authenticator) readRest(c echo.Context, x *Exchange) error {
	if err := x.Request.LoadBody(a.BodyLimit); err != nil {
		return err
	}
	if err := refuseSecondToken(x); err != nil {
		return err
	}
	return a.proveKey(c, x)
}

// RequireToken verifies the token of the request without looking at its session,
// for the routes that judge the session themselves: for a logout an ended one is
// as good as a live one, for a refresh a token that was refreshed before is a
// sign of theft. A request without a token is ErrTokenNotProvided. The API key is not
// judged: a logout must not depend on what Faveo's database says of keys.
func (a *Authenticator) RequireToken() echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if err := a.requireToken(c, From(c)); err != nil {
				return err
			}
			return next(c)
		}
	}
}

func (a *Authenticator) requireToken(c echo.Context, x *Exchange) error {
	found, err := takeHead(c.Request(), x)
	if err != nil {
		return err
	}
	if found.raw != "" {
		if err := a.verify(x, found); err != nil {
			return err
		}
	}
	// The session may have ended long ago: whoever holds such a token is a stranger,
	// and what these routes read is small.
	if err := x.loadStrangersBody(); err != nil {
		return err
	}
	second, err := takeParameters(x, identity.SourceBody)
	if err != nil {
		return err
	}
	if found, err = found.join(second); err != nil {
		return err
	}
	if x.Source == "" {
		if found.raw == "" {
			return ErrTokenNotProvided
		}
		return a.verify(x, found)
	}
	return nil
}

// verify verifies the one token of the request.
func (a *Authenticator) verify(x *Exchange, found credential) (err error) {
	if !slices.Contains(a.Sources, found.source) {
		return &laravel.Ambiguous{Reason: ReasonTokenSource}
	}
	x.Source, x.raw = found.source, found.raw
	x.Token, err = a.Tokens.Verify(found.raw)
	return err
}

// ClientOf describes the client of a request.
func ClientOf(c echo.Context) identity.Client {
	x := From(c)
	return identity.Client{Address: x.Client, Agent: c.Request().UserAgent(), RequestID: x.RequestID}
}

// takeSmallBody looks into a small body for the token and the API key that the head
// lacks. Nobody unknown can make the gateway hold or spool a large upload.
func (a *Authenticator) takeSmallBody(x *Exchange) (credential, error) {
	err := x.loadStrangersBody()
	if errors.Is(err, laravel.ErrTooLarge) {
		x.unread = err
		return credential{}, nil
	}
	if err != nil {
		return credential{}, err
	}
	return takeParameters(x, identity.SourceBody)
}

// refuseSecondToken looks for a token in a body that was just read.
func refuseSecondToken(x *Exchange) error {
	second, err := takeParameters(x, identity.SourceBody)
	if err == nil && second.raw != "" {
		err = &laravel.Ambiguous{Reason: ReasonTwoTokens}
	}
	return err
}
