package config

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"time"

	"faveo-gateway/gateway/audit"
)

// minJWTSecret is the least length of a secret for HS256, in bytes: RFC 7518
// section 3.2.
const minJWTSecret = 32

// longMigration is how long tokens of Faveo are accepted without a warning. They
// live for JWT_TTL, which is seldom more than some days.
const longMigration = 90 * 24 * time.Hour

// readByOthers is the bit of a file's mode that lets everybody read it.
const readByOthers = 0o004

// Warnings returns what is allowed and unwise at the time now, one sentence each
// beginning with the path of its key, none of them showing a secret. It is for a
// Config that Load returned.
func (c *Config) Warnings(now time.Time) []string {
	var all []string
	warn := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }

	for i, prefix := range c.Server.TrustedProxies {
		if prefix.Bits() == 0 {
			warn("server.trusted_proxies[%d]: every client is trusted to name its own address", i)
		}
	}
	c.warnOfPlainListeners(warn)
	for _, key := range []struct{ path, name string }{
		{"server.tls.key_file", c.Server.TLS.KeyFile}, {"admin.tls.key_file", c.Admin.TLS.KeyFile}, {"proxy.tls.key_file", c.Proxy.TLS.KeyFile},
	} {
		if info, err := os.Stat(key.name); key.name != "" && err == nil && info.Mode().Perm()&readByOthers != 0 {
			warn("%s: every user of this machine can read the key", key.path)
		}
	}
	for i, text := range c.Faveo.URLs {
		if u, err := url.Parse(text); err == nil && u.Scheme == "http" && !IsLoopback(u.Hostname()) {
			warn("faveo.urls[%d]: http beyond this machine: whoever reads that network reads every token and ticket", i)
		}
	}
	switch secret := c.Faveo.JWTSecret.Reveal(); {
	case KnownSecret(secret):
		warn("faveo.jwt_secret: it is a text that everybody knows, anybody can make tokens that Faveo accepts; " +
			"set another JWT_SECRET in the .env of Faveo")
	case len(secret) < minJWTSecret:
		warn("faveo.jwt_secret: it is shorter than %d bytes and can be guessed from one token; "+
			"set a longer JWT_SECRET in the .env of Faveo", minJWTSecret)
	}
	if len(c.State.EncryptionKeys) == 0 {
		warn("state.encryption_keys: none given, the signing keys are sealed with a key derived from faveo.jwt_secret; " +
			"when that changes, new signing keys are needed and everybody logs in again")
	}
	if l := c.Login.Lockout; l.PerAccount.Off && l.PerAddress.Off {
		warn("login.lockout: neither per_account nor per_address counts, passwords can be guessed as fast as they are hashed")
	}
	if c.Observability.Audit.To == audit.ToNothing {
		warn("observability.audit.to: off, nobody can tell later who was let in")
	}
	if t := c.Observability.Tracing; t.Endpoint != "" && len(t.Headers) > 0 {
		if u, err := url.Parse(t.Endpoint); err == nil && u.Scheme == "http" && !IsLoopback(u.Hostname()) {
			warn("observability.tracing.endpoint: http beyond this machine: whoever reads that network reads the headers")
		}
	}
	switch until := c.Tokens.AcceptFaveoTokensUntil; {
	case until.IsZero():
	case !now.Before(until):
		warn("tokens.accept_faveo_tokens_until: that time is over, tokens of Faveo are refused; the key can go")
	case len(c.Faveo.JWTSecret.Reveal()) < minJWTSecret, KnownSecret(c.Faveo.JWTSecret.Reveal()):
		warn("tokens.accept_faveo_tokens_until: faveo.jwt_secret can be guessed, so until then anybody can make tokens that open the gateway")
	case until.Sub(now) > longMigration:
		warn("tokens.accept_faveo_tokens_until: more than 90 days ahead; until then whoever learns JWT_SECRET can make tokens " +
			"that open the gateway, while those of Faveo are over after JWT_TTL")
	}
	return all
}

// warnOfPlainListeners warns of listeners that speak HTTP with other machines. Behind a
// proxy that terminates TLS that is as it should be, and server.trusted_proxies says so.
func (c *Config) warnOfPlainListeners(warn func(format string, args ...any)) {
	if !c.Server.TLS.On() && !local(c.Server.Listen) && len(c.Server.TrustedProxies) == 0 {
		warn("server.tls: none, server.listen is not loopback and server.trusted_proxies names no proxy with TLS: " +
			"passwords and tokens cross the network as they are")
	}
	if !c.Admin.TLS.On() && !local(c.Admin.Listen) && !c.Admin.Token.IsZero() {
		warn("admin.tls: none, and admin.listen is not loopback: whoever reads that network reads the admin token")
	}
}

// local reports whether a listener is reached from this machine only.
func local(listen string) bool {
	host, _, err := net.SplitHostPort(listen)
	return err == nil && IsLoopback(host)
}
