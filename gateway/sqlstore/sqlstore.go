// Package sqlstore keeps the gateway's own tables, in MySQL or MariaDB, where
// they may stand beside Faveo's, or in an SQLite file.
//
// All tables begin with faveo_gateway_; nothing else in the database is read
// or written. The package stores bytes and knows neither keys nor tokens. It
// is one of the few doors to database/sql, and holds no decision that is not a
// statement's condition or an index: only one signing key is active, and only one
// pending, by unique indexes, and a key leaves a state only while it is in it; an API
// key is changed only in the version that the change was made of; the entries of the
// audit trail have one order, by a lock on the row of its head.
//
// Tables are made by Migrate alone, with the migrations embedded here. Every
// other call on a database without them fails with ErrNotMigrated.
//
// Each session of MySQL speaks utf8mb4, is in UTC, and is strict: a value that
// does not fit is an error and never cut. Each call has a deadline. No error
// holds a password or any other part of the database's URL.
package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/pressly/goose/v3"

	"faveo-gateway/gateway/apikey"
	"faveo-gateway/gateway/audit"
	"faveo-gateway/gateway/keyring"
	"faveo-gateway/upstream/breaker"
	"faveo-gateway/upstream/database"
)

var (
	_ keyring.Store = (*Store)(nil)
	_ audit.Store   = (*Store)(nil)
)

// The errors of this package, to be tested with errors.Is. What another replica
// was first with is keyring.ErrActiveExists, ErrPendingExists or ErrChanged, or
// apikey.ErrConflict.
var (
	// ErrNotMigrated means that the gateway's tables are missing or old: the
	// command migrate makes them.
	ErrNotMigrated = errors.New("the gateway's tables are missing or old: run faveo-gateway migrate")
	// ErrRights means that the database user may not do what is needed.
	ErrRights = errors.New("the database user lacks a right")
)

// The bounds of a Store.
const (
	// migrateTimeout is the deadline of Migrate, which may wait for another
	// replica to finish.
	migrateTimeout = 2 * time.Minute
	// connections bounds the pool. The tables are read at the start and now and then,
	// and by a request only for an API key that no replica has seen lately, of which four
	// are looked up at once; as many are left for the audit trail, which has one writer,
	// for keys that are known, and for the key ring.
	connections = 8
	// connectionLife makes the pool follow a database that moved.
	connectionLife = 5 * time.Minute
)

// Options is what a Store is made of.
type Options struct {
	// Database is the URL in one of the forms of database.Parse. An SQLite file
	// is created when it does not exist. Required.
	Database string
	// Timeout is the deadline of each call, Migrate excepted. Required.
	Timeout time.Duration
	// Observe, when not nil, is told of every call. The operations are ping,
	// migrate, keys, add_active, add_pending, activate, bury, revoke, reseal,
	// apikey_add, apikey_find, apikey_list, apikey_replace, apikey_used, audit_head,
	// audit_after, audit_append and audit_prune.
	Observe Observer
	// Now is the clock that measures for Observe; nil means time.Now.
	Now func() time.Time
}

// Observer is told of a call after it: which operation of a closed set, how long
// it took, and its failure. The failure is nil when the database answered, be it
// that another replica was first, or that there is no such key. A call that fails
// because the caller's context was cancelled is not told of: a client that hangs up
// says nothing about the database, in neither direction. A deadline of the caller
// that passes is a failure. It is called from many goroutines at once. ctx is the
// caller's, for what it carries.
type Observer func(ctx context.Context, operation string, took time.Duration, failure error)

// Store is an open database: a keyring.Store and an audit.Store, which has an
// apikey.Store in the same database. It is safe for concurrent use.
type Store struct {
	db       *sql.DB
	provider *goose.Provider
	lockRows string // ends a SELECT whose rows must stay as they are
	timeout  time.Duration
	observe  Observer
	now      func() time.Time
	breaker  *breaker.Breaker
}

// Open opens the database and makes sure that it answers. It needs no table
// and makes none. Close ends the Store.
func Open(ctx context.Context, o Options) (*Store, error) {
	if o.Timeout <= 0 {
		return nil, errors.New("sqlstore: the timeout must be longer than 0s")
	}
	url, err := database.Parse(o.Database)
	if err != nil {
		return nil, fmt.Errorf("sqlstore: database %w", err)
	}
	db, err := open(url, o.Timeout)
	if err != nil {
		return nil, fmt.Errorf("sqlstore: database %w", err)
	}
	s, err := newStore(url, db, o)
	if err != nil {
		return nil, err
	}
	if err := s.Ping(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// newStore returns a Store on a pool, which it closes on an error.
func newStore(url database.URL, db *sql.DB, o Options) (_ *Store, err error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Observe == nil {
		o.Observe = func(context.Context, string, time.Duration, error) {}
	}
	s := &Store{db: db, timeout: o.Timeout, observe: o.Observe, now: o.Now}
	s.breaker = breaker.New(s.newWitness(url), o.Timeout)
	if url.Dialect() == database.MySQL {
		s.lockRows = " FOR UPDATE" // SQLite locks the file when a transaction begins.
	}
	if s.provider, err = newProvider(db, url.Dialect()); err != nil {
		return nil, errors.Join(fmt.Errorf("sqlstore: %w", err), s.Close())
	}
	return s, nil
}

// open makes the pool, without connecting.
func open(url database.URL, timeout time.Duration) (*sql.DB, error) {
	db, err := url.Open(settings(timeout, true))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(connections)
	db.SetConnMaxLifetime(connectionLife)
	return db, nil
}

// settings are how the sessions speak.
func settings(timeout time.Duration, createFile bool) database.Settings {
	return database.Settings{
		Timeout:    timeout,
		Session:    map[string]string{"sql_mode": "'TRADITIONAL'", "time_zone": "'+00:00'"},
		CreateFile: createFile,
	}
}

// Ping makes sure that the database answers.
func (s *Store) Ping(ctx context.Context) error {
	return s.call(ctx, "ping", s.timeout, s.db.PingContext)
}

// Close closes all connections.
func (s *Store) Close() error {
	s.breaker.Close()
	return s.db.Close()
}

// newWitness returns the Witness of the breaker.
func (s *Store) newWitness(url database.URL) breaker.Witness {
	look := url.Witness(s.timeout, "SELECT 1")
	return func(ctx context.Context) error { return s.run(ctx, "ping", s.timeout, look) }
}

// breaks reports whether an operation is left out while the database does not answer:
// the one that requests wait for. The others go on beside them, or an operator asks for
// them, and tell the truth.
func breaks(operation string) bool { return operation == opAPIKeyFind }

// opAPIKeyFind is the lookup of an API key that a request has.
const opAPIKeyFind = "apikey_find"

// call runs one operation, unless it is one that breaks and the database does not answer.
func (s *Store) call(ctx context.Context, operation string, timeout time.Duration, run func(context.Context) error) error {
	if breaks(operation) {
		if err := s.breaker.Allow(ctx); err != nil {
			return fmt.Errorf("sqlstore: %s: %w", operation, err)
		}
	}
	err := s.run(ctx, operation, timeout, run)
	if database.IsUnanswered(ctx, err) {
		s.breaker.Unanswered(ctx)
	}
	return err
}

// run runs one operation within its deadline, names its error, and tells Observe of it.
func (s *Store) run(ctx context.Context, operation string, timeout time.Duration, run func(context.Context) error) error {
	bounded, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	began := s.now()
	err := run(bounded)
	switch took := s.now().Sub(began); {
	case err == nil, isAnswer(err):
		s.observe(ctx, operation, took, nil)
	case !errors.Is(ctx.Err(), context.Canceled):
		s.observe(ctx, operation, took, err)
	}
	if err == nil {
		return nil
	}
	return fmt.Errorf("sqlstore: %s: %w", operation, classify(err))
}

// isAnswer reports whether err is an answer of the database, and no fault.
func isAnswer(err error) bool {
	for _, answer := range []error{
		keyring.ErrActiveExists, keyring.ErrPendingExists, keyring.ErrChanged, apikey.ErrNotFound, apikey.ErrConflict,
	} {
		if errors.Is(err, answer) {
			return true
		}
	}
	return false
}
