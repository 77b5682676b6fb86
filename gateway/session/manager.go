package session

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// timeout bounds a call of a Store or of Accounts that belongs to no client in
// particular and does not end by itself.
const timeout = 3 * time.Second

// Options are what a Manager is made of.
type Options struct {
	// Store and Accounts are required.
	Store    Store
	Accounts Accounts
	// Config should have passed Validate; bounds below 1 count as 1.
	Config Config
	// Failure should have passed Validate; its zero value grants no grace.
	Failure Failure
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	// Registerer receives the metrics; nil for none.
	Registerer prometheus.Registerer
}

// Manager starts, checks and ends Sessions. It is safe for concurrent use,
// starts no goroutine and needs no closing.
type Manager struct {
	store    Store
	accounts Accounts
	config   Config
	grace    time.Duration
	now      func() time.Time
	metrics  *metrics

	// mu guards cache and both underWay tables. It is never held during I/O.
	mu    sync.Mutex
	cache *cache
	finds *reads[sessionKey, *entry]
	looks *reads[uint64, look]
}

// NewManager returns a Manager. It panics without a Store or Accounts, which
// only a program that was never run can forget.
func NewManager(o Options) *Manager {
	if o.Store == nil || o.Accounts == nil {
		panic("session: a Manager needs a Store and Accounts")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	m := &Manager{
		store: o.Store, accounts: o.Accounts, config: o.Config, grace: o.Failure.Grace,
		now: o.Now, metrics: newMetrics(o.Registerer),
		cache: newCache(o.Config.CacheSize, o.Config.MaxPerUser),
	}
	m.finds = newReads[sessionKey, *entry](&m.mu, o.Now)
	m.looks = newReads[uint64, look](&m.mu, o.Now)
	return m
}

// Login is a login that has just been proved, from which Start makes a Session.
type Login struct {
	// SessionID is from NewID, Token the first token, which names that id.
	SessionID string
	Token     Token
	// UserID is users.id in Faveo, never zero.
	UserID uint64
	// Role and PasswordFingerprint are those of the account as it was read for
	// this login; the fingerprint is never empty.
	Role, PasswordFingerprint string
	// Address and Agent are the client's as it sent them: Start cleans and cuts
	// them. Both may be empty.
	Address, Agent string
	// ExpiresAt is when the Session is over unless it is refreshed, and
	// RefreshableUntil what bounds that; both are cut to whole milliseconds. ExpiresAt
	// is in the future, and RefreshableUntil not before it.
	ExpiresAt, RefreshableUntil time.Time
}

// Start creates the Session of a login. It is stored when the error is nil. A
// failing Store is ErrUnavailable, an impossible Login is ErrMalformed or a plain
// error.
func (m *Manager) Start(ctx context.Context, l Login) (Session, error) {
	now := wholeMillis(m.now())
	s := Session{
		ID:                  l.SessionID,
		UserID:              l.UserID,
		Role:                l.Role,
		Address:             clean(l.Address, maxAddress),
		Agent:               clean(l.Agent, maxAgent),
		CreatedAt:           now,
		SeenAt:              now,
		ExpiresAt:           wholeMillis(l.ExpiresAt),
		RefreshableUntil:    wholeMillis(l.RefreshableUntil),
		PasswordFingerprint: l.PasswordFingerprint,
		Token:               l.Token,
	}
	if err := s.Validate(); err != nil {
		return Session{}, fmt.Errorf("start session: %w", err)
	}
	ended, err := m.store.Create(ctx, s, max(m.config.MaxPerUser, 1))
	if err != nil {
		return Session{}, fault("start session", err)
	}
	for _, id := range ended {
		m.Drop(l.UserID, id)
	}
	m.dropAccount(l.UserID)
	return s, nil
}

// End ends one Session. Nil means that the Store has done it; then no Check on
// this replica that begins later finds it. On an error, ErrUnavailable for a
// failing Store, it may or may not be over. It is carried out even if ctx is
// cancelled: who hangs up after asking for a logout still wants it.
func (m *Manager) End(ctx context.Context, userID uint64, id string) error {
	// After the Store has answered, so that a Session found before is not
	// remembered afterwards; and in any case.
	defer m.Drop(userID, id)
	ctx, cancel := m.detach(ctx)
	defer cancel()
	return fault("end session", m.store.Delete(ctx, userID, id))
}

// EndAll ends all Sessions of the user and returns how many there were. Errors
// are as of End.
func (m *Manager) EndAll(ctx context.Context, userID uint64) (int, error) {
	defer m.DropAll(userID)
	ctx, cancel := m.detach(ctx)
	defer cancel()
	n, err := m.store.DeleteAll(ctx, userID)
	return n, fault("end all sessions", err)
}

// EndWhere ends all Sessions that match reports true for, of all users, and returns
// how many. It walks through all of them, and only ctx bounds that. On an error,
// ErrUnavailable for a failing Store, some of them may be over.
func (m *Manager) EndWhere(ctx context.Context, match func(Session) bool) (int, error) {
	defer m.DropEverything()
	n, err := m.store.DeleteWhere(ctx, match)
	return n, fault("end sessions", err)
}

// EndEverything is EndWhere for all Sessions. Tokens of Faveo that were issued up to now
// are over too, whether anybody has shown them yet or not.
func (m *Manager) EndEverything(ctx context.Context) (int, error) {
	defer m.DropEverything()
	n, err := m.store.DeleteEverything(ctx)
	return n, fault("end everything", err)
}

func (m *Manager) detach(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), timeout)
}

// fault names the operation in an error of a Store or of Accounts, and marks it
// as ErrUnavailable unless the caller is to blame. Nil stays nil.
func fault(operation string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrMalformed):
		return fmt.Errorf("%s: %w", operation, err)
	default:
		return fmt.Errorf("%s: %w: %w", operation, ErrUnavailable, err)
	}
}
