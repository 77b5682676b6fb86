// Package sqlstore keeps the gateway's own tables, in MySQL or MariaDB, where
// they may stand beside Faveo's, or in an SQLite file.
//
// All tables begin with faveo_gateway_; nothing else in the database is read
// or written. The package stores bytes and knows neither keys nor tokens. It
// is one of the few doors to database/sql, and holds no decision that is not
// one statement: that only one signing key is active is a unique index.
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

	"faveo-gateway/gateway/keyring"
)

var _ keyring.Store = (*Store)(nil)

// The errors of this package, to be tested with errors.Is. A URL that cannot
// be read is ErrURL; an active key that exists is keyring.ErrActiveExists.
var (
	// ErrURL means that the database URL cannot be used.
	ErrURL = errors.New("sqlstore: unusable database URL")
	// ErrNotMigrated means that the gateway's tables are missing or old: the
	// command migrate makes them.
	ErrNotMigrated = errors.New("sqlstore: the gateway's tables are missing: run faveo-gateway migrate")
	// ErrRights means that the database user may not do what is needed.
	ErrRights = errors.New("sqlstore: the database user lacks a right")
)

// The bounds of a Store.
const (
	// DefaultTimeout is the deadline of a call when Options.Timeout is zero.
	DefaultTimeout = 5 * time.Second
	// migrateTimeout is the deadline of Migrate, which may wait for another
	// replica to finish.
	migrateTimeout = 2 * time.Minute
	// connections bounds the pool. The tables are read at the start and now
	// and then, never by a request.
	connections = 4
	// connectionLife makes the pool follow a database that moved.
	connectionLife = 5 * time.Minute
)

// Options is what a Store is made of.
type Options struct {
	// Database is the URL, in the same form as faveo.database:
	// mysql://user:password@host:3306/name, with the parameters tls, tls_ca
	// and unix_socket, or sqlite:///absolute/path. An SQLite file is created
	// when it does not exist. Required.
	Database string
	// Timeout is the deadline of each call, Migrate excepted. Zero means
	// DefaultTimeout.
	Timeout time.Duration
	// Observe, when not nil, is told of every call that ended. The operations
	// are ping, keys, add_active, migrate and pending. The error is nil when
	// the database did its work, be it to say that an active key exists.
	Observe func(operation string, d time.Duration, err error)
	// Now is the clock that measures for Observe; nil means time.Now.
	Now func() time.Time
}

// Store is an open database. It is safe for concurrent use.
type Store struct {
	db       *sql.DB
	dialect  goose.Dialect
	provider *goose.Provider
	timeout  time.Duration
	observe  func(operation string, d time.Duration, err error)
	now      func() time.Time
}

// Open opens the database and makes sure that it answers. It needs no table
// and makes none. Close ends the Store.
func Open(ctx context.Context, o Options) (*Store, error) {
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Observe == nil {
		o.Observe = func(string, time.Duration, error) {}
	}
	db, dialect, err := openURL(o.Database, o.Timeout)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(connections)
	db.SetConnMaxLifetime(connectionLife)
	s := &Store{db: db, dialect: dialect, timeout: o.Timeout, observe: o.Observe, now: o.Now}
	if s.provider, err = newProvider(db, dialect); err == nil {
		err = s.Ping(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return s, nil
}

// Ping makes sure that the database answers.
func (s *Store) Ping(ctx context.Context) error {
	return s.call(ctx, "ping", s.timeout, s.db.PingContext)
}

// Close closes all connections.
func (s *Store) Close() error { return s.db.Close() }

// call runs one operation within its deadline, names its error, and tells
// Observe of it.
func (s *Store) call(ctx context.Context, operation string, timeout time.Duration, run func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	begin := s.now()
	err := run(ctx)
	if err != nil {
		err = fmt.Errorf("sqlstore %s: %w", operation, classify(err))
	}
	fault := err
	if errors.Is(err, keyring.ErrActiveExists) {
		fault = nil
	}
	s.observe(operation, s.now().Sub(begin), fault)
	return err
}
