package sqlstore

import (
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/pressly/goose/v3"
)

// badURL returns an ErrURL with a fixed sentence. No part of the URL is ever
// quoted, and no error of net/url wrapped, which quotes it whole: a password
// with a reserved character left unescaped moves into any part of a URL.
func badURL(sentence string) error { return fmt.Errorf("%w: %s", ErrURL, sentence) }

// openURL makes a pool for the database of raw, without connecting.
func openURL(raw string, timeout time.Duration) (*sql.DB, goose.Dialect, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Opaque != "" || strings.Contains(raw, "#") {
		return nil, "", badURL("it cannot be read: write mysql://user:password@host:3306/name and percent-encode what is no letter or digit")
	}
	switch u.Scheme {
	case "mysql":
		config, err := mysqlConfig(u, timeout)
		if err != nil {
			return nil, "", err
		}
		connector, err := mysql.NewConnector(config)
		if err != nil {
			return nil, "", badURL("the driver does not take it")
		}
		return sql.OpenDB(connector), goose.DialectMySQL, nil
	case "sqlite":
		db, err := openSQLite(u, timeout)
		return db, goose.DialectSQLite3, err
	default:
		return nil, "", badURL("it must begin with mysql:// or sqlite://")
	}
}

// openSQLite makes a pool for a file. A transaction takes the write lock when
// it begins, so that two of them wait for one another instead of failing.
func openSQLite(u *url.URL, timeout time.Duration) (*sql.DB, error) {
	if u.Host != "" || u.User != nil || u.RawQuery != "" || !filepath.IsAbs(u.Path) || strings.ContainsRune(u.Path, 0) {
		return nil, badURL("SQLite wants sqlite:///absolute/path and nothing else")
	}
	query := url.Values{
		"_pragma": {fmt.Sprintf("busy_timeout(%d)", timeout.Milliseconds())},
		"_txlock": {"immediate"},
	}
	dsn := url.URL{Scheme: "file", Path: u.Path, RawQuery: query.Encode()}
	db, err := sql.Open("sqlite", dsn.String())
	if err != nil {
		return nil, badURL("the driver does not take it")
	}
	return db, nil
}

// mysqlConfig translates the URL for the driver.
func mysqlConfig(u *url.URL, timeout time.Duration) (*mysql.Config, error) {
	name := strings.TrimPrefix(u.Path, "/")
	switch {
	case u.User == nil || u.User.Username() == "":
		return nil, badURL("there is no user name before the host")
	case name == "" || strings.ContainsAny(name, "/\\@:?#\x00"):
		return nil, badURL("the path must be the name of one database")
	}
	c := mysql.NewConfig()
	c.User = u.User.Username()
	c.Passwd, _ = u.User.Password()
	c.DBName = name
	c.Timeout = timeout
	c.Collation = "utf8mb4_unicode_ci"
	c.ParseTime = true
	c.Params = map[string]string{"sql_mode": "'TRADITIONAL'", "time_zone": "'+00:00'"}
	// What the driver would write to standard error comes as errors, too.
	c.Logger = &mysql.NopLogger{}
	return c, setTransport(c, u)
}

// setTransport fills in the address and the encryption.
func setTransport(c *mysql.Config, u *url.URL) error {
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return badURL("its parameters cannot be read")
	}
	for name, values := range query {
		if len(values) != 1 || name != "tls" && name != "tls_ca" && name != "unix_socket" {
			return badURL("only the parameters tls, tls_ca and unix_socket are known, each once")
		}
	}
	if err := setAddress(c, u, query.Get("unix_socket")); err != nil {
		return err
	}
	return setTLS(c, u.Hostname(), query)
}

// setAddress fills in where the server listens.
func setAddress(c *mysql.Config, u *url.URL, socket string) error {
	if socket != "" {
		c.Net, c.Addr = "unix", socket
		return nil
	}
	port := u.Port()
	if port == "" {
		port = "3306"
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil || u.Hostname() == "" {
		return badURL("it must name a host, and a port below 65536 if any")
	}
	c.Net, c.Addr = "tcp", net.JoinHostPort(u.Hostname(), port)
	return nil
}

// setTLS fills in the encryption: tls as the driver knows it, or the
// authorities of the file tls_ca alone.
func setTLS(c *mysql.Config, host string, query url.Values) error {
	mode := query.Get("tls")
	if !query.Has("tls_ca") {
		switch mode {
		case "", "true", "false", "preferred", "skip-verify":
			c.TLSConfig = mode
			return nil
		}
		return badURL("tls must be true, false, preferred or skip-verify")
	}
	authorities, err := os.ReadFile(query.Get("tls_ca"))
	pool := x509.NewCertPool()
	if err != nil || mode != "" && mode != "true" || !pool.AppendCertsFromPEM(authorities) {
		return badURL("tls_ca must name a readable file of PEM certificates, and needs tls=true or none")
	}
	c.TLS = &tls.Config{RootCAs: pool, ServerName: host, MinVersion: tls.VersionTLS12}
	return nil
}
