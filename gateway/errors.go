package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"faveo-gateway/gateway/admin"
	"faveo-gateway/gateway/apikey"
	"faveo-gateway/gateway/keyring"
	"faveo-gateway/gateway/login"
	"faveo-gateway/gateway/session"
	"faveo-gateway/gateway/stage"
	"faveo-gateway/gateway/token"
	"faveo-gateway/policy"
	"faveo-gateway/upstream/faveo"
	"faveo-gateway/upstream/laravel"
	"faveo-gateway/upstream/proxy"
)

// errDatabase marks a fault of Faveo's database: whatever it says that is not
// an answer.
var errDatabase = errors.New("faveo database unavailable")

// errNotFound is the refusal of a path that the gateway serves nobody.
var errNotFound = errors.New("not found")

// problem is how one kind of error is answered.
type problem struct {
	status  int
	code    string
	message string
	// retryAfter is in seconds; zero sends no Retry-After.
	retryAfter int
	// body is sent in the place of ours where the answer is Faveo's own.
	body string
}

// The closed set of answers (deploy/docs/http.md, Errors).
var (
	tokenNotProvided    = problem{status: http.StatusUnauthorized, code: "token_not_provided", message: "Token not provided"}
	tokenExpired        = problem{status: http.StatusUnauthorized, code: "token_expired", message: "Token has expired"}
	tokenInvalid        = problem{status: http.StatusUnauthorized, code: "token_invalid", message: "Token is invalid"}
	tokenRevoked        = problem{status: http.StatusUnauthorized, code: "token_revoked", message: "Token has been revoked"}
	forbidden           = problem{status: http.StatusForbidden, code: "forbidden", message: "You may not do this"}
	notFound            = problem{status: http.StatusNotFound, code: "not_found", message: "Not found"}
	ambiguousRequest    = problem{status: http.StatusBadRequest, code: "ambiguous_request", message: "The request can be read in more than one way"}
	methodNotAllowed    = problem{status: http.StatusMethodNotAllowed, code: "method_not_allowed", message: "Method not allowed"}
	tooManyAttempts     = problem{status: http.StatusTooManyRequests, code: "too_many_attempts", message: "Too many failed logins; try again later"}
	rateLimited         = problem{status: http.StatusTooManyRequests, code: "rate_limited", message: "Too many requests; try again later"}
	requestTooLarge     = problem{status: http.StatusRequestEntityTooLarge, code: "request_too_large", message: "The request is too large"}
	upstreamUnavailable = problem{status: http.StatusBadGateway, code: "upstream_unavailable", message: "The helpdesk cannot be reached"}
	unavailable         = problem{status: http.StatusServiceUnavailable, code: "unavailable", message: "The service is unavailable for the moment", retryAfter: 2}
	upstreamTimeout     = problem{status: http.StatusGatewayTimeout, code: "upstream_timeout", message: "The helpdesk did not answer in time"}
	internal            = problem{status: http.StatusInternalServerError, code: "internal", message: "Something went wrong; the request id tells the operator what"}
)

// What Faveo would answer if its check of the API key ran (faveo-contract README,
// section 3): its clients know no other way to be told.
var (
	wrongAPIKey   = problem{status: http.StatusOK, code: "wrong_api_key", body: `{"result":"wrong api key"}`}
	apiNotEnabled = problem{status: http.StatusOK, code: "api_not_enabled", body: `{"result":"please enable api"}`}
)

// problems, problemOf and denialOf are the only way from an error to its answer.
// This table is searched first, in order.
var problems = []struct {
	is  error
	say problem
}{
	{stage.ErrTokenNotProvided, tokenNotProvided},
	{token.ErrExpired, tokenExpired},
	{token.ErrKeyRevoked, tokenRevoked},
	{session.ErrRevoked, tokenRevoked},
	{session.ErrSpent, tokenExpired},
	{token.ErrNoLife, tokenExpired},   // The last second of a session passed while it was refreshed.
	{apikey.ErrWrongKey, wrongAPIKey}, // First of the keys: to a login each refusal of one is this.
	{apikey.ErrNotEnabled, apiNotEnabled},
	{apikey.ErrInvalid, tokenInvalid},
	{apikey.ErrExpired, tokenExpired},
	{apikey.ErrRevoked, tokenRevoked},
	{apikey.ErrNetwork, forbidden},
	{stage.ErrForeignKey, forbidden},
	{stage.ErrForeignSite, forbidden},
	{session.ErrNotFound, notFound},
	{errNotFound, notFound},
	{laravel.ErrOutsideBase, notFound},
	{laravel.ErrTooLarge, requestTooLarge},
	{proxy.ErrTooLarge, requestTooLarge},
	{faveo.ErrTooManyIDs, requestTooLarge},
	{proxy.ErrUnavailable, upstreamUnavailable},
	{proxy.ErrTimeout, upstreamTimeout},
	{proxy.ErrBadRequest, ambiguousRequest},
	{login.ErrBusy, unavailable},
	{laravel.ErrSpool, unavailable},
	{apikey.ErrUnavailable, unavailable},
	{session.ErrUnavailable, unavailable},
	{keyring.ErrUnavailable, unavailable},
	{token.ErrUnavailable, unavailable},
	{errDatabase, unavailable},
}

// problemOf finds the answer to err. What is not in the table is internal.
func problemOf(err error) problem {
	for _, known := range problems {
		if errors.Is(err, known.is) {
			return known.say
		}
	}
	var (
		denied    *stage.Denied
		ambiguous *laravel.Ambiguous
		refused   *token.Refusal
		locked    *login.LockedOut
		limited   *stage.RateLimited
		tooMany   *apikey.TooMany
	)
	switch {
	case errors.As(err, &denied):
		return denialOf(denied.Decision.Reason)
	case errors.As(err, &ambiguous):
		return ambiguousRequest
	case errors.As(err, &refused):
		return tokenInvalid
	case errors.As(err, &locked):
		return tooManyAttempts.after(locked.RetryAfter)
	case errors.As(err, &limited):
		return rateLimited.after(limited.RetryAfter)
	case errors.As(err, &tooMany):
		return rateLimited.after(tooMany.RetryAfter)
	default:
		return internal
	}
}

// after is p with the time until the client may come again, in whole seconds: not
// before it is over, and never at once.
func (p problem) after(wait time.Duration) problem {
	p.retryAfter = max(1, int((wait+time.Second-1)/time.Second))
	return p
}

// denialOf finds the answer to a denial of the policy.
func denialOf(reason policy.Reason) problem {
	switch reason {
	case policy.ReasonUnauthenticated:
		return tokenNotProvided
	case policy.ReasonMethodNotAllowed:
		return methodNotAllowed
	case policy.ReasonNotFound:
		return notFound
	default:
		return forbidden
	}
}

// renderError is Echo's HTTPErrorHandler: every refusal and fault is answered
// here and nowhere else.
func renderError(err error, c echo.Context) {
	if c.Response().Committed || clientGone(c, err) {
		return
	}
	p := problemOf(err)
	header := c.Response().Header()
	header.Set(echo.HeaderCacheControl, "no-store")
	if p.retryAfter > 0 {
		header.Set(echo.HeaderRetryAfter, strconv.Itoa(p.retryAfter))
	}
	if challenge := challengeOf(p); challenge != "" {
		header.Set(echo.HeaderWWWAuthenticate, challenge)
	}
	var denied *stage.Denied
	if errors.As(err, &denied) && len(denied.Decision.Allow) > 0 {
		header.Set(echo.HeaderAllow, strings.Join(denied.Decision.Allow, ", "))
	}
	writeProblem(c, p)
}

// clientGone says that nobody is left to read an answer.
func clientGone(c echo.Context, err error) bool {
	return errors.Is(err, proxy.ErrClientGone) || errors.Is(err, laravel.ErrClient) ||
		(errors.Is(err, context.Canceled) && c.Request().Context().Err() != nil)
}

// challengeOf is the WWW-Authenticate of a refused token. A request without any
// authentication gets no error code (RFC 6750 section 3.1).
func challengeOf(p problem) string {
	switch {
	case p.status != http.StatusUnauthorized:
		return ""
	case p.code == tokenNotProvided.code:
		return `Bearer realm="faveo"`
	default:
		return `Bearer realm="faveo", error="invalid_token", error_description="` + p.message + `"`
	}
}

// answer is the body of every error of the gateway.
type answer struct {
	Success    bool   `json:"success"`
	Error      string `json:"error"`
	Message    string `json:"message"`
	StatusCode int    `json:"status_code"`
	RequestID  string `json:"request_id"`
}

func writeProblem(c echo.Context, p problem) {
	if p.body != "" {
		_ = c.Blob(p.status, "application/json", []byte(p.body)) // As below.
		return
	}
	body, err := json.Marshal(answer{
		Error: p.code, Message: p.message, StatusCode: p.status, RequestID: stage.From(c).RequestID,
	})
	if err != nil {
		panic("a struct of texts and numbers cannot fail to marshal: " + err.Error()) // encoding/json replaces bad UTF-8.
	}
	// A client that left cannot be told that it left.
	_ = c.Blob(p.status, "application/json", body)
}

// adminError says to the admin API what an error of the key ring, of the sessions or of
// the API keys means.
func adminError(err error) error {
	if wish := (*apikey.WishError)(nil); errors.As(err, &wish) {
		return admin.BadRequest(wish.Error())
	}
	switch {
	case errors.Is(err, keyring.ErrUnknownKey), errors.Is(err, session.ErrNotFound), errors.Is(err, apikey.ErrNotFound):
		return fmt.Errorf("%w: %w", admin.ErrNotFound, err)
	case errors.Is(err, keyring.ErrUnavailable), errors.Is(err, session.ErrUnavailable), errors.Is(err, apikey.ErrUnavailable):
		return fmt.Errorf("%w: %w", admin.ErrUnavailable, err)
	default:
		return err
	}
}
