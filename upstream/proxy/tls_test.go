package proxy_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"faveo-gateway/gateway/certificate/certificatetest"
	"faveo-gateway/upstream/proxy"
)

// TestTLSFiles names the key of the file at fault, and no file is taken by halves.
func TestTLSFiles(t *testing.T) {
	authority := certificatetest.NewAuthority(t)
	ca := authority.File()
	cert, key := authority.Issue(certificatetest.Leaf{}).Files(t.TempDir())
	_, other := authority.Issue(certificatetest.Leaf{}).Files(t.TempDir())
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name  string
		tls   proxy.TLS
		files []string
		fault string
	}{
		{"nothing", proxy.TLS{}, nil, ""},
		{"everything", proxy.TLS{CAFile: ca, CertFile: cert, KeyFile: key, ServerName: "php.test"}, []string{ca, cert, key}, ""},
		{"no authorities", proxy.TLS{CAFile: "/nowhere"}, []string{"/nowhere"}, "ca_file: "},
		{"empty authorities", proxy.TLS{CAFile: empty}, []string{empty}, "ca_file: the file holds no certificate"},
		{"a key for authorities", proxy.TLS{CAFile: key}, []string{key}, "ca_file: the file holds no certificate"},
		{"another's key", proxy.TLS{CertFile: cert, KeyFile: other}, []string{cert, other}, "cert_file, key_file: "},
	} {
		got, err := test.tls.Client()
		if test.fault == "" && (err != nil || got.InsecureSkipVerify || got.ServerName != test.tls.ServerName || (got.RootCAs == nil) != (test.tls.CAFile == "")) {
			t.Errorf("%s: error %v", test.name, err)
		}
		if test.fault != "" && (err == nil || !strings.HasPrefix(err.Error(), test.fault) || got != nil) {
			t.Errorf("%s: error %v, want %q", test.name, err, test.fault)
		}
		if files := test.tls.Files(); !slices.Equal(files, test.files) {
			t.Errorf("%s: files %v, want %v", test.name, files, test.files)
		}
	}
}
