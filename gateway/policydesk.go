package gateway

import (
	"context"
	"errors"
	"time"

	"faveo-gateway/gateway/admin"
	"faveo-gateway/policy"
)

// policyDesk shows the policy to the admin API.
type policyDesk struct {
	// engine returns the policy in force.
	engine func() *policy.Engine
	now    func() time.Time
}

var _ admin.Policy = policyDesk{}

// Explain implements admin.Policy.
func (d policyDesk) Explain(_ context.Context, q admin.Question) (admin.Explanation, error) {
	x, err := Explain(d.engine(), q, d.now())
	if unclear := (*Unclear)(nil); errors.As(err, &unclear) {
		return x, admin.BadRequest("The query parameter " + unclear.Error())
	}
	return x, err
}
