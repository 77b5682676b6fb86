package limit

import (
	"log/slog"
	"sync"
	"time"
)

// pause is how long the shared Store is left alone after a failure.
const pause = time.Second

// outage knows whether the shared Store fails, and tells the log once when that begins
// and once when it ends. It is safe for concurrent use.
type outage struct {
	log *slog.Logger
	now func() time.Time

	mu sync.Mutex
	// since is when it began, zero while there is none; askAt is when somebody may
	// ask again.
	since, askAt time.Time
}

// mayAsk says whether the caller is to ask the shared Store, and then report: always
// while it works, otherwise once a pause.
func (o *outage) mayAsk() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.since.IsZero() {
		return true
	}
	now := o.now()
	if now.Before(o.askAt) {
		return false
	}
	o.askAt = now.Add(pause)
	return true
}

// report takes what became of a call. The error is for the log alone: it may name
// addresses and keys.
func (o *outage) report(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case err != nil && o.since.IsZero():
		o.since = o.now().UTC()
		o.log.Warn("the store of the rate limits fails; this replica limits by its own memory", slog.Any("error", err))
	case err == nil && !o.since.IsZero():
		o.log.Info("the store of the rate limits works again", slog.Time("failed_since", o.since))
		o.since = time.Time{}
	}
	if err != nil {
		o.askAt = o.now().Add(pause)
	}
}
