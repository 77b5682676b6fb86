package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"strings"

	"faveo-gateway/gateway/audit"
)

// Append adds what seal makes of the head, unless the entry unsure is stored already.
func (s *Store) Append(ctx context.Context, unsure audit.Link, seal func(audit.Head) audit.Batch) error {
	return s.change(ctx, "audit_append", func(ctx context.Context, tx *sql.Tx) error {
		h, err := s.lockHead(ctx, tx)
		if err != nil {
			return err
		}
		if stored, err := hasEntry(ctx, tx, unsure); err != nil || stored {
			return err
		}
		b := seal(h)
		if len(b.Entries) == 0 {
			return nil
		}
		if err := insertEntries(ctx, tx, b.Entries); err != nil {
			return err
		}
		return writeHead(ctx, tx, b.Head)
	})
}

// Prune stores the head that seal makes and deletes the entries before its start.
func (s *Store) Prune(ctx context.Context, seal func(audit.Head) (audit.Head, bool)) error {
	return s.change(ctx, "audit_prune", func(ctx context.Context, tx *sql.Tx) error {
		h, err := s.lockHead(ctx, tx)
		if err != nil {
			return err
		}
		h, ok := seal(h)
		if !ok {
			return nil
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM faveo_gateway_audit WHERE sequence <= ?`, h.Start.Sequence); err != nil {
			return err
		}
		return writeHead(ctx, tx, h)
	})
}

// lockHead returns the head, which nobody else changes before the end of tx. Where there
// are entries behind it somebody has changed it: numbers go on behind the last entry, from
// a head that nothing proves.
//
// The lock comes first. In MySQL the reads behind it, which take no locks and so need no
// right but SELECT, see what was committed by whoever held it before: a transaction sees
// the state of its first read that does not lock.
func (s *Store) lockHead(ctx context.Context, tx *sql.Tx) (audit.Head, error) {
	h, err := readHead(ctx, tx, s.lockRows)
	if err != nil {
		return audit.Head{}, err
	}
	var hash []byte
	err = tx.QueryRowContext(ctx, `SELECT sequence, hash FROM faveo_gateway_audit
		WHERE sequence > ? ORDER BY sequence DESC LIMIT 1`, h.Last.Sequence).Scan(&h.Last.Sequence, &hash)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return h, nil
	case err != nil:
		return audit.Head{}, err
	}
	return audit.Head{Last: audit.Link{Sequence: h.Last.Sequence, Hash: toHash(hash)}, Start: h.Start}, nil
}

// hasEntry reports whether the entry is stored; the zero Link is none.
func hasEntry(ctx context.Context, db queryer, l audit.Link) (bool, error) {
	if l == (audit.Link{}) {
		return false, nil
	}
	var hash []byte
	err := db.QueryRowContext(ctx, `SELECT hash FROM faveo_gateway_audit WHERE sequence = ?`, l.Sequence).Scan(&hash)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil && toHash(hash) == l.Hash, err
}

// insertEntries adds all rows in one statement.
func insertEntries(ctx context.Context, db execer, entries []audit.Entry) error {
	var args []any
	for i := range entries {
		args = append(args, auditValues(&entries[i])...)
	}
	_, err := db.ExecContext(ctx, `INSERT INTO faveo_gateway_audit (`+auditColumns+`) VALUES `+
		auditPlaces+strings.Repeat(", "+auditPlaces, len(entries)-1), args...)
	return err
}

// writeHead replaces the row of the head, or adds it where somebody took it out.
func writeHead(ctx context.Context, db execer, h audit.Head) error {
	values := []any{
		h.Last.Sequence, h.Last.Hash[:], h.Start.Sequence, h.Start.Hash[:], h.KeyID, h.MAC[:],
	}
	result, err := db.ExecContext(ctx, `UPDATE faveo_gateway_audit_head
		SET last_sequence = ?, last_hash = ?, start_sequence = ?, start_hash = ?, key_id = ?, mac = ? WHERE id = 1`, values...)
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n == 1 {
		return err
	}
	_, err = db.ExecContext(ctx, `INSERT INTO faveo_gateway_audit_head
		(last_sequence, last_hash, start_sequence, start_hash, key_id, mac, id) VALUES (?, ?, ?, ?, ?, ?, 1)`, values...)
	return err
}
