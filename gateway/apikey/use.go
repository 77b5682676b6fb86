package apikey

import (
	"context"
	"log/slog"
	"maps"
	"sync"
	"time"
)

// How coarse Record.LastUsedAt is: usedEvery is how often a use of one key is noted,
// and flushEvery how often what was noted is stored.
const (
	usedEvery  = 5 * time.Minute
	flushEvery = time.Minute
)

// uses are the keys whose use is not stored yet. Only keys that exist get here, which
// bounds them.
type uses struct {
	mu      sync.Mutex
	pending map[string]time.Time
}

func newUses() *uses { return &uses{pending: make(map[string]time.Time)} }

// note notes that the key is used, unless that was noted a moment ago. Of many requests
// at once one does it. Whole minutes make equal times of many keys, which can be stored
// together.
func (u *uses) note(e *entry, now time.Time) {
	last := e.used.Load()
	if fresh(time.Unix(last, 0), now, usedEvery) || !e.used.CompareAndSwap(last, now.Unix()) {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.pending[e.key.ID] = now.UTC().Truncate(time.Minute)
}

// take returns what is to be stored.
func (u *uses) take() map[string]time.Time {
	u.mu.Lock()
	defer u.mu.Unlock()
	taken := u.pending
	u.pending = make(map[string]time.Time)
	return taken
}

// giveBack takes what could not be stored, unless a later use was noted meanwhile.
func (u *uses) giveBack(taken map[string]time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	maps.Copy(taken, u.pending)
	u.pending = taken
}

// flush stores what was noted, in one call.
func (c *checker) flush(ctx context.Context, log *slog.Logger) {
	taken := c.uses.take()
	if len(taken) == 0 {
		return
	}
	ctx, cancel := detach(ctx)
	defer cancel()
	if err := c.store.Used(ctx, taken); err != nil {
		c.uses.giveBack(taken)
		log.Warn("when API keys were last used could not be stored", slog.Int("keys", len(taken)), slog.Any("error", err))
	}
}
