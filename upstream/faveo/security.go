package faveo

import (
	"context"
	"time"

	"faveo-gateway/upstream/database"
)

// Security is what Faveo's administrator has set for the lockout of its web form (SCHEMA.md): how many failed logins
// lead to it, and how long it lasts. The zero Security says nothing.
type Security struct {
	Threshold int
	Period    time.Duration
}

// The bounds of what is taken for a setting: beyond them, and below 1, it is none.
const (
	maxThreshold      = 1000
	maxLockoutMinutes = 30 * 24 * 60
)

// Security reads settings_security. It is the zero Security where there is no such table or row, and where a number is
// absurd. It is read again at most once a minute, and once it was read it does not fail any more, like Version. Before
// that its error is an infrastructure fault.
func (db *DB) Security(ctx context.Context) (Security, error) {
	bounded, cancel := context.WithTimeout(ctx, db.options.Timeout)
	defer cancel()
	return db.security.get(bounded)
}

func (db *DB) readSecurity(ctx context.Context) (Security, error) {
	var threshold, minutes int64
	err := db.ask(ctx, "security", func(ctx context.Context) error {
		err := scanSetting(db.pool.QueryRowContext(ctx,
			"SELECT COALESCE(backlist_threshold, 0), COALESCE(lockout_period, 0) FROM settings_security ORDER BY id LIMIT 1"),
			&threshold, &minutes)
		if database.IsMissingTable(err) || database.IsMissingColumn(err) {
			return nil
		}
		return err
	})
	if err != nil || threshold < 1 || threshold > maxThreshold || minutes < 1 || minutes > maxLockoutMinutes {
		return Security{}, err
	}
	return Security{Threshold: int(threshold), Period: time.Duration(minutes) * time.Minute}, nil
}
