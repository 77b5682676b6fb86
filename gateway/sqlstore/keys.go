package sqlstore

import (
	"context"
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
	rows, err := s.db.QueryContext(ctx,
		`SELECT kid, algorithm, state, sealed, created_at FROM faveo_gateway_signing_keys ORDER BY created_at, kid`)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	var records []keyring.Record
	for rows.Next() {
		var r keyring.Record
		var createdAt int64
		if err := rows.Scan(&r.KID, &r.Algorithm, &r.State, &r.Sealed, &createdAt); err != nil {
			return nil, err
		}
		r.CreatedAt = time.Unix(createdAt, 0).UTC()
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
		_, err := s.db.ExecContext(ctx,
			`INSERT INTO faveo_gateway_signing_keys (kid, algorithm, state, active_slot, sealed, created_at) VALUES (?, ?, ?, 1, ?, ?)`,
			r.KID, r.Algorithm, string(r.State), r.Sealed, r.CreatedAt.Unix())
		if database.IsDuplicate(err) {
			return keyring.ErrActiveExists
		}
		return err
	})
}
