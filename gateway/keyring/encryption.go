package keyring

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// encryptionKeyBytes is the size of a key of AES-256.
const encryptionKeyBytes = 32

// EncryptionKey is a key of state.encryption_keys. It prints as its id only.
type EncryptionKey struct {
	secret [encryptionKeyBytes]byte
	id     [8]byte
}

// ParseEncryptionKey reads 32 bytes written in base64 (standard or URL
// alphabet, padded or not) or in hexadecimal, as `openssl rand -base64 32` and
// `openssl rand -hex 32` print them. Nothing else is accepted: a passphrase is
// no key. Every refusal is an ErrEncryptionKey and quotes nothing of the text.
func ParseEncryptionKey(text string) (EncryptionKey, error) {
	secret, ok := decodeKey(text)
	if !ok {
		return EncryptionKey{}, fmt.Errorf("%w: want 32 bytes in base64 or hexadecimal, as from: openssl rand -base64 32", ErrEncryptionKey)
	}
	if strings.Count(string(secret), string(secret[:1])) == len(secret) {
		return EncryptionKey{}, fmt.Errorf("%w: 32 times the same byte is no secret", ErrEncryptionKey)
	}
	k := EncryptionKey{secret: [encryptionKeyBytes]byte(secret)}
	sum := sha256.Sum256(append([]byte("faveo-gateway encryption key id\x00"), secret...))
	copy(k.id[:], sum[:])
	return k, nil
}

// decodeKey decodes text by the one encoding that its length allows.
func decodeKey(text string) ([]byte, bool) {
	if strings.ContainsAny(text, "\r\n") {
		return nil, false // which the decoders would skip
	}
	decode := hex.DecodeString
	if len(text) != hex.EncodedLen(encryptionKeyBytes) {
		encoding := base64.RawStdEncoding
		if strings.ContainsAny(text, "-_") {
			encoding = base64.RawURLEncoding
		}
		if strings.HasSuffix(text, "=") {
			encoding = encoding.WithPadding(base64.StdPadding)
		}
		decode = encoding.Strict().DecodeString
	}
	secret, err := decode(text)
	return secret, err == nil && len(secret) == encryptionKeyBytes
}

// DeriveEncryptionKey makes an encryption key out of Faveo's JWT_SECRET by
// HKDF with SHA-256 (RFC 5869), in the form that ParseEncryptionKey reads. It
// is for sites that configure no state.encryption_keys: better than none, but
// whoever knows JWT_SECRET can unseal the keys, and changing JWT_SECRET makes
// them unreadable. An empty secret is an ErrEncryptionKey.
func DeriveEncryptionKey(jwtSecret string) (string, error) {
	if jwtSecret == "" {
		return "", fmt.Errorf("%w: nothing to derive it from", ErrEncryptionKey)
	}
	secret, err := hkdf.Key(sha256.New, []byte(jwtSecret), nil, "faveo-gateway state encryption v1", encryptionKeyBytes)
	if err != nil {
		return "", fmt.Errorf("derive encryption key: %w", err)
	}
	return base64.StdEncoding.EncodeToString(secret), nil
}

// ID names the key without giving it away: 16 hexadecimal digits of a hash.
func (k EncryptionKey) ID() string { return hex.EncodeToString(k.id[:]) }

// String keeps the key secret under every verb of fmt.
func (k EncryptionKey) String() string { return "encryption key " + k.ID() }

// GoString keeps the key secret under %#v too.
func (k EncryptionKey) GoString() string { return k.String() }

// parseEncryptionKeys reads state.encryption_keys and reports every fault,
// each with its place.
func parseEncryptionKeys(texts []string) ([]EncryptionKey, error) {
	if len(texts) == 0 {
		return nil, ErrNoEncryptionKey
	}
	var keys []EncryptionKey
	var faults []error
	for i, text := range texts {
		key, err := ParseEncryptionKey(text)
		if err != nil {
			faults = append(faults, fmt.Errorf("state.encryption_keys[%d]: %w", i, err))
		}
		keys = append(keys, key)
	}
	return keys, errors.Join(faults...)
}
