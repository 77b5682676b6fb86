package faveotest

import (
	"database/sql"
	"path/filepath"
	"strings"
	"testing"

	_ "modernc.org/sqlite" // The driver of the demo's database.

	"faveo-gateway/upstream/standin"
)

// NewSQLite makes the demo's database in a folder of the test and loads the
// accounts of the seed into it. It compares names by ASCII case only.
func NewSQLite(t testing.TB) *Database {
	t.Helper()
	url, err := standin.CreateDatabase(t.Context(), filepath.Join(t.TempDir(), "faveo.sqlite"))
	if err != nil {
		t.Fatalf("creating the demo's database: %v", err)
	}
	pool, err := sql.Open("sqlite", strings.TrimPrefix(url, "sqlite://"))
	if err != nil {
		t.Fatalf("opening the demo's database: %v", err)
	}
	t.Cleanup(func() { _ = pool.Close() })
	d := &Database{URL: url, Seed: LoadSeed(t), pool: pool}
	d.Exec(t, "DELETE FROM users")
	for _, r := range d.Seed.Users {
		d.insert(t, "users", r)
	}
	d.PublicPath = writePictures(t, d.Seed.ProfilePicFiles)
	return d
}
