package audit

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
)

// version is that of the form in which entries are hashed.
const version = 1

// Hash is a SHA-256, or a MAC that is made of one.
type Hash [sha256.Size]byte

// String returns 64 hexadecimal digits in lower case.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// ParseHash reads what String returns, and nothing else.
func ParseHash(text string) (Hash, error) {
	var h Hash
	if len(text) == hex.EncodedLen(len(h)) {
		if _, err := hex.Decode(h[:], []byte(text)); err == nil && h.String() == text {
			return h, nil
		}
	}
	return Hash{}, fmt.Errorf("audit: a hash is %d hexadecimal digits in lower case", hex.EncodedLen(len(h)))
}

// MarshalText implements encoding.TextMarshaler as String.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler as ParseHash.
func (h *Hash) UnmarshalText(text []byte) (err error) {
	*h, err = ParseHash(string(text))
	return err
}

// Link names an entry and fixes it and all before it. The zero Link is the beginning,
// before the first entry.
type Link struct {
	Sequence uint64
	Hash     Hash
}

// Entry is an Event in its place in the trail.
type Entry struct {
	Event
	// Version is that of the form in which it was hashed.
	Version uint8
	// Sequence is its number, from 1.
	Sequence uint64
	// Previous is the hash of the entry before, zero for the first.
	Previous Hash
	// KeyID names the key of MAC: 8 hexadecimal digits.
	KeyID string
	// Hash is that of all above, MAC that of Sequence and Hash under the key.
	Hash, MAC Hash
}

// Link is the entry's own.
func (e *Entry) Link() Link { return Link{Sequence: e.Sequence, Hash: e.Hash} }

// sum is what Hash has to be. Everything has a fixed size or its length before it, so
// that no two entries have one text.
func (e *Entry) sum() Hash {
	text := make([]byte, 0, 1024)
	text = append(text, e.Previous[:]...)
	text = append(text, e.Version)
	for _, n := range []uint64{e.Sequence, uint64(e.Time.UnixMicro()), e.UserID, uint64(e.Count)} {
		text = binary.BigEndian.AppendUint64(text, n)
	}
	for _, s := range []string{
		string(e.Kind), string(e.Outcome), e.Reason, e.Actor, e.Subject, e.Address, e.Agent, e.RequestID, e.Detail, e.KeyID,
	} {
		text = binary.BigEndian.AppendUint32(text, uint32(len(s)))
		text = append(text, s...)
	}
	return sha256.Sum256(text)
}
