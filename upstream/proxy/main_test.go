package proxy_test

import (
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"
)

// TestMain trusts httptest's certificate the way an operator would trust a
// private one (SSL_CERT_FILE), and looks for goroutines left behind.
func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "proxy-test-")
	if err == nil {
		err = trustTestCertificate(filepath.Join(dir, "roots.pem"))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		os.RemoveAll(dir)
		os.Exit(code)
	}))
}

func trustTestCertificate(file string) error {
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	block := &pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}
	if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
		return err
	}
	return os.Setenv("SSL_CERT_FILE", file)
}
