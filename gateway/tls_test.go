package gateway_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"faveo-gateway/gateway"
	"faveo-gateway/gateway/certificate/certificatetest"
	"faveo-gateway/gateway/config"
	"faveo-gateway/upstream/standin"
)

// overTLS are the settings of a public listener that speaks TLS, and how to trust it.
func overTLS(t testing.TB) (settings, *tls.Config, *certificatetest.Authority, string) {
	t.Helper()
	authority, folder := certificatetest.NewAuthority(t), t.TempDir()
	cert, key := authority.Issue(certificatetest.Leaf{Names: []string{"127.0.0.1"}}).Files(folder)
	return settings{"server.tls.cert_file": cert, "server.tls.key_file": key}, &tls.Config{RootCAs: authority.Pool()}, authority, folder
}

// startOverTLS is start with a public listener that speaks TLS.
func startOverTLS(t testing.TB, over settings) (*world, *certificatetest.Authority, string) {
	t.Helper()
	w := &world{t: t, faveo: standin.New(standin.Options{Secret: secret}), log: &safeBuffer{}}
	upstream := httptest.NewServer(w.faveo)
	t.Cleanup(upstream.Close)
	w.upstream = upstream.URL
	secured, trust, authority, folder := overTLS(t)
	w.trust = trust
	w.run(settings{"faveo.urls": upstream.URL}, secured, over)
	return w, authority, folder
}

// TestOverTLS walks the main road by HTTP/2 and HTTP/1.1.
func TestOverTLS(t *testing.T) {
	stores, _ := onMariaDB(t)
	w, _, _ := startOverTLS(t, stores)
	for _, transport := range []struct {
		proto  string
		client http.RoundTripper
	}{
		{"HTTP/2.0", &http.Transport{TLSClientConfig: w.trust.Clone(), ForceAttemptHTTP2: true}},
		{"HTTP/1.1", &http.Transport{TLSClientConfig: w.trust.Clone()}},
	} {
		w.client.CloseIdleConnections()
		w.client.Transport = transport.client
		token := w.login("demo_admin", "AdminPass1!")
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.url("/api/v1/helpdesk/tickets"), nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("X-Forwarded-Proto", "http")
		response, err := w.client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, response.Body)
		response.Body.Close()
		if response.StatusCode != http.StatusOK || response.Proto != transport.proto {
			t.Errorf("%s: %s %d", transport.proto, response.Proto, response.StatusCode)
		}
		seen, _ := w.faveo.LastRequest()
		if seen.Header.Get("X-Forwarded-Proto") != "https" || seen.Host != w.gateway.Address() || seen.Proto != "HTTP/1.1" {
			t.Errorf("%s: PHP got %s of %q by %s", transport.proto, seen.Header.Get("X-Forwarded-Proto"), seen.Host, seen.Proto)
		}
		w.wantProblem(transport.proto+" without a token", w.send(http.MethodGet, "/api/v1/helpdesk/tickets", ""), 401, "token_not_provided")
	}
	if !regexp.MustCompile(`(?m)^faveo_gateway_certificate_expiry_timestamp_seconds\{listener="public"\} 1\.\d+e\+09$`).MatchString(w.metrics()) {
		t.Error("no metric of the certificate's end")
	}
	if strings.Contains(w.metrics(), `listener="admin"`) {
		t.Error("a metric of a certificate that the private listener does not have")
	}
}

// TestPlainHTTPToTLS must not be served, nor hang.
func TestPlainHTTPToTLS(t *testing.T) {
	stores, _ := onMariaDB(t)
	w, _, _ := startOverTLS(t, stores)
	response, err := http.Get("http://" + w.gateway.Address() + "/api/v1/helpdesk/tickets")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	if response.StatusCode != http.StatusBadRequest || !strings.Contains(string(body), "HTTPS") {
		t.Errorf("%d %s", response.StatusCode, body)
	}
}

// TestWebsocketOverTLS is asked for by HTTP/1.1, and passes although HTTP/2 is offered.
func TestWebsocketOverTLS(t *testing.T) {
	stores, _ := onMariaDB(t)
	w, _, _ := startOverTLS(t, stores)
	conn, err := tls.Dial("tcp", w.gateway.Address(), w.trust)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: faveo.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", "/echo")
	line := make([]byte, len("HTTP/1.1 101"))
	if _, err := io.ReadFull(conn, line); err != nil || string(line) != "HTTP/1.1 101" {
		t.Errorf("answer begins %q, %v", line, err)
	}
}

// TestCertificatesAreExchanged replaces the files while the gateway serves.
func TestCertificatesAreExchanged(t *testing.T) {
	stores, _ := onMariaDB(t)
	admin := certificatetest.NewAuthority(t)
	cert, key := admin.Issue(certificatetest.Leaf{Names: []string{"127.0.0.1"}}).Files(t.TempDir())
	over := settings{"admin.tls.cert_file": cert, "admin.tls.key_file": key}
	for path, text := range stores {
		over[path] = text
	}
	w, authority, folder := startOverTLS(t, over)
	met := func() string {
		conn, err := tls.Dial("tcp", w.gateway.Address(), w.trust)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		return conn.ConnectionState().PeerCertificates[0].SerialNumber.String()
	}
	first := met()
	pair := authority.Issue(certificatetest.Leaf{Names: []string{"127.0.0.1"}})
	pair.Files(folder)
	if met() != first {
		t.Error("served before the reload")
	}
	change, err := w.gateway.Reload(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"server.tls.cert_file"}; !slices.Equal(change.Taken, want) {
		t.Errorf("taken %q, want %q", change.Taken, want)
	}
	if met() != pair.Leaf.SerialNumber.String() {
		t.Error("not served after the reload")
	}
	// The pair of the private listener is bad: nothing may be exchanged.
	authority.Issue(certificatetest.Leaf{Names: []string{"127.0.0.1"}}).Files(folder)
	w.set(settings{"admin.tls.key_file": folder + "/tls.key"})
	if _, err := w.gateway.Reload(t.Context()); err == nil || !strings.HasPrefix(err.Error(), "admin.tls.key_file: ") {
		t.Errorf("a key of another certificate: %v", err)
	}
	if met() != pair.Leaf.SerialNumber.String() {
		t.Error("a bad pair of one listener exchanged that of the other")
	}
}

// TestBadCertificatesAtTheStart are named by their key, by New and by Check.
func TestBadCertificatesAtTheStart(t *testing.T) {
	stores, _ := onMariaDB(t)
	authority := certificatetest.NewAuthority(t)
	cert, _ := authority.Issue(certificatetest.Leaf{Names: []string{"127.0.0.1"}}).Files(t.TempDir())
	_, key := authority.Issue(certificatetest.Leaf{Names: []string{"127.0.0.1"}}).Files(t.TempDir())
	for _, test := range []struct {
		over settings
		want string
	}{
		{settings{"server.tls.cert_file": cert, "server.tls.key_file": key}, "server.tls.key_file: "},
		{settings{"admin.tls.cert_file": cert, "admin.tls.key_file": "/nowhere"}, "admin.tls.key_file: "},
		{settings{"proxy.tls.ca_file": key, "faveo.urls": "https://127.0.0.1:1"}, "proxy.tls.ca_file: "},
	} {
		free := settings{"server.listen": "127.0.0.1:0", "admin.listen": "127.0.0.1:0", "faveo.jwt_secret": secret}
		c, err := config.Load(config.Sources{Overrides: merge(stores, merge(free, test.over))})
		if err != nil {
			t.Fatal(err)
		}
		if err := gateway.Check(c); err == nil || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("check says %v, want %s", err, test.want)
		}
		_, err = gateway.New(context.Background(), gateway.Options{Config: c, Log: slog.New(slog.DiscardHandler)})
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("a start says %v, want %s", err, test.want)
		}
	}
}

// TestUpstreamTLS serves what PHP's web server proves, and never passes on what it does
// not.
func TestUpstreamTLS(t *testing.T) {
	inOrder(t)
	stores, _ := onMariaDB(t)
	authority, stranger := certificatetest.NewAuthority(t), certificatetest.NewAuthority(t)
	clientCert, clientKey := authority.Issue(certificatetest.Leaf{}).Files(t.TempDir())
	mutual := settings{"proxy.tls.cert_file": clientCert, "proxy.tls.key_file": clientKey}
	for _, test := range []struct {
		name   string
		server certificatetest.Pair
		asks   bool // the upstream asks for a certificate
		over   settings
		status int
	}{
		{"right name", authority.Issue(certificatetest.Leaf{Names: []string{"127.0.0.1"}}), false, nil, 200},
		{"name by configuration", authority.Issue(certificatetest.Leaf{Names: []string{"php.test"}}), false, settings{"proxy.tls.server_name": "php.test"}, 200},
		{"another name", authority.Issue(certificatetest.Leaf{Names: []string{"php.test"}}), false, nil, 502},
		{"another name than configured", authority.Issue(certificatetest.Leaf{Names: []string{"127.0.0.1"}}), false, settings{"proxy.tls.server_name": "php.test"}, 502},
		{"expired", authority.Issue(certificatetest.Leaf{Names: []string{"127.0.0.1"}, Until: time.Now().Add(-time.Minute)}), false, nil, 502},
		{"another authority", stranger.Issue(certificatetest.Leaf{Names: []string{"127.0.0.1"}}), false, nil, 502},
		{"a client's certificate", authority.Issue(certificatetest.Leaf{}), false, nil, 502},
		{"asks for a certificate and gets one", authority.Issue(certificatetest.Leaf{Names: []string{"127.0.0.1"}}), true, mutual, 200},
		{"asks for a certificate and gets none", authority.Issue(certificatetest.Leaf{Names: []string{"127.0.0.1"}}), true, nil, 502},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := &world{t: t, faveo: standin.New(standin.Options{Secret: secret}), log: &safeBuffer{}}
			php := httptest.NewUnstartedServer(w.faveo)
			php.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)
			php.TLS = &tls.Config{Certificates: []tls.Certificate{test.server.TLS()}}
			if test.asks {
				php.TLS.ClientAuth, php.TLS.ClientCAs = tls.RequireAndVerifyClientCert, authority.Pool()
			}
			php.StartTLS()
			t.Cleanup(php.Close)
			w.run(stores, settings{"faveo.urls": php.URL, "proxy.tls.ca_file": authority.File()}, test.over)
			token := w.login("demo_admin", "AdminPass1!")
			got := w.send(http.MethodGet, "/api/v1/helpdesk/tickets", "", "Authorization: Bearer "+token)
			if test.status == http.StatusOK {
				if got.status != test.status {
					t.Errorf("%d %s", got.status, got.body)
				}
				return
			}
			w.wantProblem(test.name, got, test.status, "upstream_unavailable")
			if n := len(w.faveo.Requests()); n != 0 {
				t.Errorf("PHP got %d requests by a connection that is not trusted", n)
			}
		})
	}
}

// TestCertificatesByACME serves what is in the storage, and tells when there is nothing.
func TestCertificatesByACME(t *testing.T) {
	stores, _ := onMariaDB(t)
	const domain = "helpdesk.test"
	authority, storage := certificatetest.NewAuthority(t), t.TempDir()
	pair := authority.Issue(certificatetest.Leaf{Names: []string{domain}, From: time.Now().Add(-time.Minute), Until: time.Now().Add(24 * time.Hour)})
	folder := filepath.Join(storage, "certificates", "acme.test-dir", domain)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{".crt": pair.Cert, ".key": pair.Key, ".json": []byte(`{"sans":["` + domain + `"]}`)} {
		if err := os.WriteFile(filepath.Join(folder, domain+name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	w := &world{t: t, faveo: standin.New(standin.Options{Secret: secret}), log: &safeBuffer{}, trust: &tls.Config{RootCAs: authority.Pool(), ServerName: domain}}
	upstream := httptest.NewServer(w.faveo)
	t.Cleanup(upstream.Close)
	w.run(stores, settings{
		"faveo.urls": upstream.URL, "server.tls.acme.domains": domain, "server.tls.acme.agree_tos": "true",
		"server.tls.acme.storage": storage, "server.tls.acme.ca_url": "https://acme.test/dir",
	})
	for began := time.Now(); ; { // The storage is read in the background.
		conn, err := tls.Dial("tcp", w.gateway.Address(), w.trust)
		if err == nil {
			conn.Close()
			break
		}
		if time.Since(began) > patience {
			t.Fatal(err)
		}
	}
	if got := w.send(http.MethodGet, "/api/v1/helpdesk/tickets", ""); got.status != http.StatusUnauthorized {
		t.Errorf("a request: %d %s", got.status, got.body)
	}
	want := fmt.Sprintf("faveo_gateway_certificate_expiry_timestamp_seconds{listener=\"public\"} %v", float64(pair.Leaf.NotAfter.Unix()))
	if !strings.Contains(w.metrics(), want) {
		t.Errorf("no metric %s", want)
	}
}
