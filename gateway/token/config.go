package token

import (
	"errors"
	"fmt"
	"time"
)

// Config is the part "tokens" of the configuration document.
type Config struct {
	// Issuer is the claim iss, written and required. Default "faveo-gateway".
	// Changing it logs everybody out.
	Issuer string `yaml:"issuer"`
	// Audience is the claim aud, written and required. Default "faveo".
	// Changing it logs everybody out.
	Audience string `yaml:"audience"`
	// TTL is the life of a new token in whole seconds. Default 1h.
	TTL time.Duration `yaml:"ttl"`
	// MaxTTL is the longest life of a token that is accepted, whoever signed
	// it. Default 24h. Lowering it below the TTL of living tokens ends them.
	MaxTTL time.Duration `yaml:"max_ttl"`
	// Leeway is how far iat and nbf may lie ahead of this machine's clock,
	// for replicas whose clocks differ. It never prolongs exp. Default 5s,
	// at most 2m, zero allows nothing.
	Leeway time.Duration `yaml:"leeway"`
	// Algorithm is the algorithm of the signing key. Default ES256.
	Algorithm Algorithm `yaml:"algorithm"`
}

// The bounds of Config that Validate enforces.
const (
	minTTL    = time.Minute
	maxTTL    = 30 * 24 * time.Hour
	maxLeeway = 2 * time.Minute
)

// DefaultConfig returns the defaults, which are valid.
func DefaultConfig() Config {
	return Config{
		Issuer:    "faveo-gateway",
		Audience:  "faveo",
		TTL:       time.Hour,
		MaxTTL:    24 * time.Hour,
		Leeway:    5 * time.Second,
		Algorithm: ES256,
	}
}

// Validate reports every fault at once, joined by errors.Join; each begins
// with the key below "tokens" that it is about, as in "ttl: ...".
func (c Config) Validate() error {
	var faults []error
	fault := func(ok bool, format string, args ...any) {
		if !ok {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	fault(c.Issuer != "", "issuer: must not be empty")
	fault(c.Audience != "", "audience: must not be empty")
	fault(c.TTL >= minTTL, "ttl: must be at least %v", minTTL)
	fault(c.TTL%time.Second == 0, "ttl: must be whole seconds")
	fault(c.MaxTTL >= c.TTL, "max_ttl: must not be shorter than ttl")
	fault(c.MaxTTL <= maxTTL, "max_ttl: must be at most %v", maxTTL)
	fault(c.Leeway >= 0 && c.Leeway <= maxLeeway, "leeway: must be between 0s and %v", maxLeeway)
	fault(c.Algorithm.Known(), "algorithm: must be one of %v", Algorithms())
	return errors.Join(faults...)
}
