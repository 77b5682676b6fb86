package gateway_test

import (
	"crypto/tls"
	"encoding/pem"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"faveo-gateway/gateway/config"
	"faveo-gateway/gateway/doctor"
	"faveo-gateway/upstream/standin"
)

// serveAt serves on an address and returns its URL.
func serveAt(t *testing.T, address string, handler http.Handler) string {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	server := &httptest.Server{Listener: listener, Config: &http.Server{Handler: handler}}
	server.Start()
	t.Cleanup(server.Close)
	return "http://" + listener.Addr().String()
}

func TestDoctorOfPHP(t *testing.T) {
	inOrder(t)
	s := admit(t)
	at := func(handler http.HandlerFunc) settings {
		return settings{"faveo.urls": serveAt(t, "127.0.0.1:0", handler)}
	}
	s.finds(doctor.CheckPHPReachable, doctor.Failed, "nothing listens at", settings{"faveo.urls": "http://127.0.0.1:1"})
	s.finds(doctor.CheckPHPReachable, doctor.Failed, "is this a Faveo?", at(http.NotFound))
	s.finds(doctor.CheckPHPReachable, doctor.Failed, "500", at(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }))
	s.finds(doctor.CheckPHPBridgeToken, doctor.Failed, "signed with another secret", settings{"faveo.jwt_secret": strings.Repeat("another ", 8)})
	s.finds(doctor.CheckPHPBridgeToken, doctor.Failed, "is this a Faveo?", at(func(http.ResponseWriter, *http.Request) {}))
	dated := func(ahead time.Duration) settings {
		return at(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Date", time.Now().Add(ahead).UTC().Format(http.TimeFormat))
		})
	}
	s.finds(doctor.CheckPHPClock, doctor.Failed, "not yet valid", dated(-time.Minute))
	s.finds(doctor.CheckPHPClock, doctor.Failed, "expired", dated(time.Minute))
	s.finds(doctor.CheckPHPClock, doctor.Unwise, "no Date", at(func(w http.ResponseWriter, _ *http.Request) { w.Header()["Date"] = nil }))
}

// TestDoctorFindsWaysAroundTheGateway: 127.0.0.2 stands for an address that others reach.
func TestDoctorFindsWaysAroundTheGateway(t *testing.T) {
	inOrder(t)
	s := admit(t)
	s.addresses = []string{"127.0.0.2"}
	php := standin.New(standin.Options{Secret: secret})
	port := func(text string) string {
		u, _ := url.Parse(text)
		return u.Port()
	}
	behind := func(text string) settings { return settings{"faveo.urls": "http://127.0.0.1:" + port(text)} }

	s.finds(doctor.CheckPHPExposed, doctor.Good, "on loopback only: tried 127.0.0.2:")
	everywhere := serveAt(t, "0.0.0.0:0", php)
	s.finds(doctor.CheckPHPExposed, doctor.Unwise, "without the gateway at 127.0.0.2:"+port(everywhere), behind(everywhere))

	// A virtual host that only the public name leads to.
	s.facts.AppURL = "http://helpdesk.invalid"
	named := serveAt(t, "0.0.0.0:0", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host == "helpdesk.invalid" || strings.HasPrefix(r.Host, "127.0.0.1:") {
			php.ServeHTTP(w, r)
			return
		}
		http.NotFound(w, r)
	}))
	s.finds(doctor.CheckPHPExposed, doctor.Unwise, "127.0.0.2:", behind(named))
	s.facts.AppURL = ""

	// PHP and something else have one port, on two addresses.
	for name, handler := range map[string]http.Handler{"a gateway": gatewayAlone(t, s), "something else": http.NotFoundHandler()} {
		here := serveAt(t, "127.0.0.1:0", php)
		serveAt(t, "127.0.0.2:"+port(here), handler)
		t.Log(name)
		s.finds(doctor.CheckPHPExposed, doctor.Good, "on loopback only", behind(here))
	}

	s.addresses = nil
	s.finds(doctor.CheckPHPExposed, doctor.Good, "no address but loopback")
	if own := addressBeyondLoopback(t); own != "" {
		s.finds(doctor.CheckPHPExposed, doctor.Skipped, "another machine", settings{"faveo.urls": "http://" + net.JoinHostPort(own, port(everywhere))})
		s.addresses = []string{own}
		s.finds(doctor.CheckPHPExposed, doctor.Unwise, own, settings{"faveo.urls": "http://" + net.JoinHostPort(own, port(everywhere))})
	}
}

// TestDoctorNamesTheHostInTLS: a web server that others reach refuses the handshake of who
// does not name its virtual host.
func TestDoctorNamesTheHostInTLS(t *testing.T) {
	inOrder(t)
	s := admit(t)
	s.addresses = []string{"127.0.0.2"}
	s.facts.AppURL = "https://example.com"
	listener, err := net.Listen("tcp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &httptest.Server{Listener: listener, Config: &http.Server{
		Handler: standin.New(standin.Options{Secret: secret}), ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug),
	}}
	server.TLS = &tls.Config{GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if strings.HasPrefix(hello.Conn.LocalAddr().String(), "127.0.0.1:") || hello.ServerName == "example.com" {
			return nil, nil
		}
		return nil, errors.New("no such virtual host")
	}}
	server.StartTLS()
	t.Cleanup(server.Close)
	authority := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(authority, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	s.finds(doctor.CheckPHPExposed, doctor.Unwise, "without the gateway at 127.0.0.2:"+port,
		settings{"faveo.urls": "https://127.0.0.1:" + port, "proxy.tls.ca_file": authority})
}

func addressBeyondLoopback(t *testing.T) string {
	t.Helper()
	networks, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, network := range networks {
		if prefix, err := netip.ParsePrefix(network.String()); err == nil && prefix.Addr().IsGlobalUnicast() {
			return prefix.Addr().String()
		}
	}
	return ""
}

// gatewayAlone is a running gateway of the site, behind a web server that passes on all or
// only what is below some paths.
func gatewayAlone(t *testing.T, s *surgery, below ...string) http.Handler {
	t.Helper()
	w := &world{t: t, log: &safeBuffer{}}
	w.run(s.settings, settings{"observability.audit.to": "off"})
	target, err := url.Parse("http://" + w.gateway.Address())
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{DisableKeepAlives: true}
	proxy := &httputil.ReverseProxy{Transport: transport, Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}
	if len(below) == 0 {
		return proxy
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, path := range below {
			if strings.HasPrefix(r.URL.Path, path) {
				proxy.ServeHTTP(w, r)
				return
			}
		}
		http.NotFound(w, r)
	})
}

// TestDoctorOfThePublicAddress asks where the site says that it is.
func TestDoctorOfThePublicAddress(t *testing.T) {
	inOrder(t)
	s := admit(t)
	is := func(address string, want doctor.Result, text string) {
		t.Helper()
		s.facts = config.FaveoFacts{Known: true, AppURL: address}
		s.finds(doctor.CheckPublicAddress, want, text)
	}
	whole := serveAt(t, "127.0.0.1:0", gatewayAlone(t, s))
	is(whole, doctor.Good, "(APP_URL) leads to a gateway")
	is(whole+"/", doctor.Good, "leads to a gateway")
	is(serveAt(t, "127.0.0.1:0", http.RedirectHandler(whole+"/.well-known/jwks.json", http.StatusFound)), doctor.Good, "leads to a gateway")
	// The key set is at the root, which this web server keeps for itself.
	is(serveAt(t, "127.0.0.1:0", gatewayAlone(t, s, "/api/")), doctor.Good, "leads to a gateway")
	is(s.upstream+"/index.php", doctor.Unwise, "leads to PHP and not to a gateway")
	is(serveAt(t, "127.0.0.1:0", http.NotFoundHandler()), doctor.Unwise, "neither")
	guarded := strings.Replace(s.upstream, "http://", "http://visitor:"+hiddenPassword+"@", 1)
	is(guarded+"/?key="+hiddenToken, doctor.Unwise, s.upstream+"/ (APP_URL) leads to PHP and not to a gateway")
	is("http://127.0.0.1:1", doctor.Skipped, "nothing listens at")
	is("http://helpdesk.invalid", doctor.Skipped, "cannot be resolved")
	is("helpdesk", doctor.Unwise, "no URL")
	is("", doctor.Skipped, "neither APP_URL")
	s.database.Exec(t, "UPDATE settings_system SET url = ?", s.upstream)
	is("", doctor.Unwise, "(settings_system.url) leads to PHP")
}
