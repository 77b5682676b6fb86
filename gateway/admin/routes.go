package admin

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
)

// route is one operation of the API. Everything that is not named here is
// refused.
type route struct {
	method, path string
	// query are the parameters that it knows.
	query []string
	// body are the members that a body may have. Only a POST may have a body, and
	// none needs one.
	body []string
	// status is that of success; 0 means 200.
	status int
	// do carries it out and returns the document to answer.
	do func(context.Context, input) (any, error)
}

// One session and one API key.
const (
	pathSession = "/admin/v1/sessions/:session_id"
	pathAPIKey  = "/admin/v1/apikeys/:apikey_id"
)

// routes are all operations.
func (h *Handler) routes() []route {
	const (
		keys, sessions    = "/admin/v1/keys", "/admin/v1/sessions"
		apiKeys, lockouts = "/admin/v1/apikeys", "/admin/v1/lockouts"
		audit             = "/admin/v1/audit"
	)
	wish := []string{paramName, paramUser, paramScopes, paramNetworks, paramRate, paramExpires}
	return []route{
		{method: http.MethodGet, path: keys, do: h.keyStatus},
		{method: http.MethodPost, path: keys, body: []string{paramAlgorithm}, status: http.StatusAccepted, do: h.rotate},
		{method: http.MethodPost, path: keys + "/rotate", body: []string{paramAlgorithm}, status: http.StatusAccepted, do: h.rotate},
		{method: http.MethodPost, path: keys + "/reseal", do: h.reseal},
		{method: http.MethodPost, path: keys + "/:kid/revoke", do: h.revoke},
		{method: http.MethodGet, path: sessions, query: []string{paramUser, paramLimit}, do: h.listSessions},
		{method: http.MethodDelete, path: sessions, query: []string{paramUser, paramAll}, do: h.endSessions},
		{method: http.MethodDelete, path: pathSession, query: []string{paramUser}, do: h.endSession},
		{method: http.MethodGet, path: apiKeys, do: h.listAPIKeys},
		{method: http.MethodPost, path: apiKeys, body: wish, status: http.StatusCreated, do: h.createAPIKey},
		{method: http.MethodGet, path: pathAPIKey, do: h.showAPIKey},
		{method: http.MethodPost, path: pathAPIKey + "/rotate", body: []string{paramOverlap}, do: h.rotateAPIKey},
		{method: http.MethodPost, path: pathAPIKey + "/revoke", do: h.revokeAPIKey},
		{method: http.MethodGet, path: lockouts, query: []string{paramLimit}, do: h.listLockouts},
		{method: http.MethodDelete, path: lockouts, query: []string{paramUser, paramAddress, paramAll}, do: h.clearLockouts},
		{method: http.MethodGet, path: audit, query: []string{paramLimit, paramAfter}, do: h.tailAudit},
		{method: http.MethodGet, path: audit + "/verify", query: []string{paramAfter, paramHash}, do: h.verifyAudit},
		{method: http.MethodGet, path: "/admin/v1/replicas", do: h.replicas},
		{method: http.MethodPost, path: "/admin/v1/reload", do: h.reload},
		{method: http.MethodGet, path: "/admin/v1/policy/explain", query: explainParameters(), do: h.explain},
	}
}

// The bounds of one operation. The commands wait a little longer, so that they
// hear the answer.
const (
	readTimeout   = 10 * time.Second
	changeTimeout = 100 * time.Second // Ending everything walks through everything.
)

// serve reads the input of a route, carries it out and answers.
func (h *Handler) serve(r route) echo.HandlerFunc {
	return func(c echo.Context) error {
		x := exchangeOf(c)
		x.route = r.path
		in, err := readInput(c, r)
		if err != nil {
			return err
		}
		if in.id != "" && h.isToken(in.id) {
			return notFound // Where an id belongs, and would be logged as one.
		}
		x.about = aboutInput(c, in)
		ctx, cancel := bounded(c.Request().Context(), r.method)
		defer cancel()
		document, err := r.do(withCaller(ctx, Caller{
			RequestID: x.requestID, Address: c.RealIP(), Agent: c.Request().UserAgent(),
		}), in)
		if err != nil {
			return err
		}
		if in.id == "" {
			x.about = append(x.about, aboutMade(document)...)
		}
		status := r.status
		if status == 0 {
			status = http.StatusOK
		}
		return writeJSON(c, status, document)
	}
}

// aboutInput names what a request is about. All of it was read: nothing that a
// client has put into the wrong place gets into the log.
func aboutInput(c echo.Context, in input) (about []slog.Attr) {
	if in.id != "" {
		about = append(about, slog.String(c.ParamNames()[0], in.id))
	}
	if in.user != 0 {
		about = append(about, slog.Uint64("user_id", in.user))
	}
	if in.address != "" {
		about = append(about, slog.String("address", in.address))
	}
	return about
}

// aboutMade names what an operation has made, which the request could not.
func aboutMade(document any) []slog.Attr {
	switch made := document.(type) {
	case Key:
		return []slog.Attr{slog.String("kid", made.KID)}
	case APIKeySecret:
		return []slog.Attr{slog.String("apikey_id", made.APIKey.ID)}
	default:
		return nil
	}
}

// bounded gives an operation its time. A change is carried through even when its
// client hangs up: half a revocation helps nobody.
func bounded(ctx context.Context, method string) (context.Context, context.CancelFunc) {
	if method == http.MethodGet {
		return context.WithTimeout(ctx, readTimeout)
	}
	return context.WithTimeout(context.WithoutCancel(ctx), changeTimeout)
}
