package gateway

import (
	"context"
	"errors"
	"fmt"

	"faveo-gateway/gateway/identity"
	"faveo-gateway/gateway/login"
	"faveo-gateway/upstream/faveo"
)

// directory shows Faveo's accounts to the login.
type directory struct {
	faveo *faveo.DB
}

var _ login.Directory = directory{}

// Find implements login.Directory.
func (d directory) Find(ctx context.Context, username string) (login.Account, error) {
	user, err := d.faveo.FindByLogin(ctx, username)
	if err != nil {
		return login.Account{}, accountFault(err)
	}
	return login.Account{
		UserID:      user.ID,
		Role:        identity.RoleOf(user.Role),
		MayLogin:    user.MayLogin(),
		Fingerprint: user.PasswordFingerprint(),
		Verify: func(password string) (bool, error) {
			return faveo.VerifyPassword(user.PasswordHash(), password)
		},
		Answer: func(dst []byte, token string) ([]byte, error) {
			return d.faveo.AppendLogin(dst, token, user)
		},
	}, nil
}

// Profile implements login.Directory.
func (d directory) Profile(ctx context.Context, dst []byte, userID uint64) ([]byte, error) {
	user, err := d.faveo.FindByID(ctx, userID)
	if err != nil {
		return nil, accountFault(err)
	}
	return d.faveo.AppendUser(dst, user)
}

// Decoy implements login.Directory.
func (d directory) Decoy(ctx context.Context, password string) {
	d.faveo.VerifyNothing(ctx, password)
}

func accountFault(err error) error {
	if errors.Is(err, faveo.ErrNotFound) {
		return login.ErrNoAccount
	}
	return fmt.Errorf("%w: %w", errDatabase, err)
}
