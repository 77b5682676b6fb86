package config

import (
	"fmt"
	"net/url"
)

// minJWTSecret is the least length of a secret for HS256, in bytes: RFC 7518
// section 3.2.
const minJWTSecret = 32

// Warnings returns what is allowed and unwise, one sentence each beginning with
// the path of its key, none of them showing a secret. It is for a Config that
// Load returned.
func (c *Config) Warnings() []string {
	var all []string
	warn := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }

	for i, prefix := range c.Server.TrustedProxies {
		if prefix.Bits() == 0 {
			warn("server.trusted_proxies[%d]: every client is trusted to name its own address", i)
		}
	}
	for i, text := range c.Faveo.URLs {
		if u, err := url.Parse(text); err == nil && u.Scheme == "http" && !loopback(u.Hostname()) {
			warn("faveo.urls[%d]: http beyond this machine: whoever reads that network reads every token and ticket", i)
		}
	}
	switch secret := c.Faveo.JWTSecret.Reveal(); {
	case secret == "changeme":
		warn("faveo.jwt_secret: it is the default of old versions, anybody can make tokens that Faveo accepts; " +
			"set another JWT_SECRET in the .env of Faveo")
	case len(secret) < minJWTSecret:
		warn("faveo.jwt_secret: it is shorter than %d bytes and can be guessed from one token; "+
			"set a longer JWT_SECRET in the .env of Faveo", minJWTSecret)
	}
	if len(c.State.EncryptionKeys) == 0 {
		warn("state.encryption_keys: none given, the signing keys are sealed with a key derived from faveo.jwt_secret; " +
			"when that changes, new signing keys are needed and everybody logs in again")
	}
	return all
}
