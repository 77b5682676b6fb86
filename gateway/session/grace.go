package session

import (
	"context"
	"errors"
	"time"

	"faveo-gateway/gateway/identity"
)

// Failure is the section "failure" of the configuration: what is believed for longer
// while a store is down.
type Failure struct {
	// Grace is how long after cache_ttl a Session is still served while the Store is
	// down, to requests that only read, and after account_ttl an account is still
	// believed while the database is down. Default 0s, not at all; at most 10m. What
	// was ended, banned or changed elsewhere in that time is not noticed for as long.
	Grace time.Duration `yaml:"grace"`
}

// maxGrace bounds Failure.Grace: for so long a revocation can be missed.
const maxGrace = 10 * time.Minute

// Validate reports a value out of bounds with its path below "failure".
func (f Failure) Validate(report func(path, message string)) {
	within(report, "grace", f.Grace, 0, maxGrace)
}

// graceSession returns the Session that is remembered for the token where err is a
// fault that leaves nobody to ask, and use may rest on memory; else nil. Memory is
// looked at after the fault: what was ended while the Store was asked is not in it any
// more. It only lets in, and refuses nobody.
func (m *Manager) graceSession(ctx context.Context, use identity.Use, k sessionKey, tokenID string, now time.Time, err error) *Session {
	if m.grace <= 0 || use < identity.UseRead || !isFault(ctx, err) {
		return nil
	}
	m.mu.Lock()
	e := m.cache.find(k)
	m.mu.Unlock()
	if e == nil || !fresh(e.readAt, now, m.config.CacheTTL+m.grace) || !e.session.admits(tokenID, now) {
		return nil
	}
	return &e.session
}

// graceLook returns the look at the account that is remembered, as graceSession does.
func (m *Manager) graceLook(ctx context.Context, use identity.Use, userID uint64, now time.Time, good func(look) bool, err error) (look, bool) {
	if m.grace <= 0 || use < identity.UseChange || !isFault(ctx, err) {
		return look{}, false
	}
	m.mu.Lock()
	l := m.cache.look(userID)
	m.mu.Unlock()
	return l, l.found && fresh(l.at, now, m.config.AccountTTL+m.grace) && good(l)
}

// isFault reports whether err says that a Store or a database has failed. An answer is
// none, nor is a mistake of this program, nor that the client is gone.
func isFault(ctx context.Context, err error) bool {
	if err == nil || ctx.Err() != nil {
		return false
	}
	for _, no := range []error{ErrNotFound, ErrNoAccount, ErrRevoked, ErrConflict, ErrMalformed, errMixedUp, errAborted} {
		if errors.Is(err, no) {
			return false
		}
	}
	return true
}
