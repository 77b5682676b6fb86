package audit

import (
	"slices"
	"sync"
	"time"
)

// The bounds of a queue.
const (
	// maxQueue is how many events wait at most: some two to ten megabytes.
	maxQueue = 8192
	// maxBatch is how many are written at once.
	maxBatch = 256
)

// queue holds events until they are written. It is safe for concurrent use.
type queue struct {
	// full is signalled when there is a whole batch.
	full chan struct{}

	mu     sync.Mutex
	events []Event
	closed bool
	// gathered is that of the window which ends then.
	gathered gathering
	ends     time.Time
}

func newQueue(now time.Time) *queue {
	return &queue{full: make(chan struct{}, 1), gathered: newGathering(), ends: now.Add(window)}
}

// put takes an event, unless the queue is full or closed.
func (q *queue) put(e Event) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.closed:
		return false
	case e.isGathered() && q.gathered.add(e):
		return true
	case len(q.events) >= maxQueue:
		return false
	}
	q.events = append(q.events, e)
	if len(q.events) >= maxBatch {
		select {
		case q.full <- struct{}{}:
		default:
		}
	}
	return true
}

// turn ends the window when its time has come, and returns what has no place in the
// queue.
func (q *queue) turn(now time.Time) (rest []Event) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if now.Before(q.ends) {
		return nil
	}
	q.ends = now.Add(window)
	q.flush()
	if len(q.events) > maxQueue {
		rest = slices.Clone(q.events[maxQueue:])
		q.events = q.events[:maxQueue]
	}
	return rest
}

// flush puts what was gathered behind the events.
func (q *queue) flush() { q.events = append(q.events, q.gathered.turn()...) }

// close takes no more events.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.flush()
}

// batch returns the events that are to be written next, at most most. They stay in the
// queue until done, and are the first of every later batch.
func (q *queue) batch(most int) []Event {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := min(len(q.events), most)
	return q.events[:n:n]
}

// done takes the first n events out: they are written.
func (q *queue) done(n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	n = min(n, len(q.events)) // Somebody may have drained it meanwhile.
	clear(q.events[:n])
	q.events = q.events[n:]
}

// drain takes everything out.
func (q *queue) drain() []Event {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.flush()
	rest := q.events
	q.events = nil
	return rest
}

// isDone reports that it is closed and empty.
func (q *queue) isDone() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.closed && len(q.events) == 0
}

// length is how many events wait, what is gathered not counted.
func (q *queue) length() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.events)
}
