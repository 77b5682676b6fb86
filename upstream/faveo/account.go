package faveo

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
)

// Account is the part of a `users` row that decides what somebody may do. It holds the password hash, so its printed
// form is the id only.
type Account struct {
	ID uint64
	// Role is the column's text, "" for NULL. It is free text: only exactly "admin" and "agent" are staff.
	Role     string
	mayLogin bool
	hash     string
}

// MayLogin says whether active is exactly 1 and neither ban nor is_delete is set (contract section 5, 4: Faveo itself
// forgets the last two). NULL in ban or is_delete is a mark that was never set; any value but 0 is a set one.
func (a Account) MayLogin() bool { return a.mayLogin }

// PasswordHash is the stored hash, "" for NULL.
func (a Account) PasswordHash() string { return a.hash }

// PasswordFingerprint is a short one-way digest of the stored hash: 16 characters of base64url. It changes with the
// password, and also when PHP rewrites the hash of the same password with another cost.
func (a Account) PasswordFingerprint() string {
	sum := sha256.Sum256([]byte("faveo-gateway password fingerprint\x00" + a.hash))
	return base64.RawURLEncoding.EncodeToString(sum[:12])
}

// String names the account in logs without its hash.
func (a Account) String() string { return fmt.Sprintf("account %d", a.ID) }

// GoString keeps the hash out of %#v, too.
func (a Account) GoString() string { return a.String() }

// Account reads the account afresh, only the columns it needs. ErrNotFound when the row is gone; any other error is an
// infrastructure fault.
func (db *DB) Account(ctx context.Context, id uint64) (Account, error) {
	var a Account
	err := db.ask(ctx, "account", func(ctx context.Context) error {
		r, err := db.readRow(ctx, "SELECT id, role, active, ban, is_delete, password FROM users WHERE id = ?", id)
		if err != nil {
			return err
		}
		a, err = accountOf(r)
		return err
	})
	return a, err
}

// accountOf reads the six columns that decide. A table without one of them is not Faveo's, or not one we know: better
// an error for all than a ban that nobody looks at.
func accountOf(r row) (Account, error) {
	for _, column := range []string{"id", "role", "active", "ban", "is_delete", "password"} {
		if _, found := r.cell(column); !found {
			return Account{}, fmt.Errorf("the table users has no column %s", column)
		}
	}
	id, ok := r.integer("id")
	if !ok || id < 1 {
		return Account{}, fmt.Errorf("the column users.id holds no positive integer")
	}
	active, _ := r.integer("active")
	return Account{
		ID:       uint64(id),
		Role:     r.text("role"),
		mayLogin: active == 1 && r.unset("ban") && r.unset("is_delete"),
		hash:     r.text("password"),
	}, nil
}
