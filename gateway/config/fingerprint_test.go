package config_test

import (
	"net/netip"
	"testing"
	"time"

	"faveo-gateway/gateway/config"
	"faveo-gateway/gateway/limit"
)

// TestFingerprint tells configurations apart by what replicas should have in common, and
// by nothing that is a machine's own or a secret.
func TestFingerprint(t *testing.T) {
	const most = 1 << 48
	network := func(text string) []netip.Prefix { return []netip.Prefix{netip.MustParsePrefix(text)} }
	first := map[uint64]string{}
	for _, try := range []struct {
		name   string
		change func(*config.Config)
		// like is the configuration before whose fingerprint is the same, "" for none.
		like string
	}{
		{"the defaults", func(*config.Config) {}, ""},
		{"the addresses of the listeners", func(c *config.Config) { c.Server.Listen, c.Admin.Listen = "192.0.2.1:1", "192.0.2.1:2" }, "the defaults"},
		{"the names of the machine", func(c *config.Config) { c.Admin.Hosts = []string{"a"} }, "the defaults"},
		{"a secret", func(c *config.Config) { c.Faveo.JWTSecret = config.NewSecret("one") }, ""},
		{"another secret", func(c *config.Config) { c.Faveo.JWTSecret = config.NewSecret("another") }, "a secret"},
		{"a duration", func(c *config.Config) { c.Sessions.CacheTTL += time.Nanosecond }, ""},
		{"a network", func(c *config.Config) { c.Server.TrustedProxies = network("192.0.2.0/24") }, ""},
		{"another network", func(c *config.Config) { c.Server.TrustedProxies = network("192.0.2.0/25") }, ""},
		{"a rate", func(c *config.Config) { c.Limits.PerIP = limit.Rate{Count: 1, Per: time.Minute} }, ""},
		{"another rate", func(c *config.Config) { c.Limits.PerIP = limit.Rate{Count: 2, Per: time.Minute} }, ""},
		{"a list", func(c *config.Config) { c.Login.LegacyClients = []string{"a", "b"} }, ""},
		{"a list of the same letters", func(c *config.Config) { c.Login.LegacyClients = []string{"a b"} }, ""},
		{"where policy files are", func(c *config.Config) { c.Policy.Files = []string{"a"} }, "the defaults"},
	} {
		t.Run(try.name, func(t *testing.T) {
			c := config.Default()
			try.change(c)
			got := c.Fingerprint()
			like := first[got]
			if like != try.like || got >= most {
				t.Errorf("fingerprint %x is that of %q, want that of %q, and below 2^48", got, like, try.like)
			}
			if like == "" {
				first[got] = try.name
			}
		})
	}
}
