package keyring

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"
	"strings"

	"faveo-gateway/gateway/token"
)

// A sealed key is
//
//	1 byte    sealVersion
//	8 bytes   id of the encryption key
//	12 bytes  random nonce
//	rest      AES-256-GCM of the private JSON Web Key, with its tag
//
// The additional data binds it to its purpose, algorithm and key id: a record
// moved under another id or algorithm does not open.
const (
	sealVersion = 1
	sealPurpose = "faveo-gateway signing key"
	headSize    = 1 + len(EncryptionKey{}.id)
)

// additionalData returns what a seal is bound to, each part with its length,
// so that no two records have the same.
func additionalData(kid, algorithm string) []byte {
	data := []byte{sealVersion}
	for _, part := range []string{sealPurpose, algorithm, kid} {
		data = binary.BigEndian.AppendUint32(data, uint32(len(part)))
		data = append(data, part...)
	}
	return data
}

// aead returns the cipher of k, which writes a random nonce before the text.
func (k EncryptionKey) aead() (cipher.AEAD, error) {
	block, err := aes.NewCipher(k.secret[:])
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// seal encrypts the private part of key.
func (k EncryptionKey) seal(key *token.Key) ([]byte, error) {
	document, err := key.MarshalPrivate()
	if err != nil {
		return nil, fmt.Errorf("seal signing key: %w", err)
	}
	aead, err := k.aead()
	if err != nil {
		return nil, fmt.Errorf("seal signing key: %w", err)
	}
	head := append([]byte{sealVersion}, k.id[:]...)
	return aead.Seal(head, nil, document, additionalData(key.ID(), string(key.Algorithm()))), nil
}

// unseal decrypts a record with the encryption key that it names and checks
// that the key inside is the one that the record says.
func unseal(r Record, keys []EncryptionKey) (*token.Key, error) {
	document, err := open(r, keys)
	if err != nil {
		return nil, err
	}
	key, err := token.ParseKey(document)
	if err != nil {
		return nil, fmt.Errorf("%w: key %q: %w", ErrCorrupt, r.KID, err)
	}
	if key.ID() != r.KID || string(key.Algorithm()) != r.Algorithm {
		return nil, fmt.Errorf("%w: the record of key %q holds another one", ErrCorrupt, r.KID)
	}
	return key, nil
}

// open decrypts a record.
func open(r Record, keys []EncryptionKey) ([]byte, error) {
	id := sealedBy(r)
	if id == nil {
		return nil, fmt.Errorf("%w %q: unknown format", ErrCannotUnseal, r.KID)
	}
	for _, k := range keys {
		if !bytes.Equal(k.id[:], id) {
			continue
		}
		aead, err := k.aead()
		if err != nil {
			return nil, fmt.Errorf("%w %q: %w", ErrCannotUnseal, r.KID, err)
		}
		document, err := aead.Open(nil, nil, r.Sealed[headSize:], additionalData(r.KID, r.Algorithm))
		if err != nil {
			return nil, fmt.Errorf("%w %q: its record was altered", ErrCannotUnseal, r.KID)
		}
		return document, nil
	}
	return nil, fmt.Errorf("%w %q: it is sealed with the encryption key %x, and state.encryption_keys holds %s only",
		ErrCannotUnseal, r.KID, id, ids(keys))
}

// sealedBy returns the id of the encryption key that a record names, nil when its
// format is unknown.
func sealedBy(r Record) []byte {
	if len(r.Sealed) < headSize || r.Sealed[0] != sealVersion {
		return nil
	}
	return r.Sealed[1:headSize]
}

// ids lists the ids of keys for a message.
func ids(keys []EncryptionKey) string {
	var all []string
	for _, k := range keys {
		all = append(all, k.ID())
	}
	return strings.Join(all, ", ")
}
