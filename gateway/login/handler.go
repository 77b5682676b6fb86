package login

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"faveo-gateway/gateway/identity"
	"faveo-gateway/upstream/laravel"
)

// invalidCredentials is Faveo's answer to every failed login, byte for byte. It
// must not contain the word "token": the iOS app takes any answer with that
// word for a success (faveo-contract README, section 1).
const invalidCredentials = `{"error":"invalid_credentials","status_code":401}`

// contentType is Faveo's, without a charset.
const contentType = "application/json"

// Handler serves the login's routes. It is safe for concurrent use.
type Handler struct {
	Service *Service
	// Canonical returns the request as PHP reads it.
	Canonical func(echo.Context) *laravel.Request
	// LoadBody reads the body within the bounds of a caller who is not known.
	LoadBody func(echo.Context) error
	// ClientOf describes where the request came from.
	ClientOf func(echo.Context) identity.Client
}

// Authenticate serves POST api/v1/authenticate.
func (h *Handler) Authenticate(c echo.Context) error {
	credentials, err := h.credentials(c)
	if err != nil {
		return err
	}
	body, err := h.Service.Login(c.Request().Context(), credentials)
	// A password or a token must not outlive the answer in any cache.
	c.Response().Header().Set(echo.HeaderCacheControl, "no-store")
	if errors.Is(err, ErrInvalidCredentials) {
		return h.refuse(c)
	}
	if err != nil {
		return err
	}
	return c.Blob(http.StatusOK, contentType, body)
}

// credentials reads the two parameters. PHP would compare a number, a list or
// NULL with the column, and log in the account with the lowest id; here what is
// not text is no name, and takes the road of every other wrong name.
func (h *Handler) credentials(c echo.Context) (Credentials, error) {
	if err := h.LoadBody(c); err != nil {
		return Credentials{}, err
	}
	request := h.Canonical(c)
	username, _, nameIsText := request.Text("username")
	password, _, passwordIsText := request.Text("password")
	if !nameIsText || !passwordIsText {
		username = ""
	}
	return Credentials{
		Username: username, Password: password,
		Client: h.ClientOf(c),
	}, nil
}

// refuse answers a failed login with the status that the client understands.
func (h *Handler) refuse(c echo.Context) error {
	status := http.StatusOK
	if h.Service.Strict(c.Request().UserAgent()) {
		status = http.StatusUnauthorized
		// Required with every 401 (RFC 9110 15.5.2).
		c.Response().Header().Set(echo.HeaderWWWAuthenticate, `Bearer realm="faveo"`)
	}
	return c.Blob(status, contentType, []byte(invalidCredentials))
}

// User serves GET api/v1/authenticate/user for the proved caller. The gateway
// answers itself: PHP would put all clients into one bucket of 60 a minute.
func (h *Handler) User(c echo.Context, caller *identity.Principal) error {
	body, err := h.Service.Profile(c.Request().Context(), caller.UserID)
	if err != nil {
		return err
	}
	c.Response().Header().Set(echo.HeaderCacheControl, "no-store")
	return c.Blob(http.StatusOK, contentType, body)
}
