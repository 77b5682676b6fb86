package gateway

import (
	"context"
	"errors"

	"faveo-gateway/gateway/session"
	"faveo-gateway/upstream/faveo"
)

// accounts shows the state of Faveo's accounts to the sessions.
type accounts struct {
	faveo *faveo.DB
}

var _ session.Accounts = accounts{}

// Account implements session.Accounts.
func (a accounts) Account(ctx context.Context, userID uint64) (session.Account, error) {
	account, err := a.faveo.Account(ctx, userID)
	if errors.Is(err, faveo.ErrNotFound) {
		return session.Account{}, session.ErrNoAccount
	}
	if err != nil {
		return session.Account{}, err
	}
	return session.Account{
		UserID: account.ID, Role: account.Role,
		MayLogin: account.MayLogin(), PasswordFingerprint: account.PasswordFingerprint(),
	}, nil
}
