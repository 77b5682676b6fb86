package session

import (
	"context"
	"errors"
	"time"
)

// Check answers whether the Session of a verified token still counts, and
// returns it with the account behind it, whose Role is the one that counts.
// Both are at most cache_ttl and account_ttl old.
//
// ErrRevoked means that it does not count (401). Any other error includes
// ErrUnavailable and means that nobody can tell now (503), or that ctx ended
// while another request's read was waited for; then it includes ctx's error too.
func (m *Manager) Check(ctx context.Context, userID uint64, id string) (Session, Account, error) {
	raw, ok := parseID(id)
	if userID == 0 || !ok {
		// Start cannot have made it.
		return Session{}, Account{}, ErrRevoked
	}
	k, now := sessionKey{userID, raw}, m.now()
	s, err := m.find(ctx, k, id, now)
	if errors.Is(err, ErrNotFound) {
		return Session{}, Account{}, ErrRevoked
	}
	if err != nil {
		return Session{}, Account{}, fault("find session", err)
	}
	if !now.Before(s.ExpiresAt) {
		return Session{}, Account{}, ErrRevoked
	}
	l, err := m.lookFor(ctx, s, now)
	if err != nil {
		return Session{}, Account{}, fault("read account", err)
	}
	if !l.admits(s) {
		m.endRefused(ctx, k, id)
		return Session{}, Account{}, ErrRevoked
	}
	return s, l.account, nil
}

// find returns the Session from memory, or as the Store has it.
func (m *Manager) find(ctx context.Context, k sessionKey, id string, now time.Time) (Session, error) {
	m.mu.Lock()
	e := m.cache.find(k)
	if e != nil && e.readAt.After(now.Add(-m.config.CacheTTL)) {
		// Entries are never changed, only replaced.
		m.mu.Unlock()
		m.metrics.hit.Inc()
		return e.session, nil
	}
	// It does not matter when a read in sight began: an id exists before anybody
	// can ask for it, and a read from before its end is out of sight.
	r, mine := m.finds.join(k)
	m.mu.Unlock()

	if e != nil {
		m.metrics.stale.Inc()
	} else {
		m.metrics.miss.Inc()
	}
	if !mine {
		return r.wait(ctx)
	}
	return m.finds.lead(ctx, k, r,
		func(ctx context.Context) (Session, error) { return m.readSession(ctx, k.user, id) },
		func(s Session, err error) {
			switch {
			case err == nil:
				m.cache.put(k, entry{session: s, readAt: r.startedAt})
			case errors.Is(err, ErrNotFound):
				m.cache.drop(k)
			}
		})
}

func (m *Manager) readSession(ctx context.Context, userID uint64, id string) (Session, error) {
	s, err := m.store.Find(ctx, userID, id)
	if err == nil && (s.UserID != userID || s.ID != id) {
		// A Store that mixes up Sessions would let one user act as another.
		return Session{}, errors.New("the store returned another session than the one asked for")
	}
	return s, err
}

// lookFor returns a look at the account behind s that is at most account_ttl
// old, and one from after now if the older one would refuse s: the account may
// have changed, and s may be a login with the new password.
func (m *Manager) lookFor(ctx context.Context, s Session, now time.Time) (look, error) {
	l, err := m.look(ctx, s.UserID, now.Add(-m.config.AccountTTL))
	if err != nil || l.admits(s) || l.at.After(now) {
		return l, err
	}
	return m.look(ctx, s.UserID, now)
}

// look returns a look at the account that began after notBefore, or that this
// call began. A read under way that is too old is waited for before the next
// one begins: a client with a refused Session can keep the database busy with
// one read at a time.
func (m *Manager) look(ctx context.Context, userID uint64, notBefore time.Time) (look, error) {
	for {
		m.mu.Lock()
		l := m.cache.look(userID)
		if l.found && l.at.After(notBefore) {
			m.mu.Unlock()
			return l, nil
		}
		r, mine := m.looks.join(userID)
		m.mu.Unlock()
		if mine {
			return m.leadLook(ctx, userID, r)
		}
		if l, err := r.wait(ctx); err != nil || r.startedAt.After(notBefore) {
			return l, err
		}
	}
}

func (m *Manager) leadLook(ctx context.Context, userID uint64, r *read[look]) (look, error) {
	return m.looks.lead(ctx, userID, r,
		func(ctx context.Context) (look, error) { return m.readAccount(ctx, userID, r.startedAt) },
		func(l look, err error) {
			switch {
			case err == nil && l.found:
				m.cache.putLook(userID, l)
			case err == nil:
				m.cache.dropLook(userID)
			}
		})
}

func (m *Manager) readAccount(ctx context.Context, userID uint64, at time.Time) (look, error) {
	a, err := m.accounts.Account(ctx, userID)
	if errors.Is(err, ErrNoAccount) {
		return look{at: at}, nil
	}
	if err != nil {
		return look{}, err
	}
	if a.UserID != userID {
		return look{}, errors.New("another account was returned than the one asked for")
	}
	return look{account: a, found: true, at: at}, nil
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
