package session

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Check answers whether the Session of a verified token still counts for the token
// of that id, and returns it with the account behind it, whose Role is the one that
// counts. Both are at most cache_ttl and account_ttl old. The Successors in Previous,
// which are for Refresh alone, are empty. The Session is shared with other calls and
// must not be changed.
//
// ErrRevoked means that it does not count (401). Any other error includes
// ErrUnavailable and means that nobody can tell now (503), or that ctx ended
// while another request's read was waited for; then it includes ctx's error too.
func (m *Manager) Check(ctx context.Context, userID uint64, id, tokenID string) (*Session, Account, error) {
	s, account, err := m.check(ctx, userID, id, tokenID)
	return answer(s, account, err)
}

// answer makes what check returns into what Check does.
func answer(s *Session, account Account, err error) (*Session, Account, error) {
	if errors.Is(err, ErrNotFound) {
		return nil, Account{}, ErrRevoked
	}
	return s, account, err
}

// check is Check, but for ErrNotFound where the Store has no such Session. What it
// returns belongs to the cache.
func (m *Manager) check(ctx context.Context, userID uint64, id, tokenID string) (*Session, Account, error) {
	raw, ok := parseID(id)
	if userID == 0 || !ok || tokenID == "" {
		// Neither Start nor CheckAdopted can have made it.
		return nil, Account{}, ErrRevoked
	}
	k, now := sessionKey{userID, raw}, m.now()
	s, err := m.findFor(ctx, k, id, tokenID, now)
	if errors.Is(err, ErrNotFound) || errors.Is(err, ErrRevoked) {
		return nil, Account{}, err
	}
	if err != nil {
		return nil, Account{}, fault("find session", err)
	}
	account, err := m.accountOf(ctx, s, now)
	if errors.Is(err, errShut) {
		m.endRefused(ctx, k, id)
	}
	if err != nil {
		return nil, Account{}, err
	}
	return s, account, nil
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
func (m *Manager) accountOf(ctx context.Context, s *Session, now time.Time) (Account, error) {
	if !now.Before(s.ExpiresAt) {
		return Account{}, ErrRevoked
	}
	admits := func(l look) bool { return l.admits(s) }
	l, err := m.lookFor(ctx, s.UserID, now, admits)
	if err != nil {
		return Account{}, fault("read account", err)
	}
	if !admits(l) {
		return Account{}, errShut
	}
	return l.account, nil
}

// lookFor returns a look at an account that is at most account_ttl old, and one from
// after now if the older one is not good: the account may have changed, and somebody
// may have logged in with the new password.
func (m *Manager) lookFor(ctx context.Context, userID uint64, now time.Time, good func(look) bool) (look, error) {
	l, err := m.look(ctx, userID, now, m.config.AccountTTL)
	if err != nil || good(l) || l.at.After(now) {
		return l, err
	}
	return m.look(ctx, userID, now, 0)
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

// Account returns an account that may log in, at most account_ttl old, for who calls
// without a session. ErrRevoked means that there is no such account or that it may not
// log in; any other error is as that of Check.
func (m *Manager) Account(ctx context.Context, userID uint64) (Account, error) {
	now := m.now()
	good := func(l look) bool {
		return l.found && (l.account.MayLogin || fresh(l.at, now, refusedFor))
	}
	l, err := m.lookFor(ctx, userID, now, good)
	if err != nil {
		return Account{}, fault("read account", err)
	}
	if !l.found || !l.account.MayLogin {
		return Account{}, fmt.Errorf("%w: the account may not log in", ErrRevoked)
	}
	return l.account, nil
}
