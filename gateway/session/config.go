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
	// Store is down. Default 5s; 0 asks the Store for every request; at most 1m.
	CacheTTL time.Duration `yaml:"cache_ttl"`
	// AccountTTL is how long an account is believed without asking Faveo's
	// database again: the bound after which a ban, a new role or a new password
	// counts. Default 10s; 0 asks for every request; at most 5m.
	AccountTTL time.Duration `yaml:"account_ttl"`
	// MaxPerUser is how many Sessions a user may have; a login beyond it ends
	// the oldest. Default 20; 1 to 1000.
	MaxPerUser int `yaml:"max_per_user"`
	// CacheSize is how many Sessions, and how many accounts, are kept in
	// memory; the users not seen for longest make room. Default 100000; 100 to
	// 10000000. A Session takes less than 1 KiB.
	CacheSize int `yaml:"cache_size"`
}

// DefaultConfig returns the defaults named at Config's fields.
func DefaultConfig() Config {
	return Config{
		CacheTTL:   5 * time.Second,
		AccountTTL: 10 * time.Second,
		MaxPerUser: 20,
		CacheSize:  100_000,
	}
}

// Validate reports every value out of bounds with its path below "sessions".
func (c Config) Validate(report func(path, message string)) {
	within(report, "cache_ttl", c.CacheTTL, 0, time.Minute)
	within(report, "account_ttl", c.AccountTTL, 0, 5*time.Minute)
	within(report, "max_per_user", c.MaxPerUser, 1, 1000)
	within(report, "cache_size", c.CacheSize, 100, 10_000_000)
}

func within[T int | time.Duration](report func(path, message string), path string, value, low, high T) {
	if value < low || value > high {
		report(path, fmt.Sprintf("must be %v to %v, not %v", low, high, value))
	}
}
