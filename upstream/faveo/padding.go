package faveo

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"strings"
)

// defaultPadding is Laravel's default, for a site where no hash was seen: bcrypt of cost 10.
const defaultPadding = "$2y$10$"

// sampleSize is how many of the newest active accounts vote on the usual hash.
const sampleSize = 1000

// VerifyNothing spends the time of one password verification as it is usual on this site, and returns false. A login
// calls it, within the same bounds as VerifyPassword, where there is no hash to verify (no such account, ErrUnusableHash),
// so that the time of an answer does not tell whether the account exists.
//
// Usual are the kind and the parameters of most hashes among the 1000 newest active accounts, as MeasureHashes last saw
// them; before that, bcrypt of cost 10. An account whose own hash is costlier than the usual one still takes longer than
// an unknown one: only padding all failures to a common time hides that, see HashTime.
func (db *DB) VerifyNothing(password string) bool {
	prefix := defaultPadding
	if h := db.hashes.Load(); h != nil {
		prefix = h.usual
	}
	// The digest is random, so no password has it; the result is dropped all the same.
	_, _ = VerifyPassword(completeHash(prefix), password)
	return false
}

// readUsualHash finds the most frequent prefix of kind and parameters.
func (db *DB) readUsualHash(ctx context.Context) (string, error) {
	votes := map[string]int{}
	err := db.ask(ctx, "hash_costs", func(ctx context.Context) error {
		rows, err := db.pool.QueryContext(ctx, "SELECT password FROM users WHERE active = 1 AND password IS NOT NULL ORDER BY id DESC LIMIT ?", sampleSize)
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			var hash string
			if err := rows.Scan(&hash); err != nil {
				return err
			}
			if prefix, ok := hashPrefix(hash); ok {
				votes[prefix]++
			}
		}
		return rows.Err()
	})
	return winner(votes), err
}

// winner is the prefix with most votes, of several the one that sorts last, so that the choice is stable.
func winner(votes map[string]int) string {
	best, most := defaultPadding, 0
	for prefix, n := range votes {
		if n > most || (n == most && prefix > best) {
			best, most = prefix, n
		}
	}
	return best
}

// hashPrefix is the part of a usable hash before its salt.
func hashPrefix(hash string) (string, bool) {
	if cost, ok := bcryptCost(hash); ok {
		return fmt.Sprintf("$2y$%02d$", cost), true
	}
	if _, ok := parseArgon2(hash); ok {
		return hash[:strings.LastIndexByte(hash[:strings.LastIndexByte(hash, '$')], '$')+1], true
	}
	return "", false
}

// completeHash makes a well-formed hash that no password has.
func completeHash(prefix string) string {
	var noise [48]byte
	_, _ = rand.Read(noise[:]) // Never fails, by its contract.
	if strings.HasPrefix(prefix, "$argon2") {
		return prefix + base64.RawStdEncoding.EncodeToString(noise[:16]) + "$" + base64.RawStdEncoding.EncodeToString(noise[16:])
	}
	return prefix + bcryptEncoding.EncodeToString(noise[:40])[:53]
}
