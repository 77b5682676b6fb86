package standin_test

import (
	"bufio"
	"database/sql"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"
	_ "modernc.org/sqlite"

	"faveo-gateway/upstream/standin"
)

// openDatabase makes a database and opens it by the address that CreateDatabase returned.
func openDatabase(t *testing.T) (*sql.DB, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a demo #1 100%.db")
	address, err := standin.CreateDatabase(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := url.Parse(address)
	if err != nil || parsed.Scheme != "sqlite" || parsed.Host != "" || parsed.Path != path {
		t.Fatalf("address %s, want sqlite://%s", address, path)
	}
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Path: parsed.Path}).String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db, path
}

// column is a column as SCHEMA.md writes it.
type column struct{ name, kind, null string }

// schemaTables reads the tables of SCHEMA.md.
func schemaTables(t *testing.T) map[string][]column {
	t.Helper()
	file, err := os.Open(contract + "/SCHEMA.md")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	tables, current := map[string][]column{}, ""
	for lines := bufio.NewScanner(file); lines.Scan(); {
		line := lines.Text()
		if name, isTitle := strings.CutPrefix(line, "## "); isTitle {
			current = name
		}
		cells := strings.Split(line, " | ")
		if len(cells) > 5 && (cells[2] == "yes" || cells[2] == "no") {
			name := strings.TrimPrefix(cells[0], "| ")
			tables[current] = append(tables[current], column{name, cells[1], cells[2]})
		}
	}
	return tables
}

func TestTablesAreThoseOfTheContract(t *testing.T) {
	db, _ := openDatabase(t)
	tables := schemaTables(t)
	for _, name := range []string{
		"users", "settings_system", "settings_security", "tickets", "ticket_thread", "ticket_collaborator", "department",
		"organization", "user_assign_organization", "user_additional_infos",
	} {
		if len(tables[name]) < 5 {
			t.Fatalf("SCHEMA.md: %d columns of %s read", len(tables[name]), name)
		}
		if got := columnsOf(t, db, name); !slices.Equal(got, tables[name]) {
			t.Errorf("%s has\n%v, want\n%v", name, got, tables[name])
		}
	}
}

func columnsOf(t *testing.T, db *sql.DB, table string) []column {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), `SELECT name, type, CASE "notnull" WHEN 1 THEN 'no' ELSE 'yes' END FROM pragma_table_info(?)`, table)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var found []column
	for rows.Next() {
		var c column
		if err := rows.Scan(&c.name, &c.kind, &c.null); err != nil {
			t.Fatal(err)
		}
		c.kind = strings.ToLower(c.kind) // SQLite writes its own type names in upper case
		found = append(found, c)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return found
}

func TestAccounts(t *testing.T) {
	db, _ := openDatabase(t)
	for name, want := range map[string]struct {
		id   int
		role string
	}{"demoadmin": {1, "admin"}, "DEMOAGENT": {2, "agent"}, "DemoClient": {3, "user"}} {
		var id, active, ban, deleted int
		var role, email, hash string
		err := db.QueryRowContext(t.Context(), "SELECT id, role, email, password, active, ban, is_delete FROM users WHERE user_name = ?", name).
			Scan(&id, &role, &email, &hash, &active, &ban, &deleted)
		if err != nil || id != want.id || role != want.role || active != 1 || ban+deleted != 0 {
			t.Errorf("%s is %d %s %d %d %d, %v", name, id, role, active, ban, deleted, err)
		}
		if email != strings.ToLower(name)+"@example.test" {
			t.Errorf("%s has the address %s", name, email)
		}
		if !strings.HasPrefix(hash, "$2y$10$") || len(hash) != 60 {
			t.Errorf("%s has the hash %s", name, hash)
		}
		if err := bcrypt.CompareHashAndPassword([]byte("$2a$"+hash[4:]), []byte("demopass")); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	var n int
	err := db.QueryRowContext(t.Context(), "SELECT count(*) FROM users WHERE email = 'DEMOCLIENT@EXAMPLE.TEST'").Scan(&n)
	if err != nil || n != 1 {
		t.Errorf("%d rows by an upper case address, %v", n, err)
	}
}

func TestDatabaseEqualsTheHandler(t *testing.T) {
	db, _ := openDatabase(t)
	for query, uri := range map[string]string{
		`SELECT '"user_name":"' || user_name || '"' FROM users WHERE id = 4`:                      "customer?user_id=4",
		`SELECT '"user_id":' || user_id || ',"priority_id":' FROM tickets WHERE id = 4`:           "ticket?ticket_id=4",
		`SELECT '"body":"' || body || '"' FROM ticket_thread WHERE ticket_id = 4 AND is_internal`: "ticket-thread?id=4",
		`SELECT '"dept_id":' || dept_id FROM tickets WHERE id = 11`:                               "ticket?ticket_id=11",
		`SELECT '"total":' || count(*) FROM tickets`:                                              "tickets",
		`SELECT '"name":"' || name || '"' FROM department WHERE id = 3`:                           "department",
	} {
		var want string
		if err := db.QueryRowContext(t.Context(), query).Scan(&want); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
		if text := body(t, send(t, newFaveo(), "GET", helpdesk+uri, mint(t, "1"), "")); !strings.Contains(text, want) {
			t.Errorf("%s: %s, want %s", uri, text, want)
		}
	}
}

func TestSettings(t *testing.T) {
	db, _ := openDatabase(t)
	var version string
	var threshold int
	err := db.QueryRowContext(t.Context(), "SELECT version, backlist_threshold FROM settings_system, settings_security").Scan(&version, &threshold)
	if err != nil || version != "v2.0.3" || threshold != 15 {
		t.Errorf("version %s, threshold %d, %v", version, threshold, err)
	}
}

func TestExistingFileIsLeftAlone(t *testing.T) {
	_, path := openDatabase(t)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := standin.CreateDatabase(t.Context(), path); !errors.Is(err, fs.ErrExist) {
		t.Errorf("error %v, want fs.ErrExist", err)
	}
	if after, err := os.ReadFile(path); err != nil || !slices.Equal(before, after) {
		t.Errorf("the file has changed: %v", err)
	}
}

func TestDatabaseIsPrivateAndNothingIsLeftAfterFailure(t *testing.T) {
	_, path := openDatabase(t)
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if _, err := standin.CreateDatabase(t.Context(), filepath.Join(path, "x")); err == nil {
		t.Error("a file below a file was made")
	}
}
