package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"faveo-gateway/gateway/audit"
)

// auditColumns are those of an entry, in the order of auditRow and auditValues.
const auditColumns = `sequence, version, occurred_at, kind, outcome, reason, actor, user_id, subject, address, agent,
	request_id, detail, events, previous, key_id, hash, mac`

// auditPlaces is a row of placeholders for them.
const auditPlaces = `(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`

// Head returns where the audit trail ends and begins.
func (s *Store) Head(ctx context.Context) (audit.Head, error) {
	var h audit.Head
	err := s.call(ctx, "audit_head", s.timeout, func(ctx context.Context) error {
		var err error
		h, err = readHead(ctx, s.db, "")
		return err
	})
	return h, err
}

// After returns at most limit entries whose number is above after, by number.
func (s *Store) After(ctx context.Context, after uint64, limit int) ([]audit.Entry, error) {
	var entries []audit.Entry
	err := s.call(ctx, "audit_after", s.timeout, func(ctx context.Context) error {
		var err error
		entries, err = s.entriesAfter(ctx, after, limit)
		return err
	})
	return entries, err
}

func (s *Store) entriesAfter(ctx context.Context, after uint64, limit int) (_ []audit.Entry, err error) {
	rows, err := s.db.QueryContext(ctx, `SELECT `+auditColumns+` FROM faveo_gateway_audit
		WHERE sequence > ? ORDER BY sequence LIMIT ?`, after, limit)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	var entries []audit.Entry
	for rows.Next() {
		e, err := auditRow(rows)
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	return entries, rows.Err()
}

// auditRow reads a row of auditColumns.
func auditRow(rows *sql.Rows) (e audit.Entry, err error) {
	var at int64
	var previous, hash, mac []byte
	err = rows.Scan(&e.Sequence, &e.Version, &at, &e.Kind, &e.Outcome, &e.Reason, &e.Actor, &e.UserID, &e.Subject, &e.Address, &e.Agent,
		&e.RequestID, &e.Detail, &e.Count, &previous, &e.KeyID, &hash, &mac)
	e.Time = time.UnixMicro(at).UTC()
	e.Previous, e.Hash, e.MAC = toHash(previous), toHash(hash), toHash(mac)
	return e, err
}

// auditValues are what auditRow reads.
func auditValues(e *audit.Entry) []any {
	return []any{
		e.Sequence, e.Version, e.Time.UnixMicro(), string(e.Kind), string(e.Outcome), e.Reason, e.Actor, e.UserID, e.Subject, e.Address, e.Agent,
		e.RequestID, e.Detail, e.Count, e.Previous[:], e.KeyID, e.Hash[:], e.MAC[:],
	}
}

// toHash takes what a column of 32 bytes holds.
func toHash(column []byte) (h audit.Hash) {
	copy(h[:], column)
	return h
}

// queryer is a pool or a transaction.
type queryer interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// readHead reads the row of the head, ending the statement with lock. A row that is
// missing is the zero Head.
func readHead(ctx context.Context, db queryer, lock string) (audit.Head, error) {
	var h audit.Head
	var last, start, mac []byte
	err := db.QueryRowContext(ctx, `SELECT last_sequence, last_hash, start_sequence, start_hash, key_id, mac
		FROM faveo_gateway_audit_head WHERE id = 1`+lock).
		Scan(&h.Last.Sequence, &last, &h.Start.Sequence, &start, &h.KeyID, &mac)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return audit.Head{}, err
	}
	h.Last.Hash, h.Start.Hash, h.MAC = toHash(last), toHash(start), toHash(mac)
	return h, nil
}
