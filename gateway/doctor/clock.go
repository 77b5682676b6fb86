package doctor

import (
	"context"
	"time"
)

// clock compares a clock with the gateway's. What it says lies between the moments before
// and after the question, and within its own resolution; only what cannot be explained by
// these is a difference, which judge is told.
func clock(id ID, now func() time.Time, probe Probe[time.Time], resolution time.Duration, judge func(ahead time.Duration) verdict) check {
	return check{id, func(ctx context.Context) verdict {
		before := now()
		says, err := probe(ctx)
		after := now()
		if err != nil {
			return unseen(err)
		}
		return judge(difference(before, says, after, resolution))
	}}
}

// difference is how far a clock is surely ahead of ours, negative for behind.
func difference(before, says, after time.Time, resolution time.Duration) time.Duration {
	switch latest := says.Add(resolution); {
	case says.After(after):
		return says.Sub(after)
	case latest.Before(before):
		return latest.Sub(before)
	}
	return 0
}

// agreement tells a difference that does no harm.
func agreement(ahead time.Duration) string {
	if ahead.Abs() < 100*time.Millisecond {
		return "agrees with this machine's"
	}
	return apart(ahead)
}

// apart tells any.
func apart(ahead time.Duration) string {
	way := "ahead of"
	if ahead < 0 {
		way = "behind"
	}
	rounded := ahead.Abs().Round(100 * time.Millisecond)
	if rounded > time.Minute {
		rounded = rounded.Round(time.Second)
	}
	return rounded.String() + " " + way + " this machine's"
}

const setClocks = "let NTP keep the clocks of both machines"

// harmlessDrift is for clocks that nothing is decided by alone.
const harmlessDrift = 5 * time.Second

// loosely judges a clock whose drift is noticed in what people read.
func loosely(ahead time.Duration) verdict {
	if ahead.Abs() > harmlessDrift {
		return unwise(setClocks, "%s", apart(ahead))
	}
	return good("%s", agreement(ahead))
}
