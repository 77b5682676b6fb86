// Package database reads the URL of a database and opens it: MySQL or MariaDB,
// or an SQLite file. Faveo's tables and the gateway's own are reached through
// this room, so that one URL has one reading whoever uses it.
//
// Parse is strict, because a password with a reserved character that was not
// percent-encoded moves into any part of a URL and makes another one of it. For
// the same reason no error quotes a part of the text, not even what net/url says
// of it. Besides a user, a password, a place and a name only three parameters
// exist, each once; the driver has many more, some of them dangerous
// (multiStatements, allowAllFiles), and they are not passed on.
//
// The room knows no table, and asks a server nothing but who it is and what time
// (server.go). What differs between its callers is in Settings; the errors of both
// drivers are told apart here (errors.go), so that nobody else knows the drivers.
package database

import (
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/go-sql-driver/mysql"
	_ "modernc.org/sqlite" // The driver of SQLite files.
)

// Dialect is the SQL that a database speaks.
type Dialect int

// The closed set of dialects.
const (
	MySQL  Dialect = iota + 1 // MySQL and MariaDB
	SQLite                    // a file of SQLite 3
)

// URL is where a database is, and whose name opens it. Parse makes it; the zero
// URL is none. It is immutable and never prints a password.
type URL struct {
	// server is two steps away, because fmt prints what one pointer leads to, also
	// of an unexported field: the password.
	server **mysql.Config
	file   string
}

// Dialect tells the SQL of the database, 0 for the zero URL.
func (u URL) Dialect() Dialect {
	switch {
	case u.server != nil:
		return MySQL
	case u.file != "":
		return SQLite
	}
	return 0
}

// Settings are what callers want of their connections. Every MySQL session
// speaks utf8mb4, compares, where no column decides, by utf8mb4_unicode_ci, as
// Faveo's do, and gives times as the text that the server shows. A transaction in SQLite takes the write lock when it begins, so
// that two of them wait for one another instead of failing.
type Settings struct {
	// Timeout bounds making a connection, and the wait for the lock of an SQLite
	// file. Required. Questions are bounded by their context.
	Timeout time.Duration
	// Session are system variables of each MySQL session, by name, as SQL writes
	// their values: {"time_zone": "'+00:00'"}. Others are as the server has them.
	Session map[string]string
	// CreateFile makes an SQLite file that does not exist. Without it a mistyped
	// path is an error of the first question, and not a new empty database.
	CreateFile bool
}

// Open makes a pool without connecting; the caller closes it. It fails for the
// zero URL, and for a URL that the driver does not take, without quoting it.
func (u URL) Open(s Settings) (*sql.DB, error) {
	switch u.Dialect() {
	case MySQL:
		return u.openMySQL(s)
	case SQLite:
		return u.openSQLite(s)
	}
	return nil, errors.New("open: no database")
}

func (u URL) openMySQL(s Settings) (*sql.DB, error) {
	c := (*u.server).Clone()
	c.Timeout, c.Params, c.Collation = s.Timeout, s.Session, "utf8mb4_unicode_ci"
	// What the driver would write to standard error comes as errors, too.
	c.Logger = &mysql.NopLogger{}
	connector, err := mysql.NewConnector(c)
	if err != nil {
		return nil, errForm
	}
	return sql.OpenDB(connector), nil
}

func (u URL) openSQLite(s Settings) (*sql.DB, error) {
	mode := "rw"
	if s.CreateFile {
		mode = "rwc"
	}
	query := url.Values{
		"mode":    {mode},
		"_pragma": {fmt.Sprintf("busy_timeout(%d)", s.Timeout.Milliseconds())},
		"_txlock": {"immediate"},
	}
	dsn := url.URL{Scheme: "file", Path: u.file, RawQuery: query.Encode()}
	pool, err := sql.Open("sqlite", dsn.String())
	if err != nil {
		return nil, errSQLite
	}
	return pool, nil
}
