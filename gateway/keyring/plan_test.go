package keyring

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"faveo-gateway/gateway/token"
)

var planStart = time.Unix(1795422901, 0).UTC()

// hours is a time of the tests.
func hours(h float64) time.Time { return planStart.Add(time.Duration(h * float64(time.Hour))) }

func activeRecord() Record {
	return Record{KID: "a", Algorithm: "ES256", Configured: "ES256", State: StateActive, CreatedAt: hours(-1), ActivatedAt: hours(0)}
}

func pendingRecord() Record {
	return Record{KID: "p", Algorithm: "ES256", Configured: "ES256", State: StatePending, CreatedAt: hours(10)}
}

func retiringRecord(kid string, until float64) Record {
	return Record{KID: kid, Algorithm: "ES256", Configured: "ES256", State: StateRetiring, CreatedAt: hours(-9), VerifyUntil: hours(until)}
}

// settled is a situation in which nothing is to be done: two replicas that know
// everything.
func settled(at time.Time, records ...Record) situation {
	s := situation{
		schedule: schedule{algorithm: token.ES256, config: Config{RotateEvery: 100 * time.Hour, PublishAhead: time.Hour}},
		records:  append([]Record{activeRecord()}, records...),
		view:     View{Now: at},
		local:    at,
	}
	for _, id := range []string{"1", "2"} {
		r := Replica{ID: id, Host: "host-" + id, Algorithm: token.ES256, Signing: "a"}
		for _, record := range s.records {
			r.Keys = append(r.Keys, record.KID)
		}
		s.view.Replicas = append(s.view.Replicas, r)
	}
	return s
}

func TestPlan(t *testing.T) {
	next := hours(100).Add(-jitter("a", 100*time.Hour))
	publish := next.Add(-time.Hour)
	second := func(change func(*Replica)) func(*situation) {
		return func(s *situation) { change(&s.view.Replicas[1]) }
	}
	none := func(*situation) {}
	for name, tt := range map[string]struct {
		situation situation
		change    func(*situation)
		action    action
		kid       string
		waiting   []string // texts that Waiting holds; none means that it is empty
	}{
		"a fresh key":                            {settled(hours(0)), none, rest, "", nil},
		"a moment before the next is published":  {settled(publish.Add(-time.Second)), none, rest, "", nil},
		"when the next is to be published":       {settled(publish), none, add, "", nil},
		"long after":                             {settled(hours(9999)), none, add, "", nil},
		"long after, without a schedule":         {settled(hours(9999)), func(s *situation) { s.config.RotateEvery = 0 }, rest, "", nil},
		"due, and perhaps not everybody is seen": {settled(publish), func(s *situation) { s.doubt = "doubt" }, add, "", nil},
		"due, while another algorithm is rolled out": {
			settled(publish), second(func(r *Replica) { r.Algorithm = token.EdDSA }), add, "", nil,
		},
		"nobody else is there": {settled(publish), func(s *situation) { s.view.Replicas = nil }, add, "", nil},

		"another algorithm is configured everywhere": {
			settled(hours(0)), func(s *situation) { s.records[0].Algorithm, s.records[0].Configured = "RS256", "RS256" }, add, "", nil,
		},
		"another algorithm is configured, without a schedule": {
			settled(hours(0)), func(s *situation) { s.records[0].Configured, s.config.RotateEvery = "RS256", 0 }, add, "", nil,
		},
		"another algorithm is configured here only": {
			settled(hours(0)), func(s *situation) { s.records[0].Configured, s.view.Replicas[1].Algorithm = "RS256", token.RS256 },
			rest, "",
			[]string{"tokens.algorithm is ES256 here", "host-2 (2)"},
		},
		"another algorithm is configured on another replica": {
			settled(hours(0)), second(func(r *Replica) { r.Algorithm = token.EdDSA }), rest, "", nil,
		},
		"another algorithm, and perhaps not everybody is seen": {
			settled(hours(0)), func(s *situation) { s.records[0].Configured, s.doubt = "RS256", "doubt" }, rest, "", []string{"doubt"},
		},
		"an algorithm that was asked for by hand": {
			settled(hours(0)), func(s *situation) { s.records[0].Algorithm = "RS256" }, rest, "", nil,
		},

		"published long enough and held by all": {settled(hours(11), pendingRecord()), none, activate, "p", nil},
		"long after it could have signed":       {settled(hours(9999), pendingRecord()), none, activate, "p", nil},
		"not published long enough": {
			settled(hours(11).Add(-time.Second), pendingRecord()), none, rest, "", []string{"published ahead until " + hours(11).Format(time.RFC3339)},
		},
		"not published ahead at all": {
			settled(hours(10), pendingRecord()), func(s *situation) { s.config.PublishAhead = 0 }, activate, "p", nil,
		},
		"a replica holds other keys": {
			settled(hours(11), pendingRecord()), second(func(r *Replica) { r.Keys = []string{"a", "P", "pp"} }), rest, "", []string{"not loaded yet by: host-2 (2)"},
		},
		"a replica is starting": {
			settled(hours(11), pendingRecord()), second(func(r *Replica) { r.Keys, r.Signing = nil, "" }), rest, "", []string{"not loaded yet by: host-2 (2)"},
		},
		"this replica does not hold it": {
			settled(hours(11), pendingRecord()), func(s *situation) { s.view.Replicas[0].Keys = nil }, rest, "", []string{"host-1 (1)"},
		},
		"perhaps not everybody is seen": {
			settled(hours(11), pendingRecord()), func(s *situation) { s.doubt = "doubt" }, rest, "", []string{"doubt"},
		},
		"several reasons": {
			settled(hours(10), pendingRecord()), func(s *situation) { s.doubt, s.view.Replicas[1].Keys = "doubt", nil },
			rest, "",
			[]string{"published ahead", "; not loaded yet by: host-2 (2)", "; doubt"},
		},
		"a replica signs with it already": {
			settled(hours(11), pendingRecord()), second(func(r *Replica) { r.Signing = "p" }), activate, "p", nil,
		},
		"pending and due again": {settled(hours(9999), pendingRecord()), func(s *situation) { s.doubt = "doubt" }, rest, "", []string{"doubt"}},
		"pending, and another algorithm is configured by now": {
			settled(hours(11), pendingRecord()), func(s *situation) { s.records[0].Configured, s.records[1].Configured = "RS256", "RS256" }, activate, "p", nil,
		},

		"a retiring key still verifies":  {settled(hours(5), retiringRecord("r", 6)), none, rest, "", nil},
		"a retiring key is over":         {settled(hours(6), retiringRecord("r", 6)), none, bury, "r", nil},
		"the second of two is over":      {settled(hours(6), retiringRecord("q", 7), retiringRecord("r", 6)), none, bury, "r", nil},
		"one of two that are over":       {settled(hours(8), retiringRecord("q", 7), retiringRecord("r", 6)), none, bury, "q", nil},
		"a replica still signs with it":  {settled(hours(6), retiringRecord("r", 6)), second(func(r *Replica) { r.Signing = "r" }), rest, "", nil},
		"over while another one waits":   {settled(hours(10), pendingRecord(), retiringRecord("r", 6)), none, bury, "r", []string{"published ahead"}},
		"activating goes before burying": {settled(hours(11), pendingRecord(), retiringRecord("r", 6)), none, activate, "p", nil},
		"adding goes before burying":     {settled(publish, retiringRecord("r", 6)), none, add, "", nil},
		"what has ended is left alone": {
			settled(hours(50), Record{KID: "g", State: StateGone, VerifyUntil: hours(1)}, Record{KID: "v", State: StateRevoked}), none, rest, "", nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			tt.change(&tt.situation)
			p := tt.situation.plan()
			if p.action != tt.action || p.kid != tt.kid || p.active != "a" {
				t.Errorf("plan %+v, want action %d with key %q", p, tt.action, tt.kid)
			}
			if len(tt.waiting) == 0 && p.rotation.Waiting != "" {
				t.Errorf("it waits: %q", p.rotation.Waiting)
			}
			for _, text := range tt.waiting {
				if !strings.Contains(p.rotation.Waiting, text) {
					t.Errorf("waiting is %q, want %q in it", p.rotation.Waiting, text)
				}
			}
		})
	}
}

func TestPlanSaysWhatComesNext(t *testing.T) {
	next := hours(100).Add(-jitter("a", 100*time.Hour))
	if got, want := settled(hours(0)).plan().rotation, (Rotation{NextAt: next}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	got := settled(hours(11), pendingRecord()).plan().rotation
	if want := (Rotation{NextAt: next, Pending: "p", SignsAt: hours(11)}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	s := settled(hours(0))
	s.config.RotateEvery = 0
	if got := s.plan().rotation; got != (Rotation{}) {
		t.Errorf("without a schedule: %+v", got)
	}
}

func TestJitter(t *testing.T) {
	const period = 720 * time.Hour
	var low, high bool
	for i := range 1000 {
		kid := fmt.Sprintf("key %d", i)
		j := jitter(kid, period)
		if j < 0 || j > period/10 || j != jitter(kid, period) || j%time.Second != 0 {
			t.Fatalf("jitter of %q is %v, want a constant of whole seconds up to %v", kid, j, period/10)
		}
		low, high = low || j < period/100, high || j > period/10*9/10
	}
	if !low || !high {
		t.Errorf("a thousand keys do not spread over a tenth of the period: low %t, high %t", low, high)
	}
}

// TestNothingIsDestroyedInDoubt: a secret that is deleted does not come back when a
// clock is set right.
func TestNothingIsDestroyedInDoubt(t *testing.T) {
	s := settled(hours(10), retiringRecord("old", 9))
	if p := s.plan(); p.action != bury || p.kid != "old" {
		t.Errorf("plan %+v, want to bury it", p)
	}
	late := s
	late.local = hours(8)
	if p := late.plan(); p.action != rest {
		t.Errorf("by the shared clock alone: plan %+v, want rest", p)
	}
	doubtful := s
	doubtful.doubt = "not watched for long"
	if p := doubtful.plan(); p.action != rest {
		t.Errorf("in doubt: plan %+v, want rest", p)
	}
}
