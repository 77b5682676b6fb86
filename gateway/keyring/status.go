package keyring

import (
	"context"
	"time"

	"faveo-gateway/gateway/token"
)

// Key is a key for people to read: a Record without its secret.
type Key struct {
	// ID is the kid.
	ID        string
	Algorithm token.Algorithm
	State     State
	// The times are as in Record.
	CreatedAt, ActivatedAt, RetiredAt, VerifyUntil, EndedAt time.Time
}

func keyOf(r Record) Key {
	return Key{
		ID: r.KID, Algorithm: token.Algorithm(r.Algorithm), State: r.State,
		CreatedAt: r.CreatedAt, ActivatedAt: r.ActivatedAt,
		RetiredAt: r.RetiredAt, VerifyUntil: r.VerifyUntil, EndedAt: r.EndedAt,
	}
}

// Status is how the keys stand.
type Status struct {
	// Keys are all of them, the oldest first, gone and revoked ones included.
	Keys []Key
	// Rotation is what comes next.
	Rotation Rotation
	// Replicas are those that are registered, by ID.
	Replicas []Replica
}

// Rotation is what comes next.
type Rotation struct {
	// NextAt is when the schedule wants another key to sign, which is published
	// publish_ahead before; zero when nothing is scheduled.
	NextAt time.Time
	// Pending is the id of the key that signs next, empty when there is none, and
	// SignsAt when it does at the earliest.
	Pending string
	SignsAt time.Time
	// Waiting is why a pending or due key does not go on, for people; empty when
	// nothing waits. It names the replicas by host and id.
	Waiting string
	// Fault is the operation that fails at the moment, because the state database
	// or Redis cannot be reached or a key cannot be unsealed here, and FaultSince
	// since when by this replica's clock. Empty when all is well.
	Fault      string
	FaultSince time.Time
}

// Status asks the store and the registry how the keys stand. Where one of them does
// not answer, it says so in Rotation.Fault and tells of the keys in memory, or of no
// replica. The error is that of ctx.
func (r *Ring) Status(ctx context.Context) (Status, error) {
	records, loadFault := r.reload(ctx)
	view, viewFault := r.replicas(ctx)
	if err := ctx.Err(); err != nil {
		return Status{}, unavailable("read the status of the keys", err)
	}
	if loadFault != nil {
		records = r.state.Load().records
	}
	s := Status{Replicas: view.Replicas}
	for _, record := range records {
		s.Keys = append(s.Keys, keyOf(record))
	}
	p := r.situation(records, view).plan()
	s.Rotation = p.rotation
	s.Rotation.Fault, s.Rotation.FaultSince = r.outages.worst()
	if (loadFault != nil || viewFault != nil) && (p.action != rest || p.rotation.Waiting != "") {
		s.Rotation.Waiting = "nothing is decided without the state database and Redis"
	}
	return s, nil
}

// replicas asks the registry who is there.
func (r *Ring) replicas(ctx context.Context) (View, error) {
	bounded, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	view, err := r.registry.Replicas(bounded)
	if ctx.Err() == nil {
		r.outages.report(asking, err)
	}
	if err != nil {
		return View{}, unavailable("ask who is registered", err)
	}
	return view, nil
}
