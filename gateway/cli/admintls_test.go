package cli_test

import (
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"faveo-gateway/gateway/admin"
	"faveo-gateway/gateway/certificate"
	"faveo-gateway/gateway/certificate/certificatetest"
)

// serveAdminOverTLS serves the admin API as a gateway with admin.tls does, and returns
// its URL.
func serveAdminOverTLS(t *testing.T, d *desk, pair certificatetest.Pair, clientCA string) string {
	t.Helper()
	files := certificate.Files{ClientCA: clientCA}
	files.Cert, files.Key = pair.Files(t.TempDir())
	source, err := certificate.New(files)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{
		Handler:           admin.New(admin.Options{Gatherer: prometheus.NewRegistry(), Token: adminToken, Sessions: d}),
		ReadHeaderTimeout: time.Minute,
		ErrorLog:          slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug),
	}
	listener := certificate.Secure(server, plain, source.TLS())
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(listener) }()
	t.Cleanup(func() { server.Close(); <-done })
	return "https://" + plain.Addr().String()
}

// TestAdminOverTLS asks only a gateway that proves itself, and tells which file to give.
func TestAdminOverTLS(t *testing.T) {
	authority, stranger := certificatetest.NewAuthority(t), certificatetest.NewAuthority(t)
	right := authority.Issue(certificatetest.Leaf{Names: []string{"127.0.0.1"}})
	late := authority.Issue(certificatetest.Leaf{Names: []string{"127.0.0.1"}, Until: time.Now().Add(-time.Minute)})
	elsewhere := authority.Issue(certificatetest.Leaf{Names: []string{"gateway.test"}})
	ca, other := authority.File(), stranger.File()
	cert, key := authority.Issue(certificatetest.Leaf{}).Files(t.TempDir())
	_, wrongKey := authority.Issue(certificatetest.Leaf{}).Files(t.TempDir())
	foreignCert, foreignKey := stranger.Issue(certificatetest.Leaf{}).Files(t.TempDir())
	for _, test := range []struct {
		name     string
		server   certificatetest.Pair
		clientCA string
		environ  []string
		flags    []string
		code     int
		stderr   string
	}{
		{"by the flag", right, "", nil, []string{"--admin-ca", ca}, 0, ""},
		{"by the variable", right, "", []string{"FAVEO_GATEWAY_ADMIN_CA=" + ca}, nil, 0, ""},
		{"the flag wins", right, "", []string{"FAVEO_GATEWAY_ADMIN_CA=" + other}, []string{"--admin-ca", ca}, 0, ""},
		{"by the system's roots", right, "", nil, nil, 1, "does not prove to be the gateway; nothing was sent (--admin-ca)"},
		{"another authority", right, "", nil, []string{"--admin-ca", other}, 1, "does not prove to be the gateway"},
		{"another name", elsewhere, "", nil, []string{"--admin-ca", ca}, 1, "does not prove to be the gateway"},
		{"a certificate that is over", late, "", nil, []string{"--admin-ca", ca}, 1, "does not prove to be the gateway"},
		{"a file that is missing", right, "", nil, []string{"--admin-ca", "/nowhere"}, 1, "--admin-ca: "},
		{"a file that is a key", right, "", nil, []string{"--admin-ca", key}, 1, "holds no certificate"},
		{"proves itself by the flags", right, ca, nil, []string{"--admin-ca", ca, "--admin-cert", cert, "--admin-key", key}, 0, ""},
		{"proves itself by the variables", right, ca, []string{"FAVEO_GATEWAY_ADMIN_CA=" + ca, "FAVEO_GATEWAY_ADMIN_CERT=" + cert, "FAVEO_GATEWAY_ADMIN_KEY=" + key}, nil, 0, ""},
		{"proves nothing", right, ca, nil, []string{"--admin-ca", ca}, 1, "did not answer"},
		{"proves itself by another authority", right, ca, nil, []string{"--admin-ca", ca, "--admin-cert", foreignCert, "--admin-key", foreignKey}, 1, "did not answer"},
		{"a key of another certificate", right, ca, nil, []string{"--admin-ca", ca, "--admin-cert", cert, "--admin-key", wrongKey}, 1, "--admin-cert, --admin-key: "},
		{"half a certificate", right, ca, nil, []string{"--admin-cert", cert}, 2, "one needs the other"},
	} {
		d := &desk{}
		url := serveAdminOverTLS(t, d, test.server, test.clientCA)
		environ := append([]string{"FAVEO_GATEWAY_ADMIN_TOKEN=" + adminToken}, test.environ...)
		got := run(t, environ, append([]string{"sessions", "list", "--admin", url}, test.flags...)...)
		if got.code != test.code || !strings.Contains(got.stderr, test.stderr) || test.code == 0 && got.stderr != "" {
			t.Errorf("%s: exit %d, %s", test.name, got.code, got.stderr)
		}
		if called := len(d.calls) > 0; called != (test.code == 0) {
			t.Errorf("%s: the gateway was asked: %v", test.name, called)
		}
	}
}

// TestAdminTLSNeedsHTTPS refuses what would not protect anything.
func TestAdminTLSNeedsHTTPS(t *testing.T) {
	got := manage(t, "http://127.0.0.1:1", "sessions", "list", "--admin-ca", "/ca.pem")
	if got.code != 2 || !strings.Contains(got.stderr, "--admin must be an https URL") {
		t.Errorf("exit %d, %s", got.code, got.stderr)
	}
}
