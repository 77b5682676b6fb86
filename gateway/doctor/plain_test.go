package doctor_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"testing"

	"faveo-gateway/gateway/doctor"
)

// TestFaultsInPlainWords: as the doors wrap them.
func TestFaultsInPlainWords(t *testing.T) {
	wrap := func(err error) error {
		return fmt.Errorf("redisstore: ping: %w", &url.Error{Op: "Get", URL: "http://user:S3cr3t@h/", Err: err})
	}
	for want, err := range map[string]error{
		"nothing listens at 127.0.0.1:8000":      refused("127.0.0.1:8000"),
		"the name php cannot be resolved":        wrap(&net.OpError{Op: "dial", Err: &net.DNSError{Name: "php", IsTimeout: true}}),
		"no answer in time":                      wrap(context.DeadlineExceeded),
		"interrupted":                            wrap(context.Canceled),
		"it speaks http, and the URL says https": wrap(http.ErrSchemeMismatch),
		"there is no such file":                  wrap(&os.PathError{Op: "open", Path: "S3cr3t", Err: os.ErrNotExist}),
		"access denied by the operating system":  wrap(&os.PathError{Op: "open", Path: "S3cr3t", Err: os.ErrPermission}),
		"its certificate is not trusted: x509: certificate signed by unknown authority": wrap(&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}),
		"WRONGPASS invalid username-password pair":                                      wrap(errors.Join(errors.New("first"), errors.New("WRONGPASS  invalid\nusername-password pair"))),
	} {
		s := healthy()
		s.Database.Server = fails[doctor.Server](err)
		if got := find(doctor.Examine(t.Context(), s), doctor.CheckDatabaseReachable)[0].Found; got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
