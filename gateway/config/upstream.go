package config

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"time"

	"faveo-gateway/upstream/faveo"
	"faveo-gateway/upstream/proxy"
)

// Faveo is the section `faveo`: the application behind the gateway.
type Faveo struct {
	// URLs are where PHP answers: scheme, host and port, without a path (that is
	// server.base_path). Plain http is for loopback and for networks that nobody
	// else reads. Several share the requests and stand in for each other, as section
	// proxy says. Default ["http://127.0.0.1:8000"].
	URLs []string `yaml:"urls"`
	// Database is Faveo's database in one of the forms of database.Parse, such as
	// "mysql://user:password@host:3306/faveo". Required.
	Database Secret `yaml:"database"`
	// JWTSecret is JWT_SECRET of Faveo's .env, which signs the tokens that go to
	// PHP. Required.
	JWTSecret Secret `yaml:"jwt_secret"`
	// JWTAppClass is the PHP class of the users, whose hash is the claim prv.
	// Default `App\User`.
	JWTAppClass string `yaml:"jwt_app_class"`
	// Version is the shape of Faveo's answers: "auto" (the default) reads
	// settings_system.version; "2", "1.11", "1.10" and "1.9" fix it.
	Version string `yaml:"version"`
	// PublicPath is Faveo's public folder on this machine, absolute, for the
	// pictures of users who have uploaded one. Empty, the default: such a picture
	// is shown as missing.
	PublicPath string `yaml:"public_path"`
	// Timeout bounds one question to the database. Default 2s.
	Timeout time.Duration `yaml:"timeout"`
	// MaxConnections bounds the connections to the database. Default 20.
	MaxConnections int `yaml:"max_connections"`
}

func defaultFaveo() Faveo {
	return Faveo{
		URLs:           []string{"http://127.0.0.1:8000"},
		JWTAppClass:    `App\User`,
		Version:        "auto",
		Timeout:        2 * time.Second,
		MaxConnections: 20,
	}
}

var phpClass = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*(\\[A-Za-z_][A-Za-z0-9_]*)*$`)

// Validate reports every fault of f by its path below `faveo`.
func (f Faveo) Validate(report func(path, message string)) {
	if len(f.URLs) == 0 {
		report("urls", "must name at least one URL")
	}
	_, err := f.Upstreams()
	if faults, ok := errors.AsType[proxy.UpstreamFaults](err); ok {
		for _, fault := range faults {
			report(fmt.Sprintf("urls[%d]", fault.Index), fault.Message)
		}
	}
	if f.JWTSecret.IsZero() {
		report("jwt_secret", "is required; it is JWT_SECRET in the .env of Faveo")
	}
	if !phpClass.MatchString(f.JWTAppClass) {
		report("jwt_app_class", `must be the name of a PHP class such as App\User`)
	}
	// The room calls its options as the keys are called.
	faveo.Options{
		Database: f.Database.Reveal(), Timeout: f.Timeout, MaxConnections: f.MaxConnections,
		Version: f.Version, PublicPath: f.PublicPath,
	}.Validate(report)
}

// Upstreams returns URLs parsed; the error names no value. A Config of Load has
// no error.
func (f Faveo) Upstreams() ([]*url.URL, error) { return proxy.ParseUpstreams(f.URLs) }

// validateUpstreamTLS reports proxy.tls where no upstream is reached by TLS: a typing
// error in a URL must not leave a connection open that somebody meant to close.
func (l *loader) validateUpstreamTLS(c *Config) {
	overTLS := func(text string) bool {
		u, err := url.Parse(text)
		return err != nil || u.Scheme == "https" // What is no URL has a fault of its own.
	}
	if slices.ContainsFunc(c.Faveo.URLs, overTLS) {
		return
	}
	for _, key := range []struct{ path, value string }{
		{"tls.ca_file", c.Proxy.TLS.CAFile}, {"tls.cert_file", c.Proxy.TLS.CertFile}, {"tls.server_name", c.Proxy.TLS.ServerName},
	} {
		if key.value != "" {
			l.reporter("proxy")(key.path, "has no effect: none of faveo.urls begins with https")
		}
	}
}

// IsLoopback reports whether a host, a name or an address without a port, is this machine
// for certain.
func IsLoopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.IsLoopback()
}
