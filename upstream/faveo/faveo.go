// Package faveo is the gateway's view of a Faveo installation's database and of the JSON that Faveo makes from it:
// accounts, password hashes, the installed version, the login answer and the user object, and what decides who may see
// a ticket.
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
// the collation of the connection are set, to Faveo's utf8mb4_unicode_ci. Every call has a deadline, and
// a database that does not answer is not asked for a moment, so that callers do not pile up (package breaker).
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
	"path/filepath"
	"sync/atomic"
	"time"

	"faveo-gateway/upstream/breaker"
	"faveo-gateway/upstream/database"
)

// ErrNotFound says that the database was asked and holds no such account. Test with errors.Is.
var ErrNotFound = errors.New("no such account")

// Where nobody has a reason to choose.
const (
	connectionLife  = 5 * time.Minute
	connectionIdle  = time.Minute
	versionRefresh  = 30 * time.Second
	securityRefresh = time.Minute
	columnsRefresh  = time.Minute
)

// maxConnections bounds Options.MaxConnections: more than any server has.
const maxConnections = 10_000

// Options says where Faveo is and how to speak for it.
type Options struct {
	// Database is the URL of Faveo's database in one of the forms of database.Parse, required. An SQLite file, the
	// demo's, must exist.
	Database string
	// Timeout bounds every call that touches the database, waiting for a connection included. Required.
	Timeout time.Duration
	// MaxConnections bounds the pool, 1 to 10000, required; that many are also kept while idle.
	MaxConnections int
	// Version is the shape of the answers, required: "auto" reads settings_system.version, else "2", "1.11",
	// "1.10", "1.9".
	Version string
	// PublicPath is Faveo's public folder, absolute, where uploads/profilepic lies. Empty: a set profile_pic always
	// gives "".
	PublicPath string
	// HideInternalNote sends internal_note as null to everybody whose role is not exactly admin or agent. The key
	// stays, because the mobile apps decode a fixed shape.
	HideInternalNote bool
	// Observe, when set, is told of every query. The operations are ping, login_lookup, login_columns, fold_name,
	// user_by_id, account, version, hash_costs, hash_kinds, tickets, affiliation, department_table, site_url, security
	// and installation, and those of an examination: server, clock, readable, rights and installer.
	Observe Observer
	// Now is the clock of the caches. Nil: time.Now.
	Now func() time.Time
}

// Observer is told of a query after it: which operation of a closed set, how long it took, and its failure. The failure
// is nil when the database answered, be it that there is no such account. A query that fails because the caller's
// context was cancelled is not told of: a client that hangs up says nothing about the database, in neither direction.
// A deadline of the caller that passes is a failure. It is called from many goroutines at once. ctx is the caller's, for
// what it carries.
type Observer func(ctx context.Context, operation string, took time.Duration, failure error)

// Validate reports every fault of the options at once by the name of the option, database, timeout, max_connections,
// version or public_path, without touching the network. No message shows a part of the database URL.
func (o Options) Validate(report func(option, message string)) {
	if _, err := database.Parse(o.Database); err != nil {
		report("database", err.Error())
	}
	if o.Timeout <= 0 {
		report("timeout", "must be longer than 0s")
	}
	if o.MaxConnections < 1 || o.MaxConnections > maxConnections {
		report("max_connections", fmt.Sprintf("must be between 1 and %d", maxConnections))
	}
	if _, err := parseShape(o.Version); err != nil {
		report("version", err.Error())
	}
	if o.PublicPath != "" && !filepath.IsAbs(o.PublicPath) {
		report("public_path", "must be an absolute path")
	}
}

// validate is Validate as one error.
func (o Options) validate() error {
	var faults []error
	o.Validate(func(option, message string) {
		faults = append(faults, fmt.Errorf("%s %s", option, message))
	})
	return errors.Join(faults...)
}

// DB is a pool of connections to Faveo's database. It is safe for concurrent use.
type DB struct {
	options     Options
	pool        *sql.DB
	dialect     database.Dialect
	lookup      lookupStatements
	version     *cached[Version]
	siteURL     *cached[string]
	departments *cached[bool]
	security    *cached[Security]
	columns     *cached[loginColumns]
	hashes      atomic.Pointer[hashes]
	breaker     *breaker.Breaker
}

// Open checks the options and makes the pool. It does not connect, so a gateway may start before its database; Ping
// tells whether the database answers. The error joins every fault of the options, without the database password.
func Open(_ context.Context, o Options) (*DB, error) {
	if err := o.validate(); err != nil {
		return nil, fmt.Errorf("faveo: %w", err)
	}
	if o.Observe == nil {
		o.Observe = func(context.Context, string, time.Duration, error) {}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	url, err := database.Parse(o.Database)
	if err != nil {
		return nil, fmt.Errorf("faveo: database %w", err)
	}
	// The session is otherwise as the server gives it to Faveo, see Reading above.
	pool, err := url.Open(database.Settings{Timeout: o.Timeout})
	if err != nil {
		return nil, fmt.Errorf("faveo: database %w", err)
	}
	pool.SetMaxOpenConns(o.MaxConnections)
	pool.SetMaxIdleConns(o.MaxConnections)
	pool.SetConnMaxLifetime(connectionLife)
	pool.SetConnMaxIdleTime(connectionIdle)
	db := &DB{options: o, pool: pool, dialect: url.Dialect(), lookup: lookupFor(url.Dialect())}
	db.breaker = breaker.New(db.newWitness(url), o.Timeout)
	db.version = newCached(versionRefresh, o.Now, db.readVersion)
	db.siteURL = newCached(versionRefresh, o.Now, db.readSiteURL)
	db.departments = newCached(versionRefresh, o.Now, db.readDepartmentTable)
	db.security = newCached(securityRefresh, o.Now, db.readSecurity)
	db.columns = newCached(columnsRefresh, o.Now, db.readLoginColumns)
	return db, nil
}

// lookupFor returns the searches in the SQL of a dialect.
func lookupFor(d database.Dialect) lookupStatements {
	if d == database.SQLite {
		return sqliteLookup
	}
	return mysqlLookup
}

// Close ends all connections; calls under way fail.
func (db *DB) Close() error {
	db.breaker.Close()
	return db.pool.Close()
}

// Ping makes one round trip. Its error is an infrastructure fault.
func (db *DB) Ping(ctx context.Context) error {
	return db.try(ctx, "ping", func(ctx context.Context) error { return db.pool.PingContext(ctx) })
}

// newWitness returns the Witness of the breaker. It looks into the table that every login and every request depends
// on: while that is locked, as by an upgrade of Faveo, nothing else would be answered either.
func (db *DB) newWitness(url database.URL) breaker.Witness {
	look := url.Witness(db.options.Timeout, "SELECT id FROM users LIMIT 1")
	return func(ctx context.Context) error { return db.run(ctx, "ping", look) }
}

// ask runs one query, unless the database does not answer. ErrNotFound passes as it is, faults are wrapped.
func (db *DB) ask(ctx context.Context, operation string, query func(context.Context) error) error {
	if err := db.breaker.Allow(ctx); err != nil {
		return fmt.Errorf("faveo: %s: %w", operation, err)
	}
	return db.try(ctx, operation, query)
}

// try runs one query, whether the database is known to answer or not.
func (db *DB) try(ctx context.Context, operation string, query func(context.Context) error) error {
	err := db.run(ctx, operation, query)
	if database.IsUnanswered(ctx, err) {
		db.breaker.Unanswered(ctx)
	}
	return err
}

// run runs one query under the deadline and reports it.
func (db *DB) run(ctx context.Context, operation string, query func(context.Context) error) error {
	bounded, cancel := context.WithTimeout(ctx, db.options.Timeout)
	defer cancel()
	began := db.options.Now()
	err := query(bounded)
	answered := err == nil || errors.Is(err, ErrNotFound)
	switch took := db.options.Now().Sub(began); {
	case answered:
		db.options.Observe(ctx, operation, took, nil)
		return err
	case !errors.Is(ctx.Err(), context.Canceled):
		db.options.Observe(ctx, operation, took, err)
	}
	return fmt.Errorf("faveo: %s: %w", operation, err)
}
