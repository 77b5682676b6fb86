package faveo

import (
	"errors"
	"regexp"
	"strconv"
	"strings"
)

// ErrUnusableHash says that the stored hash can verify no password: NULL or empty, of a kind that Laravel does not
// write, damaged, or with parameters beyond the bounds of VerifyPassword. Nothing was computed. To the client it is a
// wrong password like any other; spend its time with DB.VerifyNothing.
var ErrUnusableHash = errors.New("unusable password hash")

const (
	// minBcryptCost is the least that bcrypt has.
	minBcryptCost = 4
	// maxBcryptCost bounds the time of one hash: cost 15 takes about two seconds, each step doubles it.
	maxBcryptCost = 15
	// maxBcryptPassword is where bcrypt stops reading, in PHP and here (contract section 1).
	maxBcryptPassword = 72
)

// The cost, then 22 characters of salt and 31 of digest in bcrypt's own base 64. PHP writes 2y; 2a and 2b are the same
// computation from other libraries.
var bcryptForm = regexp.MustCompile(`^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$`)

// VerifyPassword says whether the password is the one behind the hash, in the time that the hash asks for.
//
// Known are bcrypt up to cost 15, of which the first 72 bytes of the password count, and argon2i and argon2id as PHP's
// password_hash writes them (argon2.go has the bounds). The error is ErrUnusableHash; then the answer is false. A
// password that contains NUL is not cut there as PHP does; the caller refuses it before.
func VerifyPassword(hash, password string) (bool, error) {
	if strings.HasPrefix(hash, "$argon2") {
		return verifyArgon2(hash, password)
	}
	return verifyBcrypt(hash, password)
}

func verifyBcrypt(hash, password string) (bool, error) {
	cost, ok := bcryptCost(hash)
	if !ok {
		return false, ErrUnusableHash
	}
	return bcryptMatches(hash, password[:min(len(password), maxBcryptPassword)], cost), nil
}

// bcryptCost is the cost of a well-formed hash whose cost is in bounds.
func bcryptCost(hash string) (int, bool) {
	parts := bcryptForm.FindStringSubmatch(hash)
	if parts == nil {
		return 0, false
	}
	cost, err := strconv.Atoi(parts[1])
	return cost, err == nil && cost >= minBcryptCost && cost <= maxBcryptCost
}
