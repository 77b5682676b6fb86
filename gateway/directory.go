package gateway

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"faveo-gateway/gateway/identity"
	"faveo-gateway/gateway/limit"
	"faveo-gateway/gateway/login"
	"faveo-gateway/upstream/faveo"
)

// directory shows Faveo's accounts, hashes and settings to the login.
type directory struct {
	faveo *faveo.DB
	// names keys the digests of names, which are stored with failed logins.
	names []byte
	// looking has room for the lookups of names that go on at once: half of the
	// connections to the database, so that logins never take them all from requests.
	looking chan struct{}
}

var (
	_ login.Directory = directory{}
	_ login.Hashes    = directory{}
)

// newDirectory derives the key of the digests from Faveo's JWT secret, which all
// replicas have.
func newDirectory(db *faveo.DB, connections int, jwtSecret string) directory {
	return directory{
		faveo: db, names: keyedDigest([]byte(jwtSecret), "faveo-gateway names of failed logins"),
		looking: make(chan struct{}, max(connections/2, 1)),
	}
}

// look waits for room for a lookup, which the function that it returns gives back.
func (d directory) look(ctx context.Context) (done func(), err error) {
	select {
	case d.looking <- struct{}{}:
		return func() { <-d.looking }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Find implements login.Directory.
func (d directory) Find(ctx context.Context, username string) (login.Account, error) {
	done, err := d.look(ctx)
	if err != nil {
		return login.Account{}, err
	}
	defer done()
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

// Fold implements login.Directory. People type their passwords where the name belongs:
// without the key a digest cannot be guessed at.
func (d directory) Fold(ctx context.Context, username string) (string, error) {
	done, err := d.look(ctx)
	if err != nil {
		return "", err
	}
	defer done()
	digest, err := d.faveo.FoldName(ctx, username)
	if err != nil {
		return "", accountFault(err)
	}
	return hex.EncodeToString(keyedDigest(d.names, digest)[:16]), nil
}

func keyedDigest(key []byte, text string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

// Decoy implements login.Hashes.
func (d directory) Decoy(password string) { d.faveo.VerifyNothing(password) }

// HashTime implements login.Hashes.
func (d directory) HashTime() time.Duration { return d.faveo.HashTime() }

// perAccount is what Faveo's administrator has set for its own lockout. While it
// cannot be read the default counts, which is what Faveo's installer sets.
func (d directory) perAccount(ctx context.Context) limit.Rate {
	set, err := d.faveo.Security(ctx)
	if err != nil {
		return limit.Rate{}
	}
	return limit.Rate{Count: set.Threshold, Per: set.Period}
}

func accountFault(err error) error {
	if errors.Is(err, faveo.ErrNotFound) {
		return login.ErrNoAccount
	}
	return fmt.Errorf("%w: %w", errDatabase, err)
}
