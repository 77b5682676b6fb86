package login

import "time"

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
	// MinFailureTime is the least time that a refused login takes, counted from
	// its arrival; longer ones take a multiple of it. It must exceed the time of
	// one hash to hide which check failed. Zero pads nothing. Default 250ms.
	MinFailureTime time.Duration `yaml:"min_failure_time"`
	// HideInternalNote keeps the staff's note about a customer out of the
	// customer's own answers. Default true.
	HideInternalNote bool `yaml:"hide_internal_note"`
}

// DefaultConfig returns the defaults that the fields of Config name.
func DefaultConfig() Config {
	return Config{
		StrictStatus:     true,
		LegacyClients:    []string{"Dalvik/*"},
		QueueTimeout:     2 * time.Second,
		MinFailureTime:   250 * time.Millisecond,
		HideInternalNote: true,
	}
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
	for _, pattern := range c.LegacyClients {
		if pattern == "" {
			report("legacy_clients", "an empty pattern matches no client; remove it")
		}
	}
}
