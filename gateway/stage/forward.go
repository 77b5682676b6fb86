package stage

import (
	"context"
	"net/http"

	"github.com/labstack/echo/v4"

	"faveo-gateway/gateway/identity"
	"faveo-gateway/policy"
)

// Bridge mints the token that PHP accepts in place of the client's.
type Bridge interface {
	Mint(userID uint64, sessionID string) (string, error)
}

// Send sends a rebuilt request to PHP and streams the answer back, as the
// Exchange decides: less what its filters take out. Its error is non-nil only
// when nothing of an answer was begun.
type Send func(w http.ResponseWriter, r *http.Request, x *Exchange) error

// outboundKey carries the outbound identity to Identify.
type outboundKey struct{}

// outbound is who PHP is told that it talks to. It replaces whatever the client
// said under the same names.
type outbound struct {
	authorization string
	client        string
	scheme        string
	host          string
	requestID     string
	traceparent   string
}

// Forward sends the canonical request to PHP. The client's token and API key were
// taken out of it by the authenticate stage; a principal's request gets the bridge
// token instead, and one to the web UI carries no identity of ours.
func Forward(send Send, bridge Bridge) echo.HandlerFunc {
	return func(c echo.Context) error {
		x := From(c)
		if x.Decision.Class == policy.ClassGateway {
			// A route that the gateway answers has its handler. What comes here is
			// another method of it, let through by a policy in shadow mode.
			return &Denied{Decision: x.Decision}
		}
		who := outbound{client: x.Client, scheme: "http", host: c.Request().Host, requestID: x.RequestID}
		if x.Secure {
			who.scheme = "https"
		}
		if x.Principal != nil {
			token, err := bridge.Mint(x.Principal.UserID, credentialOf(x))
			if err != nil {
				return err
			}
			who.authorization = "Bearer " + token
		}
		ctx := c.Request().Context()
		failure := http.ErrAbortHandler // Unless send returns.
		parent, end := x.upstream(ctx)
		defer func() { end(x.out.status, failure) }()
		who.traceparent = parent
		out, err := x.Request.Rebuild(context.WithValue(ctx, outboundKey{}, who))
		if err != nil {
			failure = err
			return err
		}
		failure = send(&x.out, out, x)
		return failure
	}
}

// credentialOf names what the principal was proved by, for the cache of bridge tokens.
// No session's id begins so.
func credentialOf(x *Exchange) string {
	if x.Principal.Proof == identity.ProofAPIKey {
		return "api key " + x.Key.ID
	}
	return x.Principal.SessionID
}

// Identify writes the headers that only the gateway may send to PHP. The proxy
// calls it after it has stripped the client's, so that naming one of them in
// Connection cannot make it vanish (RFC 9110 7.6.1).
func Identify(in *http.Request, out http.Header) {
	who, ok := in.Context().Value(outboundKey{}).(outbound)
	if !ok {
		return // The proxy's own probe carries no identity.
	}
	if who.authorization != "" {
		out.Set("Authorization", who.authorization)
	}
	out.Set("X-Forwarded-For", who.client)
	out.Set("X-Forwarded-Proto", who.scheme)
	out.Set("X-Forwarded-Host", who.host)
	out.Set("X-Request-Id", who.requestID)
	if who.traceparent != "" {
		out.Set("Traceparent", who.traceparent)
	}
}
