// Package login turns credentials into a session and a token, a token into its
// successor, and gives both back at logout. It is Faveo's
// `POST api/v1/authenticate` with the holes closed (faveo-contract README, section
// 1; DESIGN sections 5 and 6).
//
// The idea is that a refusal says nothing. An unknown name, a wrong password, a
// banned, deleted or inactive account and an account without a usable password
// all take the same road: one lookup, one hash of the site's usual cost, one
// answer, padded to the same least time. Padding holds no hash slot and no
// database connection, so that a flood of bad logins cannot starve good ones.
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
)

// ErrInvalidCredentials is the one refusal of a login, whatever the cause.
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

// Options are what a Service works with. All fields but Log are needed.
type Options struct {
	Config     Config
	Directory  Directory
	Sessions   Sessions
	Tokens     Tokens
	Registerer prometheus.Registerer
	// Log receives accounts whose stored hash is unusable. Nil discards.
	Log *slog.Logger
}

// Service is the login. It is safe for concurrent use.
type Service struct {
	config    Config
	directory Directory
	sessions  Sessions
	tokens    Tokens
	slots     *slots
	clients   clientPatterns
	metrics   *metrics
	log       *slog.Logger
}

// New returns a Service.
func New(o Options) *Service {
	log := o.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	m := newMetrics(o.Registerer)
	return &Service{
		config:    o.Config,
		directory: o.Directory,
		sessions:  o.Sessions,
		tokens:    o.Tokens,
		slots:     newSlots(o.Config.MaxConcurrentHashes, o.Config.QueueTimeout, m),
		clients:   compileClients(o.Config.LegacyClients),
		metrics:   m,
		log:       log,
	}
}

// Login checks c and, when it is right, returns the body of the answer.
//
// Errors: ErrInvalidCredentials, not before MinFailureTime has passed; ErrBusy
// when no hash slot came free in time; anything else is a fault of the
// infrastructure.
func (s *Service) Login(ctx context.Context, c Credentials) ([]byte, error) {
	arrived := time.Now()
	body, err := s.login(ctx, c)
	s.metrics.observe(err)
	if errors.Is(err, ErrInvalidCredentials) {
		waitUntil(ctx, arrived.Add(s.padded(time.Since(arrived))))
	}
	return body, err
}

// padded rounds the time of a refusal up to a multiple of the least time. A hash
// that is costlier than usual, or a queue, then shows as one step more at the
// most, not as its own length.
func (s *Service) padded(took time.Duration) time.Duration {
	step := s.config.MinFailureTime
	if step == 0 {
		return took
	}
	return (took/step + 1) * step
}

func (s *Service) login(ctx context.Context, c Credentials) ([]byte, error) {
	account, err := s.check(ctx, c)
	if err != nil {
		return nil, err
	}
	token, err := s.start(ctx, account, c)
	if err != nil {
		return nil, err
	}
	body, err := account.Answer(nil, token)
	if err != nil {
		return nil, fmt.Errorf("write login answer: %w", err)
	}
	return body, nil
}

// start makes the token of a new session and stores the session, in this order:
// the record names the token. The token is nothing until the record is stored.
func (s *Service) start(ctx context.Context, account Account, c Credentials) (string, error) {
	id := s.sessions.NewID()
	issued, err := s.tokens.Issue(Subject{UserID: account.UserID, Role: account.Role, SessionID: id})
	if err != nil {
		return "", fmt.Errorf("issue token: %w", err)
	}
	err = s.sessions.Start(ctx, NewSession{
		ID: id, UserID: account.UserID, Role: account.Role, Fingerprint: account.Fingerprint,
		Client: c.Client, Token: issued,
	})
	if err != nil {
		return "", fmt.Errorf("start session: %w", err)
	}
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

// check returns the account that c is right for. One hash is spent on every
// path that ends in ErrInvalidCredentials.
func (s *Service) check(ctx context.Context, c Credentials) (Account, error) {
	// A password that is too long is hashed by no account's hash, yet it must
	// cost what a wrong one costs.
	usable := len(c.Password) <= maxPassword
	account, err := s.find(ctx, c.Username)
	known := err == nil
	if err != nil && !errors.Is(err, ErrNoAccount) {
		return Account{}, fmt.Errorf("find account: %w", err)
	}
	right := false
	err = s.slots.do(ctx, func() {
		if !known || !usable {
			s.directory.Decoy(ctx, c.Password[:min(len(c.Password), maxPassword)])
			return
		}
		right = s.verify(ctx, account, c.Password)
	})
	if err != nil {
		return Account{}, err
	}
	if !right || !account.MayLogin {
		return Account{}, ErrInvalidCredentials
	}
	return account, nil
}

// find looks the name up. A name that no column can hold needs no database.
func (s *Service) find(ctx context.Context, username string) (Account, error) {
	// PHP would cut nothing off here, but the collation ignores NUL, so that
	// "alice\x00" is alice for the database and another name for every log.
	if username == "" || strings.IndexByte(username, 0) >= 0 {
		return Account{}, ErrNoAccount
	}
	return s.directory.Find(ctx, username)
}

// verify compares the password with the account's hash. PHP stops reading a
// password at the first NUL byte; here such a password is simply wrong.
func (s *Service) verify(ctx context.Context, account Account, password string) bool {
	if strings.IndexByte(password, 0) >= 0 {
		s.directory.Decoy(ctx, password)
		return false
	}
	right, err := account.Verify(password)
	if err != nil {
		s.log.Warn("stored password hash is unusable", slog.Uint64("user_id", account.UserID), slog.Any("error", err))
		s.directory.Decoy(ctx, password)
		return false
	}
	return right
}

// waitUntil returns at the given time, or when the client has gone.
func waitUntil(ctx context.Context, at time.Time) {
	timer := time.NewTimer(time.Until(at))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
