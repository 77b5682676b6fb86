// Package faveotest gives tests a Faveo of their own: a MariaDB database with Faveo's tables and the accounts behind the
// contract's recordings, and the recordings themselves.
//
// Each Database is a new one with a random name, dropped when its test ends, so tests and packages may run at the same
// time. Nothing of the server outside of it is changed; that is why Apply imitates the one recording that was made
// under another global time zone.
//
// Where MariaDB does not answer at 127.0.0.1:3306 (root, no password), New skips the test, or fails it when the
// environment says REQUIRE_SERVICES=1.
package faveotest

import (
	"context"
	"crypto/rand"
	"database/sql"
	_ "embed" // For schema.sql.
	"encoding/base64"
	"encoding/hex"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
)

const address = "127.0.0.1:3306"

//go:embed schema.sql
var schema string

// Database is Faveo's database with the rows of seed.json.
type Database struct {
	// URL is what faveo.Options.Database takes.
	URL string
	// Name is the database's name on the server.
	Name string
	// PublicPath is a folder with the seed's pictures in uploads/profilepic.
	PublicPath string
	// Seed is where the rows came from.
	Seed Seed

	pool *sql.DB
}

// New makes a database, loads schema and seed, and drops it at the end of the test.
func New(t testing.TB) *Database {
	t.Helper()
	server := connect(t, "")
	requireServer(t, server)
	d := &Database{Name: "faveo_test_" + randomHex(), Seed: LoadSeed(t)}
	d.URL = "mysql://root@" + address + "/" + d.Name
	exec(t, server, "CREATE DATABASE "+d.Name+" CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci")
	t.Cleanup(func() { exec(t, server, "DROP DATABASE "+d.Name) })
	d.pool = connect(t, d.Name)
	d.load(t)
	d.PublicPath = writePictures(t, d.Seed.ProfilePicFiles)
	return d
}

// Exec changes the database; the test fails when the server refuses.
func (d *Database) Exec(t testing.TB, statement string, arguments ...any) {
	t.Helper()
	exec(t, d.pool, statement, arguments...)
}

func (d *Database) load(t testing.TB) {
	t.Helper()
	for statement := range strings.SplitSeq(schema, ";\n") {
		if strings.TrimSpace(statement) != "" {
			d.Exec(t, statement)
		}
	}
	d.update(t, "settings_system", d.Seed.SettingsSystem)
	for table, rows := range d.Seed.tables() {
		for _, r := range rows {
			d.insert(t, table, r)
		}
	}
}

// insert skips the members that begin with _, they are no columns.
func (d *Database) insert(t testing.TB, table string, r map[string]any) {
	t.Helper()
	var columns, marks []string
	var values []any
	for _, column := range slices.Sorted(maps.Keys(r)) {
		if strings.HasPrefix(column, "_") {
			continue
		}
		columns, marks, values = append(columns, "`"+column+"`"), append(marks, "?"), append(values, r[column])
	}
	d.Exec(t, "INSERT INTO "+table+" ("+strings.Join(columns, ", ")+") VALUES ("+strings.Join(marks, ", ")+")", values...)
}

// update writes the members of r into the row with r's id.
func (d *Database) update(t testing.TB, table string, r map[string]any) {
	t.Helper()
	var sets []string
	var values []any
	for _, column := range slices.Sorted(maps.Keys(r)) {
		sets, values = append(sets, "`"+column+"` = ?"), append(values, r[column])
	}
	d.Exec(t, "UPDATE "+table+" SET "+strings.Join(sets, ", ")+" WHERE id = ?", append(values, r["id"])...)
}

// connect opens a pool in Faveo's own sql_mode, which lets zero dates in, and in the server's time zone, so that a
// timestamp reads as it was written.
func connect(t testing.TB, name string) *sql.DB {
	t.Helper()
	c := mysql.NewConfig()
	c.User, c.Net, c.Addr, c.DBName = "root", "tcp", address, name
	c.Collation, c.Timeout = "utf8mb4_unicode_ci", 2*time.Second
	c.Params = map[string]string{"sql_mode": "'NO_ENGINE_SUBSTITUTION'"}
	c.Logger = &mysql.NopLogger{}
	connector, err := mysql.NewConnector(c)
	if err != nil {
		t.Fatalf("configuring the MariaDB connection: %v", err)
	}
	pool := sql.OpenDB(connector)
	t.Cleanup(func() { _ = pool.Close() })
	return pool
}

func requireServer(t testing.TB, server *sql.DB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	err := server.PingContext(ctx)
	switch {
	case err == nil:
	case os.Getenv("REQUIRE_SERVICES") == "1":
		t.Fatalf("MariaDB is required at %s (root, no password): %v", address, err)
	default:
		t.Skipf("MariaDB does not answer at %s (root, no password): %v", address, err)
	}
}

func exec(t testing.TB, pool *sql.DB, statement string, arguments ...any) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if _, err := pool.ExecContext(ctx, statement, arguments...); err != nil {
		t.Fatalf("%.80s: %v", statement, err)
	}
}

func writePictures(t testing.TB, pictures map[string]string) string {
	t.Helper()
	public := t.TempDir()
	folder := filepath.Join(public, "uploads", "profilepic")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatalf("making the folder of pictures: %v", err)
	}
	for name, encoded := range pictures {
		content, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil {
			t.Fatalf("profile_pic_files %s: %v", name, err)
		}
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o600); err != nil {
			t.Fatalf("writing a picture: %v", err)
		}
	}
	return public
}

func randomHex() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // Never fails, by its contract.
	return hex.EncodeToString(b[:])
}
