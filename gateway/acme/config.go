package acme

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Config is the section `server.tls.acme`. DefaultConfig is valid and turns it off.
type Config struct {
	// Domains are the names to get certificates for, one each: in lower case, in
	// ASCII, without wildcards. The first one also serves clients that name none.
	// Empty, the default, turns ACME off.
	Domains []string `yaml:"domains"`
	// Email is where the authority writes to when something is wrong. Default none.
	Email string `yaml:"email"`
	// AgreeTOS says that you have read and accept the terms of the authority. Required
	// with Domains. Default false.
	AgreeTOS bool `yaml:"agree_tos"`
	// Storage is an absolute folder for the account, the keys and the certificates,
	// of mode 0700. Replicas behind one name share it. Required with Domains.
	Storage string `yaml:"storage"`
	// CAURL is the directory of the authority, https. Default that of Let's Encrypt.
	CAURL string `yaml:"ca_url"`
	// CAFile is a PEM file with the roots that the authority's own https is checked
	// against, for one of your own. Empty, the default, are the system's.
	CAFile string `yaml:"ca_file"`
}

// maxDomains bounds the names: each is a certificate, and authorities count them.
const maxDomains = 50

// DefaultConfig returns the defaults.
func DefaultConfig() Config {
	return Config{CAURL: "https://acme-v02.api.letsencrypt.org/directory"}
}

// On says whether certificates are got by ACME.
func (c Config) On() bool { return len(c.Domains) > 0 }

// domain matches names that an authority can prove: two labels or more.
var domain = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$`)

// Validate reports every fault of c by its path below the section.
func (c Config) Validate(report func(path, message string)) {
	for i, name := range c.Domains {
		path := fmt.Sprintf("domains[%d]", i)
		switch {
		case len(name) > 253 || !domain.MatchString(name):
			report(path, "must be a whole host name in lower case such as helpdesk.example.com, without wildcard or port")
		case slices.Contains(c.Domains[:i], name):
			report(path, "is given twice")
		}
	}
	if len(c.Domains) > maxDomains {
		report("domains", fmt.Sprintf("must be %d at most", maxDomains))
	}
	switch {
	case c.On() && !c.AgreeTOS:
		report("agree_tos", "must be true: read the terms of the authority at ca_url")
	case !c.On() && (c.AgreeTOS || c.Email != "" || c.Storage != "" || c.CAFile != ""):
		report("domains", "must name the domains; without them the rest of the section has no effect")
	}
	if c.Email != "" && (strings.Count(c.Email, "@") != 1 || strings.ContainsAny(c.Email, " ,:<>")) {
		report("email", "must be one plain address such as admin@example.com")
	}
	if c.On() && !filepath.IsAbs(c.Storage) {
		report("storage", "must be an absolute path of a folder that outlives a restart")
	}
	if u, err := url.Parse(c.CAURL); err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.Fragment != "" {
		report("ca_url", "must be the https URL of an ACME directory")
	}
	if c.CAFile != "" && !filepath.IsAbs(c.CAFile) {
		report("ca_file", "must be an absolute path")
	}
}

// roots are what the authority's https is checked against; nil are the system's.
func (c Config) roots() (*x509.CertPool, error) {
	if c.CAFile == "" {
		return nil, nil
	}
	text, err := os.ReadFile(c.CAFile)
	if err != nil {
		return nil, fmt.Errorf("ca_file: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, errors.New("ca_file: the file holds no certificate in PEM")
	}
	return pool, nil
}
