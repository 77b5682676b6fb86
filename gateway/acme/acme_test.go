package acme_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"io/fs"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"
	"github.com/miekg/dns"
	"go.uber.org/goleak"

	"faveo-gateway/gateway/acme"
	"faveo-gateway/gateway/certificate"
	"faveo-gateway/gateway/certificate/certificatetest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		goleak.IgnoreAnyFunction("github.com/letsencrypt/pebble/v2/va.VAImpl.processTasks"), // It has no end.
		goleak.IgnoreAnyFunction("github.com/caddyserver/certmagic.(*RingBufferRateLimiter).loop"),
		goleak.IgnoreAnyFunction("github.com/caddyserver/certmagic.keepLockfileFresh"), // It ends some seconds after its lock.
	)
}

const domain = "helpdesk.test"

// site is a listener that gets its certificates by ACME.
type site struct {
	t       *testing.T
	address net.Addr
	events  *events
	manager *acme.Manager
}

// serve starts a site with the given authority, until the test ends or stop is called.
func serve(t *testing.T, config acme.Config, plain net.Listener) (s *site, stop func()) {
	t.Helper()
	s = &site{t: t, address: plain.Addr(), events: newEvents()}
	var err error
	if s.manager, err = acme.New(acme.Options{Config: config, Listener: plain.Addr(), Log: slog.New(s.events)}); err != nil {
		t.Fatal(err)
	}
	server := &http.Server{
		Handler:           http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Proto) }),
		ReadHeaderTimeout: time.Minute,
		ErrorLog:          log.New(io.Discard, "", 0),
	}
	listener := certificate.Secure(server, plain, certificate.Issued(s.manager.GetCertificate, acme.Protocol))
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("serve: %v", err)
		}
	})
	running.Go(func() {
		if err := s.manager.Run(ctx); err != nil {
			t.Errorf("run: %v", err)
		}
	})
	stop = sync.OnceFunc(func() {
		cancel()
		server.Close()
		running.Wait()
	})
	t.Cleanup(stop)
	return s, stop
}

// shake makes a connection and returns the certificate that was shown.
func (s *site) shake(config *tls.Config) (*x509.Certificate, error) {
	conn, err := tls.Dial("tcp", s.address.String(), config)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0], nil
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return listener
}

// authority is Pebble, the ACME server that Let's Encrypt tests its clients with. It
// proves names at the port of the site, and finds every name on this machine.
type authority struct {
	config acme.Config
	roots  *x509.CertPool
}

func newAuthority(t *testing.T, port int) authority {
	t.Helper()
	t.Setenv("PEBBLE_VA_NOSLEEP", "1")
	quiet := log.New(io.Discard, "", 0)
	store := db.NewMemoryStore()
	signer := ca.New(quiet, store, "", "ecdsa", 0, 1, map[string]ca.Profile{"default": {}})
	prover := va.New(quiet, 0, port, true, resolver(t), store)
	front := wfe.New(quiet, store, prover, signer, []string{"ca.test"}, true, false, 1, 1)
	server := httptest.NewTLSServer(front.Handler())
	t.Cleanup(server.Close)
	folder := t.TempDir()
	trusted := filepath.Join(folder, "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(trusted, text, 0o600); err != nil {
		t.Fatal(err)
	}
	a := authority{roots: x509.NewCertPool(), config: acme.Config{
		Domains: []string{domain}, Email: "admin@helpdesk.test", AgreeTOS: true,
		Storage: filepath.Join(folder, "acme"), CAURL: server.URL + wfe.DirectoryPath, CAFile: trusted,
	}}
	a.config.Validate(func(path, message string) { t.Errorf("%s %s", path, message) })
	if !a.roots.AppendCertsFromPEM(signer.GetRootCert(0).PEM()) {
		t.Fatal("the authority has no root")
	}
	return a
}

// resolver is a name server that knows one address.
func resolver(t *testing.T) string {
	t.Helper()
	listener := listen(t)
	server := &dns.Server{Listener: listener, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg).SetReply(q)
		if q.Question[0].Qtype == dns.TypeA {
			m.Answer = append(m.Answer, &dns.A{
				Hdr: dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET}, A: net.IPv4(127, 0, 0, 1),
			})
		}
		_ = w.WriteMsg(m)
	})}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.ActivateAndServe() }()
	t.Cleanup(func() {
		listener.Close()
		<-done
	})
	return listener.Addr().String()
}

// events is a log whose messages can be waited for.
type events struct {
	slog.Handler
	mu      *sync.Mutex
	text    *bytes.Buffer
	changed chan struct{}
}

func newEvents() *events {
	e := &events{mu: &sync.Mutex{}, text: &bytes.Buffer{}, changed: make(chan struct{}, 1)}
	e.Handler = slog.NewJSONHandler(e, &slog.HandlerOptions{Level: slog.LevelDebug})
	return e
}

func (e *events) Write(p []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	select {
	case e.changed <- struct{}{}:
	default:
	}
	return e.text.Write(p)
}

func (e *events) String() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.text.String()
}

// await waits until the log holds a text.
func (e *events) await(t *testing.T, text string) {
	t.Helper()
	patience := time.NewTimer(30 * time.Second)
	defer patience.Stop()
	for !strings.Contains(e.String(), text) {
		select {
		case <-e.changed:
		case <-patience.C:
			t.Fatalf("no %q in the log:\n%s", text, e)
		}
	}
}

const there = `"msg":"certificate by ACME"`

// TestCertificateByACME gets a certificate by proof of the listener itself, and finds it
// again after a restart without asking anybody.
func TestCertificateByACME(t *testing.T) {
	plain := listen(t)
	a := newAuthority(t, plain.Addr().(*net.TCPAddr).Port)
	s, stop := serve(t, a.config, plain)
	s.events.await(t, there)

	cert, err := s.shake(&tls.Config{RootCAs: a.roots, ServerName: domain, NextProtos: []string{"h2"}})
	if err != nil {
		t.Fatal(err)
	}
	if !s.manager.Expiry().Equal(cert.NotAfter) {
		t.Errorf("expiry is %v, want %v", s.manager.Expiry(), cert.NotAfter)
	}
	if _, err := s.shake(&tls.Config{RootCAs: a.roots, ServerName: "HELPDESK.test"}); err != nil {
		t.Errorf("a name in upper case: %v", err)
	}
	if _, err := s.shake(&tls.Config{InsecureSkipVerify: true}); err != nil {
		t.Errorf("a client that names nobody: %v", err)
	}
	for name, config := range map[string]*tls.Config{
		"another name":                             {InsecureSkipVerify: true, ServerName: "other.test"},
		"a stranger who asks for the proof":        {InsecureSkipVerify: true, ServerName: domain, NextProtos: []string{acme.Protocol}},
		"the proof of another name":                {InsecureSkipVerify: true, ServerName: "other.test", NextProtos: []string{acme.Protocol}},
		"a name that leads out of the storage":     {InsecureSkipVerify: true, ServerName: "../../helpdesk.test", NextProtos: []string{acme.Protocol}},
		"a client that is older than TLS 1.2":      {RootCAs: a.roots, ServerName: domain, MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10},
		"a client that trusts another authority":   {ServerName: domain},
		"a client that speaks neither, but SPDY/3": {RootCAs: a.roots, ServerName: domain, NextProtos: []string{"spdy/3"}},
	} {
		if _, err := s.shake(config); err == nil {
			t.Errorf("%s: the handshake succeeds", name)
		}
	}
	for _, secret := range []string{"PRIVATE KEY", `"payload"`, "keyAuthorization"} {
		if strings.Contains(s.events.String(), secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
	if info, err := os.Stat(a.config.Storage); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the storage has mode %v, %v", info.Mode(), err)
	}
	keys := 0
	err = filepath.WalkDir(a.config.Storage, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".key") {
			return err
		}
		keys++
		if info, err := d.Info(); err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: others can read it, %v", path, err)
		}
		return nil
	})
	if err != nil || keys != 2 {
		t.Errorf("%d keys in the storage, want the account's and the certificate's; %v", keys, err)
	}

	stop()
	unreachable := a.config
	unreachable.CAFile = ""
	again, _ := serve(t, unreachable, listen(t))
	again.events.await(t, there)
	found, err := again.shake(&tls.Config{RootCAs: a.roots, ServerName: domain})
	if err != nil || !found.Equal(cert) {
		t.Errorf("after a restart: another certificate, or none: %v", err)
	}
}

// TestRenewal renews at the start what came due while no gateway ran.
func TestRenewal(t *testing.T) {
	plain := listen(t)
	a := newAuthority(t, plain.Addr().(*net.TCPAddr).Port)
	s, stop := serve(t, a.config, plain)
	s.events.await(t, there)
	stop()

	// certmagic asks the real clock, so the stored certificate is exchanged for an old one.
	past := certificatetest.NewAuthority(t).Issue(certificatetest.Leaf{Names: []string{domain}, Until: time.Now().Add(-time.Minute)})
	stored, err := filepath.Glob(filepath.Join(a.config.Storage, "certificates", "*", domain, domain+".*"))
	if err != nil || len(stored) != 3 {
		t.Fatalf("stored is %v, %v", stored, err)
	}
	for _, name := range stored {
		text := map[string][]byte{".crt": past.Cert, ".key": past.Key, ".json": []byte(`{"sans":["` + domain + `"]}`)}[filepath.Ext(name)]
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if plain, err = net.Listen("tcp", s.address.String()); err != nil {
		t.Fatal(err)
	}
	again, _ := serve(t, a.config, plain)
	again.events.await(t, there)
	cert, err := again.shake(&tls.Config{RootCAs: a.roots, ServerName: domain})
	if err != nil {
		t.Fatalf("what is served is not new: %v\n%s", err, again.events)
	}
	if !again.manager.Expiry().Equal(cert.NotAfter) {
		t.Errorf("expiry is %v, want %v", again.manager.Expiry(), cert.NotAfter)
	}
}

// TestAuthorityThatRefuses leaves the listener without a certificate, says so, and does
// not hold up the end.
func TestAuthorityThatRefuses(t *testing.T) {
	a := newAuthority(t, 1) // Where nobody proves anything.
	for name, config := range map[string]func(*acme.Config){
		"no proof":      func(*acme.Config) {},
		"not trusted":   func(c *acme.Config) { c.CAFile = "" },
		"not there":     func(c *acme.Config) { c.CAURL = "https://127.0.0.1:1/dir" },
		"two names too": func(c *acme.Config) { c.Domains = []string{"a.test", "b.test"} },
	} {
		changed := a.config
		changed.Storage = filepath.Join(t.TempDir(), "acme")
		config(&changed)
		s, stop := serve(t, changed, listen(t))
		s.events.await(t, `"msg":"will retry"`)
		if _, err := s.shake(&tls.Config{InsecureSkipVerify: true, ServerName: changed.Domains[0]}); err == nil {
			t.Errorf("%s: a handshake succeeds", name)
		}
		if !s.manager.Expiry().IsZero() {
			t.Errorf("%s: there is an expiry without certificate", name)
		}
		stop()
	}
}

// TestACMESettings that fail at the start are named by their key.
func TestACMESettings(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	good := acme.Config{Domains: []string{domain}, AgreeTOS: true, Storage: t.TempDir(), CAURL: acme.DefaultConfig().CAURL}
	for _, test := range []struct {
		change func(*acme.Config)
		want   string
	}{
		{func(c *acme.Config) { c.Storage = file }, "storage: "},
		{func(c *acme.Config) { c.CAFile = "/nowhere" }, "ca_file: "},
		{func(c *acme.Config) { c.CAFile = file }, "ca_file: "},
	} {
		config := good
		test.change(&config)
		_, err := acme.New(acme.Options{Config: config, Listener: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1}, Log: slog.New(slog.DiscardHandler)})
		if err == nil || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("error %v, want %q", err, test.want)
		}
	}
}
