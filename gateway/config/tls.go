package config

import (
	"path/filepath"

	"faveo-gateway/gateway/acme"
	"faveo-gateway/gateway/certificate"
)

// ServerTLS is the section `server.tls`. Empty, the default, the public listener speaks
// plain HTTP; with a certificate, or domains to get certificates for, only HTTPS.
type ServerTLS struct {
	// CertFile is a PEM file with the certificate and those between it and the root,
	// absolute. It is read again at a reload. Needs KeyFile. Default none.
	CertFile string `yaml:"cert_file"`
	// KeyFile is a PEM file with its private key, absolute. Default none.
	KeyFile string `yaml:"key_file"`
	// ACME gets certificates in place of CertFile.
	ACME acme.Config `yaml:"acme"`
}

// On says whether the public listener speaks TLS.
func (t ServerTLS) On() bool { return t.CertFile != "" || t.ACME.On() }

// Files are those of the certificate. They are empty where there is none, or ACME.
func (t ServerTLS) Files() certificate.Files {
	return certificate.Files{Cert: t.CertFile, Key: t.KeyFile}
}

// Validate reports every fault of t by its path below `server.tls`.
func (t ServerTLS) Validate(report func(path, message string)) {
	validateFiles(t.Files(), report)
	t.ACME.Validate(under("acme", report))
	if t.CertFile != "" && t.ACME.On() {
		report("cert_file", "must not be given together with acme.domains; one listener has one source of certificates")
	}
}

// AdminTLS is the section `admin.tls`. Empty, the default, the private listener speaks
// plain HTTP; with a certificate only HTTPS.
type AdminTLS struct {
	// CertFile and KeyFile are as those of server.tls. Default none.
	CertFile string `yaml:"cert_file"`
	KeyFile  string `yaml:"key_file"`
	// ClientCAFile is a PEM file with the authorities of the certificates that every
	// client must show, scrapers and probes too, absolute. Needs CertFile. Default none:
	// clients need none.
	ClientCAFile string `yaml:"client_ca_file"`
}

// On says whether the private listener speaks TLS.
func (t AdminTLS) On() bool { return t.CertFile != "" }

// Files are those of the certificate, empty where there is none.
func (t AdminTLS) Files() certificate.Files {
	return certificate.Files{Cert: t.CertFile, Key: t.KeyFile, ClientCA: t.ClientCAFile}
}

// Validate reports every fault of t by its path below `admin.tls`.
func (t AdminTLS) Validate(report func(path, message string)) {
	validateFiles(t.Files(), report)
	if t.ClientCAFile != "" && !t.On() {
		report("client_ca_file", "needs cert_file and key_file: without TLS nobody shows a certificate")
	}
}

// validateFiles wants both files of a certificate or none, by names that mean the same
// wherever the gateway is started. What is in them is New's to judge.
func validateFiles(f certificate.Files, report func(path, message string)) {
	switch {
	case f.Cert != "" && f.Key == "":
		report("key_file", "is required with cert_file")
	case f.Cert == "" && f.Key != "":
		report("cert_file", "is required with key_file")
	}
	for _, file := range []struct{ path, name string }{
		{"cert_file", f.Cert}, {"key_file", f.Key}, {"client_ca_file", f.ClientCA},
	} {
		if file.name != "" && !filepath.IsAbs(file.name) {
			report(file.path, "must be an absolute path")
		}
	}
}

// under reports by paths below a section.
func under(section string, report func(path, message string)) func(path, message string) {
	return func(path, message string) { report(join(section, path), message) }
}
