package doctor_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"faveo-gateway/gateway/doctor"
)

// TestClockIsBlamedForNothingElse: neither the way there and back nor the whole seconds of a
// Date are a difference.
func TestClockIsBlamedForNothingElse(t *testing.T) {
	const slow = 8 * time.Second
	for name, test := range map[string]struct {
		says time.Time
		want doctor.Result
	}{
		"when it was asked":             {noon, doctor.Good},
		"when the answer came":          {noon.Add(slow), doctor.Good},
		"the second was nearly over":    {noon.Add(-time.Second), doctor.Good},
		"late, but less than a token":   {noon.Add(-6 * time.Second), doctor.Good},
		"late":                          {noon.Add(-6*time.Second - time.Millisecond), doctor.Failed},
		"early, but less than a token":  {noon.Add(slow + 30*time.Second), doctor.Good},
		"earlier than a token can live": {noon.Add(slow + 31*time.Second), doctor.Failed},
	} {
		s := healthy()
		var asked atomic.Bool
		s.Now = func() time.Time {
			if asked.Load() {
				return noon.Add(slow)
			}
			return noon
		}
		// All other clocks are asked before, by parts that need none.
		s.Redis.Nodes = fails[[]doctor.RedisNode](errDown)
		s.Database.Server = fails[doctor.Server](errDown)
		s.PHP[0].Clock = says(test.says)
		probe := s.PHP[0].Clock
		s.PHP[0].Clock = func(ctx context.Context) (time.Time, error) {
			asked.Store(true)
			return probe(ctx)
		}
		if got := find(doctor.Examine(t.Context(), s), doctor.CheckPHPClock)[0]; got.Result != test.want {
			t.Errorf("%s: %+v, want %s", name, got, test.want)
		}
	}
}
