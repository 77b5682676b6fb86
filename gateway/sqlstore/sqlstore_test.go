package sqlstore_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql"
	"go.uber.org/goleak"

	"faveo-gateway/gateway/keyring"
	"faveo-gateway/gateway/sqlstore"
	"faveo-gateway/gateway/token"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const server = "127.0.0.1:3306"

// administer opens MariaDB as root, or skips the test.
func administer(t *testing.T) *sql.DB {
	t.Helper()
	db, err := sql.Open("mysql", "root@tcp("+server+")/")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if err := db.PingContext(t.Context()); err != nil {
		if os.Getenv("REQUIRE_SERVICES") == "1" {
			t.Fatalf("MariaDB on %s: %v", server, err)
		}
		t.Skipf("needs MariaDB on %s as root without password", server)
	}
	return db
}

// run executes statements, now or in a cleanup.
func run(t *testing.T, db *sql.DB, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := db.ExecContext(context.WithoutCancel(t.Context()), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

func suffix() string {
	var b [6]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// newMySQL makes a database of its own and returns its name and URL.
func newMySQL(t *testing.T) (name, url string) {
	t.Helper()
	db := administer(t)
	name = "fgw_test_" + suffix()
	// Faveo's collation, under which key ids would compare without case.
	run(t, db, "CREATE DATABASE "+name+" CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci")
	t.Cleanup(func() { run(t, db, "DROP DATABASE "+name) })
	return name, "mysql://root@" + server + "/" + name
}

// databases are the kinds that every test of the table below runs on.
func databases(t *testing.T, test func(t *testing.T, url string)) {
	t.Helper()
	t.Run("mysql", func(t *testing.T) {
		_, url := newMySQL(t)
		test(t, url)
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

func record(kid string) keyring.Record {
	return keyring.Record{
		KID: kid, Algorithm: "ES256", State: keyring.StateActive,
		Sealed: []byte("\x00\xff sealed \x80'\";"), CreatedAt: time.Unix(1795422901, 0).UTC(),
	}
}

var all = []string{"00001_signing_keys"}

func TestMigrate(t *testing.T) {
	databases(t, func(t *testing.T, url string) {
		s := open(t, sqlstore.Options{Database: url})
		if pending, err := s.Pending(t.Context()); err != nil || !reflect.DeepEqual(pending, all) {
			t.Fatalf("pending %v, %v; want %v", pending, err, all)
		}
		// Asking wrote nothing.
		if pending, err := s.Pending(t.Context()); err != nil || !reflect.DeepEqual(pending, all) {
			t.Fatalf("pending %v, %v; want %v", pending, err, all)
		}
		if applied, err := s.Migrate(t.Context()); err != nil || !reflect.DeepEqual(applied, all) {
			t.Fatalf("applied %v, %v; want %v", applied, err, all)
		}
		if pending, err := s.Pending(t.Context()); err != nil || len(pending) != 0 {
			t.Errorf("afterwards pending: %v, %v", pending, err)
		}
		if applied, err := s.Migrate(t.Context()); err != nil || len(applied) != 0 {
			t.Errorf("the second time applied: %v, %v", applied, err)
		}
		// Another process sees the same.
		if pending, err := open(t, sqlstore.Options{Database: url}).Pending(t.Context()); err != nil || len(pending) != 0 {
			t.Errorf("elsewhere pending: %v, %v", pending, err)
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
		if err := s.AddActive(t.Context(), record("a")); !errors.Is(err, sqlstore.ErrNotMigrated) {
			t.Errorf("AddActive: %v, want ErrNotMigrated", err)
		}
	})
}

func TestKeysComeBackAsTheyWere(t *testing.T) {
	databases(t, func(t *testing.T, url string) {
		s := migrated(t, url)
		if records, err := s.Keys(t.Context()); err != nil || len(records) != 0 {
			t.Fatalf("an empty table: %v, %v", records, err)
		}
		want := record("kid-in-Mixed_CASE-" + strings.Repeat("x", 25))
		want.Sealed = append(want.Sealed, make([]byte, 4000)...)
		if err := s.AddActive(t.Context(), want); err != nil {
			t.Fatalf("AddActive: %v", err)
		}
		records, err := open(t, sqlstore.Options{Database: url}).Keys(t.Context())
		if err != nil || !reflect.DeepEqual(records, []keyring.Record{want}) {
			t.Errorf("got %+v, %v; want %+v", records, err, want)
		}
	})
}

func TestOnlyOneKeyIsActive(t *testing.T) {
	databases(t, func(t *testing.T, url string) {
		s := migrated(t, url)
		const replicas = 8
		results := make([]error, replicas)
		var group sync.WaitGroup
		for i := range replicas {
			group.Go(func() { results[i] = s.AddActive(t.Context(), record(fmt.Sprintf("key-%d", i))) })
		}
		group.Wait()
		stored := 0
		for _, err := range results {
			switch {
			case err == nil:
				stored++
			case !errors.Is(err, keyring.ErrActiveExists):
				t.Errorf("got %v, want ErrActiveExists", err)
			}
		}
		records, err := s.Keys(t.Context())
		if stored != 1 || err != nil || len(records) != 1 {
			t.Errorf("%d calls succeeded, stored are %v, %v", stored, records, err)
		}
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
					Store: s, Algorithm: token.ES256,
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
	name, url := newMySQL(t)
	conn, err := administer(t).Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	hold := "SELECT GET_LOCK(CONCAT('faveo_gateway_migrate_', MD5('" + name + "')), 0)"
	var got int
	if err := conn.QueryRowContext(t.Context(), hold).Scan(&got); err != nil || got != 1 {
		t.Fatalf("%d, %v", got, err)
	}
	s := open(t, sqlstore.Options{Database: url})
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if applied, err := s.Migrate(ctx); err == nil || len(applied) != 0 {
		t.Errorf("migrated %v while another replica holds the lock", applied)
	}
	if pending, err := s.Pending(t.Context()); err != nil || !reflect.DeepEqual(pending, all) {
		t.Errorf("pending %v, %v; want %v", pending, err, all)
	}
	if _, err := conn.ExecContext(t.Context(), "SELECT RELEASE_ALL_LOCKS()"); err != nil {
		t.Fatal(err)
	}
	if applied, err := s.Migrate(t.Context()); err != nil || !reflect.DeepEqual(applied, all) {
		t.Errorf("applied %v, %v; want %v", applied, err, all)
	}
}

func TestUserWithoutRightsIsToldWhichOnes(t *testing.T) {
	name, _ := newMySQL(t)
	db := administer(t)
	user := "fgw" + suffix()
	run(t, db, "CREATE USER "+user+"@'127.0.0.1' IDENTIFIED BY 's3cret-pw'")
	t.Cleanup(func() { run(t, db, "DROP USER "+user+"@'127.0.0.1'") })
	run(t, db, "GRANT SELECT ON "+name+".* TO "+user+"@'127.0.0.1'")
	s := open(t, sqlstore.Options{Database: "mysql://" + user + ":s3cret-pw@" + server + "/" + name})

	if pending, err := s.Pending(t.Context()); err != nil || !reflect.DeepEqual(pending, all) {
		t.Errorf("a reader's pending: %v, %v; want %v", pending, err, all)
	}
	_, err := s.Migrate(t.Context())
	wantDenied(t, err, "CREATE", "faveo_gateway_migrations")

	migrated(t, "mysql://root@"+server+"/"+name)
	if _, err := s.Keys(t.Context()); err != nil {
		t.Errorf("a reader's keys: %v", err)
	}
	wantDenied(t, s.AddActive(t.Context(), record("a")), "INSERT", "faveo_gateway_signing_keys")
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
		Observe: func(operation string, d time.Duration, err error) {
			mu.Lock()
			defer mu.Unlock()
			heard = append(heard, fmt.Sprintf("%s %v %v", operation, d, err != nil))
		},
	})
	s.Keys(t.Context())
	s.Migrate(t.Context())
	s.Pending(t.Context())
	s.AddActive(t.Context(), record("a"))
	s.AddActive(t.Context(), record("b"))
	s.Keys(t.Context())
	s.Ping(t.Context())
	want := []string{
		"ping 1s false", "keys 1s true", "migrate 1s false", "pending 1s false",
		"add_active 1s false", "add_active 1s false", "keys 1s false", "ping 1s false",
	}
	if !reflect.DeepEqual(heard, want) {
		t.Errorf("heard %q, want %q", heard, want)
	}
}

func TestCallsObeyTheirContext(t *testing.T) {
	databases(t, func(t *testing.T, url string) {
		s := migrated(t, url)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := s.Keys(ctx)
		for name, err := range map[string]error{"keys": err, "add_active": s.AddActive(ctx, record("a")), "ping": s.Ping(ctx)} {
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%s: %v, want context.Canceled", name, err)
			}
		}
	})
}

func TestUnreachableDatabaseIsAnErrorWithoutSecrets(t *testing.T) {
	_, err := sqlstore.Open(t.Context(), sqlstore.Options{
		Database: "mysql://user:s3cret-pw@127.0.0.1:1/name", Timeout: time.Second,
	})
	if err == nil || strings.Contains(err.Error(), "s3cret-pw") || errors.Is(err, sqlstore.ErrURL) {
		t.Errorf("got %v", err)
	}
}

func TestURLsThatAreRefused(t *testing.T) {
	for _, url := range []string{
		"",
		"user:s3cret@tcp(127.0.0.1:3306)/name",
		"postgres://user:s3cret@host/name",
		"mysql:user:s3cret@host/name",
		"mysql://host/name?s3cret",
		"mysql://:s3cret@host/name",
		"mysql://user:s3cret@/name",
		"mysql://user:s3cret@host",
		"mysql://user:s3cret@host/",
		"mysql://user:s3cret@host/a/b",
		"mysql://user:s3cret@host:0x1/name",
		"mysql://user:s3cret@host:65536/name",
		"mysql://user:s3cr#et@host/name",
		"mysql://user:s3cr%et@host/name",
		"mysql://user:s3cr/et@host/name",
		"mysql://user:s3cret@host/name?multiStatements=true",
		"mysql://user:s3cret@host/name?tls=s3cret",
		"mysql://user:s3cret@host/name?tls=true&tls=false",
		"mysql://user:s3cret@host/name?tls_ca=/nowhere/s3cret",
		"mysql://user:s3cret@host/name?tls=%zz",
		"sqlite://relative/s3cret.db",
		"sqlite:s3cret.db",
		"sqlite:///tmp/s3cret.db?mode=ro",
		"sqlite:///tmp/s3cr%00et.db",
		"sqlite://",
		"\x00",
	} {
		t.Run(url, func(t *testing.T) {
			_, err := sqlstore.Open(t.Context(), sqlstore.Options{Database: url})
			if !errors.Is(err, sqlstore.ErrURL) {
				t.Fatalf("got %v, want ErrURL", err)
			}
			if strings.Contains(err.Error(), "s3cr") {
				t.Errorf("the error quotes the URL: %v", err)
			}
		})
	}
}

func TestURLsThatAreRead(t *testing.T) {
	// An SQLite path may hold what means something in a URL.
	migrated(t, sqliteURL(t, "a b?c%41&d=e.db"))

	name, _ := newMySQL(t)
	db := administer(t)
	user := "fgw" + suffix()
	password := `p@s:s/w#o?r%d&'"`
	run(t, db, "CREATE USER "+user+"@'127.0.0.1' IDENTIFIED BY '"+strings.ReplaceAll(password, "'", "''")+"'")
	t.Cleanup(func() { run(t, db, "DROP USER "+user+"@'127.0.0.1'") })
	run(t, db, "GRANT ALL ON "+name+".* TO "+user+"@'127.0.0.1'")
	u := url.URL{Scheme: "mysql", User: url.UserPassword(user, password), Host: server, Path: "/" + name}
	for _, query := range []string{"", "tls=false", "tls=preferred"} {
		u.RawQuery = query
		s := open(t, sqlstore.Options{Database: u.String()})
		if err := s.Ping(t.Context()); err != nil {
			t.Errorf("%s: %v", query, err)
		}
	}
	var socket string
	if err := db.QueryRowContext(t.Context(), "SELECT @@socket").Scan(&socket); err == nil {
		if _, err := os.Stat(socket); err == nil {
			open(t, sqlstore.Options{Database: "mysql://root@/" + name + "?unix_socket=" + url.QueryEscape(socket)})
		}
	}
}
