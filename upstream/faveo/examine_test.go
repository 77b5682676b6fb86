package faveo_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"faveo-gateway/gateway/storetest/service"
	"faveo-gateway/upstream/faveo"
	"faveo-gateway/upstream/faveo/faveotest"
	"faveo-gateway/upstream/standin"
)

// as opens d as a new user with these grants, each a text like "SELECT ON %s.users".
func as(t *testing.T, d *faveotest.Database, grants ...string) *faveo.DB {
	t.Helper()
	user := service.NewUser(t, "pw")
	for _, grant := range grants {
		service.Exec(t, service.MariaDB(t), fmt.Sprintf("GRANT "+grant, d.Name)+" TO "+user+"@'127.0.0.1'")
	}
	return open(t, d, faveo.Options{Database: "mysql://" + user + ":pw@" + service.MariaDBAddress + "/" + d.Name})
}

func TestServerAndClock(t *testing.T) {
	d := faveotest.New(t)
	db := as(t, d, "SELECT ON %s.*")
	s, err := db.Server(t.Context())
	if err != nil || !strings.HasPrefix(s.Version, "MariaDB 1") || s.Database != d.Name || !strings.HasSuffix(s.User, "@127.0.0.1") || s.ReadOnly {
		t.Errorf("%+v, %v", s, err)
	}
	now, err := db.Clock(t.Context())
	if off := time.Since(now).Abs(); err != nil || off > 5*time.Second {
		t.Errorf("the server's clock is %v off, %v", off, err)
	}
}

// found is what Readable says of the tables that are not well.
func found(t *testing.T, db *faveo.DB) (ill []string) {
	t.Helper()
	tables, err := db.Readable(t.Context())
	if err != nil || len(tables) != 7 {
		t.Fatalf("%d tables, %v", len(tables), err)
	}
	for _, table := range tables {
		if table.Denied || table.Absent || len(table.Lacks) > 0 {
			ill = append(ill, fmt.Sprintf("%s denied=%t absent=%t lacks=%v", table.Name, table.Denied, table.Absent, table.Lacks))
		}
	}
	return ill
}

func wantIll(t *testing.T, db *faveo.DB, want ...string) {
	t.Helper()
	if got := found(t, db); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%q, want %q", got, want)
	}
}

const withoutDepartments = "department_assign_agents denied=false absent=true lacks=[]"

func TestReadable(t *testing.T) {
	d := faveotest.New(t)
	db := open(t, d, faveo.Options{})
	wantIll(t, db, withoutDepartments)
	d.Exec(t, "CREATE TABLE department_assign_agents (agent_id INT, department_id INT)")
	wantIll(t, db)
	d.Exec(t, "ALTER TABLE users DROP COLUMN ban, DROP COLUMN is_delete")
	d.Exec(t, "DROP TABLE ticket_collaborator")
	d.Exec(t, "DROP TABLE settings_security")
	wantIll(t, db,
		"users denied=false absent=false lacks=[ban is_delete]",
		"settings_security denied=false absent=true lacks=[]",
		"ticket_collaborator denied=false absent=true lacks=[]")
}

// TestReadableByAUserOfItsOwn has the grants of the README, and then one less, and then a
// part of the columns of users only, of which a login reads all.
func TestReadableByAUserOfItsOwn(t *testing.T) {
	d := faveotest.New(t)
	grants := []string{
		"SELECT ON %s.users", "SELECT ON %s.settings_system", "SELECT ON %s.settings_security", "SELECT ON %s.tickets",
		"SELECT ON %s.ticket_collaborator", "SELECT ON %s.team_assign_agent",
	}
	wantIll(t, as(t, d, grants...), withoutDepartments)
	wantIll(t, as(t, d, grants[1:]...), "users denied=true absent=false lacks=[]", withoutDepartments)
	const columns = "SELECT (id, user_name, email, mobile, role, active, ban, is_delete, password, primary_dpt) ON %s.users"
	wantIll(t, as(t, d, append(grants[1:], columns)...), "users denied=true absent=false lacks=[]", withoutDepartments)
}

func TestRights(t *testing.T) {
	d := faveotest.New(t)
	for name, test := range map[string]struct {
		db   *faveo.DB
		want string
	}{
		"reader":          {as(t, d, "SELECT ON %s.*"), "[] []"},
		"single tables":   {as(t, d, "SELECT ON %s.users", "INSERT ON %s.tickets"), "[] []"},
		"writer":          {as(t, d, "SELECT, INSERT, DROP ON %s.*"), "[] [DROP INSERT]"},
		"reads passwords": {as(t, d, "SELECT ON %s.*", "FILE ON *.*%.0s"), "[FILE] []"},
	} {
		r, err := test.db.Rights(t.Context())
		if got := fmt.Sprint(slices.Sorted(slices.Values(r.Server)), slices.Sorted(slices.Values(r.Database))); err != nil || got != test.want {
			t.Errorf("%s: %s, %v, want %s", name, got, err, test.want)
		}
	}
	if r, err := open(t, d, faveo.Options{}).Rights(t.Context()); err != nil || len(r.Server) < 10 {
		t.Errorf("root: %+v, %v", r, err)
	}
}

func TestCollations(t *testing.T) {
	d := faveotest.New(t)
	d.Exec(t, "ALTER TABLE users MODIFY user_name VARCHAR(255) CHARACTER SET latin1 COLLATE latin1_bin, MODIFY email VARBINARY(255)")
	got, err := open(t, d, faveo.Options{}).Collations(t.Context())
	if err != nil || fmt.Sprint(got) != "map[email: user_name:latin1_bin]" {
		t.Errorf("%v, %v", got, err)
	}
	d.Exec(t, "ALTER TABLE users DROP COLUMN user_name")
	if got, err := open(t, d, faveo.Options{}).Collations(t.Context()); err == nil {
		t.Errorf("without user_name: %v", got)
	}
}

func TestInstallersAccount(t *testing.T) {
	d := faveotest.New(t)
	db := open(t, d, faveo.Options{})
	// password_hash('demopass') of cost 4.
	const hash = "$2y$04$Z6XnrNUL9zZv.nnCLAzYhOckKRBFvA8VvZrY/WGdHJF5t6fiNhE8e"
	for _, test := range []struct {
		name, change  string
		exists, opens bool
	}{
		{"another password", "UPDATE users SET active = 1 WHERE user_name = 'demo_admin'", true, false},
		{"the installer's", "UPDATE users SET password = '" + hash + "' WHERE user_name = 'demo_admin'", true, true},
		{"in another case", "UPDATE users SET user_name = 'Demo_Admin' WHERE user_name = 'demo_admin'", true, true},
		{"no usable hash", "UPDATE users SET password = NULL WHERE user_name = 'demo_admin'", true, false},
		{"inactive", "UPDATE users SET active = 0 WHERE user_name = 'demo_admin'", false, false},
	} {
		d.Exec(t, test.change)
		exists, opens, err := db.InstallersAccount(t.Context())
		if err != nil || exists != test.exists || opens != test.opens {
			t.Errorf("%s: exists %t, opens %t, %v", test.name, exists, opens, err)
		}
	}
	d.Exec(t, "DROP TABLE users")
	if _, _, err := db.InstallersAccount(t.Context()); err == nil {
		t.Error("without a table there is an answer")
	}
}

// TestExamineTheDemo: the database of the demo is well, too.
func TestExamineTheDemo(t *testing.T) {
	address, err := standin.CreateDatabase(t.Context(), filepath.Join(t.TempDir(), "x.sqlite"))
	if err != nil {
		t.Fatal(err)
	}
	db := open(t, nil, faveo.Options{Database: address})
	tables, err := db.Readable(t.Context())
	for _, table := range tables {
		if !table.Optional && (table.Denied || table.Absent || len(table.Lacks) > 0) {
			t.Errorf("%+v", table)
		}
	}
	s, serverErr := db.Server(t.Context())
	now, clockErr := db.Clock(t.Context())
	r, rightsErr := db.Rights(t.Context())
	if err != nil || serverErr != nil || !strings.HasPrefix(s.Version, "SQLite 3") ||
		clockErr != nil || time.Since(now).Abs() > 5*time.Second || rightsErr != nil || len(r.Server)+len(r.Database) > 0 {
		t.Errorf("%v, %+v, %v, %v, %v, %+v, %v", err, s, serverErr, now, clockErr, r, rightsErr)
	}
}
