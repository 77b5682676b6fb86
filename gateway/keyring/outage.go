package keyring

import (
	"errors"
	"log/slog"
	"sync"
	"time"
)

// operation is what can fail for a while, told in a text that everybody may read.
type operation string

// The closed set of operations, the most important first.
const (
	loading     operation = "load the signing keys from the state database"
	unsealing   operation = "unseal every stored signing key"
	changing    operation = "change the signing keys in the state database"
	registering operation = "register this replica with the others"
	asking      operation = "ask which replicas are registered"
	announcing  operation = "tell the other replicas of changed signing keys"
)

func operations() []operation {
	return []operation{loading, unsealing, changing, registering, asking, announcing}
}

// outages keeps what does not work, and tells the log once when it begins and once
// when it ends. It is safe for concurrent use.
type outages struct {
	log *slog.Logger
	now func() time.Time

	mu    sync.Mutex
	since map[operation]time.Time
}

func newOutages(log *slog.Logger, now func() time.Time) *outages {
	return &outages{log: log, now: now, since: make(map[operation]time.Time)}
}

// report takes what became of an operation. The error is for the log alone: it may
// name addresses.
func (o *outages) report(op operation, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	began, failing := o.since[op]
	switch {
	case err != nil && !failing:
		o.since[op] = o.now().UTC()
		o.log.Error("the signing keys are not kept up to date; those in memory are used meanwhile",
			slog.String("failing", string(op)), slog.Any("error", err))
	case err == nil && failing:
		delete(o.since, op)
		o.log.Info("the signing keys are kept up to date again",
			slog.String("failed", string(op)), slog.Time("since", began))
	}
}

// worst returns the most important operation that fails, and since when.
func (o *outages) worst() (failing string, since time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, op := range operations() {
		if began, failing := o.since[op]; failing {
			return string(op), began
		}
	}
	return "", time.Time{}
}

// isFault reports whether err is one, rather than an answer of the Store.
func isFault(err error) bool {
	return err != nil && !errors.Is(err, ErrChanged) && !errors.Is(err, ErrPendingExists)
}
