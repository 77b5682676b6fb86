package faveo_test

import (
	"database/sql"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"faveo-gateway/upstream/faveo"
)

// sqliteDatabase makes a small one as the demo does, in a folder with a name that needs escaping.
func sqliteDatabase(t *testing.T) (url string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "fa veo?#.sqlite")
	pool, err := sql.Open("sqlite", "file:"+strings.NewReplacer("?", "%3f", "#", "%23", " ", "%20").Replace(path))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = pool.Close() }()
	_, err = pool.ExecContext(t.Context(), `
		CREATE TABLE settings_system (id INTEGER PRIMARY KEY, version TEXT);
		INSERT INTO settings_system VALUES (1, 'v2.0.3');
		CREATE TABLE users (id INTEGER PRIMARY KEY, user_name VARCHAR(255), first_name TEXT, email VARCHAR(255), ban BOOLEAN NOT NULL DEFAULT 0,
			password TEXT, active INT, is_delete TINYINT(1) DEFAULT 0, role TEXT, profile_pic TEXT, remember_token TEXT,
			created_at TIMESTAMP, updated_at TIMESTAMP, ratio DOUBLE, raw BLOB);
		INSERT INTO users VALUES (1, 'demoadmin', 'Demo', 'demo@example.test', 0, 'h', 1, 0, 'admin', NULL, 'r', '2026-01-02 03:04:05', NULL, 0.5, x'ff');
		INSERT INTO users VALUES (2, 'demoadmin', 'Other', NULL, 0, 'h', 0, 0, 'user', NULL, NULL, NULL, NULL, NULL, NULL);`)
	if err != nil {
		t.Fatal(err)
	}
	return "sqlite://" + strings.NewReplacer("?", "%3F", "#", "%23", " ", "%20").Replace(path)
}

func TestSQLite(t *testing.T) {
	db := openURL(t, sqliteDatabase(t), faveo.Options{})
	for _, name := range []string{"demoadmin", "DemoAdmin", "DEMO@example.test"} {
		u, err := db.FindByLogin(t.Context(), name)
		if err != nil || u.ID != 1 || !u.MayLogin() || u.PasswordHash() != "h" {
			t.Errorf("FindByLogin(%q) = %v, %v", name, u, err)
		}
	}
	const want = `{"id":1,"user_name":"demoadmin","first_name":"Demo","email":"demo@example.test","ban":0,"active":1,"is_delete":0,` +
		`"role":"admin","profile_pic":"https:\/\/secure.gravatar.com\/avatar\/aa743a0aaec8f7d7a1f01442503957f4?s=80&r=g&d=identicon",` +
		`"created_at":"2026-01-02T03:04:05.000000Z","updated_at":null,"ratio":0.5,"raw":null}`
	if got := replaceGravatar(userObject(t, db, 1)); got != replaceGravatar(want) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if _, err := db.FindByLogin(t.Context(), "nobody"); !errors.Is(err, faveo.ErrNotFound) {
		t.Errorf("nobody: %v, want ErrNotFound", err)
	}
	if a, err := db.Account(t.Context(), 2); err != nil || a.MayLogin() {
		t.Errorf("Account(2) = %v, %v", a, err)
	}
	if db.VerifyNothing("x") {
		t.Error("VerifyNothing said true")
	}
}

// TestSQLiteMissingFile: a mistyped path is a fault and makes no file.
func TestSQLiteMissingFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "missing.sqlite")
	db := openURL(t, "sqlite://"+path, faveo.Options{})
	if err := db.Ping(t.Context()); err == nil {
		if _, err := db.FindByID(t.Context(), 1); err == nil || errors.Is(err, faveo.ErrNotFound) {
			t.Errorf("FindByID = %v, want a fault", err)
		}
	}
	if matches, _ := filepath.Glob(path + "*"); len(matches) > 0 {
		t.Errorf("files were made: %v", matches)
	}
}
