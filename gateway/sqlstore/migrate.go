package sqlstore

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/pressly/goose/v3"

	"faveo-gateway/upstream/database"
)

// Migrations that were shipped are never changed. Each can be run again after
// it was cut off half way, because MySQL commits every CREATE by itself.
//
//go:embed migrations
var migrations embed.FS

// versionTable is where goose notes what was applied.
const versionTable = "faveo_gateway_migrations"

// tables lists what the gateway keeps, for messages.
const tables = versionTable + ", faveo_gateway_signing_keys, faveo_gateway_api_keys, faveo_gateway_audit, faveo_gateway_audit_head"

// newProvider returns goose for the migrations in the SQL of d. It prints nothing
// and knows no migration but these.
func newProvider(db *sql.DB, d database.Dialect) (*goose.Provider, error) {
	dialect, folder := goose.DialectSQLite3, "sqlite"
	options := []goose.ProviderOption{
		goose.WithTableName(versionTable),
		goose.WithDisableGlobalRegistry(true),
		goose.WithLogger(goose.NopLogger()),
	}
	if d == database.MySQL {
		dialect, folder = goose.DialectMySQL, "mysql"
		options = append(options, goose.WithSessionLocker(mysqlLock{}))
	}
	files, err := fs.Sub(migrations, path.Join("migrations", folder))
	if err != nil {
		return nil, fmt.Errorf("embedded migrations: %w", err)
	}
	p, err := goose.NewProvider(dialect, db, files, options...)
	if err != nil {
		return nil, fmt.Errorf("embedded migrations: %w", err)
	}
	return p, nil
}

// Migrate makes or upgrades the gateway's tables and returns the names of the
// migrations that it applied, none when all were. Replicas may call it at the
// same time on MySQL: one works, the others wait for it, at most two minutes.
// An SQLite file belongs to one process. ErrRights tells a database user who
// may not make tables.
func (s *Store) Migrate(ctx context.Context) ([]string, error) {
	var applied []string
	err := s.call(ctx, "migrate", migrateTimeout, func(ctx context.Context) error {
		results, err := s.provider.Up(ctx)
		var partial *goose.PartialError
		if errors.As(err, &partial) {
			results = partial.Applied
		}
		for _, r := range results {
			applied = append(applied, migrationName(r.Source))
		}
		return err
	})
	return applied, err
}

// migrationName is the file name without its ending: 00001_signing_keys.
func migrationName(s *goose.Source) string {
	return strings.TrimSuffix(path.Base(s.Path), ".sql")
}
