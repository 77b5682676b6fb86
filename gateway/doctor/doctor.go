// Package doctor judges a site before its users do: whether what the gateway stands on
// answers, is set up as it has to be, and lets nobody go around it.
//
// # Idea
//
// A Site is what there is to be asked, as functions that the rooms with the doors to
// Redis, the databases and PHP provide. A check asks one question and comes to one
// Finding. The checks of a part begin with the one that reaches it: when that fails, the
// others are skipped and say so. Parts are examined at the same time, and so are the
// checks of a part; each has a deadline, and the Report is in order whoever was first.
//
// # What it refuses to do
//
// It changes nothing, and asks only questions that change nothing. It never takes "cannot
// be told" for "good". No Finding holds a secret: it tells of faults by what went wrong,
// and never quotes an address with credentials, a stored hash or a key.
package doctor

import (
	"context"
	"sync"
	"time"
)

// Result is what a check comes to.
type Result string

// The closed set of results.
const (
	// Good: as it should be.
	Good Result = "ok"
	// Unwise: it works, and somebody should change it.
	Unwise Result = "warn"
	// Failed: the gateway does not work so, or is open so.
	Failed Result = "fail"
	// Skipped: it could not be told; Found says why.
	Skipped Result = "skipped"
)

// Finding is what one check found. A check of the settings may have several.
type Finding struct {
	Part   Part   `json:"part"`
	ID     ID     `json:"id"`
	Result Result `json:"result"`
	// Found is what there is, in one sentence without an end.
	Found string `json:"found"`
	// Advice is what to do about it, in one line; empty when nothing is to be done.
	Advice string `json:"advice,omitempty"`
}

// Report is all findings, in the order of the parts.
type Report struct {
	Checks []Finding `json:"checks"`
}

// Count is how many checks came to that result.
func (r Report) Count(result Result) int {
	n := 0
	for _, f := range r.Checks {
		if f.Result == result {
			n++
		}
	}
	return n
}

// Healthy reports that nothing failed.
func (r Report) Healthy() bool { return r.Count(Failed) == 0 }

// patience bounds one check. An examination is a check that reaches a part and then all
// others of that part at once, so that it ends within twice as long.
const patience = 5 * time.Second

// Examine asks everything and returns when all has been answered or given up.
func Examine(ctx context.Context, s Site) Report {
	parts := s.parts()
	found := make([][]Finding, len(parts))
	var all sync.WaitGroup
	for i, p := range parts {
		all.Go(func() { found[i] = p.examine(ctx) })
	}
	all.Wait()
	r := Report{Checks: []Finding{}}
	for _, findings := range found {
		r.Checks = append(r.Checks, findings...)
	}
	return r
}

// verdict is a Finding that does not know yet whose it is.
type verdict struct {
	result        Result
	found, advice string
}

// check is one question.
type check struct {
	id  ID
	run func(ctx context.Context) verdict
}

// part is what is asked of one dependency.
type part struct {
	name Part
	// first reaches the dependency; nil for what needs no reaching.
	first *check
	// silent is why the others are skipped when first fails.
	silent string
	rest   []check
}

func (p part) examine(ctx context.Context) []Finding {
	var found []Finding
	if p.first != nil {
		reached := p.first.do(ctx, p.name)
		found = append(found, reached)
		if reached.Result == Failed {
			for _, c := range p.rest {
				found = append(found, Finding{Part: p.name, ID: c.id, Result: Skipped, Found: p.silent})
			}
			return found
		}
	}
	rest := make([]Finding, len(p.rest))
	var all sync.WaitGroup
	for i, c := range p.rest {
		all.Go(func() { rest[i] = c.do(ctx, p.name) })
	}
	all.Wait()
	return append(found, rest...)
}

func (c check) do(ctx context.Context, name Part) Finding {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	v := c.run(ctx)
	return Finding{Part: name, ID: c.id, Result: v.result, Found: v.found, Advice: v.advice}
}
