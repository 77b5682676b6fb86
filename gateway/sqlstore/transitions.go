package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"faveo-gateway/gateway/keyring"
)

// Every transition is a statement that names the state it takes the key to be in,
// and must change exactly one row. Those that concern the active key change it
// first, so that two of them wait for one another there, and nowhere else.
const (
	retireKey = `UPDATE faveo_gateway_signing_keys
		SET state = 'retiring', active_slot = NULL, retired_at = ?, verify_until = ? WHERE kid = ? AND state = 'active'`
	activateKey = `UPDATE faveo_gateway_signing_keys
		SET state = 'active', active_slot = 1, pending_slot = NULL, activated_at = ? WHERE kid = ? AND state = 'pending'`
	buryKey = `UPDATE faveo_gateway_signing_keys
		SET state = 'gone', sealed = X'', ended_at = ? WHERE kid = ? AND state = 'retiring'`
	revokeKey = `UPDATE faveo_gateway_signing_keys
		SET state = 'revoked', active_slot = NULL, pending_slot = NULL, sealed = X'', ended_at = ? WHERE kid = ? AND `
	revokeActiveKey = revokeKey + `state = 'active'`
	revokeOtherKey  = revokeKey + `state IN ('pending', 'retiring')`
	resealKey       = `UPDATE faveo_gateway_signing_keys SET sealed = ? WHERE kid = ? AND sealed = ?`
)

// Activate makes the pending key active and the active one retiring, or returns
// keyring.ErrChanged.
func (s *Store) Activate(ctx context.Context, pending, active string, at, verifyUntil time.Time) error {
	return s.change(ctx, "activate", func(ctx context.Context, tx *sql.Tx) error {
		if err := changeOne(ctx, tx, retireKey, at.Unix(), verifyUntil.Unix(), active); err != nil {
			return err
		}
		return changeOne(ctx, tx, activateKey, at.Unix(), pending)
	})
}

// Bury makes a retiring key gone, or returns keyring.ErrChanged.
func (s *Store) Bury(ctx context.Context, kid string, at time.Time) error {
	return s.change(ctx, "bury", func(ctx context.Context, tx *sql.Tx) error {
		return changeOne(ctx, tx, buryKey, at.Unix(), kid)
	})
}

// Revoke makes a key revoked, and heir active in the place of an active one, or
// returns keyring.ErrChanged.
func (s *Store) Revoke(ctx context.Context, kid string, at time.Time, heir keyring.Record) error {
	return s.change(ctx, "revoke", func(ctx context.Context, tx *sql.Tx) error {
		err := changeOne(ctx, tx, revokeActiveKey, at.Unix(), kid)
		switch {
		case errors.Is(err, keyring.ErrChanged):
			return changeOne(ctx, tx, revokeOtherKey, at.Unix(), kid)
		case err != nil:
			return err
		}
		return inherit(ctx, tx, heir, at)
	})
}

// inherit makes heir active: the pending key, or a new one.
func inherit(ctx context.Context, tx *sql.Tx, heir keyring.Record, at time.Time) error {
	if heir.KID == "" {
		return keyring.ErrChanged
	}
	err := changeOne(ctx, tx, activateKey, at.Unix(), heir.KID)
	if !errors.Is(err, keyring.ErrChanged) {
		return err
	}
	heir.State, heir.ActivatedAt = keyring.StateActive, at
	return insertKey(ctx, tx, heir, keyring.ErrChanged)
}

// Reseal replaces the sealed secret of a key, or returns keyring.ErrChanged.
func (s *Store) Reseal(ctx context.Context, kid string, old, resealed []byte) error {
	return s.change(ctx, "reseal", func(ctx context.Context, tx *sql.Tx) error {
		return changeOne(ctx, tx, resealKey, resealed, kid, old)
	})
}

// change runs one transaction, which happens whole or not at all.
func (s *Store) change(ctx context.Context, operation string, run func(context.Context, *sql.Tx) error) error {
	return s.call(ctx, operation, s.timeout, func(ctx context.Context) error {
		tx, err := s.db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		if err := run(ctx, tx); err != nil {
			_ = tx.Rollback() // What failed is told; the server undoes the rest by itself.
			return err
		}
		return tx.Commit()
	})
}

// changeOne runs a statement that is to change exactly one row, and returns
// keyring.ErrChanged when it changed none: kid is a primary key.
func changeOne(ctx context.Context, db execer, statement string, args ...any) error {
	result, err := db.ExecContext(ctx, statement, args...)
	if err != nil {
		return err
	}
	n, err := result.RowsAffected()
	if err == nil && n != 1 {
		err = keyring.ErrChanged
	}
	return err
}
