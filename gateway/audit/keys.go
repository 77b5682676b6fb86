package audit

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
)

// The labels that keep MACs of different things apart, and the keys from those of
// other rooms.
const (
	labelKey   = "faveo-gateway audit mac v1"
	labelKeyID = "faveo-gateway audit key id\x00"
	labelEntry = "faveo-gateway audit entry v1\x00"
	labelHead  = "faveo-gateway audit head v1\x00"
)

// Keys are the keys of the MACs: the first one makes them, all of them prove. They
// print as nothing, and are safe for concurrent use. The zero Keys are none.
type Keys struct{ list []key }

type key struct {
	id     string
	secret []byte
}

// NewKeys derives a key from each secret by HKDF with SHA-256 (RFC 5869). The secrets
// are those of state.encryption_keys, in their order, or faveo.jwt_secret where there
// are none. No secret, and an empty one, are errors.
func NewKeys(secrets ...string) (Keys, error) {
	if len(secrets) == 0 {
		return Keys{}, errors.New("audit: no secret to derive a key from")
	}
	var k Keys
	for _, secret := range secrets {
		if secret == "" {
			return Keys{}, errors.New("audit: an empty secret makes no key")
		}
		derived, err := hkdf.Key(sha256.New, []byte(secret), nil, labelKey, sha256.Size)
		if err != nil {
			return Keys{}, fmt.Errorf("audit: derive a key: %w", err)
		}
		id := sha256.Sum256(append([]byte(labelKeyID), derived...))
		k.list = append(k.list, key{id: hex.EncodeToString(id[:4]), secret: derived})
	}
	return k, nil
}

// Format prints no key under any verb.
func (Keys) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "<audit keys>") }

// verdict is what a MAC says.
type verdict int

const (
	unknown verdict = iota // nothing: the key is not among these
	proved
	wrong
)

// entryText is what the MAC of an entry is made of.
func entryText(l Link) []byte { return appendLink([]byte(labelEntry), l) }

func appendLink(text []byte, l Link) []byte {
	return append(binary.BigEndian.AppendUint64(text, l.Sequence), l.Hash[:]...)
}

// sign makes a MAC with the first key.
func (k Keys) sign(text []byte) (id string, mac Hash) {
	return k.list[0].id, k.list[0].mac(text)
}

func (k key) mac(text []byte) (mac Hash) {
	h := hmac.New(sha256.New, k.secret)
	h.Write(text)
	h.Sum(mac[:0])
	return mac
}

// judge proves a MAC by every key of that id, though there is hardly more than one.
func (k Keys) judge(id string, mac Hash, text []byte) verdict {
	v := unknown
	for _, key := range k.list {
		if key.id != id {
			continue
		}
		if made := key.mac(text); hmac.Equal(made[:], mac[:]) {
			return proved
		}
		v = wrong
	}
	return v
}

// judgeEntry tells what the MAC of an entry says of its Sequence and Hash.
func (k Keys) judgeEntry(e *Entry) verdict { return k.judge(e.KeyID, e.MAC, entryText(e.Link())) }
