package cli

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"os"

	"github.com/spf13/cobra"

	"faveo-gateway/gateway/config"
)

// adminTLS are the flags by which a command trusts an admin listener with https, and
// proves itself to one that asks for it. Each is also a variable.
type adminTLS struct {
	ca, cert, key string
}

func (s *adminTLS) register(command *cobra.Command) {
	flags := command.PersistentFlags()
	flags.StringVar(&s.ca, "admin-ca", "", "a PEM `file` with the authorities to trust for an https URL, in place of the system's")
	flags.StringVar(&s.cert, "admin-cert", "", "a PEM `file` with the certificate to show, where admin.tls.client_ca_file asks for one")
	flags.StringVar(&s.key, "admin-key", "", "a PEM `file` with the key of --admin-cert")
}

// check refuses flags that would have no effect.
func (s *adminTLS) check(base *url.URL) error {
	switch {
	case (s.cert == "") != (s.key == ""):
		return errors.New("--admin-cert and --admin-key: one needs the other")
	case base.Scheme != "https" && (s.ca != "" || s.cert != ""):
		return errors.New("--admin-ca and --admin-cert: --admin must be an https URL")
	}
	return nil
}

// client reads the files of the flags, and of the variables where a flag is not given.
// The name and the chain of the gateway are always checked.
func (s *adminTLS) client(environ []string) (*tls.Config, error) {
	ca, cert, key := s.ca, s.cert, s.key
	if ca == "" {
		ca = variable(environ, config.AdminCAVariable)
	}
	if cert == "" {
		cert, key = variable(environ, config.AdminCertVariable), variable(environ, config.AdminKeyVariable)
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if ca != "" {
		text, err := os.ReadFile(ca)
		if err != nil {
			return nil, fmt.Errorf("--admin-ca: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("--admin-ca: %s holds no certificate in PEM", ca)
		}
	}
	if cert != "" || key != "" {
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return nil, fmt.Errorf("--admin-cert, --admin-key: %w", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}
