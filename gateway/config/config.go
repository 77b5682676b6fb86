// Package config reads the configuration of the gateway: one strict YAML
// document, the environment, the flags, and Faveo's own .env.
//
// Config composes the Config types of the rooms; no room imports this package.
// The keys that exist are derived from these types alone, so that a key can be
// set in the file, by a variable (FAVEO_GATEWAY_ and the path in upper case with
// `_`) and by a flag as soon as its field exists, and the reference file
// config.yaml is tested against them.
//
// Each source is turned into settings, texts by key with their origin. The
// settings of the strongest source win: flags, environment, file, .env, defaults.
// All of them are decoded by one function with the type of the key, so that no
// value has two readings. A Secret may also be named as a file, `<key>_file`.
//
// Load refuses unknown keys and variables, wrong types, keys given twice, a
// second document, anchors, tags, empty secrets and everything that the
// Validate methods refuse. It reports all faults at once, each with its source,
// line and path. No fault shows a Secret, nor any text that may be one: a value of
// the wrong type, the name of a secret's file, a part of broken YAML.
package config

import (
	"faveo-gateway/gateway/keyring"
	"faveo-gateway/gateway/limit"
	"faveo-gateway/gateway/login"
	"faveo-gateway/gateway/session"
	"faveo-gateway/gateway/token"
	"faveo-gateway/policy"
	"faveo-gateway/upstream/proxy"
)

// Config is the whole configuration. Load returns it validated; it is not
// changed afterwards and safe to share.
type Config struct {
	Server        Server          `yaml:"server"`
	Admin         Admin           `yaml:"admin"`
	Faveo         Faveo           `yaml:"faveo"`
	Redis         Redis           `yaml:"redis"`
	State         State           `yaml:"state"`
	Login         login.Config    `yaml:"login"`
	Tokens        token.Config    `yaml:"tokens"`
	Keys          keyring.Config  `yaml:"keys"`
	Sessions      session.Config  `yaml:"sessions"`
	APIKeys       APIKeys         `yaml:"api_keys"`
	Policy        policy.Config   `yaml:"policy"`
	Proxy         proxy.Config    `yaml:"proxy"`
	Limits        limit.Config    `yaml:"limits"`
	Failure       session.Failure `yaml:"failure"`
	Observability Observability   `yaml:"observability"`
}

// Default returns the defaults. They are not valid by themselves: the two
// required secrets, faveo.database and faveo.jwt_secret, are absent.
func Default() *Config {
	return &Config{
		Server:        defaultServer(),
		Admin:         Admin{Listen: "127.0.0.1:9090"},
		Faveo:         defaultFaveo(),
		Redis:         defaultRedis(),
		State:         defaultState(),
		Login:         login.DefaultConfig(),
		Tokens:        token.DefaultConfig(),
		Keys:          keyring.DefaultConfig(),
		Sessions:      session.DefaultConfig(),
		APIKeys:       defaultAPIKeys(),
		Policy:        policy.DefaultConfig(),
		Proxy:         proxy.DefaultConfig(),
		Limits:        limit.DefaultConfig(),
		Observability: defaultObservability(),
	}
}

// validate asks every section and then compares sections with each other.
func (l *loader) validate(c *Config) {
	c.Server.Validate(l.reporter("server"))
	c.Admin.Validate(l.reporter("admin"))
	c.Faveo.Validate(l.reporter("faveo"))
	c.Redis.Validate(l.reporter("redis"))
	c.State.Validate(l.reporter("state"))
	c.Login.Validate(l.reporter("login"))
	c.Tokens.Validate(l.reporter("tokens"))
	c.Keys.Validate(l.reporter("keys"))
	c.Sessions.Validate(l.reporter("sessions"))
	c.APIKeys.Validate(l.reporter("api_keys"))
	c.Policy.Validate(l.reporter("policy"))
	c.Proxy.Validate(l.reporter("proxy"))
	c.Limits.Validate(l.reporter("limits"))
	c.Failure.Validate(l.reporter("failure"))
	c.Observability.Log.Validate(l.reporter("observability.log"))
	c.Observability.Audit.Validate(l.reporter("observability.audit"))
	c.Observability.Tracing.Validate(l.reporter("observability.tracing"))
	l.validateUpstreamTLS(c)
	if sameAddress(c.Server.Listen, c.Admin.Listen) {
		one, other := "admin", "server"
		if l.locate("admin.listen").source == sourceDefault {
			one, other = other, one
		}
		l.reporter(one)("listen", "is the address of "+other+".listen; each listener needs its own")
	}
}
