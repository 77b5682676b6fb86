package storetest

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"faveo-gateway/gateway/keyring"
)

var _ keyring.Registry = (*Registry)(nil)

// Registry is a keyring.Registry in memory. It is safe for concurrent use.
type Registry struct {
	door
	now      func() time.Time
	replicas map[string]keyring.Replica
	hearers  map[*func(string)]bool
}

// NewRegistry returns an empty registry whose clock is now.
func NewRegistry(now func() time.Time) *Registry {
	return &Registry{now: now, replicas: make(map[string]keyring.Replica), hearers: make(map[*func(string)]bool)}
}

// Forget drops all registrations, as a Redis that was emptied.
func (g *Registry) Forget() {
	g.mu.Lock()
	defer g.mu.Unlock()
	clear(g.replicas)
}

// Watch lets hear be called, within AnnounceKeys, with the id of each
// announcement, until stop.
func (g *Registry) Watch(hear func(revoked string)) (stop func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.hearers[&hear] = true
	return func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		delete(g.hearers, &hear)
	}
}

// Register implements keyring.Registry.
func (g *Registry) Register(ctx context.Context, self keyring.Replica, lease time.Duration) (keyring.View, error) {
	if err := g.enter(ctx); err != nil {
		return keyring.View{}, err
	}
	defer g.mu.Unlock()
	self.Keys = slices.Clone(self.Keys)
	self.ExpiresAt = g.now().UTC().Add(lease).Truncate(time.Millisecond)
	g.replicas[self.ID] = self
	return g.view(), nil
}

// Replicas implements keyring.Registry.
func (g *Registry) Replicas(ctx context.Context) (keyring.View, error) {
	if err := g.enter(ctx); err != nil {
		return keyring.View{}, err
	}
	defer g.mu.Unlock()
	return g.view(), nil
}

// Leave implements keyring.Registry.
func (g *Registry) Leave(ctx context.Context, id string) error {
	if err := g.enter(ctx); err != nil {
		return err
	}
	defer g.mu.Unlock()
	delete(g.replicas, id)
	return nil
}

// AnnounceKeys implements keyring.Registry.
func (g *Registry) AnnounceKeys(ctx context.Context, revoked string) error {
	if err := g.enter(ctx); err != nil {
		return err
	}
	hearers := slices.Collect(maps.Keys(g.hearers))
	g.mu.Unlock()
	for _, hear := range hearers {
		(*hear)(revoked)
	}
	return nil
}

// view drops who has expired and returns the others.
func (g *Registry) view() keyring.View {
	now := g.now().UTC()
	maps.DeleteFunc(g.replicas, func(_ string, r keyring.Replica) bool { return !now.Before(r.ExpiresAt) })
	v := keyring.View{Now: now}
	for _, r := range g.replicas {
		r.Keys = slices.Clone(r.Keys)
		v.Replicas = append(v.Replicas, r)
	}
	slices.SortFunc(v.Replicas, func(a, b keyring.Replica) int { return cmp.Compare(a.ID, b.ID) })
	return v
}
