package cli

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"faveo-gateway/gateway/config"
)

// adminSettings are the flags of the commands that ask a running gateway.
type adminSettings struct {
	url       string
	tokenFile string
	output    string
	tls       adminTLS
}

// The variables with the token. They are those of the gateway's own setting
// admin.token, so that on its machine nothing else is needed.
const (
	adminTokenVariable     = "FAVEO_GATEWAY_ADMIN_TOKEN"
	adminTokenFileVariable = "FAVEO_GATEWAY_ADMIN_TOKEN_FILE"
)

// aboutAdmin stands in the help of every such command.
const aboutAdmin = `

The commands ask the admin API of a running gateway (admin.listen). The token is that
of its setting admin.token: it is read from --admin-token-file, or from the variables
FAVEO_GATEWAY_ADMIN_TOKEN or FAVEO_GATEWAY_ADMIN_TOKEN_FILE. A gateway with admin.tls
is asked by https; --admin-ca, --admin-cert and --admin-key are also read from the
variables FAVEO_GATEWAY_ADMIN_CA, FAVEO_GATEWAY_ADMIN_CERT and FAVEO_GATEWAY_ADMIN_KEY.`

func (s *adminSettings) register(command *cobra.Command) {
	flags := command.PersistentFlags()
	flags.StringVar(&s.url, "admin", "http://127.0.0.1:9090", "the `URL` of the gateway's admin listener")
	flags.StringVar(&s.tokenFile, "admin-token-file", "", "a `file` that holds the admin token")
	s.tls.register(command)
	flags.StringVarP(&s.output, "output", "o", outputTable, "`form` of the output: table or json")
}

// check refuses flags that cannot be meant.
func (s *adminSettings) check() error {
	if err := checkForm(s.output); err != nil {
		return err
	}
	base, err := adminURL(s.url)
	if err != nil {
		return err
	}
	return s.tls.check(base)
}

// connect reads the settings, which were checked. It warns of a token that others
// could read on its way.
func (s *adminSettings) connect(p Process) (*adminClient, error) {
	base, err := adminURL(s.url)
	if err != nil {
		return nil, err
	}
	token, source, err := s.token(p.Environ)
	if err != nil {
		return nil, err
	}
	if base.Scheme == "http" && !config.IsLoopback(base.Hostname()) {
		fmt.Fprintf(p.Stderr, "warning: the admin token travels to %s in the clear; use https or a tunnel\n", base.Host)
	}
	secure, err := s.tls.client(p.Environ)
	if err != nil {
		return nil, err
	}
	return newAdminClient(base, token, source, secure), nil
}

// adminURL wants scheme, host and port and nothing else: a user or a query would
// stand in logs, and the API has no path above it.
func adminURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" {
		return nil, errors.New("--admin: must be a URL such as http://127.0.0.1:9090")
	}
	if u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.Trim(u.Path, "/") != "" {
		return nil, errors.New("--admin: must be scheme, host and port only, such as http://127.0.0.1:9090")
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host}, nil
}

// token returns the admin token and where it came from. The flag wins; of the
// variables only one may be set.
func (s *adminSettings) token(environ []string) (token, source string, err error) {
	text, file := variable(environ, adminTokenVariable), variable(environ, adminTokenFileVariable)
	switch {
	case s.tokenFile != "":
		source = "--admin-token-file " + s.tokenFile
		token, err = config.ReadSecretFile(s.tokenFile)
	case text != "" && file != "":
		return "", "", fmt.Errorf("%s and %s are both set", adminTokenVariable, adminTokenFileVariable)
	case text != "":
		token, source = text, adminTokenVariable
	case file != "":
		source = adminTokenFileVariable
		token, err = config.ReadSecretFile(file)
	default:
		return "", "", fmt.Errorf("no admin token: set %s or use --admin-token-file", adminTokenVariable)
	}
	if err != nil {
		return "", "", fmt.Errorf("%s: %w", source, err)
	}
	for i := range len(token) {
		if token[i] <= ' ' || token[i] > '~' {
			return "", "", fmt.Errorf("%s: the token holds spaces or characters that no header can carry", source)
		}
	}
	return token, source, nil
}

// variable is a variable of the environment; of two with one name the first counts,
// as in the configuration.
func variable(environ []string, name string) string {
	for _, entry := range environ {
		if text, found := strings.CutPrefix(entry, name+"="); found {
			return text
		}
	}
	return ""
}
