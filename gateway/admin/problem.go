package admin

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"
)

// The plain outcomes of Keys and the other interfaces, to be wrapped as one likes.
var (
	// ErrNotFound means that what was named does not exist (404).
	ErrNotFound = errors.New("not found")
	// ErrUnavailable means that a store could not be reached (503): what was asked
	// for did not happen, or nobody knows whether it did. Where more is known it is
	// Unavailable.
	ErrUnavailable = errors.New("unavailable")
)

// Problem is an error whose answer explains itself. It is made once and then
// only read.
type Problem struct {
	// Status is the HTTP status, Code the word for programs.
	Status int
	Code   string
	// Message is one sentence for people, without secrets.
	Message string
	// Cause is what broke, for the log only; nil when nothing did.
	Cause error
}

// Error implements error.
func (p *Problem) Error() string {
	text := p.Code + ": " + p.Message
	if p.Cause != nil {
		text += ": " + p.Cause.Error()
	}
	return text
}

// Unwrap gives the cause.
func (p *Problem) Unwrap() error { return p.Cause }

// BadRequest is a request that cannot be carried out as it stands. The message
// says what is wrong and where.
func BadRequest(message string) error {
	return &Problem{Status: http.StatusBadRequest, Code: "bad_request", Message: message}
}

// Unavailable is a store that failed in the middle of something. The message
// says what is done and what is not.
func Unavailable(message string, cause error) error {
	return &Problem{Status: http.StatusServiceUnavailable, Code: "unavailable", Message: message, Cause: cause}
}

// The answers that say the same whatever was asked.
var (
	apiIsOff         = &Problem{Status: http.StatusNotFound, Code: "not_found", Message: "The admin API is off: admin.token is not set"}
	foreignHost      = &Problem{Status: http.StatusForbidden, Code: "forbidden", Message: "The request is for another Host; use an IP address, localhost, or a name of admin.hosts"}
	foreignSite      = &Problem{Status: http.StatusForbidden, Code: "forbidden", Message: "Requests that a web page sends are refused"}
	tokenNotProvided = &Problem{Status: http.StatusUnauthorized, Code: "token_not_provided", Message: "Token not provided"}
	tokenInvalid     = &Problem{Status: http.StatusUnauthorized, Code: "token_invalid", Message: "Token is invalid"}
	notFound         = &Problem{Status: http.StatusNotFound, Code: "not_found", Message: "Not found"}
	methodNotAllowed = &Problem{Status: http.StatusMethodNotAllowed, Code: "method_not_allowed", Message: "Method not allowed"}
	requestTooLarge  = &Problem{Status: http.StatusRequestEntityTooLarge, Code: "request_too_large", Message: "The request is too large"}
	unavailable      = &Problem{Status: http.StatusServiceUnavailable, Code: "unavailable", Message: "The service is unavailable for the moment; a change must be asked for again"}
	internal         = &Problem{Status: http.StatusInternalServerError, Code: "internal", Message: "Something went wrong; the request id tells the operator what"}
)

// retryAfter is what every 503 says, in seconds.
const retryAfter = 2

// problemOf finds the answer to err. It is the only way from an error to its
// answer.
func problemOf(err error) *Problem {
	var explained *Problem
	switch {
	case errors.As(err, &explained):
		return explained
	case errors.Is(err, ErrNotFound), errors.Is(err, echo.ErrNotFound):
		return notFound
	case errors.Is(err, echo.ErrMethodNotAllowed):
		return methodNotAllowed
	case errors.Is(err, ErrUnavailable), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return unavailable
	default:
		return internal
	}
}

// renderError is Echo's HTTPErrorHandler.
func renderError(err error, c echo.Context) {
	if c.Response().Committed {
		return
	}
	p := problemOf(err)
	header := c.Response().Header()
	switch p.Status {
	case http.StatusUnauthorized:
		header.Set(echo.HeaderWWWAuthenticate, challengeOf(p))
	case http.StatusServiceUnavailable:
		header.Set(echo.HeaderRetryAfter, strconv.Itoa(retryAfter))
	}
	// A client that left cannot be told that it left.
	_ = writeJSON(c, p.Status, Refusal{
		Error: p.Code, Message: p.Message, StatusCode: p.Status, RequestID: exchangeOf(c).requestID,
	})
}

// challengeOf is the WWW-Authenticate of a refused token. A request without any
// authentication gets no error code (RFC 6750 section 3.1).
func challengeOf(p *Problem) string {
	const challenge = `Bearer realm="faveo-gateway admin"`
	if p == tokenNotProvided {
		return challenge
	}
	return challenge + `, error="invalid_token", error_description="` + p.Message + `"`
}

// writeJSON writes one document and a line break, for those who read it in a
// terminal.
func writeJSON(c echo.Context, status int, document any) error {
	body, err := json.Marshal(document)
	if err != nil {
		return err
	}
	return c.Blob(status, "application/json", append(body, '\n'))
}
