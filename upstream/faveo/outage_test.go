package faveo_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"faveo-gateway/upstream/faveo"
	"faveo-gateway/upstream/faveo/faveotest"
)

// everyCall makes each call of the room that needs the database.
func everyCall(ctx context.Context, db *faveo.DB) map[string]error {
	_, loginErr := db.FindByLogin(ctx, "alice")
	_, byIDErr := db.FindByID(ctx, 4)
	_, accountErr := db.Account(ctx, 4)
	_, ticketsErr := db.Tickets(ctx, []uint64{1})
	_, affiliationErr := db.Affiliation(ctx, 4)
	_, siteErr := db.SiteURL(ctx)
	_, foldErr := db.FoldName(ctx, "alice")
	_, securityErr := db.Security(ctx)
	_, installationErr := db.Installation(ctx)
	return map[string]error{
		"FindByLogin": loginErr, "FindByID": byIDErr, "Account": accountErr, "Ping": db.Ping(ctx),
		"Tickets": ticketsErr, "Affiliation": affiliationErr, "SiteURL": siteErr,
		"FoldName": foldErr, "Security": securityErr, "Installation": installationErr, "MeasureHashes": db.MeasureHashes(ctx),
	}
}

// TestDatabaseDown: nothing listens there. No call may take that for an absent account.
func TestDatabaseDown(t *testing.T) {
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	var failures atomic.Int32
	db := openURL(t, "mysql://root:S3cr3t@"+address+"/faveo", faveo.Options{Observe: func(_ context.Context, _ string, _ time.Duration, err error) {
		if err != nil {
			failures.Add(1)
		}
	}})
	for call, err := range everyCall(t.Context(), db) {
		if err == nil || errors.Is(err, faveo.ErrNotFound) {
			t.Errorf("%s = %v, want a fault", call, err)
		}
	}
	if _, err := db.Version(t.Context()); err == nil {
		t.Error("Version = nil, want a fault")
	}
	if failures.Load() == 0 {
		t.Error("no failure was observed")
	}
	if db.VerifyNothing("x") {
		t.Error("VerifyNothing said true")
	}
}

// TestDatabaseHangs: a server that accepts and says nothing costs no more than the deadline.
func TestDatabaseHangs(t *testing.T) {
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	db := openURL(t, "mysql://root@"+listener.Addr().String()+"/faveo", faveo.Options{Timeout: 50 * time.Millisecond, Version: "2"})
	began := time.Now()
	for call, err := range everyCall(t.Context(), db) {
		if err == nil || errors.Is(err, faveo.ErrNotFound) {
			t.Errorf("%s = %v, want a fault", call, err)
		}
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("the calls took %v under a deadline of 50 ms each", took)
	}
}

// TestCallerGone: a client that hangs up tells nothing about the database.
func TestCallerGone(t *testing.T) {
	d := faveotest.New(t)
	db := open(t, d, faveo.Options{Version: "2", Observe: func(_ context.Context, operation string, _ time.Duration, err error) {
		t.Errorf("%s was observed: %v", operation, err)
	}})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for call, err := range everyCall(ctx, db) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s = %v, want context.Canceled", call, err)
		}
	}
}

func TestObserve(t *testing.T) {
	d := faveotest.New(t)
	var operations []string
	db := open(t, d, faveo.Options{Observe: func(_ context.Context, operation string, took time.Duration, err error) {
		operations = append(operations, fmt.Sprint(operation, " ", took > 0, " ", err))
	}})
	if _, err := db.FindByLogin(t.Context(), "nobody"); !errors.Is(err, faveo.ErrNotFound) {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(operations), "[version true <nil> login_lookup true <nil>]"; got != want {
		t.Errorf("observed %s, want %s", got, want)
	}
}

// clock is a clock that tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func TestVersion(t *testing.T) {
	d := faveotest.New(t)
	for _, test := range []struct {
		stored any
		want   faveo.Version
	}{
		{"v2.0.3", faveo.Version{Shape: faveo.Shape2, Stored: "v2.0.3"}},
		{"v2.1", faveo.Version{Shape: faveo.Shape2, Stored: "v2.1"}},
		{"1.11.1", faveo.Version{Shape: faveo.Shape111, Stored: "1.11.1"}},
		{"Community 1.10.7", faveo.Version{Shape: faveo.Shape110, Stored: "Community 1.10.7"}},
		{"v1.9.6", faveo.Version{Shape: faveo.Shape19, Stored: "v1.9.6"}},
		{"v1.90", faveo.Version{Shape: faveo.Shape2, Stored: "v1.90", Assumed: true}},
		{"v3.0.0", faveo.Version{Shape: faveo.Shape2, Stored: "v3.0.0", Assumed: true}},
		{"v20.1", faveo.Version{Shape: faveo.Shape2, Stored: "v20.1", Assumed: true}},
		{"", faveo.Version{Shape: faveo.Shape2, Assumed: true}},
		{nil, faveo.Version{Shape: faveo.Shape2, Assumed: true}},
	} {
		d.Exec(t, "UPDATE settings_system SET version = ?", test.stored)
		if got, err := open(t, d, faveo.Options{}).Version(t.Context()); err != nil || got != test.want {
			t.Errorf("%q: %+v, %v, want %+v", test.stored, got, err, test.want)
		}
	}
	if got, err := open(t, d, faveo.Options{Version: "1.9"}).Version(t.Context()); err != nil || got != (faveo.Version{Shape: faveo.Shape19}) {
		t.Errorf("configured 1.9: %+v, %v", got, err)
	}
	d.Exec(t, "DELETE FROM settings_system")
	if got, err := open(t, d, faveo.Options{Version: "auto"}).Version(t.Context()); err != nil || !got.Assumed {
		t.Errorf("no row: %+v, %v, want an assumed version", got, err)
	}
}

// TestVersionIsCached: an upgrade of Faveo shows within a minute, and an unreadable table does not take it away.
func TestVersionIsCached(t *testing.T) {
	d := faveotest.New(t)
	c := &clock{now: time.Unix(1795422695, 0)}
	var reads atomic.Int32
	db := open(t, d, faveo.Options{Now: c.Now, Observe: func(_ context.Context, operation string, _ time.Duration, _ error) {
		if operation == "version" {
			reads.Add(1)
		}
	}})
	expect := func(shape faveo.Shape, wantReads int32) {
		t.Helper()
		if v, err := db.Version(t.Context()); err != nil || v.Shape != shape || reads.Load() != wantReads {
			t.Errorf("Version = %+v, %v after %d reads, want %s after %d", v, err, reads.Load(), shape, wantReads)
		}
	}
	d.Exec(t, "UPDATE settings_system SET version = '1.10.7'")
	expect(faveo.Shape110, 1)
	d.Exec(t, "UPDATE settings_system SET version = 'v2.0.3'")
	expect(faveo.Shape110, 1)
	c.advance(time.Minute)
	expect(faveo.Shape2, 2)
	d.Exec(t, "RENAME TABLE settings_system TO moved")
	c.advance(time.Minute)
	expect(faveo.Shape2, 3)
	expect(faveo.Shape2, 3) // Not asked again at once.
	d.Exec(t, "RENAME TABLE moved TO settings_system")
	d.Exec(t, "UPDATE settings_system SET version = '1.11.1'")
	c.advance(10 * time.Second)
	expect(faveo.Shape111, 4)
}

// TestManyCallersOneVersion: when the first reading is due, one caller asks and all get the answer.
func TestManyCallersOneVersion(t *testing.T) {
	d := faveotest.New(t)
	var reads atomic.Int32
	db := open(t, d, faveo.Options{Observe: func(context.Context, string, time.Duration, error) { reads.Add(1) }})
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			if v, err := db.Version(t.Context()); err != nil || v.Stored != "v2.0.3" {
				t.Errorf("Version = %+v, %v", v, err)
			}
		})
	}
	group.Wait()
	if reads.Load() != 1 {
		t.Errorf("%d reads, want 1", reads.Load())
	}
}

func openURL(t *testing.T, url string, o faveo.Options) *faveo.DB {
	t.Helper()
	o.Database = url
	return open(t, nil, o)
}
