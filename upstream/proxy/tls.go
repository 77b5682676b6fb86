package proxy

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// TLS is the section proxy.tls of the configuration: how upstreams with https prove
// themselves, and the gateway to them. The zero value trusts the system's roots and
// shows no certificate. Chain and name are always checked; there is no way around it.
type TLS struct {
	// CAFile is a PEM file with the only authorities that are trusted, absolute.
	// Default none: those of the system.
	CAFile string `yaml:"ca_file"`
	// CertFile is a PEM file with the certificate that the gateway shows, absolute, for
	// upstreams that ask for one. Needs KeyFile. Default none.
	CertFile string `yaml:"cert_file"`
	// KeyFile is a PEM file with its private key, absolute. Default none.
	KeyFile string `yaml:"key_file"`
	// ServerName is the name that the certificates of all upstreams must bear. Default
	// none: the host of each URL.
	ServerName string `yaml:"server_name"`
}

// Validate reports every fault of t by its path below the section. It reads no file.
func (t TLS) Validate(report func(path, message string)) {
	switch {
	case t.CertFile != "" && t.KeyFile == "":
		report("key_file", "is required with cert_file")
	case t.CertFile == "" && t.KeyFile != "":
		report("cert_file", "is required with key_file")
	}
	for _, file := range []struct{ path, name string }{
		{"ca_file", t.CAFile}, {"cert_file", t.CertFile}, {"key_file", t.KeyFile},
	} {
		if file.name != "" && !filepath.IsAbs(file.name) {
			report(file.path, "must be an absolute path")
		}
	}
	if t.ServerName != "" && !validName(t.ServerName) {
		report("server_name", "must be a host name, without a port")
	}
}

// Files are the names of the files that Client reads.
func (t TLS) Files() []string {
	var files []string
	for _, name := range []string{t.CAFile, t.CertFile, t.KeyFile} {
		if name != "" {
			files = append(files, name)
		}
	}
	return files
}

// Client reads the files into what a connection to an upstream is made with: TLS 1.2 or
// later. The error begins with the key of the file at fault. The caller owns the result.
func (t TLS) Client() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.ServerName}
	if t.CAFile != "" {
		text, err := os.ReadFile(t.CAFile)
		if err != nil {
			return nil, fmt.Errorf("ca_file: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(text) {
			return nil, errors.New("ca_file: the file holds no certificate in PEM")
		}
	}
	if t.CertFile != "" {
		pair, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("cert_file, key_file: %w", err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}

// sameFiles says whether the same certificates were read into both.
func sameFiles(a, b *tls.Config) bool {
	chain := func(x, y tls.Certificate) bool { return slices.EqualFunc(x.Certificate, y.Certificate, bytes.Equal) }
	return (a.RootCAs == b.RootCAs || a.RootCAs.Equal(b.RootCAs)) && slices.EqualFunc(a.Certificates, b.Certificates, chain)
}
