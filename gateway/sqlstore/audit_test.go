package sqlstore_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"faveo-gateway/gateway/audit"
	"faveo-gateway/gateway/sqlstore"
	"faveo-gateway/gateway/storetest"
	"faveo-gateway/gateway/storetest/service"
)

func TestAuditStore(t *testing.T) {
	databases(t, func(t *testing.T, url string) {
		storetest.TestAuditStore(t, func(t *testing.T) (one, other audit.Store) {
			fresh := sqliteURL(t, "state.db")
			if strings.HasPrefix(url, "mysql") {
				fresh = mysqlURL(service.NewDatabase(t))
			}
			return migrated(t, fresh), migrated(t, fresh)
		})
	})
}

func auditKeys(tb testing.TB, secret string) audit.Keys {
	tb.Helper()
	keys, err := audit.NewKeys(secret)
	if err != nil {
		tb.Fatal(err)
	}
	return keys
}

// write stores n events as a replica does, numbered from first.
func write(tb testing.TB, store audit.Store, keys audit.Keys, first, n int) {
	tb.Helper()
	trail, err := audit.New(audit.Options{Sink: store, Keys: keys, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		tb.Fatal(err)
	}
	for i := range n {
		trail.Record(auditEvent(first + i))
	}
	stopTrail(tb, trail)
}

// stopTrail runs a Trail until it has written everything.
func stopTrail(tb testing.TB, trail *audit.Trail) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	running.Go(func() { _ = trail.Run(ctx) })
	if err := trail.Close(ctx); err != nil {
		tb.Errorf("Close: %v", err)
	}
}

func auditEvent(i int) audit.Event {
	return audit.Event{
		Time: made.Add(time.Duration(i) * time.Second), Kind: audit.KindLogin, Outcome: audit.Success, Reason: "password", Actor: "user",
		UserID: uint64(i), Subject: fmt.Sprintf("session-%d", i), Address: "192.0.2.1", Agent: "Mozilla/5.0 (Ünïcode)",
		RequestID: "request", Detail: "detail",
	}
}

func proof(tb testing.TB, store audit.Store, from audit.Link, keys audit.Keys) audit.Proof {
	tb.Helper()
	p, err := audit.Verify(context.Background(), store, from, 0, keys)
	if err != nil {
		tb.Fatalf("Verify: %v", err)
	}
	return p
}

func wantWhole(tb testing.TB, store audit.Store, keys audit.Keys, n int) {
	tb.Helper()
	if p := proof(tb, store, audit.Link{}, keys); p.Fault != "" || p.Checked != n || p.Unproved != 0 {
		tb.Errorf("the proof is %+v, want %d entries without a fault", p, n)
	}
}

// TestWhoCanWriteToTheDatabaseIsFound changes, by statements, a trail of six entries.
func TestWhoCanWriteToTheDatabaseIsFound(t *testing.T) {
	const table, head = "faveo_gateway_audit", "faveo_gateway_audit_head"
	type attack struct {
		name       string
		statements []string
		want       audit.Fault
		at         uint64
	}
	copyOf := func(from, to int) string {
		const rest = `version, occurred_at, kind, outcome, reason, actor, user_id, subject, address, agent, request_id, detail, events, previous, key_id, hash, mac`
		return fmt.Sprintf(`INSERT INTO %s (sequence, %s) SELECT %d, %s FROM %s WHERE sequence = %d`, table, rest, to, rest, table, from)
	}
	attacks := []attack{
		{"the first is deleted", []string{`DELETE FROM ` + table + ` WHERE sequence = 1`}, audit.FaultMissing, 2},
		{"one is deleted", []string{`DELETE FROM ` + table + ` WHERE sequence = 3`}, audit.FaultMissing, 4},
		{"the last is deleted", []string{`DELETE FROM ` + table + ` WHERE sequence = 6`}, audit.FaultEnd, 6},
		{"all are deleted", []string{`DELETE FROM ` + table}, audit.FaultEnd, 1},
		{"one is deleted and the rest moved up", []string{
			`DELETE FROM ` + table + ` WHERE sequence = 3`,
			`UPDATE ` + table + ` SET sequence = 3 WHERE sequence = 4`, `UPDATE ` + table + ` SET sequence = 4 WHERE sequence = 5`,
			`UPDATE ` + table + ` SET sequence = 5 WHERE sequence = 6`, `UPDATE ` + head + ` SET last_sequence = 5`,
		}, audit.FaultChanged, 3},
		{"two are swapped", []string{
			`UPDATE ` + table + ` SET sequence = 99 WHERE sequence = 2`, `UPDATE ` + table + ` SET sequence = 2 WHERE sequence = 3`,
			`UPDATE ` + table + ` SET sequence = 3 WHERE sequence = 99`,
		}, audit.FaultChanged, 2},
		{"one is copied behind the end", []string{copyOf(2, 7)}, audit.FaultBehind, 7},
		{"one is copied behind the end, for the head too", []string{
			copyOf(6, 7), `UPDATE ` + head + ` SET last_sequence = 7`,
		}, audit.FaultChanged, 7},
		{"one is put in the place of another", []string{`DELETE FROM ` + table + ` WHERE sequence = 4`, copyOf(2, 4)}, audit.FaultChanged, 4},
		{"the end is cut off", []string{
			`DELETE FROM ` + table + ` WHERE sequence > 4`,
			`UPDATE ` + head + ` SET last_sequence = 4, last_hash = (SELECT hash FROM ` + table + ` WHERE sequence = 4)`,
		}, audit.FaultHead, 4},
		{"the beginning is cut off", []string{
			`UPDATE ` + head + ` SET start_sequence = 2, start_hash = (SELECT hash FROM ` + table + ` WHERE sequence = 2)`,
			`DELETE FROM ` + table + ` WHERE sequence <= 2`,
		}, audit.FaultHead, 6},
		{"the head is deleted", []string{`DELETE FROM ` + head}, audit.FaultBehind, 1},
		{"only the case of a letter", []string{`UPDATE ` + table + ` SET subject = 'Session-3' WHERE sequence = 3`}, audit.FaultChanged, 3},
		{"only a blank at the end", []string{`UPDATE ` + table + ` SET subject = 'session-3 ' WHERE sequence = 3`}, audit.FaultChanged, 3},
		{"the hashes of one", []string{`UPDATE ` + table + ` SET hash = previous WHERE sequence = 3`}, audit.FaultChanged, 3},
		{"the MAC of one", []string{`UPDATE ` + table + ` SET mac = hash WHERE sequence = 3`}, audit.FaultMAC, 3},
		{"the MAC of the head", []string{`UPDATE ` + head + ` SET mac = last_hash`}, audit.FaultHead, 6},
		{"the key of the head", []string{`UPDATE ` + head + ` SET key_id = '00000000'`}, audit.FaultHeadKey, 6},
	}
	for column, value := range map[string]string{
		"version": "9", "occurred_at": "occurred_at + 1", "kind": "'admin'", "outcome": "'refused'", "reason": "''", "actor": "'admin'",
		"user_id": "1", "subject": "'session-1'", "address": "'192.0.2.2'", "agent": "''", "request_id": "''", "detail": "''",
		"events": "2", "previous": "hash", "key_id": "'00000000'",
	} {
		want := audit.FaultChanged
		if column == "version" {
			want = audit.FaultVersion
		}
		attacks = append(attacks, attack{"column " + column, []string{`UPDATE ` + table + ` SET ` + column + ` = ` + value + ` WHERE sequence = 3`}, want, 3})
	}
	databases(t, func(t *testing.T, url string) {
		keys := auditKeys(t, "a")
		store, db := migrated(t, url), raw(t, url)
		for _, a := range attacks {
			t.Run(a.name, func(t *testing.T) {
				service.Exec(t, db, `DELETE FROM `+table)
				service.Exec(t, db, `DELETE FROM `+head)
				write(t, store, keys, 1, 6)
				wantWhole(t, store, keys, 6)
				for _, statement := range a.statements {
					service.Exec(t, db, statement)
				}
				if p := proof(t, store, audit.Link{}, keys); p.Fault != a.want || p.FaultAt != a.at {
					t.Errorf("fault %q at %d, want %q at %d", p.Fault, p.FaultAt, a.want, a.at)
				}
				// The gateway goes on, and vouches for nothing: what was wrong stays so.
				write(t, store, keys, 7, 2)
				if p := proof(t, store, audit.Link{}, keys); p.Fault == "" {
					t.Errorf("once the gateway went on: %+v, want a fault", p)
				}
			})
		}
	})
}

// TestWhoChangesTheHeadCannotStopTheTrail: numbers that are taken, and none at all.
func TestWhoChangesTheHeadCannotStopTheTrail(t *testing.T) {
	databases(t, func(t *testing.T, url string) {
		keys := auditKeys(t, "a")
		store, db := migrated(t, url), raw(t, url)
		want := 0
		for _, statement := range []string{
			`UPDATE faveo_gateway_audit_head SET last_sequence = 1`,
			`UPDATE faveo_gateway_audit_head SET last_sequence = 0, key_id = ''`,
			`DELETE FROM faveo_gateway_audit_head`,
		} {
			write(t, store, keys, 1, 3)
			service.Exec(t, db, statement)
			write(t, store, keys, 1, 3)
			want += 3 + 1 + 3
			entries, err := audit.Tail(t.Context(), store, 4)
			if err != nil || len(entries) != 4 || entries[0].Kind != audit.KindTrail || entries[3].Sequence != uint64(want) {
				t.Errorf("%s: the last four are %+v, %v", statement, entries, err)
			}
		}
	})
}

// TestTrailOfTwoReplicasThroughFaults writes with two replicas while connections are
// killed and locks held. Each event is there once.
func TestTrailOfTwoReplicasThroughFaults(t *testing.T) {
	const each = 500
	server, name := service.MariaDB(t), service.NewDatabase(t)
	user := service.NewUser(t, "s3cret-pw")
	migrated(t, mysqlURL(name))
	service.Exec(t, server, "GRANT SELECT, INSERT, UPDATE ON "+name+".* TO "+user+"@'127.0.0.1'")
	keys := auditKeys(t, "a")
	var trails []*audit.Trail
	for range 2 {
		store := open(t, sqlstore.Options{Database: "mysql://" + user + ":s3cret-pw@" + service.MariaDBAddress + "/" + name, Timeout: 300 * time.Millisecond})
		trail, err := audit.New(audit.Options{Sink: store, Keys: keys, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		trails = append(trails, trail)
	}
	var writing, killing sync.WaitGroup
	for i, trail := range trails {
		writing.Go(func() {
			var recording sync.WaitGroup
			recording.Go(func() {
				for n := range each {
					trail.Record(auditEvent(1 + i*each + n))
					if n%10 == 0 {
						time.Sleep(3 * time.Millisecond)
					}
				}
			})
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			var running sync.WaitGroup
			running.Go(func() { _ = trail.Run(ctx) })
			recording.Wait()
			if err := trail.Close(ctx); err != nil {
				t.Errorf("Close: %v", err)
			}
			cancel()
			running.Wait()
		})
	}
	done := make(chan struct{})
	killing.Go(func() {
		for {
			select {
			case <-done:
				return
			case <-time.After(20 * time.Millisecond):
				killAll(t, server, user)
			}
		}
	})
	writing.Wait()
	close(done)
	killing.Wait()

	store := migrated(t, mysqlURL(name))
	wantWhole(t, store, keys, 2*each)
	seen := map[uint64]int{}
	entries, err := store.After(t.Context(), 0, 3*each)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		seen[e.UserID]++
	}
	if len(seen) != 2*each {
		t.Errorf("%d different events are stored, want %d", len(seen), 2*each)
	}
}

// killAll ends all connections of a user.
func killAll(t *testing.T, server *sql.DB, user string) {
	t.Helper()
	rows, err := server.QueryContext(t.Context(), "SELECT id FROM information_schema.processlist WHERE user = ?", user)
	if err != nil {
		t.Error(err)
		return
	}
	defer rows.Close()
	var ids []int64
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			t.Error(err)
		}
		ids = append(ids, id)
	}
	if err := rows.Err(); err != nil {
		t.Error(err)
	}
	for _, id := range ids {
		_, _ = server.ExecContext(t.Context(), fmt.Sprintf("KILL %d", id)) // It may be gone.
	}
}

// TestLockThatIsHeldIsAFault, within the time of a call.
func TestLockThatIsHeldIsAFault(t *testing.T) {
	url := mysqlURL(service.NewDatabase(t))
	migrated(t, url)
	store := open(t, sqlstore.Options{Database: url, Timeout: 200 * time.Millisecond})
	tx, err := raw(t, url).BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	if _, err := tx.ExecContext(t.Context(), "SELECT * FROM faveo_gateway_audit_head FOR UPDATE"); err != nil {
		t.Fatal(err)
	}
	sealed := func(audit.Head) audit.Batch { t.Error("sealed without the lock"); return audit.Batch{} }
	if err := store.Append(t.Context(), audit.Link{}, sealed); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Append: %v, want the deadline", err)
	}
}

// TestCommitWhoseAnswerIsLostIsNotRepeated cuts the connection when the server has
// committed and the gateway does not know.
func TestCommitWhoseAnswerIsLostIsNotRepeated(t *testing.T) {
	name := service.NewDatabase(t)
	whole := migrated(t, mysqlURL(name))
	keys := auditKeys(t, "a")
	relay := newCommitRelay(t, service.MariaDBAddress)
	store := open(t, sqlstore.Options{Database: "mysql://root@" + relay.address() + "/" + name})
	trail, err := audit.New(audit.Options{Sink: store, Keys: keys, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 600 { // three batches
		trail.Record(auditEvent(i))
	}
	relay.loseAnswers(2)
	stopTrail(t, trail)
	if left := relay.left(); left != 0 {
		t.Errorf("%d answers were not lost", left)
	}
	wantWhole(t, whole, keys, 600)
}

// TestTrailNeedsNoRightToChangeIt: with the least rights the table is only added to.
func TestTrailNeedsNoRightToChangeIt(t *testing.T) {
	name, user := service.NewDatabase(t), service.NewUser(t, "s3cret-pw")
	migrated(t, mysqlURL(name))
	root := service.MariaDB(t)
	for rights, table := range map[string]string{
		"SELECT, INSERT": "faveo_gateway_audit", "SELECT, INSERT, UPDATE": "faveo_gateway_audit_head", "SELECT": "faveo_gateway_migrations",
	} {
		service.Exec(t, root, "GRANT "+rights+" ON "+name+"."+table+" TO "+user+"@'127.0.0.1'")
	}
	url := "mysql://" + user + ":s3cret-pw@" + service.MariaDBAddress + "/" + name
	store, keys := migrated(t, url), auditKeys(t, "a")
	write(t, store, keys, 1, 3)
	write(t, store, keys, 4, 3)
	wantWhole(t, store, keys, 6)
	prune := func() error {
		later := func() time.Time { return made.Add(25 * time.Hour) }
		_, err := audit.NewPruner(store, keys, 24*time.Hour, slog.New(slog.DiscardHandler), later).Prune(t.Context())
		return err
	}
	wantDenied(t, prune(), "observability.audit.keep", "DELETE", "faveo_gateway_audit")
	wantWhole(t, store, keys, 6)
	for _, statement := range []string{"UPDATE faveo_gateway_audit SET user_id = 1", "DELETE FROM faveo_gateway_audit"} {
		if _, err := raw(t, url).ExecContext(t.Context(), statement); err == nil {
			t.Errorf("%s: allowed", statement)
		}
	}
	service.Exec(t, root, "GRANT DELETE ON "+name+".faveo_gateway_audit TO "+user+"@'127.0.0.1'")
	if err := prune(); err != nil {
		t.Errorf("Prune: %v", err)
	}
	wantWhole(t, store, keys, 0)
}

func TestTrailWithoutTablesSaysSo(t *testing.T) {
	databases(t, func(t *testing.T, url string) {
		s := open(t, sqlstore.Options{Database: url})
		_, head := s.Head(t.Context())
		_, after := s.After(t.Context(), 0, 1)
		for name, err := range map[string]error{
			"Head": head, "After": after,
			"Append": s.Append(t.Context(), audit.Link{}, func(audit.Head) audit.Batch { panic("sealed") }),
			"Prune":  s.Prune(t.Context(), func(audit.Head) (audit.Head, bool) { panic("sealed") }),
		} {
			if !errors.Is(err, sqlstore.ErrNotMigrated) {
				t.Errorf("%s: %v, want ErrNotMigrated", name, err)
			}
		}
	})
}

func TestObserverHearsOfTheTrail(t *testing.T) {
	url := sqliteURL(t, "state.db")
	migrated(t, url)
	var heard []string
	s := open(t, sqlstore.Options{Database: url, Observe: func(_ context.Context, operation string, _ time.Duration, failure error) {
		heard = append(heard, fmt.Sprintf("%s %v", operation, failure))
	}})
	s.Head(t.Context())
	s.After(t.Context(), 0, 1)
	s.Append(t.Context(), audit.Link{}, func(audit.Head) audit.Batch { return audit.Batch{} })
	s.Prune(t.Context(), func(h audit.Head) (audit.Head, bool) { return h, false })
	want := []string{"ping <nil>", "audit_head <nil>", "audit_after <nil>", "audit_append <nil>", "audit_prune <nil>"}
	if !reflect.DeepEqual(heard, want) {
		t.Errorf("heard %q, want %q", heard, want)
	}
}

// BenchmarkTrail writes to MariaDB, and proves what it wrote.
func BenchmarkTrail(b *testing.B) {
	const n = 8000
	url := mysqlURL(service.NewDatabase(b))
	store, err := sqlstore.Open(b.Context(), sqlstore.Options{Database: url, Timeout: 10 * time.Second})
	if err != nil {
		b.Fatal(err)
	}
	defer store.Close()
	if _, err := store.Migrate(b.Context()); err != nil {
		b.Fatal(err)
	}
	keys := auditKeys(b, "a")
	b.Run("write", func(b *testing.B) {
		for b.Loop() {
			write(b, store, keys, 1, n)
		}
		b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "events/s")
	})
	b.Run("verify", func(b *testing.B) {
		checked := 0
		for b.Loop() {
			p := proof(b, store, audit.Link{}, keys)
			checked += p.Checked
		}
		b.ReportMetric(float64(checked)/b.Elapsed().Seconds(), "entries/s")
	})
}
