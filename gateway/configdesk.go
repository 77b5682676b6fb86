package gateway

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"faveo-gateway/gateway/admin"
)

// configDesk lets the admin API reload the configuration.
type configDesk struct{ gateway *Gateway }

var _ admin.Configuration = configDesk{}

// Reload implements admin.Configuration.
func (d configDesk) Reload(ctx context.Context) (admin.Reloaded, error) {
	change, err := d.gateway.Reload(ctx)
	switch {
	case errors.Is(err, ErrFixed):
		return admin.Reloaded{}, admin.BadRequest("This gateway cannot read its configuration again")
	case err != nil:
		// One line for each fault; none of them shows a secret.
		return admin.Reloaded{}, &admin.Problem{
			Status: http.StatusUnprocessableEntity, Code: "configuration_refused",
			Message: "Nothing was changed: " + strings.ReplaceAll(err.Error(), "\n", "; "),
		}
	}
	return admin.Reloaded{Taken: change.Taken, Restart: change.Restart}, nil
}
