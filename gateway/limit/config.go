package limit

import (
	"fmt"
	"slices"
)

// Config is the section `limits` of the configuration. A Rate that is not set limits
// nothing, and neither does "off". The default is no limit at all, so that a request
// whose session is known asks Redis nothing. With limits it asks: once before the
// caller is known, once for him and his routes, and once for his API key.
type Config struct {
	// PerIP limits the API requests of one address (IPv6: of one /64), before
	// anything is known of the caller.
	PerIP Rate `yaml:"per_ip"`
	// PerUser limits the API requests of one user, over all his sessions.
	PerUser Rate `yaml:"per_user"`
	// PerAPIKey limits the API requests with one managed key that has no rate of its
	// own.
	PerAPIKey Rate `yaml:"per_api_key"`
	// PerRoute limits API requests to some routes, each caller apart. Every entry
	// that matches a request counts, in any order. At most 100.
	PerRoute []Route `yaml:"per_route"`
}

// maxRoutes bounds Config.PerRoute: each request is held against all of them.
const maxRoutes = 100

// DefaultConfig returns the defaults named at Config's fields.
func DefaultConfig() Config { return Config{} }

// Validate reports every fault of c by its YAML path below `limits`.
func (c Config) Validate(report func(path, message string)) {
	for _, r := range []struct {
		path string
		rate Rate
	}{{"per_ip", c.PerIP}, {"per_user", c.PerUser}, {"per_api_key", c.PerAPIKey}} {
		if !r.rate.valid() {
			report(r.path, errRate.Error())
		}
	}
	if len(c.PerRoute) > maxRoutes {
		report("per_route", fmt.Sprintf("has more than %d entries", maxRoutes))
	}
	for i, r := range c.PerRoute {
		before := slices.IndexFunc(c.PerRoute[:i], func(other Route) bool { return other.Key() == r.Key() })
		if before >= 0 {
			report("per_route", fmt.Sprintf("entry %d has the methods and the path of entry %d", i+1, before+1))
		}
	}
}
