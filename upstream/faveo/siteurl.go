package faveo

import (
	"context"
	"database/sql"
	"errors"
)

// SiteURL returns settings_system.url, the address that the installer was given, as it stands there; "" when it is NULL
// or when there is no row. It is read again at most every 30 seconds, and once it was read it does not fail any more,
// like Version. Before that its error is an infrastructure fault.
func (db *DB) SiteURL(ctx context.Context) (string, error) {
	bounded, cancel := context.WithTimeout(ctx, db.options.Timeout)
	defer cancel()
	return db.siteURL.get(bounded)
}

func (db *DB) readSiteURL(ctx context.Context) (string, error) {
	var url sql.NullString
	err := db.ask(ctx, "site_url", func(ctx context.Context) error {
		return scanSetting(db.pool.QueryRowContext(ctx, "SELECT url FROM settings_system ORDER BY id LIMIT 1"), &url)
	})
	return url.String, err
}

// scanSetting reads the columns of a row of settings; without a row they stay as they are.
func scanSetting(row *sql.Row, into ...any) error {
	if err := row.Scan(into...); !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	return nil
}
