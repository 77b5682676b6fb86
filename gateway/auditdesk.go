package gateway

import (
	"context"
	"fmt"
	"time"

	"faveo-gateway/gateway/admin"
	"faveo-gateway/gateway/audit"
	"faveo-gateway/gateway/config"
)

// verifiedAtOnce bounds the entries that one request proves, so that it ends in time.
const verifiedAtOnce = 10_000

// auditDesk shows the audit trail to the admin API.
type auditDesk struct {
	trail trail
}

var _ admin.Audit = auditDesk{}

// Tail implements admin.Audit.
func (d auditDesk) Tail(ctx context.Context, follow bool, after uint64, limit int) ([]admin.AuditEntry, error) {
	if err := d.inDatabase(); err != nil {
		return nil, err
	}
	var (
		entries []audit.Entry
		err     error
	)
	if follow {
		entries, err = d.trail.store.After(ctx, after, limit)
	} else {
		entries, err = audit.Tail(ctx, d.trail.store, limit)
	}
	if err != nil {
		return nil, unreachable(err)
	}
	shown := make([]admin.AuditEntry, len(entries))
	for i := range entries {
		shown[i] = entryOf(&entries[i])
	}
	return shown, nil
}

// Verify implements admin.Audit.
func (d auditDesk) Verify(ctx context.Context, after uint64, hash string) (admin.AuditProof, error) {
	if err := d.inDatabase(); err != nil {
		return admin.AuditProof{}, err
	}
	from, err := linkOf(after, hash)
	if err != nil {
		return admin.AuditProof{}, err
	}
	p, err := audit.Verify(ctx, d.trail.store, from, verifiedAtOnce, d.trail.keys)
	if err != nil {
		return admin.AuditProof{}, unreachable(err)
	}
	return proofOf(p), nil
}

// VerifyAuditFile proves a trail that is kept in a file, with the keys of a
// configuration: all that stands behind an entry, whose hash is in hexadecimal; 0 and ""
// for the beginning.
func VerifyAuditFile(ctx context.Context, c *config.Config, path string, after uint64, hash string) (admin.AuditProof, error) {
	keys, err := audit.NewKeys(trailSecrets(c)...)
	if err != nil {
		return admin.AuditProof{}, err
	}
	from, err := linkOf(after, hash)
	if err != nil {
		return admin.AuditProof{}, err
	}
	p, err := audit.VerifyFile(ctx, path, from, keys)
	if err != nil {
		return admin.AuditProof{}, err
	}
	return proofOf(p), nil
}

func linkOf(sequence uint64, hash string) (audit.Link, error) {
	if hash == "" {
		return audit.Link{}, nil
	}
	parsed, err := audit.ParseHash(hash)
	if err != nil {
		return audit.Link{}, admin.BadRequest("A hash is 64 hexadecimal digits, as audit verify prints it")
	}
	return audit.Link{Sequence: sequence, Hash: parsed}, nil
}

func proofOf(p audit.Proof) admin.AuditProof {
	proof := admin.AuditProof{
		Checked: p.Checked, Unproved: p.Unproved, Sequence: p.Last.Sequence, More: p.More, Fault: string(p.Fault), FaultAt: p.FaultAt,
	}
	if p.Last != (audit.Link{}) {
		proof.Hash = p.Last.Hash.String()
	}
	return proof
}

// inDatabase says where else the trail is. A file may be another one on each replica.
func (d auditDesk) inDatabase() error {
	if d.trail.store != nil {
		return nil
	}
	return admin.BadRequest("The audit trail is not in the database: observability.audit.to says where it is")
}

// unreachable marks the fault of a store that has no error of its own for it.
func unreachable(err error) error { return fmt.Errorf("%w: %w", admin.ErrUnavailable, err) }

func entryOf(e *audit.Entry) admin.AuditEntry {
	return admin.AuditEntry{
		Sequence: e.Sequence, Time: e.Time.UTC().Truncate(time.Millisecond), Kind: string(e.Kind), Outcome: string(e.Outcome), Reason: e.Reason,
		Actor: e.Actor, UserID: e.UserID, Subject: e.Subject, Address: e.Address, Agent: e.Agent,
		RequestID: e.RequestID, Detail: e.Detail, Count: e.Count, Hash: e.Hash.String(),
	}
}
