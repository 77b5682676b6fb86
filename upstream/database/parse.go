package database

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/go-sql-driver/mysql"
)

// The errors of Parse are these sentences, to be read behind the name of the
// setting: "state.database: must begin with mysql:// or sqlite://".
var (
	errEmpty    = errors.New("is required: write mysql://user:password@host:3306/name")
	errScheme   = errors.New("must begin with mysql:// or sqlite://")
	errForm     = errors.New("cannot be read: write mysql://user:password@host:3306/name and percent-encode every character of the user name and the password that is not a letter or a digit")
	errUser     = errors.New("has no user name before the host: write mysql://user:password@host:3306/name and percent-encode every character of the password that is not a letter or a digit")
	errHost     = errors.New("names no host: write mysql://user:password@host:3306/name, or add ?unix_socket=/path")
	errPort     = errors.New("must have a port from 1 to 65535 in digits, if any")
	errName     = errors.New("must have the name of one database as its path: write mysql://user:password@host:3306/name")
	errFragment = errors.New("contains a #: percent-encode it as %23")
	errSocket   = errors.New("must give unix_socket as an absolute path")
	errTLS      = errors.New("must give tls as true, false, preferred or skip-verify")
	errTLSCA    = errors.New("must give tls_ca as a readable file of PEM certificates, and with tls absent or true")
	errParam    = errors.New("has an unknown or repeated parameter: tls, tls_ca and unix_socket are known, each once")
	errSQLite   = errors.New("must be sqlite:///absolute/path for SQLite, without host, parameters or fragment")
)

// Parse reads the URL of a database. User, password and name may be
// percent-encoded.
//
//	mysql://user:password@host:3306/name     port 3306 when absent; an IPv6 address stands in brackets
//	  ?unix_socket=/run/mysqld/mysqld.sock   that socket instead of host and port, which may then be absent
//	  ?tls=true|false|preferred|skip-verify  true checks the certificate against the system's authorities;
//	                                         preferred and skip-verify encrypt without knowing who answers,
//	                                         preferred falls back to plain text; absent is false
//	  ?tls_ca=/path/ca.pem                   tls=true with these authorities only; the file is read here
//	sqlite:///absolute/path                  a file
//
// Every error is one fixed sentence without a subject ("must …") that quotes
// nothing of the text.
func Parse(text string) (URL, error) {
	scheme, _, _ := strings.Cut(text, "://")
	switch {
	case text == "":
		return URL{}, errEmpty
	case scheme != "mysql" && scheme != "sqlite":
		return URL{}, errScheme
	}
	u, err := url.Parse(text)
	if err != nil || u.Opaque != "" {
		return URL{}, errForm
	}
	if strings.Contains(text, "#") {
		return URL{}, errFragment
	}
	if scheme == "sqlite" {
		return parseSQLite(u)
	}
	return parseMySQL(u)
}

func parseSQLite(u *url.URL) (URL, error) {
	if u.Host != "" || u.User != nil || u.RawQuery != "" || u.ForceQuery || !filepath.IsAbs(u.Path) || strings.ContainsRune(u.Path, 0) {
		return URL{}, errSQLite
	}
	return URL{file: u.Path}, nil
}

func parseMySQL(u *url.URL) (URL, error) {
	if u.User == nil || u.User.Username() == "" {
		return URL{}, errUser
	}
	name := strings.TrimPrefix(u.Path, "/")
	if name == "" || strings.ContainsAny(name, "/\\@:?#\x00") {
		return URL{}, errName
	}
	c := mysql.NewConfig()
	c.User = u.User.Username()
	c.Passwd, _ = u.User.Password()
	c.DBName = name
	parameters, err := parseParameters(u.RawQuery)
	if err != nil {
		return URL{}, err
	}
	if err := setAddress(c, u, parameters); err != nil {
		return URL{}, err
	}
	if err := setTLS(c, u.Hostname(), parameters); err != nil {
		return URL{}, err
	}
	return URL{server: &c}, nil
}

func parseParameters(raw string) (url.Values, error) {
	parameters, err := url.ParseQuery(raw)
	if err != nil {
		return nil, errForm
	}
	for name, given := range parameters {
		known := name == "tls" || name == "tls_ca" || name == "unix_socket"
		if !known || len(given) != 1 {
			return nil, errParam
		}
	}
	return parameters, nil
}

func setAddress(c *mysql.Config, u *url.URL, parameters url.Values) error {
	if parameters.Has("unix_socket") {
		socket := parameters.Get("unix_socket")
		if !filepath.IsAbs(socket) {
			return errSocket
		}
		c.Net, c.Addr = "unix", socket
		return nil
	}
	if u.Hostname() == "" {
		return errHost
	}
	port := "3306"
	if u.Port() != "" {
		port = u.Port()
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return errPort
	}
	c.Net, c.Addr = "tcp", net.JoinHostPort(u.Hostname(), port)
	return nil
}

func setTLS(c *mysql.Config, host string, parameters url.Values) error {
	mode, given := parameters.Get("tls"), parameters.Has("tls")
	if parameters.Has("tls_ca") {
		return setPrivateTLS(c, host, parameters.Get("tls_ca"), !given || mode == "true")
	}
	switch mode {
	case "true", "false", "preferred", "skip-verify":
		c.TLSConfig = mode
	default:
		if given {
			return errTLS
		}
	}
	return nil
}

// setPrivateTLS trusts the authorities of file alone. verified is whether the
// rest of the URL agrees to that.
func setPrivateTLS(c *mysql.Config, host, file string, verified bool) error {
	pem, err := os.ReadFile(file)
	pool := x509.NewCertPool()
	if err != nil || !verified || !pool.AppendCertsFromPEM(pem) {
		return errTLSCA
	}
	c.TLS = &tls.Config{RootCAs: pool, ServerName: host, MinVersion: tls.VersionTLS12}
	return nil
}
