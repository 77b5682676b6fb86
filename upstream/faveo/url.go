package faveo

import (
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	_ "modernc.org/sqlite" // The driver of the demo's database.
)

// The messages never quote a part of the URL. A password with an unescaped reserved character moves into the host, the
// port, the path or the query, so every part may hold a piece of it; for the same reason no error of net/url is
// wrapped (it quotes the whole URL).
var (
	errURLEmpty    = errors.New("the database URL is empty: write mysql://user:password@host:3306/name")
	errURLScheme   = errors.New("the database URL must begin with mysql:// or sqlite://")
	errURLForm     = errors.New("the database URL cannot be read: write mysql://user:password@host:3306/name and percent-encode every character of the user name and the password that is not a letter or a digit")
	errURLUser     = errors.New("the database URL has no user name before the host: write mysql://user:password@host:3306/name and percent-encode every character of the password that is not a letter or a digit")
	errURLHost     = errors.New("the database URL names no host: write mysql://user:password@host:3306/name, or add ?unix_socket=/path")
	errURLPort     = errors.New("the port of the database URL must be a number from 1 to 65535")
	errURLName     = errors.New("the path of the database URL must be the name of one database: write mysql://user:password@host:3306/name")
	errURLFragment = errors.New("the database URL contains a #: percent-encode it as %23")
	errURLSocket   = errors.New("the parameter unix_socket of the database URL must be an absolute path")
	errURLTLS      = errors.New("the parameter tls of the database URL must be true, false, preferred or skip-verify")
	errURLTLSCA    = errors.New("the parameter tls_ca of the database URL must name a readable file of PEM certificates, and needs tls absent or true")
	errURLParam    = errors.New("the database URL has an unknown or repeated parameter: tls, tls_ca and unix_socket are known, each once")
	errURLSQLite   = errors.New("an SQLite URL is sqlite:///absolute/path, without host, parameters or fragment")
)

// target is a database that can be opened: where it is and which SQL it speaks.
type target interface {
	open(timeout time.Duration) (*sql.DB, error)
	statements() lookupStatements
}

// parseURL reads the URL of a database, whose forms Options.Database lists. Every error is one fixed sentence that quotes
// nothing of the URL.
func parseURL(raw string) (target, error) {
	scheme, _, _ := strings.Cut(raw, "://")
	switch {
	case raw == "":
		return nil, errURLEmpty
	case scheme != "mysql" && scheme != "sqlite":
		return nil, errURLScheme
	}
	u, err := url.Parse(raw)
	if err != nil || u.Opaque != "" {
		return nil, errURLForm
	}
	if u.Fragment != "" || strings.HasSuffix(raw, "#") {
		return nil, errURLFragment
	}
	if scheme == "sqlite" {
		return parseSQLiteURL(u)
	}
	return parseMySQLURL(u)
}

type sqliteTarget struct{ path string }

func parseSQLiteURL(u *url.URL) (target, error) {
	if u.Host != "" || u.User != nil || u.RawQuery != "" || u.ForceQuery || !filepath.IsAbs(u.Path) || strings.ContainsRune(u.Path, 0) {
		return nil, errURLSQLite
	}
	return sqliteTarget{path: u.Path}, nil
}

func (t sqliteTarget) open(timeout time.Duration) (*sql.DB, error) {
	// mode=rw: a mistyped path must be an error, not a new empty database.
	query := url.Values{"mode": {"rw"}, "_pragma": {fmt.Sprintf("busy_timeout(%d)", timeout.Milliseconds())}}
	dsn := url.URL{Scheme: "file", Path: t.path, RawQuery: query.Encode()}
	return sql.Open("sqlite", dsn.String())
}

func (sqliteTarget) statements() lookupStatements { return sqliteLookup }

type mysqlTarget struct{ config *mysql.Config }

func parseMySQLURL(u *url.URL) (target, error) {
	if u.User == nil || u.User.Username() == "" {
		return nil, errURLUser
	}
	name := strings.TrimPrefix(u.Path, "/")
	if name == "" || strings.ContainsAny(name, "/\\@:?#\x00") {
		return nil, errURLName
	}
	c := mysql.NewConfig()
	c.User = u.User.Username()
	c.Passwd, _ = u.User.Password()
	c.DBName = name
	// Faveo's own connection (config/database.php). It decides comparisons only where a column does not.
	c.Collation = "utf8mb4_unicode_ci"
	// The driver would write to standard error; what it has to say reaches us as errors, too.
	c.Logger = &mysql.NopLogger{}
	parameters, err := parseParameters(u.RawQuery)
	if err != nil {
		return nil, err
	}
	if err := setAddress(c, u, parameters["unix_socket"]); err != nil {
		return nil, err
	}
	if err := setTLS(c, u.Hostname(), parameters); err != nil {
		return nil, err
	}
	return mysqlTarget{config: c}, nil
}

func parseParameters(raw string) (map[string]string, error) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return nil, errURLForm
	}
	parameters := map[string]string{}
	for name, given := range values {
		known := name == "tls" || name == "tls_ca" || name == "unix_socket"
		if !known || len(given) != 1 {
			return nil, errURLParam
		}
		parameters[name] = given[0]
	}
	return parameters, nil
}

func setAddress(c *mysql.Config, u *url.URL, socket string) error {
	if socket != "" {
		if !filepath.IsAbs(socket) {
			return errURLSocket
		}
		c.Net, c.Addr = "unix", socket
		return nil
	}
	if u.Hostname() == "" {
		return errURLHost
	}
	port := "3306"
	if u.Port() != "" {
		port = u.Port()
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return errURLPort
	}
	c.Net, c.Addr = "tcp", net.JoinHostPort(u.Hostname(), port)
	return nil
}

func setTLS(c *mysql.Config, host string, parameters map[string]string) error {
	mode, given := parameters["tls"]
	authorities, private := parameters["tls_ca"]
	if private {
		return setPrivateTLS(c, host, mode, given, authorities)
	}
	switch mode {
	case "true", "false", "preferred", "skip-verify":
		c.TLSConfig = mode
	default:
		if given {
			return errURLTLS
		}
	}
	return nil
}

func setPrivateTLS(c *mysql.Config, host, mode string, given bool, file string) error {
	pem, err := os.ReadFile(file)
	pool := x509.NewCertPool()
	if err != nil || (given && mode != "true") || !pool.AppendCertsFromPEM(pem) {
		return errURLTLSCA
	}
	c.TLS = &tls.Config{RootCAs: pool, ServerName: host, MinVersion: tls.VersionTLS12}
	return nil
}

func (t mysqlTarget) open(timeout time.Duration) (*sql.DB, error) {
	t.config.Timeout = timeout
	connector, err := mysql.NewConnector(t.config)
	if err != nil {
		return nil, errURLForm
	}
	return sql.OpenDB(connector), nil
}

func (mysqlTarget) statements() lookupStatements { return mysqlLookup }
