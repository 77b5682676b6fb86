package keyring

import (
	"context"
	"log/slog"
)

// Change is what this replica has made of a stored key.
type Change struct {
	KID string
	// State is the key's now, Was its state before; Was is empty for a new key.
	State, Was State
	// OnDemand says that somebody asked for it: it was no step of the schedule.
	OnDemand bool
}

// sentence says it in the log.
func (c Change) sentence() string {
	switch c.State {
	case StatePending:
		return "a new signing key is published"
	case StateActive:
		return "a new signing key signs"
	case StateRevoked:
		return "a signing key was revoked"
	default:
		return "an old signing key is gone"
	}
}

// tell tells of a change once it is stored.
func (r *Ring) tell(ctx context.Context, c Change) {
	level := slog.LevelInfo
	if c.State == StateRevoked {
		level = slog.LevelWarn
	}
	r.log.LogAttrs(ctx, level, c.sentence(),
		slog.String("kid", c.KID), slog.String("was", string(c.Was)), slog.Bool("on_demand", c.OnDemand))
	r.observe(ctx, c)
}
