package session

import (
	"fmt"
	"time"
)

// Config is the section "sessions" of the configuration.
type Config struct {
	// CacheTTL is how long a Session is believed without asking the Store
	// again. It bounds how long a revocation can be missed when the message
	// about it was lost, and how long known Sessions are served while the
	// Store is down, before failure.grace begins. Default 5s; 0 asks the Store for
	// every request; at most 1m, and not longer than RefreshOverlap, because a
	// replica that has not seen a refresh serves the old token for as long.
	CacheTTL time.Duration `yaml:"cache_ttl"`
	// AccountTTL is how long an account is believed without asking Faveo's
	// database again: the bound after which a ban, a new role or a new password
	// counts. Default 10s; 0 asks for every request; at most 5m.
	AccountTTL time.Duration `yaml:"account_ttl"`
	// RefreshOverlap is how long a token counts beside its successor, which a second
	// refresh returns again: long enough for requests that are under way, and for a
	// client that did not get the answer and asks again; short enough that a thief and
	// the owner cannot both live on one token. It also is how far the clocks of replicas
	// may be apart before an honest repetition looks like a theft. Default 30s; 1s to 5m.
	RefreshOverlap time.Duration `yaml:"refresh_overlap"`
	// MaxPerUser is how many Sessions a user may have; a login beyond it ends
	// the oldest. Default 20; 1 to 1000.
	MaxPerUser int `yaml:"max_per_user"`
	// CacheSize is how many Sessions, and how many accounts, are kept in
	// memory; the users not seen for longest make room. Default 100000; 100 to
	// 10000000. A Session takes less than 1 KiB.
	CacheSize int `yaml:"cache_size"`
}

// minOverlap is the least RefreshOverlap.
const minOverlap = time.Second

// DefaultConfig returns the defaults named at Config's fields.
func DefaultConfig() Config {
	return Config{
		CacheTTL:       5 * time.Second,
		AccountTTL:     10 * time.Second,
		RefreshOverlap: 30 * time.Second,
		MaxPerUser:     20,
		CacheSize:      100_000,
	}
}

// Validate reports every value out of bounds with its path below "sessions".
func (c Config) Validate(report func(path, message string)) {
	within(report, "cache_ttl", c.CacheTTL, 0, time.Minute)
	within(report, "account_ttl", c.AccountTTL, 0, 5*time.Minute)
	within(report, "refresh_overlap", c.RefreshOverlap, minOverlap, 5*time.Minute)
	within(report, "max_per_user", c.MaxPerUser, 1, 1000)
	within(report, "cache_size", c.CacheSize, 100, 10_000_000)
	if c.RefreshOverlap >= minOverlap && c.CacheTTL > c.RefreshOverlap {
		report("cache_ttl", fmt.Sprintf("must not be longer than refresh_overlap, %v", c.RefreshOverlap))
	}
}

func within[T int | time.Duration](report func(path, message string), path string, value, low, high T) {
	if value < low || value > high {
		report(path, fmt.Sprintf("must be %v to %v, not %v", low, high, value))
	}
}
