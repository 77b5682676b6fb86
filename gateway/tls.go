package gateway

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"faveo-gateway/gateway/acme"
	"faveo-gateway/gateway/certificate"
	"faveo-gateway/gateway/config"
)

// certificates are those of files that the listeners prove themselves with. Each is nil where
// its listener speaks plain HTTP, or gets its certificate by ACME.
type certificates struct {
	public     *certificate.Source
	admin      *certificate.Source
	registerer prometheus.Registerer
}

// openCertificates reads the files of both listeners.
func openCertificates(c *config.Config, log *slog.Logger, r prometheus.Registerer) (certificates, error) {
	s := certificates{registerer: r}
	var err error
	if c.Server.TLS.On() && !c.Server.TLS.ACME.On() {
		if s.public, err = certificate.New(c.Server.TLS.Files()); err != nil {
			return s, fmt.Errorf("server.tls.%w", err)
		}
		s.watch(listenerPublic, s.public.Expiry)
		warnOfExpiry(log, "server.tls.cert_file", s.public.Expiry())
	}
	if c.Admin.TLS.On() {
		if s.admin, err = certificate.New(c.Admin.TLS.Files()); err != nil {
			return s, fmt.Errorf("admin.tls.%w", err)
		}
		s.watch(listenerAdmin, s.admin.Expiry)
		warnOfExpiry(log, "admin.tls.cert_file", s.admin.Expiry())
	}
	return s, nil
}

// checkCertificates reads what a start would read, and names every fault.
func checkCertificates(c *config.Config) error {
	var faults []error
	if c.Server.TLS.On() && !c.Server.TLS.ACME.On() {
		if _, err := certificate.New(c.Server.TLS.Files()); err != nil {
			faults = append(faults, fmt.Errorf("server.tls.%w", err))
		}
	}
	if c.Admin.TLS.On() {
		if _, err := certificate.New(c.Admin.TLS.Files()); err != nil {
			faults = append(faults, fmt.Errorf("admin.tls.%w", err))
		}
	}
	if _, err := c.Proxy.TLS.Client(); err != nil {
		faults = append(faults, fmt.Errorf("proxy.tls.%w", err))
	}
	return errors.Join(faults...)
}

// warnOfExpiry tells of a certificate that clients will refuse. The gateway serves
// nevertheless: it is no safer when it is down.
func warnOfExpiry(log *slog.Logger, key string, until time.Time) {
	if time.Now().After(until) {
		log.Warn(key+": the certificate is not valid any more", slog.Time("until", until))
	}
}

// overAdmin lets the private listener speak TLS where it has a certificate.
func (s certificates) overAdmin(server *http.Server, plain net.Listener) net.Listener {
	if s.admin == nil {
		return plain
	}
	return certificate.Secure(server, plain, s.admin.TLS())
}

// overTLS returns what lets the server of the public listener, which has the address,
// speak TLS where it has a certificate, or gets one; else the listener stays as it is.
func (g *Gateway) overTLS(c *config.Config, address net.Addr) (secure func(*http.Server, net.Listener) net.Listener, err error) {
	s := &g.certificates
	with := func(config *tls.Config) func(*http.Server, net.Listener) net.Listener {
		return func(server *http.Server, plain net.Listener) net.Listener {
			return certificate.Secure(server, plain, config)
		}
	}
	switch {
	case s.public != nil:
		return with(s.public.TLS()), nil
	case !c.Server.TLS.ACME.On():
		return func(_ *http.Server, plain net.Listener) net.Listener { return plain }, nil
	}
	manager, err := acme.New(acme.Options{Config: c.Server.TLS.ACME, Listener: address, Log: g.log})
	if err != nil {
		return nil, fmt.Errorf("server.tls.acme.%w", err)
	}
	s.watch(listenerPublic, manager.Expiry)
	g.background("certificates by ACME", manager.Run)
	return with(certificate.Issued(manager.GetCertificate, acme.Protocol)), nil
}

// prepareCertificates reads the files of the certificates anew, by a configuration that
// may name other ones. Nothing has changed until commit is called, which cannot fail;
// connections that stand go on. Whether a listener speaks TLS at all, and what
// server.tls.acme says, is settled at the start and not judged here.
//
// The error names the key of the file at fault, or says that a certificate is over.
// Safe for concurrent use with requests; of two commits the later one counts.
func (g *Gateway) prepareCertificates(c *config.Config) (commit func(), err error) {
	public, admin := func() {}, func() {}
	if s := g.certificates.public; s != nil && c.Server.TLS.CertFile != "" {
		if public, err = s.Prepare(c.Server.TLS.Files()); err != nil {
			return nil, fmt.Errorf("server.tls.%w", err)
		}
	}
	if s := g.certificates.admin; s != nil && c.Admin.TLS.On() {
		if admin, err = s.Prepare(c.Admin.TLS.Files()); err != nil {
			return nil, fmt.Errorf("admin.tls.%w", err)
		}
	}
	return func() { public(); admin() }, nil
}

// serving are the certificates of files that new connections meet, by the key of the file.
func (s *certificates) serving() map[string]*x509.Certificate {
	now := map[string]*x509.Certificate{}
	if s.public != nil {
		now["server.tls.cert_file"] = s.public.Serving()
	}
	if s.admin != nil {
		now["admin.tls.cert_file"] = s.admin.Serving()
	}
	return now
}

// The closed set of the label listener.
const (
	listenerPublic = "public"
	listenerAdmin  = "admin"
)

// watch registers the gauge that tells until when a listener can prove itself. One
// without TLS has none.
func (s *certificates) watch(listener string, expiry func() time.Time) {
	s.registerer.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name:        "faveo_gateway_certificate_expiry_timestamp_seconds",
		Help:        "When the certificate of a listener (public, admin) ends, in seconds since 1970; 0 while there is none yet. Listeners without TLS are absent.",
		ConstLabels: prometheus.Labels{"listener": listener},
	}, func() float64 {
		until := expiry()
		if until.IsZero() {
			return 0
		}
		return float64(until.Unix())
	}))
}
