package gateway

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"faveo-gateway/gateway/apikey"
	"faveo-gateway/gateway/keyring"
	"faveo-gateway/gateway/login"
	"faveo-gateway/gateway/session"
	"faveo-gateway/gateway/stage"
	"faveo-gateway/gateway/token"
	"faveo-gateway/policy"
	"faveo-gateway/upstream/laravel"
	"faveo-gateway/upstream/proxy"
)

// TestErrors renders every kind of error, wrapped as the rooms wrap them. The
// answers are the interface that clients script against.
func TestErrors(t *testing.T) {
	denied := func(reason policy.Reason) error { return &stage.Denied{Decision: policy.Decision{Reason: reason}} }
	const invalid = `Bearer realm="faveo", error="invalid_token", error_description="`
	for _, try := range []struct {
		err       error
		status    int
		code      string
		challenge string
		retry     string
	}{
		{stage.ErrTokenNotProvided, 401, "token_not_provided", `Bearer realm="faveo"`, ""},
		{denied(policy.ReasonUnauthenticated), 401, "token_not_provided", `Bearer realm="faveo"`, ""},
		{token.ErrExpired, 401, "token_expired", invalid + `Token has expired"`, ""},
		{&token.Refusal{Reason: token.ReasonSignature}, 401, "token_invalid", invalid + `Token is invalid"`, ""},
		{session.ErrRevoked, 401, "token_revoked", invalid + `Token has been revoked"`, ""},
		{session.ErrReused, 401, "token_revoked", invalid + `Token has been revoked"`, ""},
		{&token.Refusal{Reason: token.ReasonKeyRevoked}, 401, "token_revoked", invalid + `Token has been revoked"`, ""},
		{session.ErrSpent, 401, "token_expired", invalid + `Token has expired"`, ""},
		{token.ErrNoLife, 401, "token_expired", invalid + `Token has expired"`, ""},
		{session.ErrNotFound, 404, "not_found", "", ""},
		{denied(policy.ReasonForbiddenRole), 403, "forbidden", "", ""},
		{denied(policy.ReasonBlocked), 403, "forbidden", "", ""},
		{denied(policy.ReasonUnknownRoute), 403, "forbidden", "", ""},
		{denied(policy.ReasonKeyScope), 403, "forbidden", "", ""},
		{denied("a reason of the future"), 403, "forbidden", "", ""},
		{errNotFound, 404, "not_found", "", ""},
		{laravel.ErrOutsideBase, 404, "not_found", "", ""},
		{&laravel.Ambiguous{Reason: laravel.ReasonPathDots}, 400, "ambiguous_request", "", ""},
		{proxy.ErrBadRequest, 400, "ambiguous_request", "", ""},
		{denied(policy.ReasonMethodNotAllowed), 405, "method_not_allowed", "", ""},
		{laravel.ErrTooLarge, 413, "request_too_large", "", ""},
		{proxy.ErrTooLarge, 413, "request_too_large", "", ""},
		{proxy.ErrUnavailable, 502, "upstream_unavailable", "", ""},
		{proxy.ErrTimeout, 504, "upstream_timeout", "", ""},
		{login.ErrBusy, 503, "unavailable", "", "2"},
		{&login.LockedOut{RetryAfter: 90 * time.Second}, 429, "too_many_attempts", "", "90"},
		{&login.LockedOut{RetryAfter: 89*time.Second + time.Millisecond}, 429, "too_many_attempts", "", "90"},
		{&login.LockedOut{}, 429, "too_many_attempts", "", "1"},
		{&apikey.Refusal{KeyID: "Abcdefghij01", Reason: apikey.ErrRevoked}, 401, "token_revoked", invalid + `Token has been revoked"`, ""},
		{&apikey.Refusal{KeyID: "Abcdefghij01", Reason: apikey.ErrNetwork}, 403, "forbidden", "", ""},
		{&apikey.TooMany{RetryAfter: time.Millisecond}, 429, "rate_limited", "", "1"},
		{apikey.ErrUnavailable, 503, "unavailable", "", "2"},
		{session.ErrUnavailable, 503, "unavailable", "", "2"},
		{keyring.ErrUnavailable, 503, "unavailable", "", "2"},
		{token.ErrUnavailable, 503, "unavailable", "", "2"},
		{errDatabase, 503, "unavailable", "", "2"},
		{laravel.ErrSpool, 503, "unavailable", "", "2"},
		{errors.New("SECRET of the inside"), 500, "internal", "", ""},
		{&stage.PanicError{Value: "SECRET of the inside"}, 500, "internal", "", ""},
	} {
		w := render(fmt.Errorf("some stage: %w", try.err))
		var body answer
		if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
			t.Errorf("%v: %v", try.err, err)
		}
		if w.Code != try.status || body.StatusCode != try.status || body.Error != try.code || body.Success || body.RequestID == "" || body.Message == "" {
			t.Errorf("%v: answer is %d %s, want %d %s", try.err, w.Code, w.Body, try.status, try.code)
		}
		if got := w.Header().Get("WWW-Authenticate"); got != try.challenge {
			t.Errorf("%v: challenge is %q, want %q", try.err, got, try.challenge)
		}
		if got := w.Header().Get("Retry-After"); got != try.retry {
			t.Errorf("%v: Retry-After is %q, want %q", try.err, got, try.retry)
		}
		if w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("Content-Type") != "application/json" {
			t.Errorf("%v: headers are %v", try.err, w.Header())
		}
	}
}

// TestClientGoneIsNotAnswered cuts the connection of a client that has left: an
// empty answer would be a 200.
func TestClientGoneIsNotAnswered(t *testing.T) {
	for _, err := range []error{proxy.ErrClientGone, laravel.ErrClient} {
		func() {
			defer func() {
				if value := recover(); value != any(http.ErrAbortHandler) {
					t.Errorf("%v: recovered %v, want the connection cut", err, value)
				}
			}()
			w := render(err)
			t.Errorf("%v: answer is %d %s", err, w.Code, w.Body)
		}()
	}
}

// render sends a request through the first stages to a handler that fails.
func render(err error) *httptest.ResponseRecorder {
	e := echo.New()
	e.HTTPErrorHandler = renderError
	e.IPExtractor = echo.ExtractIPDirect()
	log := slog.New(slog.DiscardHandler)
	e.Pre(stage.NewObserver(stage.Peers{}, log, nil, prometheus.NewRegistry()).Observe())
	e.GET("/", func(echo.Context) error { return err })
	w := httptest.NewRecorder()
	e.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	return w
}
