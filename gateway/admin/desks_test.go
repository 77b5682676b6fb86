package admin_test

import (
	"context"
	"strings"

	"faveo-gateway/gateway/admin"
)

const (
	keyID  = "k3yAbCdEfG12"
	apiKey = "fgw_k3yAbCdEfG12_SECRET"
	digest = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
)

// apiKeys, lockouts and trail fit the fake to the other interfaces.
type (
	apiKeys  struct{ *fake }
	lockouts struct{ *fake }
	trail    struct{ *fake }
	rules    struct{ *fake }
)

func (k apiKeys) List(ctx context.Context) ([]admin.APIKey, error) {
	return []admin.APIKey{{ID: keyID, Name: "billing", State: "active", CreatedAt: created}}, k.call(ctx, "api keys")
}

func (k apiKeys) Show(ctx context.Context, id string) (admin.APIKey, error) {
	return admin.APIKey{ID: id, Name: "billing", State: "expired", Scopes: []string{"staff"}}, k.call(ctx, "api key %s", id)
}

func (k apiKeys) Create(ctx context.Context, w admin.APIKeyWish) (admin.APIKeySecret, error) {
	made := admin.APIKey{ID: keyID, Name: w.Name, State: "active", UserID: w.User, Scopes: strings.Split(w.Scopes, ","), Rate: w.Rate}
	return admin.APIKeySecret{APIKey: made, Secret: apiKey}, k.call(ctx, "create %q %d %q %q %q %q", w.Name, w.User, w.Scopes, w.Networks, w.Rate, w.Expires)
}

func (k apiKeys) Rotate(ctx context.Context, id, overlap string) (admin.APIKeySecret, error) {
	return admin.APIKeySecret{APIKey: admin.APIKey{ID: id, State: "rotating"}, Secret: apiKey}, k.call(ctx, "rotate %s %q", id, overlap)
}

func (k apiKeys) Revoke(ctx context.Context, id string) (admin.APIKey, error) {
	return admin.APIKey{ID: id, State: "revoked"}, k.call(ctx, "revoke %s", id)
}

func (l lockouts) List(ctx context.Context, limit int) ([]admin.Lockout, bool, error) {
	return []admin.Lockout{{Kind: "account", UserID: 7, Until: created}}, true, l.call(ctx, "lockouts %d", limit)
}

func (l lockouts) ClearUser(ctx context.Context, user uint64) (int, error) {
	return 1, l.call(ctx, "clear user %d", user)
}

func (l lockouts) ClearAddress(ctx context.Context, address string) (int, error) {
	return 2, l.call(ctx, "clear address %s", address)
}

func (l lockouts) ClearAll(ctx context.Context) (int, error) { return 3, l.call(ctx, "clear all") }

func (a trail) Tail(ctx context.Context, follow bool, after uint64, limit int) ([]admin.AuditEntry, error) {
	if follow {
		return nil, a.call(ctx, "follow %d %d", after, limit)
	}
	return []admin.AuditEntry{{Sequence: 9, Time: created, Kind: "login", Outcome: "success", Count: 1, Hash: digest}}, a.call(ctx, "tail %d", limit)
}

func (r rules) Explain(ctx context.Context, q admin.Question) (admin.Explanation, error) {
	ticket := admin.Ticket{}
	if q.Ticket != nil {
		ticket = *q.Ticket
		q.Ticket = nil
	}
	return admin.Explanation{Effect: "deny", Reason: "blocked", Answer: "403 forbidden", Status: 403}, r.call(ctx, "explain %+v %+v", q, ticket)
}

func (a trail) Verify(ctx context.Context, after uint64, hash string) (admin.AuditProof, error) {
	return admin.AuditProof{Checked: 4, Sequence: after + 4, Hash: digest}, a.call(ctx, "verify %d %q", after, hash)
}
