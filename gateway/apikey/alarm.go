package apikey

import (
	"log/slog"
	"sync"
	"time"
)

// How often an alarm is repeated, and how many ids it knows.
const (
	alarmEvery = time.Minute
	maxAlarms  = 1_000
)

// alarm tells the log of records that were altered, of each once a minute. It is safe
// for concurrent use.
type alarm struct {
	log *slog.Logger

	mu   sync.Mutex
	told map[string]time.Time
}

func newAlarm(log *slog.Logger) *alarm { return &alarm{log: log, told: make(map[string]time.Time)} }

// altered tells of the record of that id.
func (a *alarm) altered(id string, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if fresh(a.told[id], now, alarmEvery) {
		return
	}
	if len(a.told) >= maxAlarms {
		clear(a.told)
	}
	a.told[id] = now
	a.log.Error("an API key in the state database is not as it was written: nobody is let in by it", slog.String("api_key_id", id))
}
