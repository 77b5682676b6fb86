package faveo

import (
	"context"
	"errors"
	"time"

	"faveo-gateway/upstream/database"
)

// Server tells which server the database is on, and as whom it is read.
func (db *DB) Server(ctx context.Context) (s database.Server, err error) {
	err = db.try(ctx, "server", func(ctx context.Context) error {
		s, err = database.Identify(ctx, db.pool, db.dialect)
		return err
	})
	return s, err
}

// Clock tells the time of the server.
func (db *DB) Clock(ctx context.Context) (now time.Time, err error) {
	err = db.try(ctx, "clock", func(ctx context.Context) error {
		now, err = database.Clock(ctx, db.pool, db.dialect)
		return err
	})
	return now, err
}

// Collations are those of users.user_name and users.email by column: what a login compares names by. "" compares bytes.
// The error is a fault, or says that one of the columns is missing.
func (db *DB) Collations(ctx context.Context) (map[string]string, error) {
	columns, err := db.readLoginColumns(ctx)
	if err != nil {
		return nil, err
	}
	by := map[string]string{}
	for name, column := range columns {
		by[name] = column.collation
	}
	return by, nil
}

// The account that Faveo's installer makes, and the password that it gives it (SCHEMA.md).
const (
	installersName     = "demo_admin"
	installersPassword = "demopass"
)

// InstallersAccount says whether an active account has the name of the one that Faveo's installer makes, and whether the
// installer's password opens it. It computes that one hash. Its error is an infrastructure fault.
func (db *DB) InstallersAccount(ctx context.Context) (exists, opens bool, err error) {
	var r row
	err = db.try(ctx, "installer", func(ctx context.Context) error {
		r, err = db.readRow(ctx, db.lookup.byName, installersName)
		return err
	})
	if errors.Is(err, ErrNotFound) {
		return false, false, nil
	}
	if err != nil {
		return false, false, err
	}
	opens, err = VerifyPassword(r.text("password"), installersPassword)
	if errors.Is(err, ErrUnusableHash) {
		return true, false, nil
	}
	return true, opens, err
}
