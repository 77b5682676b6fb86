// Package redisstore keeps in Redis what the gateway's replicas share. It is the
// only door to go-redis.
//
// # What is stored
//
// A user's sessions are one record each and an index of them:
//
//	fgw:{u:<user>}:s:<session>  the record (see encoding.go), expires with the session
//	fgw:{u:<user>}:index        a sorted set of session ids, oldest first, expires after the last of them
//	fgw:{u:<user>}:e:<session>  a tombstone: the token of Faveo's that the id was made of had its session,
//	                            or may have none; expires an hour after the token
//	fgw:{u:<user>}:since        when all sessions of the user were ended last, in Unix seconds
//	fgw:{all}:since             when those of all users were, or when Redis was found to have been emptied
//	fgw:{all}:adopting          Redis has not been emptied since the gateway's first start, see adopt.go
//
// What the replicas tell one another:
//
//	fgw:{news}                  a channel, see events.go
//	fgw:{news}:epoch            the number of the last announcement there
//	fgw:{replicas}:r:<replica>  a gateway that runs, see registry.go; expires with its registration
//	fgw:{replicas}:leases       a sorted set of when the registration of each expires
//	fgw:{census}                the number of live sessions, counted within the last minute
//	fgw:{k:<name>}              a version, ":" and what package apikey has sealed; expires within a minute
//
// What the replicas limit together, see limits.go:
//
//	fgw:{l:<group>}:b:<name>:<of>  when a bucket will be full, in Unix microseconds; expires then
//	fgw:{l:<group>}:m:<set>        a sorted set of members by when they leave, in Unix microseconds
//	fgw:{l:<group>}:locked         a sorted set of the listed buckets that are empty, <name>:<of>, by when one
//	                               can be taken, in Unix microseconds; expires after the last of them
//
// "fgw:" is Options.KeyPrefix. The braces are hash tags: what a script touches
// together is in one slot of a Redis Cluster. Users are numbers and session ids have
// a fixed alphabet, and so have groups, buckets and the names of what is kept of API
// keys, hence no two of them can meet in one key. Every key expires by itself.
//
// # How
//
// Whatever changes more than one key is a Lua script. A session counts only while
// the index names it: should Redis evict an index, its sessions are over, and "all
// sessions ended" is never said of sessions that could not be found. The end of a
// session is first stored and then announced, in two scripts, because a cluster has
// them in two slots; nil means that both were done. Ending works in a Redis that is
// full, too. Expiry is given to Redis as a duration, so its clock and the gateway's
// need not agree.
//
// # What it refuses to do
//
// It does not retry and does not wait long: a call takes at most
// Options.Timeout, also when the connection has to be made first, and a Redis that does not
// answer is not asked for a moment, see breaker.go. Ending a session is
// two calls, adopting one is three, a walk through all of them, or clearing lockouts,
// is many. It never takes a broken record or an unexpected answer for a missing
// session, a missing replica or a full bucket. It never reads from a replica of Redis.
// Its errors name operations, addresses and keys, and never the URL, which has the
// password.
//
// go-redis has one logger for the whole process, which writes to stderr. Open
// silences it: all that it would say comes back as the error of some call.
package redisstore

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"

	"faveo-gateway/gateway/session"
	"faveo-gateway/upstream/breaker"
)

// Observer is told of a call after it: which operation of a closed set, how long
// it took, and its failure. The failure is nil when Redis answered, be it that
// there is no such session. A call that fails because the caller's context was
// cancelled is not told of: a client that hangs up says nothing about Redis, in
// neither direction. A deadline of the caller that passes is a failure. It is
// called from many goroutines at once. ctx is the caller's, for what it carries.
type Observer func(ctx context.Context, operation string, took time.Duration, failure error)

// The operations that an Observer is told of.
const (
	opPing        = "ping"
	opCreate      = "session_create"
	opAdopt       = "session_adopt"
	opAdoptable   = "session_adoptable"
	opAdopting    = "session_adopting"
	opFind        = "session_find"
	opList        = "session_list"
	opReplace     = "session_replace"
	opDelete      = "session_delete"
	opBar         = "session_bar"
	opMark        = "session_mark"
	opDeleteAll   = "session_delete_all"
	opDeleteWhere = "session_delete_where"
	opEach        = "session_each"
	opCensus      = "census"
	opAnnounce    = "announce"
	opEpoch       = "epoch"
	opSubscribe   = "subscribe"
	opNodes       = "nodes"
	opClock       = "clock"
	opRegister    = "register"
	opReplicas    = "replicas"
	opLeave       = "leave"
	opTake        = "limit_take"
	opReturn      = "limit_return"
	opRemember    = "limit_remember"
	opLocked      = "lockouts"
	opClear       = "lockouts_clear"
	opAPIKeyGet   = "apikey_get"
	opAPIKeyPut   = "apikey_put"
)

var _ session.Store = (*Store)(nil)

// Store is a session.Store in Redis, and has a keyring.Registry, a session.Counter, an
// apikey.Cache and a limit.Store over the same connections. It is safe for concurrent
// use.
type Store struct {
	client  redis.UniversalClient
	keys    keys
	timeout time.Duration
	now     func() time.Time
	observe Observer
	scripts scripts
	breaker *breaker.Breaker
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
		o.Observe = func(context.Context, string, time.Duration, error) {}
	}
	redis.SetLogger(&logging.VoidLogger{})
	client := u.client(o)
	s := &Store{
		client:  redis.NewUniversalClient(client),
		keys:    keys{prefix: o.KeyPrefix},
		timeout: o.Timeout, now: o.Now, observe: o.Observe,
		scripts: newScripts(),
	}
	s.breaker = breaker.New(s.newWitness(client), o.Timeout)
	if err := s.Ping(ctx); isRefusal(err) {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// isRefusal reports whether err is an answer that time will not change.
func isRefusal(err error) bool {
	var certificate *tls.CertificateVerificationError
	return redis.IsAuthError(err) || redis.IsPermissionError(err) || errors.As(err, &certificate) ||
		redis.HasErrorPrefix(err, "DB index is out of range")
}

// Close closes all connections and thereby ends every call, and Watch.
func (s *Store) Close() error {
	s.breaker.Close()
	if err := s.client.Close(); err != nil {
		return fmt.Errorf("redisstore: close: %w", err)
	}
	return nil
}

// Ping returns nil when Redis answers.
func (s *Store) Ping(ctx context.Context) error {
	return s.call(ctx, opPing, func(ctx context.Context) error { return s.client.Ping(ctx).Err() })
}

// call does one operation, unless it is one that breaks and Redis does not answer.
func (s *Store) call(ctx context.Context, operation string, do func(context.Context) error) error {
	if breaks(operation) {
		if err := s.breaker.Allow(ctx); err != nil {
			return fmt.Errorf("redisstore: %s: %w", operation, err)
		}
	}
	err := s.ask(ctx, operation, do)
	if isUnanswered(ctx, err) {
		s.breaker.Unanswered(ctx)
	}
	return err
}

// ask does one operation within the timeout, reports it to Observe and names it
// in its error. The answers that are no faults pass as they are.
func (s *Store) ask(ctx context.Context, operation string, do func(context.Context) error) error {
	bounded, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	began := s.now()
	err := do(bounded)
	answer := answerOf(err)
	switch took := s.now().Sub(began); {
	case err == nil || answer != nil:
		s.observe(ctx, operation, took, nil)
	case !errors.Is(ctx.Err(), context.Canceled):
		s.observe(ctx, operation, took, err)
	}
	switch {
	case err == nil:
		return nil
	case answer != nil:
		return answer
	}
	return fmt.Errorf("redisstore: %s: %w", operation, err)
}

// answerOf returns the answer that err is, or nil for a fault.
func answerOf(err error) error {
	for _, answer := range []error{session.ErrNotFound, session.ErrConflict} {
		if errors.Is(err, answer) {
			return answer
		}
	}
	return nil
}

// IsFull reports whether an error of this package means that Redis has no memory left
// (maxmemory with noeviction) and stores nothing until it has.
func IsFull(err error) bool { return redis.IsOOMError(err) }
