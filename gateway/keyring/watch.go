package keyring

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// lease is how long a registration lasts unless it is renewed, and so how long
	// a replica that hangs delays a rotation.
	lease = 15 * time.Second
	// gap is how far apart two views of the Registry may lie for it to be watched
	// without interruption. A replica that was seen last time cannot have expired
	// meanwhile if it is alive.
	gap = lease / 3
)

// watch remembers which replicas were seen. A Registry that was emptied knows
// nobody, though everybody is still there: for as long as the registrations would
// have lasted, a View is compared with what was seen before. It is safe for
// concurrent use.
type watch struct {
	mu sync.Mutex
	// since is the time of the first of the views without a gap until last.
	since, last time.Time
	seen        map[string]Replica
}

// see takes the next View of the Registry.
func (w *watch) see(v View) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.since.IsZero() || v.Now.Before(w.last) || v.Now.Sub(w.last) > gap {
		w.since = v.Now
	}
	w.last = v.Now
	if w.seen == nil {
		w.seen = make(map[string]Replica)
	}
	for id, r := range w.seen {
		// Where the clock was set back, nobody lasts longer than a lease from now.
		if most := v.Now.Add(lease); r.ExpiresAt.After(most) {
			r.ExpiresAt = most
			w.seen[id] = r
		}
	}
	for _, r := range v.Replicas {
		w.seen[r.ID] = r
	}
	maps.DeleteFunc(w.seen, func(_ string, r Replica) bool { return !r.ExpiresAt.After(v.Now) })
}

// doubt says why v may lack a replica that is alive; empty when it cannot.
func (w *watch) doubt(v View) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if whole := w.since.Add(lease); w.since.IsZero() || v.Now.Before(whole) {
		return fmt.Sprintf("this replica has not watched the others for %v yet", lease)
	}
	lost := maps.Clone(w.seen)
	maps.DeleteFunc(lost, func(_ string, r Replica) bool { return !r.ExpiresAt.After(v.Now) })
	for _, r := range v.Replicas {
		delete(lost, r.ID)
	}
	if len(lost) == 0 {
		return ""
	}
	return fmt.Sprintf("no longer registered, but perhaps still running: %s", names(slices.Collect(maps.Values(lost))))
}

// names lists replicas for people, by host and id.
func names(replicas []Replica) string {
	var all []string
	for _, r := range replicas {
		all = append(all, fmt.Sprintf("%s (%s)", r.Host, r.ID))
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}
