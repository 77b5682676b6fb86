package apikey

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"regexp"
	"strings"
	"sync"
	"unicode/utf8"
)

// minPepper is how many characters a pepper has at least.
const minPepper = 32

// pepperPattern is what Pepper.ID can be.
var pepperPattern = regexp.MustCompile(`^[0-9a-f]{8}$`)

// Pepper is the secret under which keys are stored. Each purpose has a key of its own
// that is derived from it by HKDF with SHA-256 (RFC 5869), so that no digest of one is
// one of another. All replicas have the same pepper; under another one no key counts
// that was made before.
//
// ParsePepper makes it; the zero Pepper is none. It prints as its id only, and is safe
// for concurrent use.
type Pepper struct {
	id string
	// hidden is two steps away, because fmt prints what one pointer leads to, also of an
	// unexported field.
	hidden **subkeys
}

// subkeys are the keys of the purposes.
type subkeys struct {
	// digest is for managed keys, installation for Faveo's own, record for the MACs of
	// records, seal for the Cache.
	digest, installation, record *macs
	seal                         cipher.AEAD
}

// ParsePepper makes a pepper of a secret text of at least 32 characters, as
// `openssl rand -base64 32` prints one. Its error quotes nothing of the text.
func ParsePepper(text string) (Pepper, error) {
	if utf8.RuneCountInString(text) < minPepper {
		return Pepper{}, fmt.Errorf("must be at least %d characters, as from: openssl rand -base64 32", minPepper)
	}
	if strings.Count(text, text[:1]) == len(text) {
		return Pepper{}, errors.New("must not be the same character again and again")
	}
	derive := func(purpose string, size int) []byte {
		// The only error is a size that is far larger.
		key, _ := hkdf.Key(sha256.New, []byte(text), nil, "faveo-gateway api keys "+purpose+" v1", size)
		return key
	}
	seal, err := newAEAD(derive("seal", 32))
	if err != nil {
		return Pepper{}, fmt.Errorf("make the seal of API keys: %w", err)
	}
	keys := &subkeys{
		digest:       newMacs(derive("digest", sha256.Size)),
		installation: newMacs(derive("installation", sha256.Size)),
		record:       newMacs(derive("record", sha256.Size)),
		seal:         seal,
	}
	return Pepper{id: hex.EncodeToString(derive("id", 4)), hidden: &keys}, nil
}

// DerivePepper makes a pepper out of Faveo's JWT_SECRET, in the form that ParsePepper
// reads. It is for sites that configure no api_keys.pepper. Whoever knows JWT_SECRET
// still has no key; but changing it makes an end of all of them. An empty secret is an
// error.
func DerivePepper(jwtSecret string) (string, error) {
	if jwtSecret == "" {
		return "", errors.New("nothing to derive the pepper of API keys from")
	}
	secret, err := hkdf.Key(sha256.New, []byte(jwtSecret), nil, "faveo-gateway api keys pepper v1", 32)
	if err != nil {
		return "", fmt.Errorf("derive the pepper of API keys: %w", err)
	}
	return base64.StdEncoding.EncodeToString(secret), nil
}

// ID names the pepper without giving it away: 8 hexadecimal digits of a hash.
func (p Pepper) ID() string { return p.id }

// String keeps the pepper secret under every verb of fmt.
func (p Pepper) String() string { return "pepper " + p.id }

// GoString keeps the pepper secret under %#v too.
func (p Pepper) GoString() string { return p.String() }

// isZero reports whether there is none.
func (p Pepper) isZero() bool { return p.hidden == nil }

// digest is what is stored of a managed key.
func (p Pepper) digest(text string) [sha256.Size]byte { return (*p.hidden).digest.of(text) }

// installationDigest is the same of Faveo's own key.
func (p Pepper) installationDigest(text string) [sha256.Size]byte {
	return (*p.hidden).installation.of(text)
}

// macs makes HMACs with SHA-256 (RFC 2104) under one key. It keeps those that are not
// in use, because to begin one costs more than to go on.
type macs struct{ pool sync.Pool }

// mac is one that is in use, with room for what goes in and out.
type mac struct {
	hash hash.Hash
	text []byte
	sum  []byte
}

func newMacs(key []byte) *macs {
	return &macs{pool: sync.Pool{New: func() any { return &mac{hash: hmac.New(sha256.New, key)} }}}
}

// of returns the HMAC of text.
func (m *macs) of(text string) [sha256.Size]byte {
	c := m.pool.Get().(*mac) // Nothing else is in the pool.
	defer m.pool.Put(c)
	c.hash.Reset()
	c.text = append(c.text[:0], text...)
	c.hash.Write(c.text)
	clear(c.text)
	c.sum = c.hash.Sum(c.sum[:0])
	return [sha256.Size]byte(c.sum)
}
