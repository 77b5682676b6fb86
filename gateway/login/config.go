package login

import (
	"runtime"
	"time"

	"faveo-gateway/gateway/limit"
)

// Config is the section `login` of the configuration.
type Config struct {
	// StrictStatus answers a failed login with HTTP 401. PHP answers 200 with
	// status_code 401 in the body, and so does the gateway when this is false.
	// Default true.
	StrictStatus bool `yaml:"strict_status"`
	// LegacyClients are patterns of the User-Agent header, `*` for any text,
	// that get HTTP 200 for a failed login even when StrictStatus is set. The
	// default is the agent of the official Android app, which logs in again by
	// itself and for ever on 401. Empty means none.
	LegacyClients []string `yaml:"legacy_clients"`
	// MaxConcurrentHashes is how many passwords are hashed at once. Zero, the
	// default, means one for each CPU.
	MaxConcurrentHashes int `yaml:"max_concurrent_hashes"`
	// QueueTimeout is how long a login waits for its turn to hash before it is
	// answered 503. Default 2s.
	QueueTimeout time.Duration `yaml:"queue_timeout"`
	// Lockout bounds failed logins.
	Lockout LockoutConfig `yaml:"lockout"`
	// MinFailureTime is the least time that a refused login takes, counted from
	// its arrival. Where the costliest hash of the site takes nearly as long, it is as
	// much longer as is needed to hide which check failed; what then takes longer takes
	// a multiple. It must exceed a search through all accounts. Zero pads nothing.
	// Default 250ms.
	MinFailureTime time.Duration `yaml:"min_failure_time"`
	// HideInternalNote keeps the staff's note about a customer out of the
	// customer's own answers. Default true.
	HideInternalNote bool `yaml:"hide_internal_note"`
}

// LockoutConfig is the section `login.lockout`. An attempt counts for each of the
// three, and not at all when it turns out to be right.
type LockoutConfig struct {
	// PerAccount is for the logins to one account, by whatever name and from whatever
	// address, and for those with one unknown name. Not set, the default, it is what
	// Faveo's own settings_security says, else 15/15m.
	PerAccount limit.Rate `yaml:"per_account"`
	// PerPair is for the logins to one account from one address. It is all that an
	// address has which has logged in to the account before. Default 10/15m.
	PerPair limit.Rate `yaml:"per_pair"`
	// PerAddress is for the logins from one address (IPv6: from one /64), whatever the
	// account. Default 60/15m.
	PerAddress limit.Rate `yaml:"per_address"`
	// KnownAddresses is how long after its last login to an account an address does
	// not draw from PerAccount, so that strangers cannot lock the owner out. Zero has
	// no such addresses. Default 720h.
	KnownAddresses time.Duration `yaml:"known_addresses"`
}

const (
	lockoutPeriod     = 15 * time.Minute
	maxKnownAddresses = 365 * 24 * time.Hour
)

// defaultPerAccount is the rate where neither the configuration nor Faveo has one.
func defaultPerAccount() limit.Rate { return limit.Rate{Count: 15, Per: lockoutPeriod} }

// DefaultConfig returns the defaults that the fields of Config name.
func DefaultConfig() Config {
	return Config{
		StrictStatus:   true,
		LegacyClients:  []string{"Dalvik/*"},
		QueueTimeout:   2 * time.Second,
		MinFailureTime: 250 * time.Millisecond,
		Lockout: LockoutConfig{
			PerPair:        limit.Rate{Count: 10, Per: lockoutPeriod},
			PerAddress:     limit.Rate{Count: 60, Per: lockoutPeriod},
			KnownAddresses: 30 * 24 * time.Hour,
		},
		HideInternalNote: true,
	}
}

// hashes is how many passwords are hashed at once.
func (c Config) hashes() int {
	if c.MaxConcurrentHashes > 0 {
		return c.MaxConcurrentHashes
	}
	return runtime.GOMAXPROCS(0)
}

// Validate reports every fault of c by its YAML path below `login`.
func (c Config) Validate(report func(path, message string)) {
	if c.MaxConcurrentHashes < 0 {
		report("max_concurrent_hashes", "must not be negative; 0 means one for each CPU")
	}
	if c.QueueTimeout <= 0 {
		report("queue_timeout", "must be positive")
	}
	if c.MinFailureTime < 0 || c.MinFailureTime > 10*time.Second {
		report("min_failure_time", "must be between 0s and 10s")
	}
	if known := c.Lockout.KnownAddresses; known != 0 && (known < time.Minute || known > maxKnownAddresses) {
		report("lockout.known_addresses", "must be 0s, for none, or between 1m and 8760h")
	}
	for _, pattern := range c.LegacyClients {
		if pattern == "" {
			report("legacy_clients", "an empty pattern matches no client; remove it")
		}
	}
}
