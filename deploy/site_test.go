package deploy_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"faveo-gateway/gateway/cli"
)

// site is a machine with a web server on both sides of the gateway, as the samples
// describe it, on other ports.
type site struct {
	folder              string // Holds the site's configuration, certificate, logs and public folder.
	front, plain, inner string // host:port of the web server.
	gateway, admin      string // host:port of the gateway.
	php                 *php
	client              *http.Client
}

// newSite lays out everything but the web server itself.
func newSite(t *testing.T) *site {
	t.Helper()
	ports := freePorts(t, 5)
	s := &site{
		folder: t.TempDir(), front: ports[0], plain: ports[1], inner: ports[2],
		gateway: ports[3], admin: ports[4], php: startPHP(t),
	}
	// The web server gives up being root.
	if err := os.Chmod(filepath.Dir(s.folder), 0o755); err != nil { //nolint:gosec // G302: it must be read by another user.
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		"public/index.php": "", "public/install.php": "", "public/.env": "SECRET=1",
		"public/.htaccess": "RewriteEngine On\nRewriteCond %{REQUEST_FILENAME} !-d\nRewriteCond %{REQUEST_FILENAME} !-f\nRewriteRule ^ index.php [L]\n",
	} {
		s.write(t, name, content)
	}
	s.client = s.certify(t)
	return s
}

// write puts a file into the site's folder and returns its path.
func (s *site) write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(s.folder, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o644)); err != nil { //nolint:gosec // G301, G306: as above.
		t.Fatal(err)
	}
	return path
}

// certify makes the site's certificate and a client that believes it. The client
// comes from 127.0.0.2, so that it differs from everything else on this machine.
func (s *site) certify(t *testing.T) *http.Client {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "helpdesk.example.com"}, DNSNames: []string{"helpdesk.example.com"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	s.write(t, "helpdesk.pem", string(certificate))
	s.write(t, "helpdesk.key", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(certificate)
	from := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
	transport := &http.Transport{
		TLSClientConfig:   &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return from.DialContext(ctx, network, s.front)
		},
	}
	return &http.Client{Transport: transport, Timeout: 30 * time.Second}
}

// sample is a sample of this folder with the site's own names and ports. Each of
// them must occur, or the sample is no longer what is tested.
func (s *site) sample(t *testing.T, name string, changes [][2]string) string {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	text := string(content)
	for _, change := range changes {
		if !strings.Contains(text, change[0]) {
			t.Fatalf("%s has no %q", name, change[0])
		}
		text = strings.ReplaceAll(text, change[0], change[1])
	}
	return text
}

// run runs a program of the site until the test ends, and waits for an address.
func (s *site) run(t *testing.T, address, program string, args ...string) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	command := exec.CommandContext(ctx, program, args...)
	var output bytes.Buffer
	command.Stdout, command.Stderr = &output, &output
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	command.WaitDelay = 10 * time.Second
	if err := command.Start(); err != nil {
		stop()
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = command.Wait()
	}()
	t.Cleanup(func() {
		stop()
		<-ended
	})
	if !s.answers(address, ended) {
		stop()
		<-ended
		t.Fatalf("%s does not listen on %s:\n%s", program, address, output.String())
	}
}

// answers waits until an address can be connected to; false when the program has
// ended, or a minute has passed.
func (s *site) answers(address string, ended <-chan struct{}) bool {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(time.Minute); ; {
		if c, err := net.DialTimeout("tcp", address, time.Second); err == nil {
			_ = c.Close()
			return true
		}
		select {
		case <-ended:
			return false
		case <-deadline:
			return false
		case <-tick.C:
		}
	}
}

// runGateway runs the gateway in front of the inner web server until the test ends.
// Redis and database are those of the demo.
func (s *site) runGateway(t *testing.T) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	var stderr locked
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		cli.Run(ctx, cli.Process{
			Args: []string{"demo", "--listen", s.gateway, "--admin-listen", s.admin},
			Environ: []string{
				"FAVEO_GATEWAY_FAVEO_URLS=http://" + s.inner, "FAVEO_GATEWAY_FAVEO_JWT_SECRET=" + jwtSecret,
				"FAVEO_GATEWAY_SERVER_TRUSTED_PROXIES=127.0.0.1",
			},
			Stdout: io.Discard, Stderr: &stderr,
		})
	}()
	t.Cleanup(func() {
		stop()
		<-ended
	})
	if !s.answers(s.gateway, ended) {
		t.Fatalf("the gateway does not listen:\n%s", stderr.String())
	}
}

// locked is a buffer for several goroutines.
type locked struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (l *locked) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buffer.Write(b)
}

func (l *locked) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buffer.String()
}

// freePorts are n addresses of loopback that nobody listens on, all different.
func freePorts(t *testing.T, n int) (addresses []string) {
	t.Helper()
	for range n {
		l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = l.Close() }() // All at the end: one that is free may come again.
		addresses = append(addresses, l.Addr().String())
	}
	return addresses
}
