package keyring

import (
	"context"
	"time"

	"faveo-gateway/gateway/token"
)

// Replica is one running gateway as the others see it. It is a value.
type Replica struct {
	// ID is random and new with each start of a process, 22 characters.
	ID string
	// Host and Version are for people to read.
	Host, Version string
	// StartedAt is in whole seconds and UTC, by the replica's own clock.
	StartedAt time.Time
	// Algorithm is its tokens.algorithm: the one it wants the next key to have.
	Algorithm token.Algorithm
	// Keys are the ids of all keys whose tokens it accepts, sorted. None while it
	// is starting.
	Keys []string
	// Signing is the id of the key that it signs with; empty while it starts.
	Signing string
	// ExpiresAt is when its registration ends unless it is renewed, by the clock
	// of the Registry, whole milliseconds and UTC. The Registry sets it.
	ExpiresAt time.Time
}

// View is what a Registry knows at one time.
type View struct {
	// Now is the Registry's clock, the one clock that all replicas share.
	Now time.Time
	// Replicas are those whose registration has not expired, by ID.
	Replicas []Replica
}

// Registry is where the replicas see one another. Its calls are bounded in time,
// by ctx too, and it is safe for concurrent use. It passes
// storetest.TestRegistry.
type Registry interface {
	// Register announces self, or renews it, for the time of lease from now on by
	// the Registry's clock, and returns everybody, self included.
	Register(ctx context.Context, self Replica, lease time.Duration) (View, error)
	// Replicas is Register without registering.
	Replicas(ctx context.Context) (View, error)
	// Leave ends a registration. One that is not there is no error.
	Leave(ctx context.Context, id string) error
	// AnnounceKeys tells all replicas that the stored keys have changed, by a
	// message that may be lost. revoked is the id of a key that was revoked just
	// now, whose tokens they refuse from the message on; empty for any other
	// change.
	AnnounceKeys(ctx context.Context, revoked string) error
}
