package config

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"faveo-gateway/upstream/faveo"
)

// Faveo is the section `faveo`: the application behind the gateway.
type Faveo struct {
	// URLs are where PHP answers: scheme, host and port, without a path (that is
	// server.base_path). Plain http is for loopback and for networks that nobody
	// else reads. Default ["http://127.0.0.1:8000"].
	URLs []string `yaml:"urls"`
	// Database is Faveo's database, "mysql://user:password@host:3306/faveo" or
	// "sqlite:///path". Required.
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

var (
	versions = []string{"auto", "2", "1.11", "1.10", "1.9"}
	phpClass = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*(\\[A-Za-z_][A-Za-z0-9_]*)*$`)
)

// Validate reports every fault of f by its path below `faveo`.
func (f Faveo) Validate(report func(path, message string)) {
	if len(f.URLs) == 0 {
		report("urls", "must name at least one URL")
	}
	for i, text := range f.URLs {
		if _, err := parseUpstream(text); err != nil {
			report(fmt.Sprintf("urls[%d]", i), err.Error())
		}
	}
	if f.Database.IsZero() {
		report("database", "is required")
	} else if message := refuseDatabase(f.Database); message != "" {
		report("database", message)
	}
	if f.JWTSecret.IsZero() {
		report("jwt_secret", "is required; it is JWT_SECRET in the .env of Faveo")
	}
	if !phpClass.MatchString(f.JWTAppClass) {
		report("jwt_app_class", `must be the name of a PHP class such as App\User`)
	}
	if !slices.Contains(versions, f.Version) {
		report("version", "must be auto, 2, 1.11, 1.10 or 1.9")
	}
	if f.PublicPath != "" && !filepath.IsAbs(f.PublicPath) {
		report("public_path", "must be an absolute path")
	}
	positive("timeout", f.Timeout, report)
	between("max_connections", int64(f.MaxConnections), 1, 10000, report)
}

// Upstreams returns URLs parsed; the error names no value. A Config of Load has
// no error.
func (f Faveo) Upstreams() ([]*url.URL, error) {
	upstreams := make([]*url.URL, len(f.URLs))
	for i, text := range f.URLs {
		u, err := parseUpstream(text)
		if err != nil {
			return nil, fmt.Errorf("faveo.urls[%d] %w", i, err)
		}
		upstreams[i] = u
	}
	return upstreams, nil
}

// parseUpstream never shows the text: it may carry a password by mistake.
func parseUpstream(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Opaque != "", u.Hostname() == "":
		return nil, errors.New("must be a URL such as http://127.0.0.1:8000")
	case u.User != nil:
		return nil, errors.New("must not carry a user name or password")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, errors.New("must not have a query or a fragment")
	case u.Path != "" && u.Path != "/":
		return nil, errors.New("must not have a path; that is server.base_path")
	}
	u.Path = ""
	return u, nil
}

// refuseDatabase returns what upstream/faveo has against a database URL, which
// never shows any of it, or "".
func refuseDatabase(s Secret) string {
	if err := (faveo.Options{Database: s.Reveal()}).Validate(); err != nil {
		return err.Error()
	}
	return ""
}

// loopback reports whether a host is this machine for certain.
func loopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.IsLoopback()
}
