package storetest

import (
	"context"

	"faveo-gateway/gateway/session"
)

var _ session.Accounts = (*Accounts)(nil)

// Accounts is a session.Accounts in memory. It is safe for concurrent use.
type Accounts struct {
	door
	users map[uint64]session.Account
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

// Account implements session.Accounts.
func (a *Accounts) Account(ctx context.Context, userID uint64) (session.Account, error) {
	if err := a.enter(ctx); err != nil {
		return session.Account{}, err
	}
	defer a.mu.Unlock()
	account, ok := a.users[userID]
	if !ok {
		return session.Account{}, session.ErrNoAccount
	}
	return account, nil
}
