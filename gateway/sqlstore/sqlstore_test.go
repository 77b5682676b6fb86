package sqlstore_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"faveo-gateway/gateway/apikey"
	"faveo-gateway/gateway/keyring"
	"faveo-gateway/gateway/sqlstore"
	"faveo-gateway/gateway/storetest"
	"faveo-gateway/gateway/storetest/service"
	"faveo-gateway/gateway/token"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// mysqlURL is the URL of a database by that name, for root.
func mysqlURL(name string) string { return "mysql://root@" + service.MariaDBAddress + "/" + name }

// databases are the kinds that every test of the table below runs on.
func databases(t *testing.T, test func(t *testing.T, url string)) {
	t.Helper()
	t.Run("mysql", func(t *testing.T) {
		test(t, mysqlURL(service.NewDatabase(t)))
	})
	t.Run("sqlite", func(t *testing.T) { test(t, sqliteURL(t, "state.db")) })
}

func sqliteURL(t *testing.T, file string) string {
	t.Helper()
	u := url.URL{Scheme: "sqlite", Path: filepath.Join(t.TempDir(), file)}
	return u.String()
}

func open(t *testing.T, o sqlstore.Options) *sqlstore.Store {
	t.Helper()
	o.Timeout = cmp.Or(o.Timeout, 5*time.Second)
	s, err := sqlstore.Open(t.Context(), o)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return s
}

func migrated(t *testing.T, url string) *sqlstore.Store {
	t.Helper()
	s := open(t, sqlstore.Options{Database: url})
	if _, err := s.Migrate(t.Context()); err != nil {
		t.Fatalf("Migrate: %v", err)
	}
	return s
}

var made = time.Unix(1795422901, 0).UTC()

func record(kid string) keyring.Record {
	return keyring.Record{
		KID: kid, Algorithm: "ES256", Configured: "ES256", State: keyring.StateActive,
		Sealed: []byte("\x00\xff sealed \x80'\";"), CreatedAt: made, ActivatedAt: made,
	}
}

var all = []string{"00001_signing_keys", "00002_key_rotation", "00003_api_keys", "00004_audit"}

func TestMigrate(t *testing.T) {
	databases(t, func(t *testing.T, url string) {
		s := open(t, sqlstore.Options{Database: url})
		if applied, err := s.Migrate(t.Context()); err != nil || !reflect.DeepEqual(applied, all) {
			t.Fatalf("applied %v, %v; want %v", applied, err, all)
		}
		if applied, err := s.Migrate(t.Context()); err != nil || len(applied) != 0 {
			t.Errorf("the second time applied: %v, %v", applied, err)
		}
		// Another process sees the same.
		if applied, err := open(t, sqlstore.Options{Database: url}).Migrate(t.Context()); err != nil || len(applied) != 0 {
			t.Errorf("elsewhere applied: %v, %v", applied, err)
		}
	})
}

func TestWithoutTablesEveryCallSaysSo(t *testing.T) {
	databases(t, func(t *testing.T, url string) {
		s := open(t, sqlstore.Options{Database: url})
		records, err := s.Keys(t.Context())
		if !errors.Is(err, sqlstore.ErrNotMigrated) || records != nil {
			t.Errorf("Keys: %v, %v; want ErrNotMigrated", records, err)
		}
		_, find := s.APIKeys().Find(t.Context(), apiKey().ID)
		_, list := s.APIKeys().List(t.Context())
		for name, err := range map[string]error{
			"AddActive": s.AddActive(t.Context(), record("a")), "Find": find, "List": list,
			"Add": s.APIKeys().Add(t.Context(), apiKey()), "Replace": s.APIKeys().Replace(t.Context(), apiKey()),
			"Used": s.APIKeys().Used(t.Context(), map[string]time.Time{apiKey().ID: made}),
		} {
			if !errors.Is(err, sqlstore.ErrNotMigrated) || errors.Is(err, apikey.ErrNotFound) {
				t.Errorf("%s: %v, want ErrNotMigrated", name, err)
			}
		}
	})
}

func TestKeyStore(t *testing.T) {
	databases(t, func(t *testing.T, url string) {
		storetest.TestKeyStore(t, func(t *testing.T) keyring.Store {
			if strings.HasPrefix(url, "mysql") {
				return migrated(t, mysqlURL(service.NewDatabase(t)))
			}
			return migrated(t, sqliteURL(t, "state.db"))
		})
	})
}

func TestWhatDoesNotFitIsNeverCut(t *testing.T) {
	databases(t, func(t *testing.T, url string) {
		s := migrated(t, url)
		other := record("a")
		other.State = "retiring"
		if err := s.AddActive(t.Context(), other); err == nil {
			t.Error("another state is stored as active")
		}
		missing := record("a")
		missing.Sealed = nil
		if err := s.AddActive(t.Context(), missing); err == nil || errors.Is(err, keyring.ErrActiveExists) {
			t.Errorf("nothing sealed: %v", err)
		}
		if strings.HasPrefix(url, "mysql") {
			long := record(strings.Repeat("k", 65))
			if err := s.AddActive(t.Context(), long); err == nil || errors.Is(err, keyring.ErrActiveExists) {
				t.Errorf("a long kid: %v", err)
			}
		}
		if records, err := s.Keys(t.Context()); err != nil || len(records) != 0 {
			t.Errorf("stored: %v, %v", records, err)
		}
	})
}

// The whole way: two replicas start on an empty database at the same time.
func TestReplicasStartTogether(t *testing.T) {
	databases(t, func(t *testing.T, url string) {
		const replicas = 3
		registry := storetest.NewRegistry(time.Now)
		ids := make([]string, replicas)
		var applied sync.Map
		var group sync.WaitGroup
		stores := make([]*sqlstore.Store, replicas)
		for i := range replicas {
			stores[i] = open(t, sqlstore.Options{Database: url})
			if strings.HasPrefix(url, "sqlite") {
				stores[i] = stores[0] // a file belongs to one process
			}
		}
		for i, s := range stores {
			group.Go(func() {
				names, err := s.Migrate(t.Context())
				if err != nil {
					t.Errorf("replica %d: Migrate: %v", i, err)
					return
				}
				for _, name := range names {
					if _, twice := applied.LoadOrStore(name, i); twice {
						t.Errorf("%s was applied twice", name)
					}
				}
				ring, err := keyring.Open(t.Context(), keyring.Options{
					Store: s, Registry: registry, Algorithm: token.ES256, MaxTTL: time.Hour,
					EncryptionKeys: []string{"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="},
				})
				if err != nil {
					t.Errorf("replica %d: keyring: %v", i, err)
					return
				}
				key, _ := ring.SigningKey()
				ids[i] = key.ID()
			})
		}
		group.Wait()
		if got := slices.Compact(ids); len(got) != 1 || got[0] == "" {
			t.Errorf("replicas sign with %v, want one key", ids)
		}
		if _, ok := applied.Load(all[0]); !ok {
			t.Error("nobody applied the migration")
		}
	})
}

func TestReplicaWaitsForTheMigrationLock(t *testing.T) {
	name := service.NewDatabase(t)
	conn, err := service.MariaDB(t).Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	hold := "SELECT GET_LOCK(CONCAT('faveo_gateway_migrate_', MD5('" + name + "')), 0)"
	var got int
	if err := conn.QueryRowContext(t.Context(), hold).Scan(&got); err != nil || got != 1 {
		t.Fatalf("%d, %v", got, err)
	}
	s := open(t, sqlstore.Options{Database: mysqlURL(name)})
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if applied, err := s.Migrate(ctx); err == nil || len(applied) != 0 {
		t.Errorf("migrated %v while another replica holds the lock", applied)
	}
	if _, err := conn.ExecContext(t.Context(), "SELECT RELEASE_ALL_LOCKS()"); err != nil {
		t.Fatal(err)
	}
	if applied, err := s.Migrate(t.Context()); err != nil || !reflect.DeepEqual(applied, all) {
		t.Errorf("applied %v, %v; want %v", applied, err, all)
	}
}

func TestUserWithoutRightsIsToldWhichOnes(t *testing.T) {
	name, user := service.NewDatabase(t), service.NewUser(t, "s3cret-pw")
	service.Exec(t, service.MariaDB(t), "GRANT SELECT ON "+name+".* TO "+user+"@'127.0.0.1'")
	s := open(t, sqlstore.Options{Database: "mysql://" + user + ":s3cret-pw@" + service.MariaDBAddress + "/" + name})

	_, err := s.Migrate(t.Context())
	wantDenied(t, err, "CREATE", "faveo_gateway_migrations")

	migrated(t, mysqlURL(name))
	if _, err := s.Keys(t.Context()); err != nil {
		t.Errorf("a reader's keys: %v", err)
	}
	wantDenied(t, s.AddActive(t.Context(), record("a")), "INSERT", "faveo_gateway_signing_keys")
	wantDenied(t, s.Bury(t.Context(), "a", made), "UPDATE", "faveo_gateway_signing_keys")
	wantDenied(t, s.APIKeys().Add(t.Context(), apiKey()), "INSERT", "faveo_gateway_api_keys")
	wantDenied(t, s.APIKeys().Replace(t.Context(), apiKey()), "UPDATE", "faveo_gateway_api_keys")
}

// TestReadmesRightsAreEnough: SELECT, INSERT and UPDATE on both kinds of keys, SELECT on
// the migrations, once somebody else has migrated.
func TestReadmesRightsAreEnough(t *testing.T) {
	name, user := service.NewDatabase(t), service.NewUser(t, "s3cret-pw")
	migrated(t, mysqlURL(name))
	root := service.MariaDB(t)
	for _, table := range []string{"signing_keys", "api_keys"} {
		service.Exec(t, root, "GRANT SELECT, INSERT, UPDATE ON "+name+".faveo_gateway_"+table+" TO "+user+"@'127.0.0.1'")
	}
	service.Exec(t, root, "GRANT SELECT ON "+name+".faveo_gateway_migrations TO "+user+"@'127.0.0.1'")
	s := migrated(t, "mysql://"+user+":s3cret-pw@"+service.MariaDBAddress+"/"+name)
	pending := record("p")
	pending.State = keyring.StatePending
	keys, used := s.APIKeys(), map[string]time.Time{apiKey().ID: made}
	for what, err := range map[string]error{
		"Add":        keys.Add(t.Context(), apiKey()),
		"Replace":    keys.Replace(t.Context(), replaced(apiKey())),
		"Used":       keys.Used(t.Context(), used),
		"AddActive":  s.AddActive(t.Context(), record("a")),
		"AddPending": s.AddPending(t.Context(), pending, "a"),
		"Activate":   s.Activate(t.Context(), "p", "a", made, made),
		"Bury":       s.Bury(t.Context(), "a", made),
		"Reseal":     s.Reseal(t.Context(), "p", pending.Sealed, []byte("other")),
		"Revoke":     s.Revoke(t.Context(), "p", made, record("h")),
	} {
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func wantDenied(t *testing.T, err error, says ...string) {
	t.Helper()
	if !errors.Is(err, sqlstore.ErrRights) {
		t.Fatalf("got %v, want ErrRights", err)
	}
	for _, text := range says {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("%v does not say %q", err, text)
		}
	}
	if strings.Contains(err.Error(), "s3cret-pw") {
		t.Errorf("the error holds the password: %v", err)
	}
}

func TestObserverHearsEveryCall(t *testing.T) {
	var mu sync.Mutex
	var heard []string
	at := time.Unix(0, 0)
	s := open(t, sqlstore.Options{
		Database: sqliteURL(t, "state.db"),
		Now: func() time.Time {
			mu.Lock()
			defer mu.Unlock()
			at = at.Add(time.Second)
			return at
		},
		Observe: func(_ context.Context, operation string, d time.Duration, err error) {
			mu.Lock()
			defer mu.Unlock()
			heard = append(heard, fmt.Sprintf("%s %v %v", operation, d, err != nil))
		},
	})
	s.Keys(t.Context())
	s.Migrate(t.Context())
	s.AddActive(t.Context(), record("a"))
	s.AddActive(t.Context(), record("b"))
	pending := record("p")
	pending.State = keyring.StatePending
	s.AddPending(t.Context(), pending, "a")
	s.AddPending(t.Context(), pending, "a")
	s.Activate(t.Context(), "p", "a", made, made)
	s.Activate(t.Context(), "p", "a", made, made)
	s.Bury(t.Context(), "a", made)
	s.Revoke(t.Context(), "a", made, keyring.Record{})
	s.Reseal(t.Context(), "p", pending.Sealed, []byte("other"))
	keys := s.APIKeys()
	keys.Find(t.Context(), apiKey().ID)
	keys.Add(t.Context(), apiKey())
	keys.Add(t.Context(), apiKey())
	keys.Replace(t.Context(), replaced(apiKey()))
	keys.Replace(t.Context(), replaced(apiKey()))
	keys.List(t.Context())
	keys.Used(t.Context(), map[string]time.Time{apiKey().ID: made})
	s.Keys(t.Context())
	s.Ping(t.Context())
	want := []string{
		"ping 1s false", "keys 1s true", "migrate 1s false",
		"add_active 1s false", "add_active 1s false", "add_pending 1s false", "add_pending 1s false",
		"activate 1s false", "activate 1s false", "bury 1s false", "revoke 1s false", "reseal 1s false",
		"apikey_find 1s false", "apikey_add 1s false", "apikey_add 1s false",
		"apikey_replace 1s false", "apikey_replace 1s false", "apikey_list 1s false", "apikey_used 1s false",
		"keys 1s false", "ping 1s false",
	}
	if !reflect.DeepEqual(heard, want) {
		t.Errorf("heard %q, want %q", heard, want)
	}
}

// TestCallerGone: a client that hangs up tells nothing about the database.
func TestCallerGone(t *testing.T) {
	databases(t, func(t *testing.T, url string) {
		migrated(t, url)
		ctx, cancel := context.WithCancel(t.Context())
		s := open(t, sqlstore.Options{Database: url, Observe: func(_ context.Context, operation string, _ time.Duration, failure error) {
			if ctx.Err() != nil {
				t.Errorf("%s was observed: %v", operation, failure)
			}
		}})
		cancel()
		_, err := s.Keys(ctx)
		for name, err := range map[string]error{
			"keys": err, "add_active": s.AddActive(ctx, record("a")), "bury": s.Bury(ctx, "a", made), "ping": s.Ping(ctx),
		} {
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%s: %v, want context.Canceled", name, err)
			}
		}
	})
}

// TestDeadlineIsAFailure: a caller that cannot wait longer has waited for the
// database.
func TestDeadlineIsAFailure(t *testing.T) {
	databases(t, func(t *testing.T, url string) {
		var failures int
		s := open(t, sqlstore.Options{Database: url, Observe: func(_ context.Context, _ string, _ time.Duration, failure error) {
			if errors.Is(failure, context.DeadlineExceeded) {
				failures++
			}
		}})
		ctx, cancel := context.WithTimeout(t.Context(), 0)
		defer cancel()
		if err := s.Ping(ctx); !errors.Is(err, context.DeadlineExceeded) || failures != 1 {
			t.Errorf("Ping: %v, %d failures observed, want 1", err, failures)
		}
	})
}

func TestOpenRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		options sqlstore.Options
		want    string
	}{
		"unreachable":     {sqlstore.Options{Database: "mysql://user:s3cret-pw@127.0.0.1:1/name", Timeout: time.Second}, "sqlstore: ping: "},
		"unreadable":      {sqlstore.Options{Database: "postgres://user:s3cret-pw@host/name", Timeout: time.Second}, "must begin with mysql://"},
		"without timeout": {sqlstore.Options{Database: sqliteURL(t, "state.db")}, "timeout"},
	} {
		s, err := sqlstore.Open(t.Context(), test.options)
		if s != nil || err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}
