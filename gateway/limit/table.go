package limit

import (
	"container/heap"
	"strings"
)

// table holds the buckets of one Name that are not full, up to size. It has no lock.
//
// It never fills a bucket by forgetting it. Full ones go first and lose nothing, then
// the one that would be full first; and what is not known counts as empty as the
// emptiest that was forgotten. So whoever makes many buckets, in order that somebody's
// empty one be forgotten, gains nothing: it comes back as empty. Until that fades, as
// time goes on, unknown ones are emptier than they should be: too strict, never too
// generous. An LRU would give a full bucket to whoever touches enough others.
type table struct {
	size  int
	known map[bucketID]*counter
	order fullFirst
	// forgotten is the latest fullAt that was forgotten.
	forgotten int64
}

// bucketID names a bucket within its Name.
type bucketID struct{ group, of string }

// counter is the state of one bucket.
type counter struct {
	bucketID
	fullAt int64
	// lockedUntil is when it leaves the Lockouts, 0 when it is not there.
	lockedUntil int64
	place       int // in the order of the table
}

func newTable(size int) *table { return &table{size: size, known: make(map[bucketID]*counter)} }

// find returns the fullAt of a bucket, and whether it is known.
func (t *table) find(id bucketID) (fullAt int64, known bool) {
	if c := t.known[id]; c != nil {
		return c.fullAt, true
	}
	return t.forgotten, false
}

// put stores the fullAt of a bucket, and when it leaves the Lockouts, 0 for not being
// there.
func (t *table) put(id bucketID, fullAt, lockedUntil, now int64) {
	if c := t.known[id]; c != nil {
		c.fullAt, c.lockedUntil = fullAt, lockedUntil
		heap.Fix(&t.order, c.place)
		return
	}
	t.makeRoom(now)
	// The texts may be pieces of a request, which they would keep alive.
	id = bucketID{strings.Clone(id.group), strings.Clone(id.of)}
	c := &counter{bucketID: id, fullAt: fullAt, lockedUntil: lockedUntil}
	t.known[id] = c
	heap.Push(&t.order, c)
}

// makeRoom forgets what has no room beside a new one, and of what is full a little
// more than comes, so that a table shrinks after a rush.
func (t *table) makeRoom(now int64) {
	for range 2 {
		if len(t.order) > 0 && t.order[0].fullAt <= now {
			t.drop(t.order[0].bucketID)
		}
	}
	for len(t.order) >= t.size {
		t.forgotten = max(t.forgotten, t.order[0].fullAt)
		t.drop(t.order[0].bucketID)
	}
}

// drop takes out a bucket that is full, or is to be.
func (t *table) drop(id bucketID) {
	if c := t.known[id]; c != nil {
		heap.Remove(&t.order, c.place)
		delete(t.known, id)
	}
}

// fullFirst is a heap.Interface of counters, the one first that will be full first.
type fullFirst []*counter

func (f fullFirst) Len() int           { return len(f) }
func (f fullFirst) Less(i, j int) bool { return f[i].fullAt < f[j].fullAt }

func (f fullFirst) Swap(i, j int) {
	f[i], f[j] = f[j], f[i]
	f[i].place, f[j].place = i, j
}

func (f *fullFirst) Push(x any) {
	c := x.(*counter)
	c.place = len(*f)
	*f = append(*f, c)
}

func (f *fullFirst) Pop() any {
	last := len(*f) - 1
	c := (*f)[last]
	(*f)[last] = nil
	*f = (*f)[:last]
	return c
}
