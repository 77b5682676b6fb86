// Package login turns credentials into a session and a token, and gives both
// back at logout. It is Faveo's `POST api/v1/authenticate` with the holes
// closed (faveo-contract README, section 1; DESIGN section 5).
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

// ErrNoAccount is what a Directory answers for a name or an id that no account
// has. Every other error of a Directory is a fault of the infrastructure.
var ErrNoAccount = errors.New("no such account")

// maxPassword is the longest password that is hashed, in bytes. bcrypt reads 72
// of them and argon2 all, so that an unbounded one would buy CPU for bytes.
const maxPassword = 4096

// Credentials are what a client typed. Both are compared as they came.
type Credentials struct {
	Username string
	Password string
	// Address and Agent describe the client for its session record.
	Address string
	Agent   string
}

// Account is what a login needs to know of one row of Faveo's users.
type Account struct {
	UserID uint64
	Role   identity.Role
	// MayLogin is false for an inactive, banned or deleted account.
	MayLogin bool
	// Fingerprint changes with the password; a session keeps it.
	Fingerprint string
	// Verify spends one hash and says whether the password is the account's. An
	// error means that the stored hash can never verify anything.
	Verify func(password string) (bool, error)
	// Answer appends the body of a successful login, in the shape that the
	// site's version of Faveo has.
	Answer func(dst []byte, token string) ([]byte, error)
}

// Directory finds accounts. A call ends within its own deadline.
type Directory interface {
	// Find returns the account that Faveo would log in by this name, or
	// ErrNoAccount.
	Find(ctx context.Context, username string) (Account, error)
	// Profile appends the body of GET authenticate/user, or ErrNoAccount.
	Profile(ctx context.Context, dst []byte, userID uint64) ([]byte, error)
	// Decoy spends the time of one hash of the site's usual cost.
	Decoy(ctx context.Context, password string)
}

// Sessions starts and ends sessions. A nil error means that it is stored.
type Sessions interface {
	// Start returns the id of a new session.
	Start(ctx context.Context, s NewSession) (id string, err error)
	// Alive returns nil for a session that still counts. What it returns for an
	// ended one is the authenticate stage's refusal.
	Alive(ctx context.Context, userID uint64, id string) error
	End(ctx context.Context, userID uint64, id string) error
	EndAll(ctx context.Context, userID uint64) error
}

// NewSession is a session to be started.
type NewSession struct {
	UserID         uint64
	Role           identity.Role
	Fingerprint    string
	Address, Agent string
}

// Tokens issues the bearer token of a session.
type Tokens interface {
	Issue(userID uint64, role identity.Role, sessionID string) (string, error)
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
	id, err := s.sessions.Start(ctx, NewSession{
		UserID: account.UserID, Role: account.Role, Fingerprint: account.Fingerprint,
		Address: c.Address, Agent: c.Agent,
	})
	if err != nil {
		return nil, fmt.Errorf("start session: %w", err)
	}
	token, err := s.tokens.Issue(account.UserID, account.Role, id)
	if err != nil {
		return nil, fmt.Errorf("issue token: %w", err)
	}
	body, err := account.Answer(nil, token)
	if err != nil {
		return nil, fmt.Errorf("write login answer: %w", err)
	}
	return body, nil
}

// Profile returns the body of GET authenticate/user, or ErrNoAccount.
func (s *Service) Profile(ctx context.Context, userID uint64) ([]byte, error) {
	return s.directory.Profile(ctx, nil, userID)
}

// Logout ends a session. It is idempotent: the session may have ended before.
func (s *Service) Logout(ctx context.Context, userID uint64, sessionID string) error {
	return s.sessions.End(ctx, userID, sessionID)
}

// LogoutAll ends all sessions of the user. It needs one that is still alive: an
// old token, found in a log, must not throw its owner out everywhere.
func (s *Service) LogoutAll(ctx context.Context, userID uint64, sessionID string) error {
	if err := s.sessions.Alive(ctx, userID, sessionID); err != nil {
		return err
	}
	return s.sessions.EndAll(ctx, userID)
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
