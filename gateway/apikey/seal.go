package apikey

import (
	"crypto/aes"
	"crypto/cipher"
	"errors"
)

// A sealed value is
//
//	1 byte    sealVersion
//	12 bytes  random nonce
//	rest      AES-256-GCM of the content, with its tag
//
// The additional data binds it to its purpose and its name: a value that was moved
// under another name does not open.
const (
	sealVersion = 1
	sealPurpose = "faveo-gateway api keys cache\x00"
)

// errSeal is a value that was altered, moved, or sealed under another pepper.
var errSeal = errors.New("the seal is broken")

// newAEAD returns the cipher of a key, which writes a random nonce before the text.
func newAEAD(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

func (p Pepper) seal(name string, content []byte) []byte {
	return (*p.hidden).seal.Seal([]byte{sealVersion}, nil, content, []byte(sealPurpose+name))
}

// open returns what seal was given, or errSeal.
func (p Pepper) open(name string, sealed []byte) ([]byte, error) {
	if len(sealed) == 0 || sealed[0] != sealVersion {
		return nil, errSeal
	}
	content, err := (*p.hidden).seal.Open(nil, nil, sealed[1:], []byte(sealPurpose+name))
	if err != nil {
		return nil, errSeal
	}
	return content, nil
}
