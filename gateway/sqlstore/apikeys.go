package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"faveo-gateway/gateway/apikey"
	"faveo-gateway/upstream/database"
)

// The statements about API keys. A change names the version that it takes the key to
// have. The last use goes only forwards.
const (
	selectAPIKeys = `SELECT id, version, name, user_id, scopes, networks, rate, secrets, mac,
		created_at, expires_at, revoked_at, last_used_at FROM faveo_gateway_api_keys`
	insertAPIKey = `INSERT INTO faveo_gateway_api_keys
		(version, name, user_id, scopes, networks, rate, secrets, mac, expires_at, revoked_at, id, created_at, last_used_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	updateAPIKey = `UPDATE faveo_gateway_api_keys SET version = ?, name = ?, user_id = ?, scopes = ?, networks = ?,
		rate = ?, secrets = ?, mac = ?, expires_at = ?, revoked_at = ? WHERE id = ? AND version = ?`
	useAPIKeys = `UPDATE faveo_gateway_api_keys SET last_used_at = ?
		WHERE (last_used_at IS NULL OR last_used_at < ?) AND id IN `
)

// usedAtOnce is how many keys one statement notes the use of.
const usedAtOnce = 500

// apiKeys is an apikey.Store.
type apiKeys struct{ *Store }

var _ apikey.Store = apiKeys{}

// APIKeys returns the table of the managed API keys.
func (s *Store) APIKeys() apikey.Store { return apiKeys{s} }

// Add implements apikey.Store.
func (k apiKeys) Add(ctx context.Context, r apikey.Record) error {
	if r.Version != 1 {
		return fmt.Errorf("sqlstore: apikey_add: version is %d, want 1", r.Version)
	}
	columns, err := apiKeyColumns(r)
	if err != nil {
		return fmt.Errorf("sqlstore: apikey_add: %w", err)
	}
	return k.call(ctx, "apikey_add", k.timeout, func(ctx context.Context) error {
		_, err := k.db.ExecContext(ctx, insertAPIKey, append(columns, r.ID, r.CreatedAt.Unix(), toSeconds(r.LastUsedAt))...)
		if database.IsDuplicate(err) {
			return apikey.ErrConflict
		}
		return err
	})
}

// Find implements apikey.Store.
func (k apiKeys) Find(ctx context.Context, id string) (r apikey.Record, err error) {
	if !apikey.ValidID(id) {
		return apikey.Record{}, apikey.ErrNotFound
	}
	err = k.call(ctx, opAPIKeyFind, k.timeout, func(ctx context.Context) error {
		r, err = readAPIKey(k.db.QueryRowContext(ctx, selectAPIKeys+` WHERE id = ?`, id))
		if errors.Is(err, sql.ErrNoRows) {
			return apikey.ErrNotFound
		}
		return err
	})
	if err != nil {
		return apikey.Record{}, err
	}
	return r, nil
}

// List implements apikey.Store.
func (k apiKeys) List(ctx context.Context) (records []apikey.Record, err error) {
	err = k.call(ctx, "apikey_list", k.timeout, func(ctx context.Context) error {
		records, err = k.list(ctx)
		return err
	})
	return records, err
}

// list reads the table. What is not a row that was written here is shown by its id alone.
func (k apiKeys) list(ctx context.Context) (_ []apikey.Record, err error) {
	rows, err := k.db.QueryContext(ctx, selectAPIKeys+` ORDER BY created_at, id`)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	var records []apikey.Record
	for rows.Next() {
		r, err := readAPIKey(rows)
		if id := r.ID; err != nil && id != "" {
			r = apikey.Record{ID: id}
		} else if err != nil {
			return nil, err
		}
		records = append(records, r)
	}
	return records, rows.Err()
}

// Replace implements apikey.Store.
func (k apiKeys) Replace(ctx context.Context, r apikey.Record) error {
	columns, err := apiKeyColumns(r)
	if err != nil {
		return fmt.Errorf("sqlstore: apikey_replace: %w", err)
	}
	return k.call(ctx, "apikey_replace", k.timeout, func(ctx context.Context) error {
		result, err := k.db.ExecContext(ctx, updateAPIKey, append(columns, r.ID, r.Version-1)...)
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil || n == 1 {
			return err
		}
		var version int64
		err = k.db.QueryRowContext(ctx, `SELECT version FROM faveo_gateway_api_keys WHERE id = ?`, r.ID).Scan(&version)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return apikey.ErrNotFound
		case err == nil:
			return apikey.ErrConflict
		}
		return err
	})
}

// Used implements apikey.Store. Keys that were used at the same time are noted
// together, in the order of their ids, so that two replicas wait for one another
// instead of both failing.
func (k apiKeys) Used(ctx context.Context, at map[string]time.Time) error {
	if len(at) == 0 {
		return nil
	}
	ids := make(map[int64][]any)
	for _, id := range slices.Sorted(maps.Keys(at)) {
		second := at[id].Unix()
		ids[second] = append(ids[second], id)
	}
	return k.change(ctx, "apikey_used", func(ctx context.Context, tx *sql.Tx) error {
		for _, second := range slices.Sorted(maps.Keys(ids)) {
			for some := range slices.Chunk(ids[second], usedAtOnce) {
				list := `(?` + strings.Repeat(`, ?`, len(some)-1) + `)`
				if _, err := tx.ExecContext(ctx, useAPIKeys+list, append([]any{second, second}, some...)...); err != nil {
					return err
				}
			}
		}
		return nil
	})
}
