package faveo

import (
	"crypto/subtle"
	"encoding/base64"
	"regexp"
	"strconv"

	"golang.org/x/crypto/argon2"
)

// The bounds of stored Argon2 parameters. PHP's and Laravel's defaults are 64 MiB, 4 passes, 1 or 2 threads; whoever can
// write the column must not be able to exhaust the gateway with one row.
const (
	maxArgon2Memory  = 256 << 10 // KiB, so 256 MiB.
	maxArgon2Passes  = 16
	maxArgon2Work    = 1 << 20 // KiB times passes, so four passes over 256 MiB.
	maxArgon2Threads = 16
	minArgon2Salt    = 8 // RFC 9106 section 3.1, in bytes.
	maxArgon2Salt    = 64
	minArgon2Digest  = 16
	maxArgon2Digest  = 64
)

// The only version that PHP writes is 19, version 1.3 of Argon2; the order of the parameters is fixed.
var argon2Form = regexp.MustCompile(`^\$(argon2i|argon2id)\$v=19\$m=([1-9]\d{0,9}),t=([1-9]\d{0,9}),p=([1-9]\d{0,2})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$`)

type argon2Hash struct {
	kind           string
	memory, passes uint32
	threads        uint8
	salt, digest   []byte
}

func verifyArgon2(hash, password string) (bool, error) {
	h, ok := parseArgon2(hash)
	if !ok {
		return false, ErrUnusableHash
	}
	derive := argon2.Key
	if h.kind == "argon2id" {
		derive = argon2.IDKey
	}
	got := derive([]byte(password), h.salt, h.passes, h.memory, h.threads, uint32(len(h.digest)))
	return subtle.ConstantTimeCompare(got, h.digest) == 1, nil
}

// parseArgon2 reads a hash whose parameters are in bounds.
func parseArgon2(hash string) (argon2Hash, bool) {
	parts := argon2Form.FindStringSubmatch(hash)
	if parts == nil {
		return argon2Hash{}, false
	}
	memory, errMemory := strconv.ParseUint(parts[2], 10, 32)
	passes, errPasses := strconv.ParseUint(parts[3], 10, 32)
	threads, errThreads := strconv.ParseUint(parts[4], 10, 8)
	salt, errSalt := base64.RawStdEncoding.Strict().DecodeString(parts[5])
	digest, errDigest := base64.RawStdEncoding.Strict().DecodeString(parts[6])
	for _, err := range []error{errMemory, errPasses, errThreads, errSalt, errDigest} {
		if err != nil {
			return argon2Hash{}, false
		}
	}
	h := argon2Hash{kind: parts[1], memory: uint32(memory), passes: uint32(passes), threads: uint8(threads), salt: salt, digest: digest}
	return h, h.inBounds()
}

func (h argon2Hash) inBounds() bool {
	return h.memory >= 8*uint32(h.threads) && // RFC 9106 section 3.1.
		h.memory <= maxArgon2Memory && h.passes <= maxArgon2Passes && h.threads <= maxArgon2Threads &&
		uint64(h.memory)*uint64(h.passes) <= maxArgon2Work &&
		len(h.salt) >= minArgon2Salt && len(h.salt) <= maxArgon2Salt &&
		len(h.digest) >= minArgon2Digest && len(h.digest) <= maxArgon2Digest
}
