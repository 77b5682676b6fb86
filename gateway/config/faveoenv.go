package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"faveo-gateway/gateway/token"
)

// readFaveoEnv reads from the .env of Faveo what the gateway shares with it. It
// reports false when the file cannot be read.
//
// The gateway sees the file only: a variable that the PHP processes get from
// elsewhere wins over the file for them and is unknown here, as are values in
// config/*.php that were changed by hand.
//
// APP_URL is the public address, where the gateway will answer: its path becomes
// server.base_path, and faveo.urls stays what it is.
func (l *loader) readFaveoEnv(name string) (settings, bool) {
	given := settings{}
	if name == "" {
		return given, true
	}
	data, err := readLimited(name, maxFile)
	if err != nil {
		l.fault(Fault{Source: name, Message: "cannot be read: " + err.Error()})
		return given, false
	}
	values, err := parseDotenv(data)
	if bad, ok := errors.AsType[*dotenvError](err); ok {
		l.fault(Fault{Source: name, Line: bad.line, Message: "is not a .env that Laravel can read: " + bad.message})
		return given, false
	}
	e := faveoEnv{values}
	l.imply(given, "faveo.database", e.database)
	l.imply(given, "faveo.jwt_secret", e.jwtSecret)
	l.imply(given, "tokens.ttl", e.tokenLife)
	l.imply(given, "tokens.max_ttl", e.longestLife)
	l.imply(given, "server.base_path", e.basePath)
	l.imply(given, "redis.url", e.redis)
	return given, true
}

// imply adds the setting that read makes; an empty text adds none.
func (l *loader) imply(into settings, path string, read func() (text string, line int, err error)) {
	text, line, err := read()
	if text == "" && err == nil {
		return
	}
	k := l.schema.byPath[path]
	s := setting{key: k, path: path, origin: origin{l.sources.FaveoEnv, line}, items: []item{{text: text}}}
	if err != nil {
		s.problem = err.Error()
	}
	into[k] = []setting{s}
}

// faveoEnv reads variables as Laravel's env() hands them to Faveo. The methods
// that make settings return an empty text when the file says nothing, and
// errors that name variables and never show a value.
type faveoEnv struct {
	values dotenv
}

// get returns a variable as PHP converts it to text, and its line. Absent, null,
// false and empty are the same here: nothing.
func (e faveoEnv) get(name string) (text string, line int) {
	v := e.values[name]
	switch strings.ToLower(v.text) {
	case "true", "(true)":
		return "1", v.line
	case "false", "(false)", "null", "(null)", "empty", "(empty)":
		return "", v.line
	}
	// env() takes one more pair of quotes away.
	if n := len(v.text); n >= 2 && (v.text[0] == '"' || v.text[0] == '\'') && v.text[n-1] == v.text[0] &&
		!strings.Contains(v.text, "\n") {
		return v.text[1 : n-1], v.line
	}
	return v.text, v.line
}

// resolved refuses a reference that only the environment of PHP could resolve.
func (e faveoEnv) resolved(names ...string) error {
	for _, name := range names {
		if e.values[name].unresolved {
			return fmt.Errorf("%s refers to a variable that this file does not define; a ${ that is meant as text needs single quotes", name)
		}
	}
	return nil
}

func (e faveoEnv) jwtSecret() (string, int, error) {
	text, line := e.get("JWT_SECRET")
	return text, line, e.resolved("JWT_SECRET")
}

// tokenLife is JWT_TTL, in minutes. Absent or null is the default of tokens.ttl:
// a token without an end, which null means to Faveo, is not to be had.
func (e faveoEnv) tokenLife() (string, int, error) {
	text, line := e.get("JWT_TTL")
	if text == "" {
		return "", line, e.resolved("JWT_TTL")
	}
	minutes, err := strconv.ParseUint(text, 10, 24)
	if err != nil || minutes == 0 {
		return "", line, errors.New("JWT_TTL must be a whole number of minutes")
	}
	return strconv.FormatUint(minutes, 10) + "m", line, nil
}

// longestLife lets tokens live as long as JWT_TTL says where that is more than
// the default of tokens.max_ttl. A fault is tokenLife's to report.
func (e faveoEnv) longestLife() (string, int, error) {
	text, line, err := e.tokenLife()
	life, parseErr := time.ParseDuration(text)
	if err != nil || parseErr != nil || life <= token.DefaultConfig().MaxTTL {
		return "", line, nil
	}
	return text, line, nil
}

// basePath is the path of APP_URL. The installer writes the address that its
// browser used, which may end in a slash or in index.php.
func (e faveoEnv) basePath() (string, int, error) {
	text, line := e.get("APP_URL")
	u, err := url.Parse(text)
	if err != nil {
		return "", line, errors.New("APP_URL is not a URL")
	}
	path := strings.TrimRight(u.EscapedPath(), "/")
	return strings.TrimRight(strings.TrimSuffix(path, "/index.php"), "/"), line, e.resolved("APP_URL")
}

// database builds the URL of faveo.database from the variables that
// config/database.php reads for the connection mysql. The host localhost, which
// PHP takes for the socket, is reached over TCP unless DB_SOCKET is given.
func (e faveoEnv) database() (string, int, error) {
	names := []string{"DB_DATABASE", "DB_USERNAME", "DB_PASSWORD", "DB_HOST", "DB_PORT", "DB_SOCKET"}
	name, line := e.get("DB_DATABASE")
	user, _ := e.get("DB_USERNAME")
	if connection, at := e.get("DB_CONNECTION"); connection != "" && connection != "mysql" {
		return "", at, errors.New("DB_CONNECTION is not mysql, the only kind that is read from here")
	}
	if text, at := e.get("DATABASE_URL"); text != "" {
		return "", at, errors.New("DATABASE_URL is not read; set faveo.database to it")
	}
	if err := e.resolved(names...); err != nil {
		return "", line, err
	}
	switch {
	case name == "" && user == "":
		return "", 0, nil
	case name == "":
		return "", line, errors.New("DB_DATABASE is missing")
	case user == "":
		return "", line, errors.New("DB_USERNAME is missing")
	}
	password, _ := e.get("DB_PASSWORD")
	u := url.URL{Scheme: "mysql", User: url.UserPassword(user, password), Path: "/" + name}
	query := url.Values{}
	if socket, _ := e.get("DB_SOCKET"); socket != "" {
		query.Set("unix_socket", socket)
	} else if host, at, err := e.address("DB_HOST", "DB_PORT", "3306"); err != nil {
		return "", at, err
	} else {
		u.Host = host
	}
	// Without it the gateway would drop the encryption that PHP insists on.
	if authorities, _ := e.get("MYSQL_ATTR_SSL_CA"); authorities != "" {
		query.Set("tls_ca", authorities)
	}
	u.RawQuery = query.Encode()
	return u.String(), line, nil
}

// redis builds redis.url when Faveo has a Redis of its own. The number of the
// database is always 0: keys have a prefix, and Faveo empties its cache by
// emptying the database that the cache is in, by default 1.
func (e faveoEnv) redis() (string, int, error) {
	host, line := e.get("REDIS_HOST")
	password, _ := e.get("REDIS_PASSWORD")
	if host == "" && password == "" {
		return "", 0, nil
	}
	if err := e.resolved("REDIS_HOST", "REDIS_PASSWORD", "REDIS_PORT"); err != nil {
		return "", line, err
	}
	address, at, err := e.address("REDIS_HOST", "REDIS_PORT", "6379")
	if err != nil {
		return "", at, err
	}
	u := url.URL{Scheme: "redis", Host: address, Path: "/0"}
	if password != "" {
		u.User = url.UserPassword("", password)
	}
	return u.String(), line, nil
}

var envHost = regexp.MustCompile(`^[A-Za-z0-9_.-]+$`)

// address joins a host, 127.0.0.1 when absent, and a port.
func (e faveoEnv) address(hostName, portName, defaultPort string) (string, int, error) {
	host, line := e.get(hostName)
	port, portLine := e.get(portName)
	if host == "" {
		host = "127.0.0.1"
	}
	if port == "" {
		port = defaultPort
	}
	if _, err := netip.ParseAddr(host); err != nil && !envHost.MatchString(host) {
		return "", line, fmt.Errorf("%s is not a host name or an address", hostName)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return "", portLine, fmt.Errorf("%s is not a port", portName)
	}
	return net.JoinHostPort(host, port), line, nil
}
