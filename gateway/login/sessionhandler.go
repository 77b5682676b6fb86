package login

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"faveo-gateway/gateway/identity"
	"faveo-gateway/upstream/laravel"
)

// Refresh serves POST api/v1/authenticate/refresh for the holder of a verified
// token: {"token":"..."}, the key that the login has.
func (h *Handler) Refresh(c echo.Context, holder Holder) error {
	token, err := h.Service.Refresh(c.Request().Context(), holder)
	if err != nil {
		return err
	}
	return answer(c, struct {
		Token string `json:"token"`
	}{token})
}

// Logout serves POST api/v1/authenticate/logout for the holder of a verified
// token. An answer of success means that the end is stored.
func (h *Handler) Logout(c echo.Context, holder Holder) error {
	all, err := wantsAll(h.Canonical(c))
	if err != nil {
		return err
	}
	end := h.Service.Logout
	if all {
		end = h.Service.LogoutAll
	}
	if err := end(c.Request().Context(), holder); err != nil {
		return err
	}
	return answer(c, done{true})
}

// Sessions serves GET api/v1/authenticate/sessions for the proved caller: the
// sessions of the caller alone, oldest first. current names the one that asks.
func (h *Handler) Sessions(c echo.Context, caller *identity.Principal) error {
	sessions, err := h.Service.Sessions(c.Request().Context(), caller.UserID)
	if err != nil {
		return err
	}
	list := make([]listed, len(sessions))
	for i, s := range sessions {
		list[i] = listed{
			ID: s.ID, Current: s.ID == caller.SessionID, Address: s.Address, Agent: s.Agent,
			CreatedAt: whole(s.CreatedAt), SeenAt: whole(s.SeenAt), ExpiresAt: whole(s.ExpiresAt),
		}
	}
	return answer(c, struct {
		Sessions []listed `json:"sessions"`
	}{list})
}

// EndSession serves DELETE api/v1/authenticate/sessions/{id} for the proved
// caller. Somebody else's session is answered like one that does not exist.
func (h *Handler) EndSession(c echo.Context, caller *identity.Principal, id string) error {
	if err := h.Service.EndSession(c.Request().Context(), caller.UserID, id, h.ClientOf(c)); err != nil {
		return err
	}
	return answer(c, done{true})
}

// done is the answer to what was carried out.
type done struct {
	Success bool `json:"success"`
}

// listed is a session in the answer. Times are RFC 3339 in UTC.
type listed struct {
	ID        string    `json:"id"`
	Current   bool      `json:"current"`
	CreatedAt time.Time `json:"created_at"`
	SeenAt    time.Time `json:"last_seen_at"`
	ExpiresAt time.Time `json:"expires_at"`
	Address   string    `json:"address"`
	Agent     string    `json:"agent"`
}

// whole cuts a time to the seconds that people read.
func whole(t time.Time) time.Time { return t.UTC().Truncate(time.Second) }

// answer writes what no cache may keep.
func answer(c echo.Context, body any) error {
	c.Response().Header().Set(echo.HeaderCacheControl, "no-store")
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	return c.Blob(http.StatusOK, contentType, text)
}

// ReasonLogoutAll is a logout whose parameter `all` is neither a known yes nor a
// known no. Ending one session and saying success would be a lie to whoever
// meant all.
const ReasonLogoutAll laravel.Reason = "logout_all"

// wantsAll reads the parameter `all`, as JSON or as a form would have it.
func wantsAll(request *laravel.Request) (bool, error) {
	switch request.InputMap()["all"] {
	case true, int64(1), "1", "true":
		return true, nil
	case nil, false, int64(0), "0", "false", "":
		return false, nil
	default:
		return false, &laravel.Ambiguous{Reason: ReasonLogoutAll}
	}
}
