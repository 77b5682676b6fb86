package token

import (
	"fmt"
	"slices"
	"time"

	"faveo-gateway/gateway/identity"
)

// Config is the part "tokens" of the configuration document.
type Config struct {
	// Issuer is the claim iss, written and required, also in the tokens that PHP
	// gets. Default "faveo-gateway". Changing it logs everybody out. It should not
	// be the URL of Faveo's login: no token of Faveo with this iss is accepted.
	Issuer string `yaml:"issuer"`
	// Audience is the claim aud, written and required. Default "faveo".
	// Changing it logs everybody out.
	Audience string `yaml:"audience"`
	// TTL is the life of a new token in whole seconds. Default 1h.
	TTL time.Duration `yaml:"ttl"`
	// RefreshTTL is how long after the login its token can be exchanged for a new
	// one, again and again; then only a login helps. Where TTL is longer, that counts.
	// Default 168h, at most 2160h; zero prolongs nothing. It counts for new logins.
	RefreshTTL time.Duration `yaml:"refresh_ttl"`
	// MaxTTL is the longest life of a token that is accepted, whoever signed
	// it. Default 24h. Lowering it below the TTL of living tokens ends them.
	MaxTTL time.Duration `yaml:"max_ttl"`
	// Leeway is how far iat and nbf may lie ahead of this machine's clock,
	// for replicas whose clocks differ. It never prolongs exp. Default 5s,
	// at most 2m, zero allows nothing.
	Leeway time.Duration `yaml:"leeway"`
	// AcceptFaveoTokensUntil is when the gateway stops accepting the tokens that
	// Faveo itself issued before the gateway was there. Zero, the default, accepts
	// none. Of a longer life than MaxTTL none is accepted.
	AcceptFaveoTokensUntil time.Time `yaml:"accept_faveo_tokens_until"`
	// Algorithm is the algorithm of new signing keys. Default ES256. A change is
	// carried out by a rotation and logs nobody out.
	Algorithm Algorithm `yaml:"algorithm"`
	// Sources are the places where a token is read; in another place it is
	// refused. Default all three, which the mobile apps need.
	Sources []identity.Source `yaml:"sources"`
}

// The bounds of Config that Validate enforces.
const (
	minTTL        = time.Minute
	maxTTL        = 30 * 24 * time.Hour
	maxRefreshTTL = 90 * 24 * time.Hour
	maxLeeway     = 2 * time.Minute
)

// DefaultConfig returns the defaults, which are valid.
func DefaultConfig() Config {
	return Config{
		Issuer:     "faveo-gateway",
		Audience:   "faveo",
		TTL:        time.Hour,
		RefreshTTL: 7 * 24 * time.Hour,
		MaxTTL:     24 * time.Hour,
		Leeway:     5 * time.Second,
		Algorithm:  ES256,
		Sources:    identity.Sources(),
	}
}

// Validate reports every fault of c by its path below "tokens".
func (c Config) Validate(report func(path, message string)) {
	check := func(ok bool, path, format string, args ...any) {
		if !ok {
			report(path, fmt.Sprintf(format, args...))
		}
	}
	check(c.Issuer != "", "issuer", "must not be empty")
	check(c.Audience != "", "audience", "must not be empty")
	check(c.TTL >= minTTL, "ttl", "must be at least %v", minTTL)
	check(c.TTL%time.Second == 0, "ttl", "must be whole seconds")
	check(c.TTL <= c.MaxTTL, "ttl", "must not be longer than max_ttl")
	check(c.RefreshTTL >= 0, "refresh_ttl", "must not be negative")
	check(c.RefreshTTL <= maxRefreshTTL, "refresh_ttl", "must be at most %v", maxRefreshTTL)
	check(c.MaxTTL <= maxTTL, "max_ttl", "must be at most %v", maxTTL)
	check(c.Leeway >= 0 && c.Leeway <= maxLeeway, "leeway", "must be between 0s and %v", maxLeeway)
	check(c.Algorithm.Known(), "algorithm", "must be one of %v", Algorithms())
	c.validateSources(report)
}

func (c Config) validateSources(report func(path, message string)) {
	if len(c.Sources) == 0 {
		report("sources", "must name at least one of header, query and body")
	}
	for i, source := range c.Sources {
		path := fmt.Sprintf("sources[%d]", i)
		switch {
		case !slices.Contains(identity.Sources(), source):
			report(path, "must be header, query or body")
		case slices.Contains(c.Sources[:i], source):
			report(path, "is given twice")
		}
	}
}

// faults returns what Validate reports as errors.
func (c Config) faults() (faults []error) {
	c.Validate(func(path, message string) { faults = append(faults, fmt.Errorf("%s: %s", path, message)) })
	return faults
}
