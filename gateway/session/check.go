package session

import (
	"context"
	"errors"
	"fmt"
	"time"

	"faveo-gateway/gateway/identity"
)

// Standing is a caller who may be served.
type Standing struct {
	// Session is shared with other calls and must not be changed. The Successors in
	// Previous, which are for Refresh alone, are empty. Nil for who calls without one.
	Session *Session
	// Account is the one behind it, whose Role is the one that counts.
	Account Account
	// Grace is what of them is older than cache_ttl or account_ttl.
	Grace identity.Grace
}

// Check answers whether the Session of a verified token still counts for the token
// of that id. What it returns is at most cache_ttl and account_ttl old; where the Store
// or the database fails, and the use allows for it, failure.grace more.
//
// ErrRevoked means that it does not count (401). Any other error includes
// ErrUnavailable and means that nobody can tell now (503), or that ctx ended
// while another request's read was waited for; then it includes ctx's error too.
func (m *Manager) Check(ctx context.Context, use identity.Use, userID uint64, id, tokenID string) (Standing, error) {
	return m.answer(m.check(ctx, use, userID, id, tokenID))
}

// answer makes what check returns into what Check does.
func (m *Manager) answer(s Standing, err error) (Standing, error) {
	if errors.Is(err, ErrNotFound) {
		return Standing{}, ErrRevoked
	}
	if err == nil {
		m.metrics.graced(s.Grace)
	}
	return s, err
}

// check is Check, but for ErrNotFound where the Store has no such Session. What it
// returns belongs to the cache.
func (m *Manager) check(ctx context.Context, use identity.Use, userID uint64, id, tokenID string) (Standing, error) {
	raw, ok := parseID(id)
	if userID == 0 || !ok || tokenID == "" {
		// Neither Start nor CheckAdopted can have made it.
		return Standing{}, ErrRevoked
	}
	k, now := sessionKey{userID, raw}, m.now()
	var grace identity.Grace
	s, err := m.findFor(ctx, k, id, tokenID, now)
	if old := m.graceSession(ctx, use, k, tokenID, now, err); old != nil {
		s, grace, err = old, identity.GraceSession, nil
	}
	if errors.Is(err, ErrNotFound) || errors.Is(err, ErrRevoked) {
		return Standing{}, err
	}
	if err != nil {
		return Standing{}, fault("find session", err)
	}
	account, older, err := m.accountOf(ctx, use, s, now)
	if errors.Is(err, errShut) {
		m.endRefused(ctx, k, id)
	}
	if err != nil {
		return Standing{}, err
	}
	return Standing{Session: s, Account: account, Grace: grace | older}, nil
}

// findFor returns a Session that admits the token: one that is at most cache_ttl
// old, and one from after now if the older one would refuse the token, which may
// have come from a refresh on another replica since.
func (m *Manager) findFor(ctx context.Context, k sessionKey, id, tokenID string, now time.Time) (*Session, error) {
	e, err := m.find(ctx, k, id, now, m.config.CacheTTL)
	if err == nil && !e.session.admits(tokenID, now) && !e.readAt.After(now) {
		e, err = m.find(ctx, k, id, now, 0)
	}
	if err != nil {
		return nil, err
	}
	if !e.session.admits(tokenID, now) {
		return nil, ErrRevoked
	}
	return &e.session, nil
}

// errShut is the ErrRevoked of a Session that its account does not admit any more: it
// is to be ended.
var errShut = fmt.Errorf("%w: the account does not admit it", ErrRevoked)

// accountOf returns the account of a Session that was found, errShut when that does
// not admit it, and ErrRevoked when the Session has expired.
func (m *Manager) accountOf(ctx context.Context, use identity.Use, s *Session, now time.Time) (Account, identity.Grace, error) {
	if !now.Before(s.ExpiresAt) {
		return Account{}, 0, ErrRevoked
	}
	admits := func(l look) bool { return l.admits(s) }
	l, grace, err := m.lookFor(ctx, use, s.UserID, now, admits)
	if err != nil {
		return Account{}, 0, fault("read account", err)
	}
	if !admits(l) {
		return Account{}, 0, errShut
	}
	return l.account, grace, nil
}

// lookFor returns a look at an account that is at most account_ttl old, and one from
// after now if the older one is not good: the account may have changed, and somebody
// may have logged in with the new password. Where that fails it returns an older one
// that is good, within the grace that the use may have.
func (m *Manager) lookFor(ctx context.Context, use identity.Use, userID uint64, now time.Time, good func(look) bool) (look, identity.Grace, error) {
	l, err := m.look(ctx, userID, now, m.config.AccountTTL)
	if err == nil && !good(l) && !l.at.After(now) {
		l, err = m.look(ctx, userID, now, 0)
	}
	if old, ok := m.graceLook(ctx, use, userID, now, good, err); ok {
		return old, identity.GraceAccount, nil
	}
	return l, 0, err
}

// endRefused ends a Session that its account does not admit any more. The
// decision has been made and does not depend on it: should the Store fail, the
// next Check decides the same again. Of many requests at once only the one that
// makes memory forget the Session tells the Store.
func (m *Manager) endRefused(ctx context.Context, k sessionKey, id string) {
	if !m.drop(k) {
		return
	}
	ctx, cancel := m.detach(ctx)
	defer cancel()
	_ = m.store.Delete(ctx, k.user, id)
}

// refusedFor is how long an account that may not log in is refused without asking again,
// where no session is ended that would ask no more.
const refusedFor = time.Second

// Account returns an account that may log in, for who calls without a session, as old as
// one of Check. ErrRevoked means that there is no such account or that it may not log in;
// any other error is as that of Check.
func (m *Manager) Account(ctx context.Context, use identity.Use, userID uint64) (Standing, error) {
	now := m.now()
	good := func(l look) bool {
		return l.found && (l.account.MayLogin || fresh(l.at, now, refusedFor))
	}
	l, grace, err := m.lookFor(ctx, use, userID, now, good)
	if err != nil {
		return Standing{}, fault("read account", err)
	}
	if !l.found || !l.account.MayLogin {
		return Standing{}, fmt.Errorf("%w: the account may not log in", ErrRevoked)
	}
	m.metrics.graced(grace)
	return Standing{Account: l.account, Grace: grace}, nil
}
