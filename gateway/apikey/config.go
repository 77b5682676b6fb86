package apikey

import (
	"fmt"
	"slices"
	"time"

	"faveo-gateway/gateway/limit"
)

// Required says who needs an API key, a closed set.
type Required string

// The values of Required.
const (
	RequiredByFaveo Required = "faveo"  // everybody, when Faveo's settings say so
	RequiredAlways  Required = "always" // everybody, whatever they say
	RequiredNever   Required = "never"  // nobody
)

// The bounds of Config.
const maxOverlap = 30 * 24 * time.Hour

// Config is the section "api_keys" of the configuration, but for the pepper.
type Config struct {
	// Required is faveo, always or never. Under faveo, the default, api_enable and
	// api_key_mandatory in Faveo's settings decide, at most 30s stale. A managed key
	// that is sent has to be right under each of them.
	Required Required
	// CacheTTL is how long a replica believes a key, and the settings, without asking
	// the others: the bound after which a revoked key is refused should the news of
	// it be lost. Default 5s; 0s asks for every request; at most 30s.
	CacheTTL time.Duration
	// RotationOverlap is how long the secret before goes on when a key is rotated and
	// nobody says otherwise. Default 24h; 0s ends it at once; at most 720h.
	RotationOverlap time.Duration
	// PerAddress is how many keys that are none may be looked up from one address (IPv6:
	// from one /64). A key that is in memory, or turns out to be right, does not count.
	// Default 60/1m; "off", and a Rate that is not set, limit nothing.
	PerAddress limit.Rate
}

// DefaultConfig returns the defaults named at Config's fields.
func DefaultConfig() Config {
	return Config{
		Required: RequiredByFaveo, CacheTTL: 5 * time.Second, RotationOverlap: 24 * time.Hour,
		PerAddress: limit.Rate{Count: 60, Per: time.Minute},
	}
}

// Validate reports every value out of bounds with its path below "api_keys".
func (c Config) Validate(report func(path, message string)) {
	if all := []Required{RequiredByFaveo, RequiredAlways, RequiredNever}; !slices.Contains(all, c.Required) {
		report("required", fmt.Sprintf("must be one of %v, not %q", all, c.Required))
	}
	within(report, "cache_ttl", c.CacheTTL, Staleness)
	within(report, "rotation_overlap", c.RotationOverlap, maxOverlap)
	if !canLimit(c.PerAddress) {
		report("per_address", "is not a rate that can be limited to")
	}
}

func within(report func(path, message string), path string, value, most time.Duration) {
	if value < 0 || value > most {
		report(path, fmt.Sprintf("must be 0s to %v, not %v", most, value))
	}
}
