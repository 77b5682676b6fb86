package keyring

import (
	"fmt"
	"time"
)

// The bounds of Config.
const (
	minRotateEvery = time.Hour
	// longest bounds every duration: ten years, so that sums of them are times.
	longest = 10 * 365 * 24 * time.Hour
)

// Config is the section "keys" of the configuration.
type Config struct {
	// RotateEvery is how long a key signs before the next one takes its place,
	// less up to a tenth that the key's id decides, so that sites that were started
	// together do not rotate together. Default 720h; 0s rotates by hand only, and
	// when tokens.algorithm changes. At least 1h.
	RotateEvery time.Duration `yaml:"rotate_every"`
	// PublishAhead is how long a new key stands in the JWK set before it signs, so
	// that readers of the set have it in time. Default 10m; 0s waits only for the
	// replicas to hold it. At most RotateEvery, unless that is 0s.
	PublishAhead time.Duration `yaml:"publish_ahead"`
	// RetireAfter is how long a key that signs no more still verifies, at least;
	// where tokens.max_ttl is longer, that counts, so that no token is cut short.
	// Default 0s, which is tokens.max_ttl.
	RetireAfter time.Duration `yaml:"retire_after"`
}

// DefaultConfig returns the defaults named at Config's fields.
func DefaultConfig() Config {
	return Config{RotateEvery: 720 * time.Hour, PublishAhead: 10 * time.Minute}
}

// Validate reports every value out of bounds with its path below "keys".
func (c Config) Validate(report func(path, message string)) {
	if c.RotateEvery != 0 && (c.RotateEvery < minRotateEvery || c.RotateEvery > longest) {
		report("rotate_every", fmt.Sprintf("must be 0s or %v to %v, not %v", minRotateEvery, longest, c.RotateEvery))
	}
	within(report, "publish_ahead", c.PublishAhead)
	within(report, "retire_after", c.RetireAfter)
	if c.RotateEvery >= minRotateEvery && c.PublishAhead > c.RotateEvery {
		report("publish_ahead", fmt.Sprintf("must not be longer than rotate_every, %v", c.RotateEvery))
	}
}

func within(report func(path, message string), path string, value time.Duration) {
	if value < 0 || value > longest {
		report(path, fmt.Sprintf("must be 0s to %v, not %v", longest, value))
	}
}
