package gateway

import (
	"context"
	"errors"
	"fmt"

	"faveo-gateway/gateway/admin"
	"faveo-gateway/gateway/audit"
	"faveo-gateway/gateway/keyring"
	"faveo-gateway/gateway/session"
	"faveo-gateway/gateway/token"
)

// keyDesk shows the key ring, and the sessions that hang on its keys, to the admin
// API.
type keyDesk struct {
	ring    *keyring.Ring
	manager *session.Manager
	trail   trail
}

var _ admin.Keys = keyDesk{}

// Status implements admin.Keys.
func (d keyDesk) Status(ctx context.Context) (admin.KeyStatus, error) {
	s, err := d.ring.Status(ctx)
	if err != nil {
		return admin.KeyStatus{}, adminError(err)
	}
	shown := admin.KeyStatus{Rotation: admin.Rotation{
		NextAt: s.Rotation.NextAt, Pending: s.Rotation.Pending, SignsAt: s.Rotation.SignsAt,
		Waiting: s.Rotation.Waiting, Fault: s.Rotation.Fault, FaultSince: s.Rotation.FaultSince,
	}}
	for _, k := range s.Keys {
		shown.Keys = append(shown.Keys, keyOf(k))
	}
	for _, r := range s.Replicas {
		shown.Replicas = append(shown.Replicas, admin.Replica{
			ID: r.ID, Host: r.Host, Version: r.Version, StartedAt: r.StartedAt, Algorithm: string(r.Algorithm),
			Keys: r.Keys, Signing: r.Signing, ExpiresAt: r.ExpiresAt,
		})
	}
	return shown, nil
}

// Rotate implements admin.Keys.
func (d keyDesk) Rotate(ctx context.Context, algorithm string) (admin.Key, error) {
	a := token.Algorithm(algorithm)
	if algorithm != "" && !a.Known() {
		return admin.Key{}, admin.BadRequest(fmt.Sprintf("algorithm must be one of %v", token.Algorithms()))
	}
	key, err := d.ring.Rotate(ctx, a)
	return keyOf(key), adminError(err)
}

// Revoke implements admin.Keys. The key is refused everywhere once it is revoked;
// to end its sessions only tidies up, and counts them.
func (d keyDesk) Revoke(ctx context.Context, kid string) (admin.Revoked, error) {
	key, err := d.ring.Revoke(ctx, kid)
	if errors.Is(err, keyring.ErrNotAnnounced) {
		return admin.Revoked{}, admin.Unavailable(
			"The key is revoked, that is stored; the other replicas could not be told and learn it within seconds. Ask again to end its sessions", err)
	}
	if err != nil {
		return admin.Revoked{}, adminError(err)
	}
	n, err := d.manager.EndWhere(ctx, func(s session.Session) bool { return s.Token.KeyID == kid })
	if err != nil {
		return admin.Revoked{}, admin.Unavailable(
			"The key is revoked and its tokens are refused; how many sessions that ends could not be counted. Asking again is safe", err)
	}
	if n > 0 { // Whoever asks again ends nothing.
		d.trail.changed(ctx, audit.Event{Kind: audit.KindSessionEnded, Detail: fmt.Sprintf("%d of the revoked key %s", n, kid)})
	}
	return admin.Revoked{Key: keyOf(key), SessionsEnded: n}, nil
}

// Reseal implements admin.Keys.
func (d keyDesk) Reseal(ctx context.Context) (int, error) {
	n, err := d.ring.Reseal(ctx)
	if err != nil {
		return n, adminError(err)
	}
	d.trail.changed(ctx, audit.Event{Kind: audit.KindKeysResealed, Detail: fmt.Sprintf("%d secrets", n)})
	return n, nil
}

func keyOf(k keyring.Key) admin.Key {
	return admin.Key{
		KID: k.ID, Algorithm: string(k.Algorithm), State: string(k.State), CreatedAt: k.CreatedAt,
		ActivatedAt: k.ActivatedAt, RetiredAt: k.RetiredAt, VerifyUntil: k.VerifyUntil, EndedAt: k.EndedAt,
	}
}
