package faveo_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"
	"time"

	"faveo-gateway/upstream/breaker"
	"faveo-gateway/upstream/database"
	"faveo-gateway/upstream/faveo"
	"faveo-gateway/upstream/faveo/faveotest"
)

// lock keeps everybody else out of a table until the returned function is called.
func lock(t *testing.T, d *faveotest.Database, table string) (unlock func()) {
	t.Helper()
	url, err := database.Parse(d.URL)
	if err != nil {
		t.Fatal(err)
	}
	pool, err := url.Open(database.Settings{Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pool.Close() })
	conn, err := pool.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	execute(t, conn, "LOCK TABLES "+table+" WRITE")
	return func() { execute(t, conn, "UNLOCK TABLES"); _ = conn.Close() }
}

func execute(t *testing.T, conn *sql.Conn, statement string) {
	t.Helper()
	if _, err := conn.ExecContext(t.Context(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// TestSlowQuestionsShutNobodyOut: somebody's questions take longer than their deadline, again
// and again. Nobody else is refused for it.
func TestSlowQuestionsShutNobodyOut(t *testing.T) {
	d := faveotest.New(t)
	db := open(t, d, faveo.Options{Version: "2", Timeout: 100 * time.Millisecond})
	defer lock(t, d, "tickets")()
	for range 10 {
		if _, err := db.Tickets(t.Context(), []uint64{1}); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("Tickets: %v, want a question that takes too long", err)
		}
		if _, err := db.Account(t.Context(), 4); errors.Is(err, breaker.ErrOpen) {
			t.Fatalf("Account: %v", err)
		}
	}
}

// TestDatabaseLocked: while the table that everything depends on is locked nobody waits, but
// Ping, which tells that the server is there. Afterwards all works within about a second.
func TestDatabaseLocked(t *testing.T) {
	d := faveotest.New(t)
	db := open(t, d, faveo.Options{Version: "2", Timeout: 200 * time.Millisecond})
	unlock := lock(t, d, "users")
	account := func() error { _, err := db.Account(t.Context(), 4); return err }
	eventually(t, "the breaker opens", func() bool { return errors.Is(account(), breaker.ErrOpen) })
	began := time.Now()
	for range 1000 {
		if err := account(); !errors.Is(err, breaker.ErrOpen) {
			t.Fatalf("Account: %v, want ErrOpen", err)
		}
	}
	if took := time.Since(began); took > 500*time.Millisecond {
		t.Errorf("1000 calls took %v", took)
	}
	if err := db.Ping(t.Context()); errors.Is(err, breaker.ErrOpen) {
		t.Errorf("Ping: %v, want it to ask", err)
	}
	unlock()
	eventually(t, "the account is read again", func() bool { return account() == nil })
}

// eventually waits for what happens by the database's own time.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for began := time.Now(); !done(); {
		if time.Since(began) > 10*time.Second {
			t.Fatalf("%s: not within 10 s", what)
		}
	}
}
