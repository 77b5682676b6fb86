package faveotest

import (
	"context"
	"database/sql"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// Apply brings the database into the state that a recording names in its precondition, and returns what undoes it. An
// empty precondition changes nothing. A precondition it does not know fails the test.
//
// A row, {"users": {"id": 5, "first_name": "…"}}, is updated. mariadb_global_time_zone is imitated by moving the
// timestamps of `users` by the offset: a session in that zone would show the same text, and other tests on the same
// server are not disturbed.
func (d *Database) Apply(t testing.TB, precondition map[string]any) (undo func()) {
	t.Helper()
	var undos []func()
	for _, subject := range slices.Sorted(maps.Keys(precondition)) {
		switch value := precondition[subject].(type) {
		case string:
			if subject != "mariadb_global_time_zone" {
				t.Fatalf("unknown precondition %s", subject)
			}
			undos = append(undos, d.moveTimestamps(t, value))
		case map[string]any:
			undos = append(undos, d.change(t, subject, value))
		default:
			t.Fatalf("unknown precondition %s of type %T", subject, value)
		}
	}
	return func() {
		t.Helper()
		for _, u := range slices.Backward(undos) {
			u()
		}
	}
}

func (d *Database) change(t testing.TB, table string, r map[string]any) (undo func()) {
	t.Helper()
	if table != "users" && table != "settings_system" {
		t.Fatalf("unknown precondition on the table %s", table)
	}
	before := d.read(t, table, r)
	d.update(t, table, r)
	return func() { t.Helper(); d.update(t, table, before) }
}

// read gives the present values of r's columns.
func (d *Database) read(t testing.TB, table string, r map[string]any) map[string]any {
	t.Helper()
	columns := slices.Sorted(maps.Keys(r))
	values := make([]any, len(columns))
	targets := make([]any, len(columns))
	for i := range values {
		targets[i] = &values[i]
	}
	query := "SELECT `" + strings.Join(columns, "`, `") + "` FROM " + table + " WHERE id = ?"
	if err := d.pool.QueryRowContext(context.Background(), query, r["id"]).Scan(targets...); err != nil {
		t.Fatalf("reading %s %v: %v", table, r["id"], err)
	}
	before := map[string]any{}
	for i, column := range columns {
		before[column] = values[i]
	}
	return before
}

type userTimes struct {
	id               int64
	created, updated sql.NullString
}

func (d *Database) moveTimestamps(t testing.TB, offset string) (undo func()) {
	t.Helper()
	zone, err := time.Parse("-07:00", offset)
	if err != nil {
		t.Fatalf("the time zone of the precondition: %v", err)
	}
	_, seconds := zone.Zone()
	before := d.userTimes(t)
	for _, column := range []string{"created_at", "updated_at"} {
		d.Exec(t, "UPDATE users SET "+column+" = "+column+" + INTERVAL ? SECOND WHERE "+column+" > 0", seconds)
	}
	return func() {
		t.Helper()
		for _, u := range before {
			d.Exec(t, "UPDATE users SET created_at = ?, updated_at = ? WHERE id = ?", u.created, u.updated, u.id)
		}
	}
}

func (d *Database) userTimes(t testing.TB) []userTimes {
	t.Helper()
	rows, err := d.pool.QueryContext(context.Background(), "SELECT id, created_at, updated_at FROM users")
	if err != nil {
		t.Fatalf("reading timestamps: %v", err)
	}
	defer func() { _ = rows.Close() }()
	var all []userTimes
	for rows.Next() {
		var u userTimes
		if err := rows.Scan(&u.id, &u.created, &u.updated); err != nil {
			t.Fatalf("reading timestamps: %v", err)
		}
		all = append(all, u)
	}
	if err := rows.Err(); err != nil {
		t.Fatalf("reading timestamps: %v", err)
	}
	return all
}
