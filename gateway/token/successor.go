package token

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"errors"
)

// ErrSuccessor is what errors.Is finds when a successor cannot be sealed or
// opened: a token is missing, the sealed text is malformed or was changed, or it
// was sealed for another holder. It says nothing of any of them.
var ErrSuccessor = errors.New("unusable successor")

// successorPurpose keeps the key apart from whatever else may ever be derived
// from a token. Another layout of the sealed text must count it up.
const successorPurpose = "faveo-gateway: successor of a token, 1"

// SealSuccessor encrypts the raw token successor so that only who has the raw
// token holder can read it, and returns base64url. Two requests that refresh the
// same token are answered with the same successor, which must therefore be
// stored; by this a stolen store holds no token.
//
// It is AES-256-GCM under a key derived by HKDF-SHA-256 (RFC 5869) from the
// holder. What a stranger cannot guess of that is its signature.
func SealSuccessor(holder, successor string) (string, error) {
	if successor == "" {
		return "", ErrSuccessor
	}
	aead, err := successorCipher(holder)
	if err != nil {
		return "", err
	}
	sealed := aead.Seal(nil, nil, []byte(successor), nil)
	return base64.RawURLEncoding.EncodeToString(sealed), nil
}

// OpenSuccessor returns the token that SealSuccessor has sealed for holder.
func OpenSuccessor(holder, sealed string) (string, error) {
	aead, err := successorCipher(holder)
	if err != nil {
		return "", err
	}
	text, ok := decodeSegment(sealed)
	if !ok {
		return "", ErrSuccessor
	}
	successor, err := aead.Open(nil, nil, text, nil)
	if err != nil {
		return "", ErrSuccessor
	}
	return string(successor), nil
}

// successorCipher returns the cipher of holder, which puts a random nonce before
// each text.
func successorCipher(holder string) (cipher.AEAD, error) {
	if holder == "" {
		return nil, ErrSuccessor
	}
	key, err := hkdf.Key(sha256.New, []byte(holder), nil, successorPurpose, 32)
	if err != nil {
		return nil, errors.Join(ErrSuccessor, err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, errors.Join(ErrSuccessor, err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, errors.Join(ErrSuccessor, err)
	}
	return aead, nil
}
