package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"faveo-gateway/gateway/keyring"
	"faveo-gateway/upstream/database"
)

// Survey looks at the gateway's tables and changes nothing: it makes no table and no
// file, and what it asks about writing is asked by EXPLAIN. It is safe for concurrent use.
type Survey struct {
	store   *Store
	dialect database.Dialect
}

// OpenSurvey makes a Survey of o.Database without connecting. Close ends it.
func OpenSurvey(o Options) (*Survey, error) {
	url, err := database.Parse(o.Database)
	if err != nil {
		return nil, fmt.Errorf("sqlstore: database %w", err)
	}
	db, err := url.Open(settings(o.Timeout, false))
	if err != nil {
		return nil, fmt.Errorf("sqlstore: database %w", err)
	}
	store, err := newStore(url, db, o)
	if err != nil {
		return nil, err
	}
	return &Survey{store, url.Dialect()}, nil
}

// Close closes all connections.
func (s *Survey) Close() error { return s.store.Close() }

// Keys is that of Store.
func (s *Survey) Keys(ctx context.Context) ([]keyring.Record, error) { return s.store.Keys(ctx) }

// Server tells which server the tables are on, and as whom they are used.
func (s *Survey) Server(ctx context.Context) (server database.Server, err error) {
	err = s.store.call(ctx, "server", s.store.timeout, func(ctx context.Context) error {
		server, err = database.Identify(ctx, s.store.db, s.dialect)
		return err
	})
	return server, err
}

// Migrations is how the tables and this program differ.
type Migrations struct {
	// Applied counts those of this program that were applied; Pending were not, in their
	// order. Unknown are of another program, a newer one.
	Applied int
	Pending []string
	Unknown []int64
}

// Migrations compares what was applied with what this program has. Tables that are not
// there are all pending.
func (s *Survey) Migrations(ctx context.Context) (m Migrations, err error) {
	var applied []int64
	err = s.store.call(ctx, "migrations", s.store.timeout, func(ctx context.Context) error {
		applied, err = s.applied(ctx)
		return err
	})
	if err != nil && !errors.Is(err, ErrNotMigrated) {
		return m, err
	}
	var known []int64
	for _, source := range s.store.provider.ListSources() {
		known = append(known, source.Version)
		if slices.Contains(applied, source.Version) {
			m.Applied++
		} else {
			m.Pending = append(m.Pending, migrationName(source))
		}
	}
	for _, version := range applied {
		if version != 0 && !slices.Contains(known, version) { // goose notes a 0 when it begins.
			m.Unknown = append(m.Unknown, version)
		}
	}
	return m, nil
}

// applied reads goose's notes. There is none of an undone migration: nothing is ever
// undone.
func (s *Survey) applied(ctx context.Context) (versions []int64, err error) {
	rows, err := s.store.db.QueryContext(ctx, "SELECT version_id FROM "+versionTable+" WHERE is_applied")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var version int64
		if err := rows.Scan(&version); err != nil {
			return nil, err
		}
		versions = append(versions, version)
	}
	return versions, rows.Err()
}

// trail are the tables of the audit trail.
var trail = []string{"faveo_gateway_audit", "faveo_gateway_audit_head"}

// uses are the rights that a running gateway needs, each with a statement that needs it
// and would change nothing.
var uses = []struct{ right, table, statement string }{
	{"SELECT", versionTable, "SELECT version_id FROM " + versionTable + " WHERE 1 = 0"},
	{"SELECT", "faveo_gateway_signing_keys", "SELECT kid FROM faveo_gateway_signing_keys WHERE 1 = 0"},
	{"INSERT", "faveo_gateway_signing_keys", "INSERT INTO faveo_gateway_signing_keys SELECT * FROM faveo_gateway_signing_keys WHERE 1 = 0"},
	{"UPDATE", "faveo_gateway_signing_keys", "UPDATE faveo_gateway_signing_keys SET state = 'gone' WHERE 1 = 0"},
	{"SELECT", "faveo_gateway_api_keys", "SELECT id FROM faveo_gateway_api_keys WHERE 1 = 0"},
	{"INSERT", "faveo_gateway_api_keys", "INSERT INTO faveo_gateway_api_keys SELECT * FROM faveo_gateway_api_keys WHERE 1 = 0"},
	{"UPDATE", "faveo_gateway_api_keys", "UPDATE faveo_gateway_api_keys SET last_used_at = 0 WHERE 1 = 0"},
	{"SELECT", "faveo_gateway_audit", "SELECT sequence FROM faveo_gateway_audit WHERE 1 = 0"},
	{"INSERT", "faveo_gateway_audit", "INSERT INTO faveo_gateway_audit SELECT * FROM faveo_gateway_audit WHERE 1 = 0"},
	{"DELETE", "faveo_gateway_audit", "DELETE FROM faveo_gateway_audit WHERE 1 = 0"},
	{"SELECT", "faveo_gateway_audit_head", "SELECT id FROM faveo_gateway_audit_head WHERE 1 = 0"},
	{"INSERT", "faveo_gateway_audit_head", "INSERT INTO faveo_gateway_audit_head SELECT * FROM faveo_gateway_audit_head WHERE 1 = 0"},
	{"UPDATE", "faveo_gateway_audit_head", "UPDATE faveo_gateway_audit_head SET last_sequence = 0 WHERE 1 = 0"},
}

// Lacks returns the rights that the database user lacks, "INSERT on faveo_gateway_audit".
// The audit trail counts when it isTrail, deleting from it when it is pruned. Tables that
// are not there are Migrations' to tell, unless nothing may be done with them.
func (s *Survey) Lacks(ctx context.Context, isTrail, pruned bool) (lacks []string, err error) {
	err = s.store.call(ctx, "rights", s.store.timeout, func(ctx context.Context) error {
		for _, use := range uses {
			if slices.Contains(trail, use.table) && !isTrail || use.right == "DELETE" && !pruned {
				continue
			}
			switch err := s.explain(ctx, use.statement); {
			case database.IsDenied(err):
				lacks = append(lacks, use.right+" on "+use.table)
			case database.IsMissingTable(err), database.IsMissingColumn(err):
			case err != nil:
				return err
			}
		}
		return nil
	})
	return lacks, err
}

// explain lets the server plan a statement, for which it wants the rights to it.
func (s *Survey) explain(ctx context.Context, statement string) error {
	if !strings.HasPrefix(statement, "SELECT ") {
		statement = "EXPLAIN " + statement
	}
	rows, err := s.store.db.QueryContext(ctx, statement)
	if err != nil {
		return err
	}
	defer rows.Close()
	return rows.Err()
}
