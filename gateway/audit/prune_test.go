package audit_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"faveo-gateway/gateway/audit"
	"faveo-gateway/gateway/storetest"
)

// prunes runs a Pruner at which the first n events of the tests are too old.
func prunes(t *testing.T, store audit.Store, keys audit.Keys, n int) (uint64, error) {
	t.Helper()
	const keep = 24 * time.Hour
	now := func() time.Time { return event(n).Time.Add(keep) }
	return audit.NewPruner(store, keys, keep, slog.New(slog.DiscardHandler), now).Prune(t.Context())
}

func TestOldEntriesArePrunedAndTheRestHolds(t *testing.T) {
	keys := keysOf(t, "a")
	store := filled(t, keys, 1203)
	for _, step := range []struct {
		old  int
		want uint64
	}{{0, 0}, {1, 1}, {1, 0}, {1100, 1099}, {1203, 103}, {2000, 0}} {
		noted := headOf(t, store)
		if n, err := prunes(t, store, keys, step.old); err != nil || n != step.want {
			t.Fatalf("%d are old: pruned %d, %v; want %d", step.old, n, err, step.want)
		}
		if left := len(store.Entries()); left != max(0, 1203-step.old) {
			t.Errorf("%d are left of %d old ones", left, step.old)
		}
		wantProved(t, verify(t, store, audit.Link{}, keys), len(store.Entries()))
		wantProved(t, verify(t, store, noted.Start, keys), len(store.Entries()))
		wantProved(t, verify(t, store, noted.Last, keys), 0)
	}
	write(t, store, keys, 1)
	wantProved(t, verify(t, store, audit.Link{}, keys), 1)
}

// TestPruningHidesNoAttack: who can write makes entries look old, or moves the beginning,
// and lets the gateway do the rest.
func TestPruningHidesNoAttack(t *testing.T) {
	keys, strangers := keysOf(t, "a"), keysOf(t, "of a stranger")
	old := moment.Add(-1000 * time.Hour)
	for name, attack := range map[string]func(*audit.Head, []audit.Entry) []audit.Entry{
		"the times changed": func(_ *audit.Head, e []audit.Entry) []audit.Entry {
			e[0].Time, e[1].Time = old, old
			return e
		},
		"the old ones made anew": func(_ *audit.Head, e []audit.Entry) []audit.Entry {
			e[0].Time, e[1].Time = old, old
			made, _ := resealed(e[:2], 0, strangers)
			return append(made, e[2:]...)
		},
		"all made anew, the head as it was": func(_ *audit.Head, e []audit.Entry) []audit.Entry {
			for i := range e {
				e[i].Time = old
			}
			e, _ = resealed(e, 0, strangers)
			return e
		},
		"all made anew, with the head": func(h *audit.Head, e []audit.Entry) []audit.Entry {
			for i := range e {
				e[i].Time = old
			}
			e, *h = resealed(e, 0, strangers)
			return e
		},
		"the beginning moved": func(h *audit.Head, e []audit.Entry) []audit.Entry {
			e[2].Time = old
			h.Start = e[1].Link()
			return e[2:]
		},
		"one taken out before": func(_ *audit.Head, e []audit.Entry) []audit.Entry { return e[1:] },
	} {
		t.Run(name, func(t *testing.T) {
			store := filled(t, keys, 5)
			store.Tamper(attack)
			before := len(store.Entries())
			if n, err := prunes(t, store, keys, 1); err == nil || n != 0 || len(store.Entries()) != before {
				t.Errorf("pruned %d, %v; want an error", n, err)
			}
			if p := verify(t, store, audit.Link{}, keys); p.Fault == "" {
				t.Errorf("the proof is %+v, want a fault", p)
			}
		})
	}
}

// TestEntriesOfOldKeysArePruned: keys may be forgotten, and old entries still go.
func TestEntriesOfOldKeysArePruned(t *testing.T) {
	keys := keysOf(t, "new")
	store := filled(t, keysOf(t, "old"), 3)
	write(t, store, keys, 5)
	if n, err := prunes(t, store, keys, 2); err != nil || n != 2 {
		t.Errorf("pruned %d, %v; want the two of the old key", n, err)
	}
}

func TestPrunerRunsOnceAnHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		keys, store, log := keysOf(t, "a"), storetest.NewAudit(), new(logText)
		r := run(t, newTrail(t, store, keys, audit.Options{}))
		r.Record(audit.Event{Kind: audit.KindAdmin, Outcome: audit.Success})
		time.Sleep(time.Second)
		_ = r.stop(time.Second)
		p := audit.NewPruner(store, keys, 24*time.Hour, log.logger(), nil)
		ended := make(chan struct{})
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			defer close(ended)
			if err := p.Run(ctx); err != nil {
				t.Errorf("Run: %v", err)
			}
		}()
		calls := store.Calls()
		time.Sleep(23*time.Hour + 30*time.Minute)
		if n := store.Calls() - calls; n != 2*24 || len(store.Entries()) != 1 {
			t.Errorf("%d calls in a day, want two an hour; %d entries, want one", n, len(store.Entries()))
		}
		time.Sleep(time.Hour)
		if len(store.Entries()) != 0 || !strings.Contains(log.String(), `"entries":1`) {
			t.Errorf("%d entries are left; the log says %s", len(store.Entries()), log)
		}
		cancel()
		<-ended
	})
}
