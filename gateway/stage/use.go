package stage

import (
	"net/http"

	"faveo-gateway/gateway/identity"
	"faveo-gateway/upstream/laravel"
)

// pathInstallationKey is the route that makes a new API key of the installation, by GET
// and HEAD as well (faveo-contract ROUTES.md): a credential. It is the only one of
// Faveo's that reads by its method and not by what it does.
const pathInstallationKey = "/api/v1/helpdesk/api_key"

// useOf says what the caller of a request is to be proved for, by the request as PHP
// will read it: the method that the client wrote may be another one.
func useOf(r *laravel.Request) identity.Use {
	switch {
	case r.Path == pathInstallationKey:
		return identity.UseCredential
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
		return identity.UseRead
	default:
		return identity.UseChange
	}
}
