package faveo

import (
	"crypto/subtle"
	"encoding/base64"

	"golang.org/x/crypto/blowfish" //nolint:staticcheck // SA1019: deprecated as a cipher; bcrypt is made of it and of nothing else.
)

// The parts of a bcrypt hash as its text has them: "$2y$10$", 22 characters of salt, 31 of digest.
const (
	bcryptSaltAt   = 7
	bcryptDigestAt = bcryptSaltAt + 22
)

// bcryptEncoding is bcrypt's own base 64. Bits behind the last byte do not count.
var bcryptEncoding = base64.NewEncoding("./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789").WithPadding(base64.NoPadding)

// bcryptMatches says whether the password, of at most 72 bytes, is the one behind a hash that has bcryptForm.
//
// It computes what golang.org/x/crypto/bcrypt does (N. Provos and D. Mazières, A Future-Adaptable Password Scheme, 1999),
// of the same cipher, with one difference: it yields the CPU between its rounds. A hash is tens of milliseconds of
// nothing but CPU, and as many of them as there are CPUs make every request wait for a time slice, which the library
// cannot help and no priority of a thread either: the collector of Go waits for a thread that the kernel does not run.
func bcryptMatches(hash, password string, cost int) bool {
	salt, err := bcryptEncoding.DecodeString(hash[bcryptSaltAt:bcryptDigestAt])
	if err != nil {
		return false // bcryptForm lets in nothing that cannot be decoded.
	}
	digest := bcryptDigest(password, salt, cost)
	return subtle.ConstantTimeCompare([]byte(bcryptEncoding.EncodeToString(digest)), []byte(hash[bcryptDigestAt:])) == 1
}

// bcryptDigest returns the 23 bytes of a digest; the last one of the 24 that there are is in no hash.
func bcryptDigest(password string, salt []byte, cost int) []byte {
	key := append([]byte(password), 0) // C's end of the text is part of the key.
	c, err := blowfish.NewSaltedCipher(key, salt)
	if err != nil {
		panic("a key that is not empty is refused: " + err.Error()) // blowfish refuses no other.
	}
	for range 1 << cost {
		blowfish.ExpandKey(key, c)
		blowfish.ExpandKey(salt, c)
		yield()
	}
	text := []byte("OrpheanBeholderScryDoubt")
	for block := text; len(block) > 0; block = block[blowfish.BlockSize:] {
		for range 64 {
			c.Encrypt(block, block)
		}
	}
	return text[:23]
}
