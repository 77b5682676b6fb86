// Package certificate holds the certificate that a listener proves itself with, and
// exchanges it while the listener serves.
//
// The idea: everything that a handshake needs is one immutable snapshot, read from
// files as a whole. A Source points to the snapshot of now. A handshake takes the
// pointer once, so that it never sees the certificate of one pair and the key of
// another; connections that stand keep what they were made with.
//
// An exchange is prepared first and committed then: whatever can fail (a file that is
// missing, a key that belongs to another certificate, a certificate that is over) fails
// while the old snapshot serves, and the commit is one store of a pointer.
//
// Refused on purpose: TLS below 1.2, cipher suites without forward secrecy or
// authenticated encryption, and session tickets where clients prove themselves by
// certificates, so that nobody resumes what the authorities of now would not accept.
package certificate

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync/atomic"
	"time"
)

// Files are the PEM files of one listener, absolute or relative to the working directory.
type Files struct {
	// Cert holds the certificate of the listener, then those between it and the root.
	Cert string
	// Key holds its private key, not encrypted: PKCS #8, PKCS #1 or SEC 1.
	Key string
	// ClientCA holds the authorities of the certificates that clients must show.
	// Empty: clients are not asked.
	ClientCA string
}

// List are the names of those there are, none where there is no certificate.
func (f Files) List() []string {
	return slices.DeleteFunc([]string{f.Cert, f.Key, f.ClientCA}, func(name string) bool { return name == "" })
}

// Source serves the certificate of one listener. Safe for concurrent use.
type Source struct {
	current atomic.Pointer[snapshot]
	now     func() time.Time
}

// snapshot is what one reading of the files gave. It is not changed afterwards.
type snapshot struct {
	config *tls.Config
	leaf   *x509.Certificate
}

// New reads the files. Its error begins with the key that names the file at fault:
// cert_file, key_file or client_ca_file. A certificate that is over is none, so that a
// gateway that starts again still serves whoever looks away: see Expiry.
func New(f Files) (*Source, error) {
	first, err := read(f)
	if err != nil {
		return nil, err
	}
	s := &Source{now: time.Now}
	s.current.Store(first)
	return s, nil
}

// Prepare reads the files anew and judges them. Nothing has changed until commit is
// called, which cannot fail. The error is that of New, or says that the certificate is
// not valid at this time: a serving listener is never made worse than it is. The
// certificate that serves already does not make it worse, and is none that is over.
func (s *Source) Prepare(f Files) (commit func(), err error) {
	next, err := read(f)
	if err != nil {
		return nil, err
	}
	switch now := s.now(); {
	case next.leaf.Equal(s.current.Load().leaf):
	case now.After(next.leaf.NotAfter):
		return nil, fmt.Errorf("cert_file: the certificate was valid until %s", next.leaf.NotAfter.UTC().Format(time.RFC3339))
	case now.Before(next.leaf.NotBefore):
		return nil, fmt.Errorf("cert_file: the certificate is not valid before %s", next.leaf.NotBefore.UTC().Format(time.RFC3339))
	}
	return func() { s.current.Store(next) }, nil
}

// Serving is the certificate that new connections meet. It is shared and not to be changed.
func (s *Source) Serving() *x509.Certificate { return s.current.Load().leaf }

// Expiry is the time until which the certificate of now is valid.
func (s *Source) Expiry() time.Time { return s.Serving().NotAfter }

// read reads the files into a snapshot.
func read(f Files) (*snapshot, error) {
	// Each file is read once, so that what is judged is what serves.
	cert, err := readFile("cert_file", f.Cert)
	if err != nil {
		return nil, err
	}
	if err := onlyCertificates(cert); err != nil {
		return nil, fmt.Errorf("cert_file: %w", err)
	}
	key, err := readFile("key_file", f.Key)
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		// What it says of the certificate was said above.
		return nil, fmt.Errorf("key_file: %w", err)
	}
	config := newConfig()
	config.Certificates = []tls.Certificate{pair}
	if f.ClientCA != "" {
		if config.ClientCAs, err = readPool("client_ca_file", f.ClientCA); err != nil {
			return nil, err
		}
		config.ClientAuth = tls.RequireAndVerifyClientCert
		config.SessionTicketsDisabled = true
	}
	return &snapshot{config: config, leaf: pair.Leaf}, nil
}

func readFile(key, name string) ([]byte, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	return text, nil
}

func readPool(key, name string) (*x509.CertPool, error) {
	text, err := readFile(key, name)
	if err != nil {
		return nil, err
	}
	if err := onlyCertificates(text); err != nil {
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s: %w", key, errNoCertificate)
	}
	return pool, nil
}

var errNoCertificate = errors.New("the file holds no certificate in PEM")
