// Package faveo is the gateway's view of a Faveo installation's database and of the JSON that Faveo makes from it:
// accounts, password hashes, the installed version, the login answer and the user object.
//
// # Idea
//
// The gateway answers POST api/v1/authenticate and GET api/v1/authenticate/user in PHP's place, so a client must not
// be able to tell the difference. This package therefore reads a whole row of `users` and prints it as Laravel's
// Eloquent would: every column in table order, integers as numbers, everything else as text, a handful of columns
// rewritten by Faveo's accessors (names, email, profile_pic, timestamps), password and remember_token left out.
// The contract is testdata/faveo-contract, sections 1 and 6; the recordings there are this package's tests.
//
// # Reading
//
// Names and addresses are compared by the database, under the collation of the column, never in Go: what is equal
// (case, accents, width, trailing spaces) is the table's choice, utf8mb4_unicode_ci or the older utf8_unicode_ci.
// Statements are prepared, so no user name is ever part of an SQL text. The session keeps the server's sql_mode and
// time zone, because Faveo's does and the text of a timestamp is what that session shows; only the character set and
// the collation of the connection are set, to Faveo's utf8mb4_unicode_ci. Every call has a deadline.
//
// Absent is not broken: ErrNotFound means that the database was asked and has no such account. Anything else is an
// infrastructure fault, and no caller may take it for a wrong password.
//
// # Refusals
//
// The package writes nothing. It does not decide whether a login succeeds, count failures or know tokens. It reads
// no file outside uploads/profilepic, prints no password of a database URL in any error, and computes no hash whose
// stored parameters would exhaust the machine.
package faveo

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// ErrNotFound says that the database was asked and holds no such account. Test with errors.Is.
var ErrNotFound = errors.New("no such account")

const (
	defaultTimeout         = 3 * time.Second
	defaultMaxConnections  = 16
	defaultConnectionLife  = 5 * time.Minute
	defaultConnectionIdle  = time.Minute
	defaultVersionRefresh  = 30 * time.Second
	defaultHashCostRefresh = time.Hour
)

// Options says where Faveo is and how to speak for it.
type Options struct {
	// Database is the URL of Faveo's database, required. User, password and name may be percent-encoded.
	//
	//	mysql://user:password@host:3306/name     port 3306 when absent; an IPv6 address stands in brackets
	//	  ?unix_socket=/run/mysqld/mysqld.sock   that socket instead of host and port, which may then be absent
	//	  ?tls=true|false|preferred|skip-verify  true checks the certificate against the system's authorities;
	//	                                         preferred and skip-verify encrypt without knowing who answers,
	//	                                         preferred falls back to plain text; absent is false
	//	  ?tls_ca=/path/ca.pem                   tls=true with these authorities only
	//	sqlite:///absolute/path                  an existing file, the demo's; it is not created
	Database string
	// Timeout bounds every call that touches the database, waiting for a connection included. Zero: 3 seconds.
	Timeout time.Duration
	// MaxConnections bounds the pool; that many are also kept while idle. Zero: 16.
	MaxConnections int
	// Version is the shape of the answers: "auto" or "" reads settings_system.version, else "2", "1.11", "1.10", "1.9".
	Version string
	// PublicPath is Faveo's public folder, where uploads/profilepic lies. Empty: a set profile_pic always gives "".
	PublicPath string
	// HideInternalNote sends internal_note as null to everybody whose role is not exactly admin or agent. The key
	// stays, because the mobile apps decode a fixed shape.
	HideInternalNote bool
	// Observe, when set, is called once after every query with its operation (a closed set: ping, login_lookup,
	// user_by_id, account, version, hash_costs), how long it took, and its failure. ErrNotFound and a caller that went
	// away are no failures. It is called from many goroutines.
	Observe func(operation string, took time.Duration, err error)
	// Now is the clock of the caches. Nil: time.Now.
	Now func() time.Time
}

// Validate reports every fault of the options at once, without touching the network. No message contains the database
// password.
func (o Options) Validate() error {
	_, urlErr := parseURL(o.Database)
	_, versionErr := parseShape(o.Version)
	var rangeErr error
	if o.Timeout < 0 || o.MaxConnections < 0 {
		rangeErr = errors.New("the timeout and the number of connections must not be negative")
	}
	return errors.Join(urlErr, versionErr, rangeErr)
}

func (o Options) withDefaults() Options {
	if o.Timeout == 0 {
		o.Timeout = defaultTimeout
	}
	if o.MaxConnections == 0 {
		o.MaxConnections = defaultMaxConnections
	}
	if o.Observe == nil {
		o.Observe = func(string, time.Duration, error) {}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// DB is a pool of connections to Faveo's database. It is safe for concurrent use.
type DB struct {
	options Options
	pool    *sql.DB
	lookup  lookupStatements
	version *cached[Version]
	padding *cached[string]
}

// Open checks the options and makes the pool. It does not connect, so a gateway may start before its database; Ping
// tells whether the database answers. The error joins every fault of the options, without the database password.
func Open(_ context.Context, o Options) (*DB, error) {
	if err := o.Validate(); err != nil {
		return nil, fmt.Errorf("faveo database: %w", err)
	}
	o = o.withDefaults()
	target, err := parseURL(o.Database)
	if err != nil {
		return nil, fmt.Errorf("faveo database: %w", err)
	}
	pool, err := target.open(o.Timeout)
	if err != nil {
		return nil, fmt.Errorf("faveo database: %w", err)
	}
	pool.SetMaxOpenConns(o.MaxConnections)
	pool.SetMaxIdleConns(o.MaxConnections)
	pool.SetConnMaxLifetime(defaultConnectionLife)
	pool.SetConnMaxIdleTime(defaultConnectionIdle)
	db := &DB{options: o, pool: pool, lookup: target.statements()}
	db.version = newCached(defaultVersionRefresh, o.Now, db.readVersion)
	db.padding = newCached(defaultHashCostRefresh, o.Now, db.readUsualHash)
	return db, nil
}

// Close ends all connections; calls under way fail.
func (db *DB) Close() error { return db.pool.Close() }

// Ping makes one round trip. Its error is an infrastructure fault.
func (db *DB) Ping(ctx context.Context) error {
	return db.ask(ctx, "ping", func(ctx context.Context) error { return db.pool.PingContext(ctx) })
}

// ask runs one query under the deadline and reports it. ErrNotFound passes as it is, faults are wrapped.
func (db *DB) ask(ctx context.Context, operation string, query func(context.Context) error) error {
	bounded, cancel := context.WithTimeout(ctx, db.options.Timeout)
	defer cancel()
	began := db.options.Now()
	err := query(bounded)
	db.options.Observe(operation, db.options.Now().Sub(began), failureOf(ctx, err))
	if err == nil || errors.Is(err, ErrNotFound) {
		return err
	}
	return fmt.Errorf("faveo database: %s: %w", operation, err)
}

// failureOf is the error that speaks against the database: neither an absent row nor a caller who went away does.
func failureOf(ctx context.Context, err error) error {
	if errors.Is(err, ErrNotFound) || errors.Is(ctx.Err(), context.Canceled) {
		return nil
	}
	return err
}
