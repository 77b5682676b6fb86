// Package service finds the real services that tests talk to: MariaDB at
// 127.0.0.1:3306 (root, no password), Redis at 127.0.0.1:6379, and php. For tests
// that empty, break or outgrow a Redis, or need several, it starts some of their
// own: Redis, RedisCluster and RedisSentinel. It is for tests only, of any room.
//
// A test skips, by name, where its service is missing, and fails there when the
// environment says REQUIRE_SERVICES=1.
package service

import (
	"context"
	"crypto/rand"
	"database/sql"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"faveo-gateway/upstream/database"
)

// Where the services are.
const (
	MariaDBAddress = "127.0.0.1:3306"
	RedisAddress   = "127.0.0.1:6379"
)

// patience bounds the search for a service.
const patience = 5 * time.Second

// Require ends the test unless err is nil: what names the service that err says
// is missing.
func Require(tb testing.TB, what string, err error) {
	tb.Helper()
	switch {
	case err == nil:
	case os.Getenv("REQUIRE_SERVICES") == "1":
		tb.Fatalf("%s is required: %v", what, err)
	default:
		tb.Skipf("%s is missing: %v", what, err)
	}
}

// PHP returns the path of php-cli.
func PHP(tb testing.TB) string {
	tb.Helper()
	path, err := exec.LookPath("php")
	Require(tb, "php-cli", err)
	return path
}

// MariaDB opens the server as root, who may do anything, and closes it with the
// test.
func MariaDB(tb testing.TB) *sql.DB {
	tb.Helper()
	u, err := database.Parse("mysql://root@" + MariaDBAddress + "/mysql")
	if err != nil {
		tb.Fatal(err)
	}
	server, err := u.Open(database.Settings{Timeout: patience})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = server.Close() })
	ctx, cancel := context.WithTimeout(tb.Context(), patience)
	defer cancel()
	Require(tb, "MariaDB at "+MariaDBAddress+" (root, no password)", server.PingContext(ctx))
	return server
}

// NewDatabase makes an empty database with Faveo's collation, under which texts
// compare without case, and drops it with the test. It returns its name.
func NewDatabase(tb testing.TB) string {
	tb.Helper()
	server, name := MariaDB(tb), RandomName()
	Exec(tb, server, "CREATE DATABASE "+name+" CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci")
	tb.Cleanup(func() { Exec(tb, server, "DROP DATABASE "+name) })
	return name
}

// NewUser makes a user of MariaDB with a random name and without rights, and
// drops it with the test. It returns its name; its host is 127.0.0.1.
func NewUser(tb testing.TB, password string) string {
	tb.Helper()
	server, name := MariaDB(tb), RandomName()
	Exec(tb, server, "CREATE USER "+name+"@'127.0.0.1' IDENTIFIED BY '"+
		strings.NewReplacer(`\`, `\\`, `'`, `''`).Replace(password)+"'")
	tb.Cleanup(func() { Exec(tb, server, "DROP USER "+name+"@'127.0.0.1'") })
	return name
}

// Exec runs a statement, also when the test is over and cleans up.
func Exec(tb testing.TB, db *sql.DB, statement string) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 6*patience)
	defer cancel()
	if _, err := db.ExecContext(ctx, statement); err != nil {
		tb.Fatalf("%.80s: %v", statement, err)
	}
}

// RandomName is a new name for a database or a user of a test.
func RandomName() string { return "fgw_" + strings.ToLower(rand.Text()[:16]) }
