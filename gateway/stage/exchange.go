// Package stage holds the stages that a request walks through, one file each,
// front to back once: observe, which finds out the client's address and mints the
// request id, recover, canonical, limit by address, authenticate, limit by caller,
// authorize, forward. gateway/routes.go lists them in their order.
//
// A stage is a thin Echo adapter over a room below. It reads what earlier
// stages left in the Exchange, adds one thing, and calls next or returns an
// error. It renders nothing itself: one function in gateway turns errors into
// answers, so that a refusal looks the same wherever it comes from.
package stage

import (
	"github.com/labstack/echo/v4"

	"faveo-gateway/gateway/identity"
	"faveo-gateway/policy"
	"faveo-gateway/upstream/laravel"
)

// exchangeKey is where the Exchange lies in Echo's context.
const exchangeKey = "exchange"

// Exchange is what the stages have learnt of one request so far. It belongs to
// the request's goroutine.
type Exchange struct {
	// RequestID names the request in logs, answers and toward PHP.
	RequestID string
	// Client is the address of the client as text, "" when the peer has none.
	Client string
	// Secure is true when the client came by https.
	Secure bool
	// Route is where the request went.
	Route Route
	// Request is the request as PHP will read it; nil until the canonical stage.
	Request *laravel.Request
	// Source is the place the token was read from, "" when there was none.
	Source identity.Source
	// Token is what the verified token says; zero without one.
	Token identity.Token
	// Key is the managed API key that was checked; nil without one.
	Key *identity.Key
	// Principal is the proved caller; nil without a credential, and behind the policy
	// where it lets him through as a stranger only.
	Principal *identity.Principal
	// Decision is the policy's; its Rule is "" until the authorize stage.
	Decision policy.Decision

	// raw is the token as it came, a credential: it is in no log, and only
	// RawToken gives it away.
	raw string
	// rawKey is the API key as it came, a credential too, "" for none; admitted says
	// that it was judged.
	rawKey   string
	admitted bool
	// unread is why the body could not be read before the caller was known.
	unread error
	// trace is that of the request, nil where nothing is traced; traceID is "" unless it
	// is recorded.
	trace   Trace
	traceID string
	// out records what was written to the client.
	out recorder
}

// From returns the request's Exchange. It panics when the observe stage has not
// run, which only a wrong order in routes.go can cause.
func From(c echo.Context) *Exchange {
	return c.Get(exchangeKey).(*Exchange)
}

// RawToken is the token as the client sent it, "" without one. It was verified
// when Token is set.
func (x *Exchange) RawToken() string { return x.raw }

// UserID is whom the request is of, as far as that was found out: its proved caller, or
// the one whom its verified token names; 0 for nobody.
func (x *Exchange) UserID() uint64 {
	if x.Principal != nil {
		return x.Principal.UserID
	}
	return x.Token.UserID
}
