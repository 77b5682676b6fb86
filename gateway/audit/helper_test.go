package audit_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"faveo-gateway/gateway/audit"
	"faveo-gateway/gateway/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var moment = time.Date(2026, time.March, 1, 12, 0, 0, 123456000, time.UTC)

func keysOf(t testing.TB, secrets ...string) audit.Keys {
	t.Helper()
	keys, err := audit.NewKeys(secrets...)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// logText is a log that a test reads.
type logText struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *logText) logger() *slog.Logger { return slog.New(slog.NewJSONHandler(l, nil)) }

// replica is a Trail that runs.
type replica struct {
	*audit.Trail
	t      testing.TB
	cancel context.CancelFunc
	ended  chan struct{}
}

func newTrail(t testing.TB, sink audit.Sink, keys audit.Keys, o audit.Options) *audit.Trail {
	t.Helper()
	o.Sink, o.Keys = sink, keys
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	trail, err := audit.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return trail
}

func run(t testing.TB, trail *audit.Trail) *replica {
	ctx, cancel := context.WithCancel(context.Background())
	r := &replica{Trail: trail, t: t, cancel: cancel, ended: make(chan struct{})}
	go func() {
		defer close(r.ended)
		if err := trail.Run(ctx); err != nil {
			t.Errorf("Run: %v", err)
		}
	}()
	return r
}

// stop ends a replica within a time, as the gateway does.
func (r *replica) stop(within time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	err := r.Close(ctx)
	r.cancel()
	<-r.ended
	return err
}

// write starts a replica that writes n events, and stops it.
func write(t testing.TB, sink audit.Sink, keys audit.Keys, n int) {
	t.Helper()
	trail := newTrail(t, sink, keys, audit.Options{})
	for i := range n {
		trail.Record(event(i))
	}
	if err := run(t, trail).stop(time.Minute); err != nil {
		t.Fatalf("Close: %v", err)
	}
}

// event is one with something in every field. It is never gathered.
func event(i int) audit.Event {
	return audit.Event{
		Time: moment.Add(time.Duration(i) * time.Second), Kind: audit.KindLogin, Outcome: audit.Success, Reason: "password",
		Actor: "user", UserID: 7, Subject: fmt.Sprintf("session-%d", i), Address: "192.0.2.1", Agent: "Mozilla/5.0",
		RequestID: "request", Detail: "all of the user", Count: 1,
	}
}

// refusal is one that anybody can cause.
func refusal(address string) audit.Event {
	return audit.Event{Kind: audit.KindLogin, Outcome: audit.Refused, Reason: "invalid_credentials", Address: address}
}

// filled is a store with n entries under keys.
func filled(t testing.TB, keys audit.Keys, n int) *storetest.Audit {
	t.Helper()
	store := storetest.NewAudit()
	write(t, store, keys, n)
	return store
}

func verify(t testing.TB, r audit.Reader, from audit.Link, keys audit.Keys) audit.Proof {
	t.Helper()
	p, err := audit.Verify(context.Background(), r, from, 0, keys)
	if err != nil {
		t.Fatalf("Verify: %v", err)
	}
	return p
}

func wantFault(t testing.TB, p audit.Proof, want audit.Fault, at uint64) {
	t.Helper()
	if p.Fault != want || p.FaultAt != at {
		t.Errorf("fault %q at %d, want %q at %d", p.Fault, p.FaultAt, want, at)
	}
}

func wantProved(t testing.TB, p audit.Proof, checked int) {
	t.Helper()
	if p.Fault != "" || p.Checked != checked || p.Unproved != 0 || p.More {
		t.Errorf("the proof is %+v, want %d entries without a fault", p, checked)
	}
}
