// Package login turns credentials into a session and a token, a token into its
// successor, and gives both back at logout. It is Faveo's
// `POST api/v1/authenticate` with the holes closed (faveo-contract README, section 1;
// deploy/docs/behaviour.md).
//
// The idea is that a refusal says nothing. An unknown name, a wrong password, a
// banned, deleted or inactive account and an account without a usable password
// all take the same road: one lookup, one attempt taken, one hash, one answer, padded
// to the same time (padding.go). Padding holds no hash slot and no database
// connection, so that a flood of bad logins cannot starve good ones.
//
// Who guesses is locked out (lockout.go), for a name that no account has as for one
// that some account has, and with the right password as with a wrong one.
//
// What it refuses to do: it never compares names (the database column's
// collation does), never trims or folds a password, never takes anything but
// text for a credential, and never answers a fault of the database, of Redis or
// of a full queue as wrong credentials.
package login

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"faveo-gateway/gateway/identity"
	"faveo-gateway/gateway/limit"
)

// ErrInvalidCredentials is the one refusal of a login that was looked at, whatever the
// cause.
var ErrInvalidCredentials = errors.New("invalid credentials")

// maxPassword is the longest password that is hashed, in bytes. bcrypt reads 72
// of them and argon2 all, so that an unbounded one would buy CPU for bytes.
const maxPassword = 4096

// Credentials are what a client typed. Both are compared as they came.
type Credentials struct {
	Username string
	Password string
	// Client is kept in the session's record.
	Client identity.Client
}

// Options are what a Service works with. All fields but PerAccount, Observe and Log are
// needed.
type Options struct {
	Config    Config
	Directory Directory
	Hashes    Hashes
	Sessions  Sessions
	Tokens    Tokens
	// Limits counts the attempts, in LockoutGroup.
	Limits limit.Source
	// PerAccount is the site's own setting, which counts when Config.Lockout.PerAccount
	// is not set: the zero Rate for none. It ends within its own deadline.
	PerAccount func(context.Context) limit.Rate
	Registerer prometheus.Registerer
	// Observe is told what happened. It must not block; the context is that of the
	// request, which may be over.
	Observe func(context.Context, Event)
	// Log receives accounts whose stored hash is unusable. Nil discards.
	Log *slog.Logger
}

// Service is the login. It is safe for concurrent use.
type Service struct {
	config    Config
	directory Directory
	hashes    Hashes
	sessions  Sessions
	tokens    Tokens
	lockout   *lockout
	slots     *slots
	clients   clientPatterns
	metrics   *metrics
	observe   func(context.Context, Event)
	log       *slog.Logger
	// warned are the accounts whose hash the log has just told of.
	warned *recent[uint64, struct{}]
}

// New returns a Service.
func New(o Options) *Service {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Observe == nil {
		o.Observe = func(context.Context, Event) {}
	}
	m := newMetrics(o.Registerer)
	return &Service{
		config:    o.Config,
		directory: o.Directory,
		hashes:    o.Hashes,
		sessions:  o.Sessions,
		tokens:    o.Tokens,
		lockout:   newLockout(o),
		slots:     newSlots(o.Config.hashes(), o.Config.QueueTimeout, o.Hashes.HashTime(), m),
		clients:   compileClients(o.Config.LegacyClients),
		metrics:   m,
		observe:   o.Observe,
		log:       o.Log,
		warned:    newRecent[uint64, struct{}](maxWarned),
	}
}

// With returns a Service that goes on where s is, with other settings. Not among them are
// MaxConcurrentHashes and QueueTimeout, for the hashes of both share the slots of s.
func (s *Service) With(c Config) *Service {
	other, lockout := *s, *s.lockout
	lockout.config = c.Lockout
	other.config, other.clients, other.lockout = c, compileClients(c.LegacyClients), &lockout
	return &other
}

// Login checks c and, when it is right, returns the body of the answer.
//
// Errors: ErrInvalidCredentials and *LockedOut, not before MinFailureTime has passed
// unless the client goes; ErrBusy when no hash slot came free in time; anything else is
// a fault of the infrastructure.
func (s *Service) Login(ctx context.Context, c Credentials) ([]byte, error) {
	a := &attempt{Credentials: c, arrived: time.Now()}
	body, err := s.login(ctx, a)
	s.metrics.observe(err)
	s.report(ctx, a, err)
	if refusal(err) {
		waitUntil(ctx, s.due(a))
	}
	if locked, ok := errors.AsType[*LockedOut](err); ok {
		locked.RetryAfter = max(time.Until(locked.until), 0)
	}
	return body, err
}

// refusal says that the login was refused, and did not fail.
func refusal(err error) bool {
	_, locked := errors.AsType[*LockedOut](err)
	return locked || errors.Is(err, ErrInvalidCredentials)
}

func (s *Service) login(ctx context.Context, a *attempt) ([]byte, error) {
	if err := s.admit(ctx, a); err != nil {
		return nil, err
	}
	token, err := s.start(ctx, a)
	if err != nil {
		return nil, err
	}
	body, err := a.account.Answer(nil, token)
	if err != nil {
		return nil, fmt.Errorf("write login answer: %w", err)
	}
	return body, nil
}

// admit lets in who has the right password, and nobody who is locked out. An attempt
// that is not decided, because of a fault or because the client has gone, costs none.
func (s *Service) admit(ctx context.Context, a *attempt) error {
	if err := s.lockout.recall(a); err != nil {
		return err
	}
	if err := s.slots.enter(); err != nil {
		return err // Before it costs the stores anything: this is what a flood gets.
	}
	defer s.slots.leave()
	if err := s.identify(ctx, a); err != nil {
		return err
	}
	if err := s.lockout.take(ctx, a); err != nil {
		return err
	}
	switch err := s.check(ctx, a); {
	case errors.Is(err, ErrInvalidCredentials):
		return err
	case err != nil:
		s.lockout.giveBack(ctx, a)
		return err
	}
	s.lockout.admit(ctx, a)
	return nil
}

// start makes the token of a new session and stores the session, in this order:
// the record names the token. The token is nothing until the record is stored.
func (s *Service) start(ctx context.Context, a *attempt) (string, error) {
	id, account := s.sessions.NewID(), a.account
	issued, err := s.tokens.Issue(Subject{UserID: account.UserID, Role: account.Role, SessionID: id})
	if err != nil {
		return "", fmt.Errorf("issue token: %w", err)
	}
	err = s.sessions.Start(ctx, NewSession{
		ID: id, UserID: account.UserID, Role: account.Role, Fingerprint: account.Fingerprint,
		Client: a.Client, Token: issued,
	})
	if err != nil {
		return "", fmt.Errorf("start session: %w", err)
	}
	a.sessionID = id
	return issued.Raw, nil
}

// Profile returns the body of GET authenticate/user, or ErrNoAccount.
func (s *Service) Profile(ctx context.Context, userID uint64) ([]byte, error) {
	return s.directory.Profile(ctx, nil, userID)
}

// Strict says whether a refusal is a 401 for this User-Agent, and not PHP's 200.
func (s *Service) Strict(agent string) bool {
	return s.config.StrictStatus && !s.clients.match(agent)
}

// identify finds out whose attempt it is. That only an unknown name costs a second
// question to the database is hidden by the padding, as is how long the first one takes.
func (s *Service) identify(ctx context.Context, a *attempt) (err error) {
	a.account, err = s.find(ctx, a.Username)
	switch {
	case err == nil:
		a.known = true
		return nil
	case !errors.Is(err, ErrNoAccount):
		return fmt.Errorf("find account: %w", err)
	}
	if a.digest, err = s.directory.Fold(ctx, a.Username); err != nil {
		return fmt.Errorf("fold name: %w", err)
	}
	return nil
}

// find looks the name up. A name that no column can hold needs no database.
func (s *Service) find(ctx context.Context, username string) (Account, error) {
	// PHP would cut nothing off here, but the collation ignores NUL, so that
	// "alice\x00" is alice for the database and another name for every log.
	if username == "" || hasNUL(username) {
		return Account{}, ErrNoAccount
	}
	return s.directory.Find(ctx, username)
}

// check returns nil for the right password of an account that may log in. One hash is
// spent on every path that ends in ErrInvalidCredentials.
func (s *Service) check(ctx context.Context, a *attempt) error {
	err := s.slots.do(ctx, func() {
		a.hashing = time.Now()
		a.reason = s.verify(a)
	})
	if err != nil {
		return err
	}
	if a.reason != "" {
		return ErrInvalidCredentials
	}
	return nil
}

// verify spends one hash and returns what is wrong, "" for nothing. A password that is
// too long is hashed by no account's hash, yet it costs what a wrong one costs. PHP
// stops reading one at the first NUL byte; here it is simply wrong.
func (s *Service) verify(a *attempt) Reason {
	switch {
	case hasNUL(a.Username), hasNUL(a.Password):
		return s.decoy(a, ReasonNUL)
	case !a.known:
		return s.decoy(a, ReasonUnknownName)
	case len(a.Password) > maxPassword:
		return s.decoy(a, ReasonTooLong)
	}
	switch right, err := a.account.Verify(a.Password); {
	case err != nil:
		s.warn(a.account.UserID, err)
		return s.decoy(a, ReasonUnusableHash)
	case !right:
		return ReasonWrongPassword
	case !a.account.MayLogin:
		return ReasonMayNotLogin
	}
	return ""
}

// decoy spends a hash where there is none to verify.
func (s *Service) decoy(a *attempt, reason Reason) Reason {
	s.hashes.Decoy(a.Password[:min(len(a.Password), maxPassword)])
	return reason
}

func hasNUL(text string) bool { return strings.IndexByte(text, 0) >= 0 }

const (
	// warnEvery is how often an account is told of, at most; whoever knows its name can
	// ask for it as often as the lockout lets him.
	warnEvery = time.Minute
	// maxWarned is how many accounts that can be held to.
	maxWarned = 1024
)

// warn tells the operator of a hash that verifies nothing.
func (s *Service) warn(userID uint64, err error) {
	if s.warned.first(userID, time.Now(), warnEvery) {
		s.log.Warn("stored password hash is unusable", slog.Uint64("user_id", userID), slog.Any("error", err))
	}
}
