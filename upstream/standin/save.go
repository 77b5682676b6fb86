package standin

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"reflect"
	"strings"

	_ "modernc.org/sqlite" // the driver of the demo's database
)

// save brings the database at path, which holds before, to hold after. It is all or nothing: after an error the database
// still holds before.
func save(ctx context.Context, path string, before, after *dataset) error {
	changes := differences(before.tables(), after.tables())
	if len(changes) == 0 {
		return nil
	}
	return transact(ctx, path, func(tx *sql.Tx) error { return apply(ctx, tx, changes) })
}

// transact does work in one transaction, over a connection of its own: a stand-in has no end at which to close another.
// It waits at most 5 s for another writer. Readers wait for no writer and no writer for them: such is the mode of the
// journal, which stays with the file. A file that is gone is not made again, unlike by the driver's default.
func transact(ctx context.Context, path string, work func(*sql.Tx) error) (err error) {
	query := url.Values{
		"mode":    {"rw"},
		"_pragma": {"busy_timeout(5000)", "journal_mode(WAL)"},
		"_txlock": {"immediate"},
	}
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Path: path, RawQuery: query.Encode()}).String())
	if err != nil {
		return err
	}
	defer func() {
		if e := db.Close(); err == nil {
			err = e
		}
	}()
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // After a commit there is nothing to roll back.
	if err := work(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// change is one statement and the row that it is about.
type change struct {
	table, statement string
	arguments        []any
}

func apply(ctx context.Context, tx *sql.Tx, changes []change) error {
	for _, c := range changes {
		if _, err := tx.ExecContext(ctx, c.statement, c.arguments...); err != nil {
			return fmt.Errorf("write %s: %w", c.table, err)
		}
	}
	return nil
}

// differences are the changes that make after of before. Both are of dataset.tables; a nil before has no rows.
func differences(before, after []table) []change {
	var all []change
	for i, t := range after {
		var old [][]any
		if before != nil {
			old = before[i].rows
		}
		all = append(all, t.since(old)...)
	}
	return all
}

// since are the changes that make t of a table with the rows old.
func (t table) since(old [][]any) []change {
	gone := map[any][]any{} // by id
	for _, row := range old {
		gone[row[0]] = row
	}
	var all []change
	upsert := t.upsert()
	for _, row := range t.rows {
		if !reflect.DeepEqual(gone[row[0]], row) {
			all = append(all, change{t.name, upsert, row})
		}
		delete(gone, row[0])
	}
	for id := range gone {
		all = append(all, change{t.name, "DELETE FROM " + t.name + " WHERE id = ?", []any{id}})
	}
	return all
}

// upsert writes one row. Not INSERT OR REPLACE, which removes every other row that has the same address.
func (t table) upsert() string {
	columns := strings.Split(t.columns, ",")
	updates := make([]string, len(columns))
	for i, column := range columns {
		updates[i] = column + " = excluded." + column
	}
	return "INSERT INTO " + t.name + " (" + t.columns + ") VALUES (?" + strings.Repeat(",?", len(columns)-1) + ")" +
		" ON CONFLICT (id) DO UPDATE SET " + strings.Join(updates, ",")
}
