package limit

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// LocalOptions are what a Local is made of.
type LocalOptions struct {
	// Buckets is how many are remembered of each Name, a full one being none; about
	// 200 bytes each. 0 is 20000.
	Buckets int
	// Sets is how many sets of members are remembered; about 100 bytes for a member.
	// 0 is 10000.
	Sets int
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Local is a Store in memory: it does what package redisstore does, for one replica.
// Its errors are ErrMalformed only, it does not block, and it asks no context.
//
// Its size is bounded, and however many buckets strangers make, none is refilled by
// that: see table. Sets are forgotten when they were not used for longest; who was a
// member is then counted like everybody.
type Local struct {
	now func() time.Time

	mu     sync.Mutex
	tables map[Name]*table
	sets   *simplelru.LRU[setID, members]
}

var _ Store = (*Local)(nil)

// setID names a set of members, who are there until a time in microseconds.
type setID struct{ group, set string }

type members map[string]int64

// NewLocal returns a Local that knows nobody.
func NewLocal(o LocalOptions) *Local {
	if o.Now == nil {
		o.Now = time.Now
	}
	l := &Local{now: o.Now, tables: make(map[Name]*table)}
	for _, name := range Names() {
		l.tables[name] = newTable(max(cmp.Or(o.Buckets, 20_000), 1))
	}
	// The only error is a size below 1.
	l.sets, _ = simplelru.NewLRU[setID, members](max(cmp.Or(o.Sets, 10_000), 1), nil)
	return l
}

// draw is a bucket that a call draws from.
type draw struct {
	*Bucket
	cell
	id    bucketID
	table *table
	// level is its fullAt as it counts now; it is known when anything was taken that
	// has not come back.
	level int64
	known bool
}

// draws appends to into the buckets that a call draws from: that limit, and leave
// nobody out. into spares an allocation.
func (l *Local) draws(into []draw, group string, buckets []Bucket, now int64) []draw {
	for i := range buckets {
		b := &buckets[i]
		if !b.Rate.Limits() || l.has(group, b.Unless, now) {
			continue
		}
		d := draw{Bucket: b, cell: b.Rate.cell(), id: bucketID{group, b.Of}, table: l.tables[b.Name]}
		var fullAt int64
		fullAt, d.known = d.table.find(d.id)
		d.level = d.cell.level(fullAt, now)
		if fullAt > d.bound(now) {
			// Even a refused take stores this: otherwise the bucket would begin to fill
			// only when the old time has come.
			d.put(now)
			d.known = true
		}
		into = append(into, d)
	}
	return into
}

// has says whether somebody is a member.
func (l *Local) has(group string, m Member, now int64) bool {
	if m.Set == "" {
		return false
	}
	set, _ := l.sets.Get(setID{group, m.Set})
	return set[m.Of] > now
}

// put stores the level, and reports whether that has made the bucket a lockout.
func (d *draw) put(now int64) (locked bool) {
	free := d.freeAt(d.level)
	locked = d.Listed && free > now
	if !locked {
		free = 0
	}
	d.table.put(d.id, d.level, free, now)
	return locked
}

// Take implements Source.
func (l *Local) Take(_ context.Context, group string, buckets ...Bucket) (Verdict, error) {
	if err := CheckBuckets(group, buckets); err != nil {
		return Verdict{}, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now().UnixMicro()
	var room [4]draw
	drawn := l.draws(room[:0], group, buckets, now)
	v := Verdict{Allowed: true}
	for i := range drawn {
		d := &drawn[i]
		if wait := fromMicros(d.freeAt(d.level) - now); wait > v.RetryAfter {
			v = Verdict{By: d.Name, RetryAfter: wait}
		}
	}
	if !v.Allowed {
		return v, nil
	}
	for i := range drawn {
		d := &drawn[i]
		d.level = d.take(d.level)
		if d.put(now) {
			v.Emptied = append(v.Emptied, *d.Bucket)
		}
	}
	return v, nil
}

// Return implements Source.
func (l *Local) Return(_ context.Context, group string, buckets ...Bucket) error {
	if err := CheckBuckets(group, buckets); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now().UnixMicro()
	var room [4]draw
	drawn := l.draws(room[:0], group, buckets, now)
	for i := range drawn {
		d := &drawn[i]
		if d.level = d.give(d.level); d.known && d.level > now {
			d.put(now)
		} else {
			d.table.drop(d.id)
		}
	}
	return nil
}

// Remember implements Source.
func (l *Local) Remember(_ context.Context, group string, m Member, life time.Duration) error {
	if err := CheckMember(group, m, life); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now().UnixMicro()
	id := setID{group, m.Set}
	set, found := l.sets.Get(id)
	if !found {
		set = make(members)
		l.sets.Add(setID{strings.Clone(group), strings.Clone(m.Set)}, set)
	}
	set.add(strings.Clone(m.Of), now, now+life.Microseconds())
	return nil
}

// add puts a member in until a time, and takes out who has left, and who would leave
// first of those that are too many.
func (s members) add(member string, now, until int64) {
	s[member] = until
	first := ""
	for other, until := range s {
		switch {
		case other == member:
		case until <= now:
			delete(s, other)
		case first == "" || until < s[first] || (until == s[first] && other < first):
			first = other
		}
	}
	if len(s) > MaxMembers {
		delete(s, first)
	}
}

// Locked implements Lockouts.
func (l *Local) Locked(_ context.Context, group string, most int) (locked []Lockout, more bool, err error) {
	if err := CheckList(group, most); err != nil {
		return nil, false, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.eachLocked(group, func(_ *table, o Lockout) { locked = append(locked, o) })
	slices.SortFunc(locked, func(a, b Lockout) int { return b.Until.Compare(a.Until) })
	if more = len(locked) > most; more {
		locked = locked[:most]
	}
	return locked, more, nil
}

// Clear implements Lockouts. match must not call the Local.
func (l *Local) Clear(_ context.Context, group string, match func(Lockout) bool) (cleared int, err error) {
	if err := CheckGroup(group); err != nil {
		return 0, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	var matched []func()
	l.eachLocked(group, func(t *table, o Lockout) {
		if match(o) {
			matched = append(matched, func() { t.drop(bucketID{group, o.Of}) })
		}
	})
	for _, drop := range matched {
		drop()
	}
	return len(matched), nil
}

// eachLocked calls do with each lockout of a group. do must not change the tables.
func (l *Local) eachLocked(group string, do func(*table, Lockout)) {
	now := l.now().UnixMicro()
	for name, t := range l.tables {
		for _, c := range t.order {
			if c.group == group && c.lockedUntil > now {
				do(t, Lockout{Name: name, Of: c.of, Until: untilMicros(c.lockedUntil)})
			}
		}
	}
}

// untilMicros is for Lockout.Until.
func untilMicros(micros int64) time.Time {
	const perMilli = 1000
	return time.UnixMilli((micros + perMilli - 1) / perMilli).UTC()
}

func fromMicros(micros int64) time.Duration { return time.Duration(micros) * time.Microsecond }
