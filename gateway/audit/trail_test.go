package audit_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"faveo-gateway/gateway/audit"
	"faveo-gateway/gateway/storetest"
)

// total is how many events the entries stand for.
func total(entries []audit.Entry) (n int) {
	for _, e := range entries {
		n += e.Count
	}
	return n
}

func TestEventsAreWrittenInTheirOrderWithinAMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, keys := storetest.NewAudit(), keysOf(t, "a")
		r := run(t, newTrail(t, store, keys, audit.Options{}))
		for i := range 3 {
			r.Record(event(i))
		}
		time.Sleep(201 * time.Millisecond)
		synctest.Wait()
		entries := store.Entries()
		if len(entries) != 3 {
			t.Fatalf("stored are %d, want 3", len(entries))
		}
		for i, e := range entries {
			if e.Event != event(i) || e.Sequence != uint64(i+1) {
				t.Errorf("entry %d is %+v", i, e)
			}
		}
		if err := r.stop(time.Second); err != nil {
			t.Error(err)
		}
	})
}

func TestFullBatchDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := storetest.NewAudit()
		r := run(t, newTrail(t, store, keysOf(t, "a"), audit.Options{}))
		synctest.Wait()
		for i := range 256 {
			r.Record(event(i))
		}
		synctest.Wait()
		if n := len(store.Entries()); n != 256 {
			t.Errorf("stored are %d, want 256 without waiting", n)
		}
		_ = r.stop(time.Second)
	})
}

// TestNothingIsLostWhileTheGatewayStops: a thousand record at the same time as it stops.
// Each event is in the store or in the log.
func TestNothingIsLostWhileTheGatewayStops(t *testing.T) {
	const people, each = 1000, 20
	store, keys, log := storetest.NewAudit(), keysOf(t, "a"), new(logText)
	r := run(t, newTrail(t, store, keys, audit.Options{Log: log.logger()}))
	var all sync.WaitGroup
	for i := range people {
		all.Go(func() {
			for j := range each {
				if j%2 == 0 {
					r.Record(event(i))
				} else {
					r.Record(refusal("192.0.2.7"))
				}
			}
		})
	}
	if err := r.stop(time.Minute); err != nil {
		t.Error(err)
	}
	all.Wait()
	logged := strings.Count(log.String(), "an event is not in the audit trail")
	if n := total(store.Entries()); n+logged != people*each {
		t.Errorf("%d stored and %d in the log, want %d together", n, logged, people*each)
	}
	if p := verify(t, store, audit.Link{}, keys); p.Fault != "" {
		t.Errorf("the proof is %+v", p)
	}
}

// TestWhatWasRecordedBeforeTheStopIsStored: the same after the listeners are drained.
func TestWhatWasRecordedBeforeTheStopIsStored(t *testing.T) {
	store, log := storetest.NewAudit(), new(logText)
	r := run(t, newTrail(t, store, keysOf(t, "a"), audit.Options{Log: log.logger()}))
	var all sync.WaitGroup
	for i := range 1000 {
		all.Go(func() {
			r.Record(event(i))
			r.Record(refusal("192.0.2.7"))
		})
	}
	all.Wait()
	if err := r.stop(time.Minute); err != nil {
		t.Error(err)
	}
	if n := total(store.Entries()); n != 2000 || log.String() != "" {
		t.Errorf("stored are %d, want 2000; the log says %s", n, log)
	}
}

func TestEventsWaitWhileTheStoreIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, log, metrics := storetest.NewAudit(), new(logText), prometheus.NewRegistry()
		store.Fail(errors.New("down"))
		r := run(t, newTrail(t, store, keysOf(t, "a"), audit.Options{Log: log.logger(), Registerer: metrics}))
		for i := range 300 {
			r.Record(event(i))
		}
		time.Sleep(time.Hour)
		if calls := store.Calls(); calls < 700 || calls > 800 {
			t.Errorf("%d attempts in an hour, want one in five seconds", calls)
		}
		wantMetric(t, metrics, "faveo_gateway_audit_queue", 300)
		store.Fail(nil)
		time.Sleep(6 * time.Second)
		synctest.Wait()
		if n := len(store.Entries()); n != 300 {
			t.Errorf("stored are %d, want 300", n)
		}
		wantMetric(t, metrics, "faveo_gateway_audit_queue", 0)
		wantMetric(t, metrics, "faveo_gateway_audit_unwritten_events_total", 0)
		if text := log.String(); strings.Count(text, "cannot be written") != 1 || strings.Count(text, "is written again") != 1 {
			t.Errorf("the log says\n%s", text)
		}
		_ = r.stop(time.Second)
	})
}

func wantMetric(t *testing.T, g prometheus.Gatherer, name string, want float64) {
	t.Helper()
	families, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			m := f.GetMetric()[0]
			if got := m.GetCounter().GetValue() + m.GetGauge().GetValue(); got != want {
				t.Errorf("%s is %v, want %v", name, got, want)
			}
			return
		}
	}
	t.Errorf("there is no %s", name)
}

// TestFullQueueSpillsIntoTheLog: each event that finds no place is there whole.
func TestFullQueueSpillsIntoTheLog(t *testing.T) {
	log, metrics := new(logText), prometheus.NewRegistry()
	trail := newTrail(t, storetest.NewAudit(), keysOf(t, "a"), audit.Options{Log: log.logger(), Registerer: metrics})
	for i := range 8192 + 1 {
		trail.Record(event(i))
	}
	const want = `"level":"WARN","msg":"an event is not in the audit trail: the queue is full or closed",` +
		`"audit":{"time":"2026-03-01T14:16:32.123456Z","kind":"login","outcome":"success","reason":"password","actor":"user",` +
		`"user_id":7,"subject":"session-8192","address":"192.0.2.1","agent":"Mozilla/5.0","request_id":"request","detail":"all of the user","count":1}}`
	if text := log.String(); !strings.Contains(text, want) || strings.Count(text, "\n") != 1 {
		t.Errorf("the log says\n%s\nwant %s", text, want)
	}
	wantMetric(t, metrics, "faveo_gateway_audit_unwritten_events_total", 1)
	wantMetric(t, metrics, "faveo_gateway_audit_queue", 8192)
}

func TestStopWithTheStoreDownSpillsIntoTheLogInTime(t *testing.T) {
	for name, stop := range map[string]func(*replica) error{
		"in order":   func(r *replica) error { return r.stop(3 * time.Second) },
		"at once":    func(r *replica) error { return r.stop(0) },
		"by context": func(r *replica) error { r.cancel(); return r.stop(3 * time.Second) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store, log := storetest.NewAudit(), new(logText)
				store.Fail(errors.New("down"))
				r := run(t, newTrail(t, store, keysOf(t, "a"), audit.Options{Log: log.logger()}))
				r.Record(event(0))
				for range 5 {
					r.Record(refusal("192.0.2.7"))
				}
				time.Sleep(time.Minute)
				began := time.Now()
				err := stop(r)
				if took := time.Since(began); took > 3*time.Second {
					t.Errorf("the stop took %v", took)
				}
				if name != "by context" && (err == nil || !strings.Contains(err.Error(), "events could not be stored")) {
					t.Errorf("Close: %v, want how many are not stored", err)
				}
				text := log.String()
				if strings.Count(text, "the gateway stops") != 3 || !strings.Contains(text, `"count":1}`) || !strings.Contains(text, `"count":4}`) {
					t.Errorf("the log says\n%s", text)
				}
				r.Record(event(9)) // too late, and not lost
				if text := log.String(); !strings.Contains(text, "session-9") {
					t.Errorf("a late event is not in the log:\n%s", text)
				}
			})
		})
	}
}

// TestStoreThatComesBackDuringTheStopIsWrittenTo also after it was down for long.
func TestStoreThatComesBackDuringTheStopIsWrittenTo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := storetest.NewAudit()
		store.Fail(errors.New("down"))
		r := run(t, newTrail(t, store, keysOf(t, "a"), audit.Options{}))
		r.Record(event(0))
		time.Sleep(time.Hour)
		time.AfterFunc(time.Second, func() { store.Fail(nil) })
		if err := r.stop(2 * time.Second); err != nil || len(store.Entries()) != 1 {
			t.Errorf("%v, stored are %d", err, len(store.Entries()))
		}
	})
}

// TestBatchWhoseAnswerWasLostIsStoredOnce, and not twice when it is repeated.
func TestBatchWhoseAnswerWasLostIsStoredOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, keys := storetest.NewAudit(), keysOf(t, "a")
		r := run(t, newTrail(t, store, keys, audit.Options{}))
		for i := range 5 {
			store.LoseNextAnswer(errors.New("the connection broke"))
			r.Record(event(i))
			time.Sleep(150 * time.Millisecond)
			synctest.Wait()
			if i%2 == 0 { // Somebody else comes between.
				write(t, store, keys, 1)
			}
			time.Sleep(time.Second)
		}
		if err := r.stop(time.Second); err != nil {
			t.Error(err)
		}
		if n := len(store.Entries()); n != 8 {
			t.Errorf("stored are %d, want 8", n)
		}
		wantProved(t, verify(t, store, audit.Link{}, keys), 8)
	})
}

// TestEventsBehindALostAnswerAreStored: what comes while nobody knows whether the batch
// before is stored is no part of it.
func TestEventsBehindALostAnswerAreStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, keys, log := storetest.NewAudit(), keysOf(t, "a"), new(logText)
		r := run(t, newTrail(t, store, keys, audit.Options{Log: log.logger()}))
		n := 0
		record := func(events int) {
			for range events {
				r.Record(event(n))
				n++
			}
		}
		for _, behind := range []int{1, 10, 255, 256, 1000} {
			store.LoseNextAnswer(errors.New("the connection broke"))
			record(5)
			time.Sleep(210 * time.Millisecond)
			synctest.Wait()
			record(behind)
			time.Sleep(time.Second)
		}
		synctest.Wait()
		for i, e := range store.Entries() {
			if e.Subject != fmt.Sprint("session-", i) {
				t.Errorf("entry %d is of %s", e.Sequence, e.Subject)
				break
			}
		}
		if stored := len(store.Entries()); stored != n {
			t.Errorf("stored are %d, want %d", stored, n)
		}
		if err := r.stop(time.Second); err != nil || strings.Contains(log.String(), "is not in the audit trail") {
			t.Errorf("%v; the log says %s", err, log)
		}
		wantProved(t, verify(t, store, audit.Link{}, keys), n)
	})
}

func TestTrailThatWasSetBackIsFoundByTheReplicaThatWrote(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, keys, log, metrics := storetest.NewAudit(), keysOf(t, "a"), new(logText), prometheus.NewRegistry()
		r := run(t, newTrail(t, store, keys, audit.Options{Log: log.logger(), Registerer: metrics}))
		r.Record(event(0))
		time.Sleep(time.Second)
		store.Tamper(func(h *audit.Head, _ []audit.Entry) []audit.Entry {
			*h = audit.Head{}
			return nil
		})
		r.Record(event(1))
		time.Sleep(time.Second)
		_ = r.stop(time.Second)
		entries := store.Entries()
		if len(entries) != 2 || entries[0].Kind != audit.KindTrail || entries[0].Reason != audit.ReasonCutOff {
			t.Errorf("stored are %+v", entries)
		}
		wantFault(t, verify(t, store, audit.Link{}, keys), audit.FaultBreach, 1)
		if !strings.Contains(log.String(), `"level":"ERROR"`) || !strings.Contains(log.String(), audit.ReasonCutOff) {
			t.Errorf("the log says %s", log)
		}
		if n := testutil.CollectAndCount(metrics, "faveo_gateway_audit_events_total"); n != len(audit.Kinds())*len(audit.Outcomes()) {
			t.Errorf("%d series, want one for each kind and outcome", n)
		}
	})
}

func TestWithoutSinkEventsAreCounted(t *testing.T) {
	metrics := prometheus.NewRegistry()
	r := run(t, newTrail(t, nil, audit.Keys{}, audit.Options{Registerer: metrics}))
	r.Record(audit.Event{Kind: audit.KindLogin, Outcome: audit.Failed, Count: 3})
	if err := r.stop(time.Minute); err != nil {
		t.Error(err)
	}
	wantMetric(t, metrics, "faveo_gateway_audit_unwritten_events_total", 0)
	families, err := metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	counted := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if len(m.GetLabel()) == 2 && m.GetCounter().GetValue() > 0 {
				counted[m.GetLabel()[0].GetValue()+" "+m.GetLabel()[1].GetValue()] = m.GetCounter().GetValue()
			}
		}
	}
	if want := map[string]float64{"login failed": 3}; !maps.Equal(counted, want) {
		t.Errorf("counted are %v, want %v", counted, want)
	}
}

func TestNewRefuses(t *testing.T) {
	for name, o := range map[string]audit.Options{
		"no log":  {},
		"no keys": {Log: new(logText).logger(), Sink: storetest.NewAudit()},
	} {
		if trail, err := audit.New(o); trail != nil || err == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestWhatAClientChoseIsMadeHarmless and cannot hold up what others did.
func TestWhatAClientChoseIsMadeHarmless(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"plain":               {"Mozilla/5.0 (X11)", "Mozilla/5.0 (X11)"},
		"other letters":       {"Jürgen 日本", "Jürgen 日本"},
		"line breaks":         {"a\r\nb\tc\x00", "a\uFFFD\uFFFDb\uFFFDc\uFFFD"},
		"a terminal's escape": {"\x1b[2Jclean\x7f", "\uFFFD[2Jclean\uFFFD"},
		"turned about":        {"\u202eabc\u2066", "\uFFFDabc\uFFFD"},
		"broken UTF-8":        {"a\xff\xc3", "a\uFFFD\uFFFD"},
		"200 bytes":           {strings.Repeat("x", 200), strings.Repeat("x", 200)},
		"201 bytes":           {strings.Repeat("x", 201), strings.Repeat("x", 200)},
		"cut in a character":  {strings.Repeat("x", 199) + "é", strings.Repeat("x", 199)},
		"very long":           {strings.Repeat("é", 1<<20), strings.Repeat("é", 100)},
	} {
		t.Run(name, func(t *testing.T) {
			store := storetest.NewAudit()
			trail := newTrail(t, store, keysOf(t, "a"), audit.Options{Now: func() time.Time { return moment.Add(999) }})
			trail.Record(audit.Event{
				Kind: audit.KindLogin, Outcome: audit.Success, Reason: test.text, Actor: test.text, Subject: test.text, Address: test.text,
				Agent: test.text, RequestID: test.text, Detail: test.text, UserID: 1 << 63,
			})
			if err := run(t, trail).stop(time.Minute); err != nil {
				t.Fatal(err)
			}
			want := audit.Event{
				Time: moment, Kind: audit.KindLogin, Outcome: audit.Success, Reason: test.want, Actor: test.want, Subject: test.want,
				Address: test.want, Agent: test.want, RequestID: test.want, Detail: test.want, Count: 1,
			}
			if got := store.Entries()[0].Event; got != want {
				t.Errorf("stored is %+v, want %+v", got, want)
			}
		})
	}
}

func ExampleTrail() {
	keys, _ := audit.NewKeys("the first of state.encryption_keys")
	store := storetest.NewAudit()
	trail, _ := audit.New(audit.Options{Sink: store, Keys: keys, Log: new(logText).logger()})

	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- trail.Run(ctx) }()

	trail.Record(audit.Event{Kind: audit.KindLogin, Outcome: audit.Success, Actor: "user", UserID: 7})

	// The listeners are drained; then:
	err := trail.Close(ctx)
	cancel()
	<-ended

	proof, _ := audit.Verify(context.Background(), store, audit.Link{}, 0, keys)
	fmt.Println(err, proof.Checked, proof.Fault == "")
	// Output: <nil> 1 true
}
