// Package redisstore keeps in Redis what the gateway's replicas share. It is the
// only door to go-redis.
//
// # What is stored
//
// A user's sessions are one record each and an index of them:
//
//	fgw:{u:<user>}:s:<session>  the record (see encoding.go), expires with the session
//	fgw:{u:<user>}:index        a sorted set of session ids, oldest first, expires after the last of them
//	fgw:sessions:ended          a channel: "<user> <session>", or "<user> *" for all of a user's
//
// "fgw:" is Options.KeyPrefix. The braces are a hash tag: all keys of one user
// are in one slot of a Redis Cluster, so that a script may touch them together.
// Users are numbers and session ids have a fixed alphabet, hence no two users
// and no two sessions can meet in one key. Every key expires by itself.
//
// # How
//
// Whatever changes more than one key is a Lua script, and the message that a
// session has ended is published by the script that ends it, so neither exists
// without the other. A session counts only while the index names it: should
// Redis evict an index, its sessions are over, and "all sessions ended" is never
// said of sessions that could not be found. Expiry is given to Redis as a
// duration, so its clock and the gateway's need not agree.
//
// # What it refuses to do
//
// It does not retry and does not wait long: a call takes at most
// Options.Timeout, also when the connection has to be made first. It never takes
// a broken record or an unexpected answer for a missing session. Its errors
// name operations, addresses and keys, and never the URL, which has the password.
//
// go-redis has one logger for the whole process, which writes to stderr. Open
// silences it: all that it would say comes back as the error of some call.
package redisstore

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/redis/go-redis/v9/maintnotifications"

	"faveo-gateway/gateway/session"
)

// Options say where Redis is and how to treat it.
type Options struct {
	// URL is required; see ParseURL for its forms. It is a secret.
	URL string
	// KeyPrefix begins every key and channel: 1 to 64 letters, digits and
	// "._:-". Required.
	KeyPrefix string
	// Timeout bounds every call. Required.
	Timeout time.Duration
	// PoolSize is how many calls may be under way at once, each on its own
	// connection; for each node of a cluster. Zero is go-redis's default, 10 per
	// CPU (5 in a cluster); at most 10000. Watch has one more.
	PoolSize int
	// Now is the clock that sessions are made by; nil is time.Now.
	Now func() time.Time
	// Observe, if not nil, is told of every call. The operations are ping,
	// session_create, session_find, session_delete, session_delete_all and
	// subscribe.
	Observe Observer
}

// Observer is told of a call after it: which operation of a closed set, how long
// it took, and its failure. The failure is nil when Redis answered, be it that
// there is no such session. A call that fails because the caller's context was
// cancelled is not told of: a client that hangs up says nothing about Redis, in
// neither direction. A deadline of the caller that passes is a failure. It is
// called from many goroutines at once.
type Observer func(operation string, took time.Duration, failure error)

// The operations that an Observer is told of.
const (
	opPing      = "ping"
	opCreate    = "session_create"
	opFind      = "session_find"
	opDelete    = "session_delete"
	opDeleteAll = "session_delete_all"
	opSubscribe = "subscribe"
)

// prefixPattern excludes braces, which would move the hash tag of a cluster.
var prefixPattern = regexp.MustCompile(`^[A-Za-z0-9._:-]{1,64}$`)

// maxPoolSize bounds Options.PoolSize: more than any Redis serves.
const maxPoolSize = 10_000

// Validate reports every fault of the options at once by the name of the option,
// url, key_prefix, timeout or pool_size. No message shows a part of the URL.
func (o Options) Validate(report func(option, message string)) {
	if _, err := ParseURL(o.URL); err != nil {
		report("url", err.Error())
	}
	if !prefixPattern.MatchString(o.KeyPrefix) {
		report("key_prefix", "must be 1 to 64 letters, digits and : . _ -")
	}
	if o.Timeout <= 0 {
		report("timeout", "must be longer than 0s")
	}
	if o.PoolSize < 0 || o.PoolSize > maxPoolSize {
		report("pool_size", fmt.Sprintf("must be between 0 and %d", maxPoolSize))
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

var _ session.Store = (*Store)(nil)

// Store is a session.Store in Redis. It is safe for concurrent use.
type Store struct {
	client  redis.UniversalClient
	keys    keys
	timeout time.Duration
	now     func() time.Time
	observe Observer
	scripts scripts
}

// Open returns a Store on the Redis at o.URL. A URL that cannot be meant, and a
// Redis that refuses the credentials, the database or our trust in its
// certificate, are errors. A Redis that is not there is none: the Store works as
// soon as Redis does, and Ping tells.
func Open(ctx context.Context, o Options) (*Store, error) {
	if err := o.validate(); err != nil {
		return nil, fmt.Errorf("redisstore: %w", err)
	}
	u, err := ParseURL(o.URL)
	if err != nil {
		return nil, fmt.Errorf("redisstore: url %w", err)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Observe == nil {
		o.Observe = func(string, time.Duration, error) {}
	}
	redis.SetLogger(&logging.VoidLogger{})
	s := &Store{
		client:  redis.NewUniversalClient(u.client(o)),
		keys:    keys{prefix: o.KeyPrefix},
		timeout: o.Timeout, now: o.Now, observe: o.Observe,
		scripts: newScripts(),
	}
	if err := s.Ping(ctx); isRefusal(err) {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// client returns go-redis's options. Their retries are off: a caller with a
// deadline is better told at once, and a repeated Create would be a second one.
func (u URL) client(o Options) *redis.UniversalOptions {
	c := &redis.UniversalOptions{
		Addrs: u.Addresses, IsClusterMode: u.Cluster, MasterName: u.Master, DB: u.Database,
		Username: u.Username, Password: u.Password,
		SentinelUsername: u.SentinelUsername, SentinelPassword: u.SentinelPassword,

		ContextTimeoutEnabled: true,
		DialTimeout:           o.Timeout, ReadTimeout: o.Timeout, WriteTimeout: o.Timeout, PoolTimeout: o.Timeout,
		MaxRetries: -1, DialerRetries: 1,
		PoolSize: o.PoolSize,
		// Pipelines share the pool, so that there is one size to set.
		PipelinePoolSize: -1,
		// Nothing of RESP3 is used, and every server and proxy knows RESP2.
		Protocol: 2, DisableIdentity: true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
	if u.TLS {
		// The server's name is that of the address dialled.
		c.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	return c
}

// isRefusal reports whether err is an answer that time will not change.
func isRefusal(err error) bool {
	var certificate *tls.CertificateVerificationError
	return redis.IsAuthError(err) || redis.IsPermissionError(err) || errors.As(err, &certificate) ||
		redis.HasErrorPrefix(err, "DB index is out of range")
}

// Close closes all connections and thereby ends every call, and Watch.
func (s *Store) Close() error {
	if err := s.client.Close(); err != nil {
		return fmt.Errorf("redisstore: close: %w", err)
	}
	return nil
}

// Ping returns nil when Redis answers.
func (s *Store) Ping(ctx context.Context) error {
	return s.call(ctx, opPing, func(ctx context.Context) error { return s.client.Ping(ctx).Err() })
}

// call does one operation within the timeout, reports it to Observe and names it
// in its error. session.ErrNotFound passes as it is.
func (s *Store) call(ctx context.Context, operation string, do func(context.Context) error) error {
	bounded, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	began := s.now()
	err := do(bounded)
	absent := errors.Is(err, session.ErrNotFound)
	switch took := s.now().Sub(began); {
	case err == nil || absent:
		s.observe(operation, took, nil)
	case !errors.Is(ctx.Err(), context.Canceled):
		s.observe(operation, took, err)
	}
	switch {
	case err == nil:
		return nil
	case absent:
		return session.ErrNotFound
	}
	return fmt.Errorf("redisstore: %s: %w", operation, err)
}
