package audit_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"faveo-gateway/gateway/audit"
	"faveo-gateway/gateway/storetest"
)

// TestEqualRefusalsAreOneEntryWithTheirNumber: the first at once, those of ten seconds
// behind it.
func TestEqualRefusalsAreOneEntryWithTheirNumber(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := storetest.NewAudit()
		r := run(t, newTrail(t, store, keysOf(t, "a"), audit.Options{}))
		for range 9000 { // more than the queue holds
			r.Record(refusal("192.0.2.7"))
			time.Sleep(time.Millisecond)
		}
		if entries := store.Entries(); len(entries) != 1 || entries[0].Count != 1 {
			t.Errorf("stored are %+v, want the first", entries)
		}
		first := store.Entries()[0].Time
		time.Sleep(1500 * time.Millisecond)
		entries := store.Entries()
		if len(entries) != 2 || entries[1].Count != 8999 || entries[1].Time.Sub(first) != time.Millisecond || entries[1].Address != "192.0.2.7" {
			t.Errorf("stored are %+v, want one of 8999 behind the first", entries)
		}
		r.Record(refusal("192.0.2.7")) // another window
		time.Sleep(time.Second)
		if entries := store.Entries(); len(entries) != 3 || entries[2].Count != 1 {
			t.Errorf("stored are %+v, want a new first one", entries)
		}
		_ = r.stop(time.Second)
	})
}

// TestFloodWhileTheStoreIsDownLosesNothing that others did: it takes no place of theirs.
func TestFloodWhileTheStoreIsDownLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, log := storetest.NewAudit(), new(logText)
		store.Fail(errors.New("down"))
		r := run(t, newTrail(t, store, keysOf(t, "a"), audit.Options{Log: log.logger()}))
		for range 60 {
			for range 1000 {
				r.Record(refusal("192.0.2.7"))
			}
			time.Sleep(time.Second)
		}
		r.Record(event(1))
		store.Fail(nil)
		if err := r.stop(time.Minute); err != nil {
			t.Error(err)
		}
		if entries := store.Entries(); total(entries) != 60_001 || len(entries) > 15 {
			t.Errorf("%d events in %d entries", total(entries), len(entries))
		}
	})
}
