package storetest

import (
	"context"
	"sync"

	"faveo-gateway/gateway/session"
)

var _ session.Accounts = (*Accounts)(nil)

// Accounts is a session.Accounts in memory. It is safe for concurrent use.
type Accounts struct {
	mu    sync.Mutex
	users map[uint64]session.Account
	fault error
	calls int
}

// NewAccounts returns the given accounts.
func NewAccounts(accounts ...session.Account) *Accounts {
	a := &Accounts{users: make(map[uint64]session.Account)}
	for _, account := range accounts {
		a.Set(account)
	}
	return a
}

// Set adds or replaces an account.
func (a *Accounts) Set(account session.Account) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.users[account.UserID] = account
}

// Remove removes an account.
func (a *Accounts) Remove(userID uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.users, userID)
}

// Fail makes every call fail with err, until Fail(nil).
func (a *Accounts) Fail(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.fault = err
}

// Calls returns how many calls there were, failed ones included.
func (a *Accounts) Calls() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.calls
}

// Account implements session.Accounts.
func (a *Accounts) Account(ctx context.Context, userID uint64) (session.Account, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.calls++
	if a.fault != nil {
		return session.Account{}, a.fault
	}
	if err := ctx.Err(); err != nil {
		return session.Account{}, err
	}
	account, ok := a.users[userID]
	if !ok {
		return session.Account{}, session.ErrNoAccount
	}
	return account, nil
}
