// Package acme gets the certificates of the public listener from an authority that
// speaks ACME (RFC 8555), such as Let's Encrypt, and renews them. It is the only door
// to certmagic, and to the zap that certmagic logs by.
//
// The idea: the listener itself proves that the names are its own, by TLS-ALPN-01 (RFC
// 8737). The authority connects to port 443 of the name and finds a certificate that
// only this account can make, so no second port and no web page are needed; whatever
// leads port 443 to the listener must not terminate TLS. Several replicas share the
// storage: one of them asks, by a lock in it, and any of them can prove.
//
// A gateway that has no certificate yet serves all the same. Handshakes fail until
// there is one, and every failure to get one is logged and tried again.
//
// Refused on purpose: certificates on demand, which would let strangers make the
// gateway ask for any name (handshakes for other names than the configured ones end
// before anything is looked up); wildcards; OCSP, which authorities have given up; and
// agreeing to terms that the operator did not agree to.
//
// Known limits: certmagic keeps one goroutine for each account of the process, which
// limits how often the authority is asked, until the process ends, and one for each lock
// in the storage until some seconds after the lock. Run waits for neither.
package acme

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/caddyserver/certmagic"
)

// Protocol is the protocol by ALPN with which the authority asks for the proof. The
// listener has to offer it.
const Protocol = "acme-tls/1"

// Options are what a Manager is made of. All fields are needed.
type Options struct {
	// Config must be valid and On.
	Config Config
	// Listener is the TCP address that the public listener serves already.
	Listener net.Addr
	Log      *slog.Logger
}

// Manager keeps one certificate for each domain. Safe for concurrent use.
type Manager struct {
	domains []string
	cache   *certmagic.Cache
	magic   *certmagic.Config
	log     *slog.Logger
}

// New makes the folder of the storage and reads ca_file; it asks no authority yet. Run
// must be called, it also ends what New has begun. The error begins with the key at
// fault.
func New(o Options) (*Manager, error) {
	roots, err := o.Config.roots()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(o.Config.Storage, 0o700); err != nil {
		return nil, fmt.Errorf("storage: %w", err)
	}
	host, port, err := listensAt(o.Listener)
	if err != nil {
		return nil, err
	}
	log := newLogger(o.Log)
	m := &Manager{domains: o.Config.Domains, log: o.Log}
	m.cache = certmagic.NewCache(certmagic.CacheOptions{
		GetConfigForCert: func(certmagic.Certificate) (*certmagic.Config, error) { return m.magic, nil },
		Logger:           log,
	})
	m.magic = certmagic.New(m.cache, certmagic.Config{
		Storage:           &certmagic.FileStorage{Path: o.Config.Storage},
		DefaultServerName: m.domains[0],
		OCSP:              certmagic.OCSPConfig{DisableStapling: true},
		Logger:            log,
	})
	m.magic.Issuers = []certmagic.Issuer{certmagic.NewACMEIssuer(m.magic, certmagic.ACMEIssuer{
		CA: o.Config.CAURL, TrustedRoots: roots, Email: o.Config.Email, Agreed: o.Config.AgreeTOS,
		DisableHTTPChallenge: true,
		// certmagic would open a listener there, finds ours and lets it serve the proof.
		ListenHost: host, AltTLSALPNPort: port,
		Logger: log,
	})}
	return m, nil
}

// listensAt is where a listener is reached from this machine.
func listensAt(address net.Addr) (host string, port int, err error) {
	tcp, ok := address.(*net.TCPAddr)
	if !ok {
		return "", 0, fmt.Errorf("the listener is no TCP listener but %s", address.Network())
	}
	if tcp.IP.IsUnspecified() {
		return "", tcp.Port, nil
	}
	return tcp.IP.String(), tcp.Port, nil
}

// GetCertificate implements the function of that name of tls.Config, for handshakes of
// clients and for the authority's.
func (m *Manager) GetCertificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	name := strings.ToLower(strings.TrimSuffix(hello.ServerName, "."))
	if name != "" && !slices.Contains(m.domains, name) {
		return nil, fmt.Errorf("no certificate for the name %q", hello.ServerName)
	}
	return m.magic.GetCertificate(hello)
}

// Expiry is the earliest time at which a domain has no valid certificate any more; zero
// while one has none yet.
func (m *Manager) Expiry() time.Time {
	var earliest time.Time
	for i, domain := range m.domains {
		var latest time.Time
		for _, c := range m.cache.AllMatchingCertificates(domain) {
			if c.Leaf != nil && c.Leaf.NotAfter.After(latest) {
				latest = c.Leaf.NotAfter
			}
		}
		if i == 0 || latest.Before(earliest) {
			earliest = latest
		}
	}
	return earliest
}

// Run gets the certificates that are missing and renews all of them in time, until ctx
// is done. Its error is nil.
func (m *Manager) Run(ctx context.Context) error {
	var domains sync.WaitGroup
	for _, domain := range m.domains {
		domains.Go(func() { m.keep(ctx, domain) })
	}
	domains.Wait()
	<-ctx.Done()
	m.cache.Stop() // Which renews until then.
	return nil
}

// retryEvery is how long a domain waits after certmagic has given up on it, which takes
// a refusal for good, a storage that fails, or a month.
const retryEvery = time.Hour

// keep brings the certificate of a domain into the cache, where it is renewed.
func (m *Manager) keep(ctx context.Context, domain string) {
	for {
		until, err := m.bring(ctx, domain)
		if err == nil {
			m.log.Info("certificate by ACME", slog.String("domain", domain), slog.Time("until", until))
		}
		if err == nil || ctx.Err() != nil {
			return
		}
		m.log.Error("no certificate by ACME", slog.String("domain", domain), slog.Any("error", err), slog.Duration("again_in", retryEvery))
		select {
		case <-ctx.Done():
			return
		case <-time.After(retryEvery):
		}
	}
}

// bring loads the certificate of a domain, gets one where there is none, and renews one
// whose time has come while no gateway ran. It tries for long, and returns until when
// the certificate is valid.
func (m *Manager) bring(ctx context.Context, domain string) (until time.Time, err error) {
	if err := m.magic.ObtainCertAsync(ctx, domain); err != nil {
		return time.Time{}, fmt.Errorf("obtain: %w", err)
	}
	cert, err := m.magic.CacheManagedCertificate(ctx, domain)
	if err != nil {
		return time.Time{}, fmt.Errorf("load: %w", err)
	}
	if !cert.NeedsRenewal(m.magic) {
		return cert.Leaf.NotAfter, nil
	}
	if err := m.magic.RenewCertAsync(ctx, domain, false); err != nil {
		return time.Time{}, fmt.Errorf("renew: %w", err)
	}
	if cert, err = m.magic.CacheManagedCertificate(ctx, domain); err != nil {
		return time.Time{}, fmt.Errorf("load what was renewed: %w", err)
	}
	return cert.Leaf.NotAfter, nil
}
