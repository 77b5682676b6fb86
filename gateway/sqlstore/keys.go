package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"faveo-gateway/gateway/keyring"
	"faveo-gateway/upstream/database"
)

// Keys returns all signing keys, the oldest first.
func (s *Store) Keys(ctx context.Context) ([]keyring.Record, error) {
	var records []keyring.Record
	err := s.call(ctx, "keys", s.timeout, func(ctx context.Context) error {
		var err error
		records, err = s.keys(ctx)
		return err
	})
	return records, err
}

// keys reads the table.
func (s *Store) keys(ctx context.Context) (_ []keyring.Record, err error) {
	rows, err := s.db.QueryContext(ctx, `SELECT kid, algorithm, configured, state, sealed,
		created_at, activated_at, retired_at, verify_until, ended_at
		FROM faveo_gateway_signing_keys ORDER BY created_at, kid`)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	var records []keyring.Record
	for rows.Next() {
		var r keyring.Record
		var created, activated, retired, until, ended sql.NullInt64
		err := rows.Scan(&r.KID, &r.Algorithm, &r.Configured, &r.State, &r.Sealed, &created, &activated, &retired, &until, &ended)
		if err != nil {
			return nil, err
		}
		r.CreatedAt, r.ActivatedAt, r.RetiredAt = fromSeconds(created), fromSeconds(activated), fromSeconds(retired)
		r.VerifyUntil, r.EndedAt = fromSeconds(until), fromSeconds(ended)
		records = append(records, r)
	}
	return records, rows.Err()
}

// AddActive stores r as the active key, or returns keyring.ErrActiveExists.
// Which of two replicas comes first is decided by the unique index.
func (s *Store) AddActive(ctx context.Context, r keyring.Record) error {
	if r.State != keyring.StateActive {
		return fmt.Errorf("sqlstore: add_active: state is %q, want %q", r.State, keyring.StateActive)
	}
	return s.call(ctx, "add_active", s.timeout, func(ctx context.Context) error {
		return insertKey(ctx, s.db, r, keyring.ErrActiveExists)
	})
}

// AddPending stores r as the pending key that follows active, or returns
// keyring.ErrPendingExists or keyring.ErrChanged. A unique index takes only one;
// the lock on the active key keeps it from being replaced meanwhile.
func (s *Store) AddPending(ctx context.Context, r keyring.Record, active string) error {
	if r.State != keyring.StatePending {
		return fmt.Errorf("sqlstore: add_pending: state is %q, want %q", r.State, keyring.StatePending)
	}
	return s.change(ctx, "add_pending", func(ctx context.Context, tx *sql.Tx) error {
		var state keyring.State
		err := tx.QueryRowContext(ctx,
			`SELECT state FROM faveo_gateway_signing_keys WHERE kid = ?`+s.lockRows, active).Scan(&state)
		switch {
		case errors.Is(err, sql.ErrNoRows), err == nil && state != keyring.StateActive:
			return keyring.ErrChanged
		case err != nil:
			return err
		}
		return insertKey(ctx, tx, r, keyring.ErrPendingExists)
	})
}

// execer is a pool or a transaction.
type execer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// insertKey adds a row. When a unique index refuses it, the error is taken.
func insertKey(ctx context.Context, db execer, r keyring.Record, taken error) error {
	_, err := db.ExecContext(ctx, `INSERT INTO faveo_gateway_signing_keys
		(kid, algorithm, configured, state, active_slot, pending_slot, sealed, created_at, activated_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		r.KID, r.Algorithm, r.Configured, string(r.State), slot(r.State == keyring.StateActive), slot(r.State == keyring.StatePending),
		r.Sealed, r.CreatedAt.Unix(), toSeconds(r.ActivatedAt))
	if database.IsDuplicate(err) {
		return taken
	}
	return err
}

// slot is what a unique index takes once: 1, or NULL as often as one likes.
func slot(taken bool) sql.NullInt64 { return sql.NullInt64{Int64: 1, Valid: taken} }

func toSeconds(t time.Time) sql.NullInt64 {
	return sql.NullInt64{Int64: t.Unix(), Valid: !t.IsZero()}
}

func fromSeconds(n sql.NullInt64) time.Time {
	if !n.Valid {
		return time.Time{}
	}
	return time.Unix(n.Int64, 0).UTC()
}
