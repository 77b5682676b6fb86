package sqlstore_test

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"faveo-gateway/gateway/keyring"
	"faveo-gateway/gateway/sqlstore"
	"faveo-gateway/gateway/storetest/service"
	"faveo-gateway/upstream/database"
)

// raw opens a database past the package under test.
func raw(t *testing.T, text string) *sql.DB {
	t.Helper()
	u, err := database.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	db, err := u.Open(database.Settings{Timeout: 5 * time.Second, CreateFile: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// firstVersion makes the table as the first migration did, with a key in it.
func firstVersion(t *testing.T, url string) *sql.DB {
	t.Helper()
	dialect, _, _ := strings.Cut(url, ":")
	statement, err := os.ReadFile(filepath.Join("migrations", dialect, "00001_signing_keys.sql"))
	if err != nil {
		t.Fatal(err)
	}
	db := raw(t, url)
	service.Exec(t, db, string(statement))
	service.Exec(t, db, `INSERT INTO faveo_gateway_signing_keys (kid, algorithm, state, active_slot, sealed, created_at)
		VALUES ('a', 'ES256', 'active', 1, X'00ff', 1795422901)`)
	return db
}

// upgraded is that key after the second migration.
func upgraded() keyring.Record {
	r := record("a")
	r.Sealed = []byte("\x00\xff")
	return r
}

func wantKeys(t *testing.T, s *sqlstore.Store, want ...keyring.Record) {
	t.Helper()
	if got, err := s.Keys(t.Context()); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("stored are %+v, %v\nwant %+v", got, err, want)
	}
}

func TestTablesOfTheFirstVersionAreUpgraded(t *testing.T) {
	databases(t, func(t *testing.T, url string) {
		firstVersion(t, url)
		s := open(t, sqlstore.Options{Database: url})
		if _, err := s.Keys(t.Context()); !errors.Is(err, sqlstore.ErrNotMigrated) {
			t.Errorf("old tables: %v, want ErrNotMigrated", err)
		}
		if err := s.AddActive(t.Context(), record("b")); !errors.Is(err, sqlstore.ErrNotMigrated) {
			t.Errorf("AddActive into old tables: %v, want ErrNotMigrated", err)
		}
		if applied, err := s.Migrate(t.Context()); err != nil || !reflect.DeepEqual(applied, all) {
			t.Fatalf("applied %v, %v; want %v", applied, err, all)
		}
		wantKeys(t, s, upgraded())
		pending := record("p")
		pending.State, pending.ActivatedAt = keyring.StatePending, time.Time{}
		if err := s.AddPending(t.Context(), pending, "a"); err != nil {
			t.Errorf("AddPending: %v", err)
		}
	})
}

// TestMigrationThatWasCutOffRunsAgain is about MySQL, which commits every ALTER by
// itself.
func TestMigrationThatWasCutOffRunsAgain(t *testing.T) {
	again := func(t *testing.T, s *sqlstore.Store) {
		t.Helper()
		if applied, err := s.Migrate(t.Context()); err != nil || !reflect.DeepEqual(applied, all[1:]) {
			t.Fatalf("applied %v, %v; want %v", applied, err, all[1:])
		}
	}
	for name, undo := range map[string][]string{
		"before anything": {
			`ALTER TABLE faveo_gateway_signing_keys DROP COLUMN configured, DROP KEY faveo_gateway_signing_keys_pending,
				DROP COLUMN pending_slot, DROP COLUMN activated_at, DROP COLUMN retired_at, DROP COLUMN verify_until, DROP COLUMN ended_at`,
		},
		"after the columns":   {`UPDATE faveo_gateway_signing_keys SET configured = '', activated_at = NULL`},
		"before the API keys": {`DROP TABLE faveo_gateway_api_keys`},
		"before it is noted":  {},
	} {
		t.Run(name, func(t *testing.T) {
			url := mysqlURL(service.NewDatabase(t))
			db, s := firstVersion(t, url), migrated(t, url)
			for _, statement := range append(undo, `DELETE FROM faveo_gateway_migrations WHERE version_id >= 2`) {
				service.Exec(t, db, statement)
			}
			again(t, s)
			wantKeys(t, s, upgraded())
		})
	}
}

// TestAPIKeysSurviveAMigrationThatRunsAgain: it was cut off after the table, and others
// have begun to work.
func TestAPIKeysSurviveAMigrationThatRunsAgain(t *testing.T) {
	databases(t, func(t *testing.T, url string) {
		s := migrated(t, url)
		if err := s.APIKeys().Add(t.Context(), apiKey()); err != nil {
			t.Fatalf("Add: %v", err)
		}
		service.Exec(t, raw(t, url), `DELETE FROM faveo_gateway_migrations WHERE version_id >= 3`)
		if applied, err := s.Migrate(t.Context()); err != nil || !reflect.DeepEqual(applied, all[2:]) {
			t.Fatalf("applied %v, %v; want %v", applied, err, all[2:])
		}
		if got, err := s.APIKeys().Find(t.Context(), apiKey().ID); err != nil || !reflect.DeepEqual(got, apiKey()) {
			t.Errorf("Find = %+v, %v", got, err)
		}
	})
}

// TestSecondKeyInASlotIsRefusedByTheTable: also by whoever writes past the program.
func TestSecondKeyInASlotIsRefusedByTheTable(t *testing.T) {
	databases(t, func(t *testing.T, url string) {
		db, s := firstVersion(t, url), migrated(t, url)
		insert := `INSERT INTO faveo_gateway_signing_keys (kid, algorithm, state, active_slot, pending_slot, sealed, created_at) VALUES `
		service.Exec(t, db, insert+`('p', 'ES256', 'pending', NULL, 1, X'00', 1)`)
		for name, values := range map[string]string{
			"pending": `('q', 'ES256', 'pending', NULL, 1, X'00', 1)`,
			"active":  `('b', 'ES256', 'active', 1, NULL, X'00', 1)`,
		} {
			if _, err := db.ExecContext(t.Context(), insert+values); !database.IsDuplicate(err) {
				t.Errorf("a second %s key: %v, want a duplicate", name, err)
			}
		}
		if records, err := s.Keys(t.Context()); err != nil || len(records) != 2 {
			t.Errorf("stored are %+v, %v", records, err)
		}
	})
}
