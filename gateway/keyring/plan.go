package keyring

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"time"

	"faveo-gateway/gateway/token"
)

// margin is how much longer than its last token a retiring key verifies: for the
// replicas that learn a little later that it signs no more.
const margin = time.Minute

// schedule is what the configuration says about rotation.
type schedule struct {
	algorithm token.Algorithm
	config    Config
	// verifyFor is how long a key verifies after it was retired.
	verifyFor time.Duration
}

// situation is all that a plan depends on.
type situation struct {
	schedule
	// records are the listing of the Store, with one active key.
	records []Record
	// view is what the Registry said after that.
	view View
	// doubt is why the view may lack a replica that is alive, empty when it cannot.
	doubt string
	// local is this replica's own clock.
	local time.Time
}

// action is what a plan wants to be done.
type action int

// The closed set of actions.
const (
	rest     action = iota // nothing, or nothing yet
	add                    // add a pending key to follow the active one
	activate               // make the pending key active
	bury                   // make a retiring key gone
)

// plan is what to do now, in one step, and what comes later.
type plan struct {
	action action
	// kid is the key to activate or to bury, active the one that is active.
	kid, active string
	rotation    Rotation
}

// plan decides what to do. The Store judges whether it is still right by then.
func (s situation) plan() plan {
	active, _ := inState(s.records, StateActive)
	p := plan{active: active.KID, rotation: Rotation{NextAt: s.nextAt(active)}}
	if pending, found := inState(s.records, StatePending); found {
		p.rotation.Pending, p.rotation.SignsAt = pending.KID, pending.CreatedAt.Add(s.config.PublishAhead)
		p.rotation.Waiting = s.holdsBack(p.rotation)
		if p.rotation.Waiting == "" {
			p.action, p.kid = activate, pending.KID
		}
	} else if due, waiting := s.due(active, p.rotation.NextAt); due {
		p.rotation.Waiting = waiting
		if waiting == "" {
			p.action = add
		}
	}
	if p.action == rest {
		if over, found := s.over(); found {
			p.action, p.kid = bury, over
		}
	}
	return p
}

// nextAt is when the schedule wants another key to sign, zero without a schedule.
func (s schedule) nextAt(active Record) time.Time {
	if s.config.RotateEvery == 0 {
		return time.Time{}
	}
	return active.ActivatedAt.Add(s.config.RotateEvery - jitter(active.KID, s.config.RotateEvery))
}

// jitter is up to a tenth of a period, always the same one for a key.
func jitter(kid string, period time.Duration) time.Duration {
	sum := sha256.Sum256([]byte(kid))
	part := binary.BigEndian.Uint64(sum[:]) % uint64(period/10+1)
	return time.Duration(part).Truncate(time.Second)
}

// due reports whether the active key is to be replaced, and what is waited for
// before that begins. While the replicas want different algorithms, as in a rolling
// deployment, none of them rotates for the sake of its own.
func (s situation) due(active Record, nextAt time.Time) (due bool, waiting string) {
	if !nextAt.IsZero() && !s.view.Now.Before(nextAt.Add(-s.config.PublishAhead)) {
		return true, ""
	}
	if active.Configured == string(s.algorithm) {
		return false, ""
	}
	others := slices.DeleteFunc(slices.Clone(s.view.Replicas), func(r Replica) bool { return r.Algorithm == s.algorithm })
	if len(others) > 0 {
		return true, fmt.Sprintf("tokens.algorithm is %s here, and another on: %s", s.algorithm, names(others))
	}
	return true, s.doubt
}

// holdsBack says why a pending key does not sign yet; empty when it can.
func (s situation) holdsBack(r Rotation) string {
	var reasons []string
	if s.view.Now.Before(r.SignsAt) {
		reasons = append(reasons, "published ahead until "+r.SignsAt.Format(time.RFC3339))
	}
	without := slices.DeleteFunc(slices.Clone(s.view.Replicas), func(o Replica) bool { return slices.Contains(o.Keys, r.Pending) })
	if len(without) > 0 {
		reasons = append(reasons, "not loaded yet by: "+names(without))
	}
	if s.doubt != "" {
		reasons = append(reasons, s.doubt)
	}
	return strings.Join(reasons, "; ")
}

// over returns a retiring key whose last token has expired. One with which a
// replica still signs is not over. What is done then cannot be undone: the secret is
// deleted. So nothing is over while the view is in doubt, nor by the shared clock
// alone, which after a failover may be another one.
func (s situation) over() (kid string, found bool) {
	if s.doubt != "" {
		return "", false
	}
	for _, r := range s.records {
		signs := func(o Replica) bool { return o.Signing == r.KID }
		past := !s.view.Now.Before(r.VerifyUntil) && !s.local.Before(r.VerifyUntil)
		if r.State == StateRetiring && past && !slices.ContainsFunc(s.view.Replicas, signs) {
			return r.KID, true
		}
	}
	return "", false
}

// inState returns the first record in that state.
func inState(records []Record, state State) (Record, bool) {
	i := slices.IndexFunc(records, func(r Record) bool { return r.State == state })
	if i < 0 {
		return Record{}, false
	}
	return records[i], true
}
