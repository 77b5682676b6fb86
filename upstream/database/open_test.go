package database_test

import (
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"faveo-gateway/gateway/storetest/service"
	"faveo-gateway/upstream/database"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t *testing.T, text string, s database.Settings) *sql.DB {
	t.Helper()
	u, err := database.Parse(text)
	if err != nil {
		t.Fatalf("Parse: %v", err)
	}
	s.Timeout = 2 * time.Second
	db, err := u.Open(s)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func sqliteURL(path string) string { return (&url.URL{Scheme: "sqlite", Path: path}).String() }

// TestMySQLURLsOpen: what was percent-encoded arrives as it was meant.
func TestMySQLURLsOpen(t *testing.T) {
	const password = `p@:/?#%[] ä"'\&=`
	name, user := service.NewDatabase(t), service.NewUser(t, password)
	service.Exec(t, service.MariaDB(t), "GRANT SELECT ON "+name+".* TO "+user+"@'127.0.0.1'")
	credentials := url.UserPassword(user, password).String()
	for title, text := range map[string]string{
		"password":          "mysql://" + credentials + "@127.0.0.1:3306/" + name,
		"default port":      "mysql://" + credentials + "@127.0.0.1/" + name,
		"no password":       "mysql://root@127.0.0.1:3306/" + name,
		"empty password":    "mysql://root:@127.0.0.1:3306/" + name,
		"escaped name":      "mysql://root@127.0.0.1:3306/%66" + name[1:],
		"tls when it is on": "mysql://root@127.0.0.1:3306/" + name + "?tls=preferred",
		"tls off":           "mysql://root@127.0.0.1:3306/" + name + "?tls=false",
	} {
		t.Run(title, func(t *testing.T) {
			var got string
			err := open(t, text, database.Settings{}).QueryRowContext(t.Context(), "SELECT DATABASE()").Scan(&got)
			if err != nil || got != name {
				t.Errorf("connected to %q, %v, want %q", got, err, name)
			}
		})
	}
}

func TestUnixSocket(t *testing.T) {
	var path string
	if err := service.MariaDB(t).QueryRowContext(t.Context(), "SELECT @@socket").Scan(&path); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Skipf("the server's socket is not on this machine: %v", err)
	}
	db := open(t, "mysql://root@/mysql?unix_socket="+url.QueryEscape(path), database.Settings{})
	if err := db.PingContext(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestWrongPasswordIsNotShown(t *testing.T) {
	user := service.NewUser(t, "right")
	err := open(t, "mysql://"+user+":S3cr3t@127.0.0.1/mysql", database.Settings{}).PingContext(t.Context())
	if err == nil || strings.Contains(err.Error(), "S3cr3t") || database.IsMissingTable(err) {
		t.Errorf("got %v, want an error without the password", err)
	}
}

// TestURLPrintsNoPassword: a URL may end up in a log by mistake.
func TestURLPrintsNoPassword(t *testing.T) {
	u, err := database.Parse("mysql://user:S3cr3t@127.0.0.1/name")
	if err != nil {
		t.Fatal(err)
	}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		if printed := fmt.Sprintf(format, struct{ Database database.URL }{u}); strings.Contains(printed, "S3cr3t") {
			t.Errorf("%s prints %s", format, printed)
		}
	}
}

func TestSettingsOfMySQL(t *testing.T) {
	service.MariaDB(t)
	const server = "mysql://root@127.0.0.1/mysql"
	plain := open(t, server, database.Settings{})
	set := open(t, server, database.Settings{Session: map[string]string{"time_zone": "'+05:00'"}})

	var zone, charset, collation string
	const session = "SELECT @@SESSION.time_zone, @@SESSION.character_set_client, @@SESSION.collation_connection"
	if err := set.QueryRowContext(t.Context(), session).Scan(&zone, &charset, &collation); err != nil {
		t.Fatal(err)
	}
	if zone != "+05:00" || charset != "utf8mb4" || collation != "utf8mb4_unicode_ci" {
		t.Errorf("time zone %s, character set %s, collation %s", zone, charset, collation)
	}
	var moment any
	if err := plain.QueryRowContext(t.Context(), "SELECT CAST('2026-01-02 03:04:05' AS DATETIME)").Scan(&moment); err != nil {
		t.Fatal(err)
	}
	if text, ok := moment.([]byte); !ok || string(text) != "2026-01-02 03:04:05" {
		t.Errorf("a time is %T %v, want its text", moment, moment)
	}
	// The settings of one pool are not those of the next one.
	if err := plain.QueryRowContext(t.Context(), session).Scan(&zone, &charset, &collation); err != nil || zone == "+05:00" {
		t.Errorf("without settings the time zone is %s, %v", zone, err)
	}
}

// TestSQLiteFiles: a file is made only on request, also one whose name means
// something in a URL.
func TestSQLiteFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a b?c%41&d=e#f.db")
	if err := open(t, sqliteURL(path), database.Settings{}).PingContext(t.Context()); err == nil {
		t.Error("a file that does not exist was opened")
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("a file was made")
	}
	made := open(t, sqliteURL(path), database.Settings{CreateFile: true})
	if _, err := made.ExecContext(t.Context(), "CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT UNIQUE)"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Errorf("the file has another name: %v", err)
	}
	var n int
	if err := open(t, sqliteURL(path), database.Settings{}).QueryRowContext(t.Context(), "SELECT COUNT(*) FROM t").Scan(&n); err != nil || n != 0 {
		t.Errorf("the file opened again has %d rows, %v", n, err)
	}
}

func TestErrorsAreToldApart(t *testing.T) {
	name, user := service.NewDatabase(t), service.NewUser(t, "pw")
	service.Exec(t, service.MariaDB(t), "GRANT SELECT ON "+name+".* TO "+user+"@'127.0.0.1'")
	root := open(t, "mysql://root@127.0.0.1/"+name, database.Settings{})
	reader := open(t, "mysql://"+user+":pw@127.0.0.1/"+name, database.Settings{})
	file := open(t, sqliteURL(filepath.Join(t.TempDir(), "x.db")), database.Settings{CreateFile: true})
	for _, db := range []*sql.DB{root, file} {
		service.Exec(t, db, "CREATE TABLE t (a INTEGER PRIMARY KEY, b VARCHAR(10) UNIQUE, c INTEGER NOT NULL)")
		service.Exec(t, db, "INSERT INTO t VALUES (1, 'x', 1)")
	}
	for _, test := range []struct {
		name, statement                    string
		db                                 *sql.DB
		duplicate, denied, missing, column bool
	}{
		{"mysql duplicate key", "INSERT INTO t VALUES (1, 'y', 1)", root, true, false, false, false},
		{"mysql duplicate index", "INSERT INTO t VALUES (2, 'x', 1)", root, true, false, false, false},
		{"mysql null", "INSERT INTO t VALUES (2, 'y', NULL)", root, false, false, false, false},
		{"mysql missing table", "INSERT INTO u VALUES (1)", root, false, false, true, false},
		{"mysql denied table", "INSERT INTO t VALUES (2, 'y', 1)", reader, false, true, false, false},
		{"mysql denied database", "USE mysql", reader, false, true, false, false},
		{"mysql missing column", "UPDATE t SET d = 1", root, false, false, false, true},
		{"mysql syntax", "nonsense", root, false, false, false, false},
		{"sqlite duplicate key", "INSERT INTO t VALUES (1, 'y', 1)", file, true, false, false, false},
		{"sqlite duplicate index", "INSERT INTO t VALUES (2, 'x', 1)", file, true, false, false, false},
		{"sqlite null", "INSERT INTO t VALUES (2, 'y', NULL)", file, false, false, false, false},
		{"sqlite missing table", "INSERT INTO u VALUES (1)", file, false, false, true, false},
		{"sqlite missing column", "UPDATE t SET d = 1", file, false, false, false, true},
		{"sqlite missing column in a new row", "INSERT INTO t (d) VALUES (1)", file, false, false, false, true},
		{"sqlite syntax", "nonsense", file, false, false, false, false},
	} {
		_, err := test.db.ExecContext(t.Context(), test.statement)
		if err == nil {
			t.Errorf("%s: no error", test.name)
		}
		err = fmt.Errorf("wrapped: %w", err)
		if database.IsDuplicate(err) != test.duplicate || database.IsDenied(err) != test.denied ||
			database.IsMissingTable(err) != test.missing || database.IsMissingColumn(err) != test.column {
			t.Errorf("%s: duplicate %t, denied %t, missing table %t, missing column %t: %v", test.name,
				database.IsDuplicate(err), database.IsDenied(err), database.IsMissingTable(err), database.IsMissingColumn(err), err)
		}
	}
}

func TestZeroURLIsNone(t *testing.T) {
	if db, err := (database.URL{}).Open(database.Settings{}); db != nil || err == nil {
		t.Errorf("opened %v, %v", db, err)
	}
}
