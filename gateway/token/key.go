package token

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"

	"github.com/lestrrat-go/jwx/v2/jwk"
	"github.com/lestrrat-go/jwx/v2/jws"
)

// ErrKey is what errors.Is finds in the error of a key document that is
// malformed, too weak, of an unknown algorithm, or whose parts do not belong
// together.
var ErrKey = errors.New("unusable key")

// The sizes of new keys, which are the smallest accepted ones too. RSA is for
// readers that know nothing better, and its keys are rotated: a longer one
// would make every first sight of a token dearer.
const (
	rsaBits      = 2048 // RFC 7518 section 3.3
	hmacKeyBytes = 32   // RFC 7518 section 3.2: at least the size of the hash
)

// Key is one signing key with its algorithm pinned. It is immutable, safe for
// concurrent use, and prints as its algorithm and id only.
type Key struct {
	id        string
	algorithm Algorithm
	private   any // what jws.Sign takes; for HS256 the same secret as public
	public    any // what jws.Verify takes
	sigSize   int
	document  jwk.Key // the private JWK
}

// GenerateKey makes a new random key. An error means an unknown algorithm
// (ErrKey) or a failing random source.
func GenerateKey(a Algorithm) (*Key, error) {
	raw, err := generateRaw(a)
	if err != nil {
		return nil, err
	}
	return newKey(a, raw)
}

// generateRaw makes the private part of a new key.
func generateRaw(a Algorithm) (any, error) {
	switch a {
	case ES256:
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case EdDSA:
		_, private, err := ed25519.GenerateKey(rand.Reader)
		return private, err
	case RS256:
		return rsa.GenerateKey(rand.Reader, rsaBits)
	case HS256:
		secret := make([]byte, hmacKeyBytes)
		_, err := rand.Read(secret)
		return secret, err
	default:
		return nil, fmt.Errorf("%w: unknown algorithm", ErrKey)
	}
}

// ParseKey reads what MarshalPrivate wrote: a private JSON Web Key with the
// members alg and kid (RFC 7517). The kid must be the key's own thumbprint.
// Every refusal is an ErrKey and quotes nothing of the document.
func ParseKey(privateJWK []byte) (*Key, error) {
	members, reason := readObject(privateJWK)
	if reason != "" {
		return nil, fmt.Errorf("%w: document: %s", ErrKey, reason)
	}
	name, _ := members["alg"].(string)
	id, _ := members["kid"].(string)
	raw, err := parseRaw(privateJWK)
	if err != nil {
		return nil, err
	}
	k, err := newKey(Algorithm(name), raw)
	if err != nil {
		return nil, err
	}
	if k.id != id {
		return nil, fmt.Errorf("%w: kid is not the thumbprint", ErrKey)
	}
	return k, nil
}

// parseRaw extracts the private part of a JWK. The library's errors are
// dropped, because they may quote what they could not read.
func parseRaw(privateJWK []byte) (any, error) {
	document, err := jwk.ParseKey(privateJWK)
	if err != nil {
		return nil, fmt.Errorf("%w: not a JSON Web Key", ErrKey)
	}
	var raw any
	if err := document.Raw(&raw); err != nil {
		return nil, fmt.Errorf("%w: incomplete JSON Web Key", ErrKey)
	}
	return raw, nil
}

// newKey pins raw to its algorithm, derives the public part and the
// thumbprint, and proves by one signature that the halves belong together.
func newKey(a Algorithm, raw any) (*Key, error) {
	public, err := publicPart(a, raw)
	if err != nil {
		return nil, err
	}
	document, err := jwk.FromRaw(raw)
	if err != nil {
		return nil, fmt.Errorf("%w: no JSON Web Key of it", ErrKey)
	}
	id, err := thumbprint(document)
	if err != nil {
		return nil, err
	}
	err = errors.Join(
		document.Set(jwk.KeyIDKey, id),
		document.Set(jwk.AlgorithmKey, a.jwa()),
		document.Set(jwk.KeyUsageKey, jwk.ForSignature),
	)
	if err != nil {
		return nil, fmt.Errorf("%w: cannot be labelled", ErrKey)
	}
	k := &Key{id: id, algorithm: a, private: raw, public: public, sigSize: a.signatureSize(public), document: document}
	return k, k.prove()
}

// thumbprint returns the id of a key by RFC 7638. For a symmetric key it is a
// hash of the secret, which section 7 of that RFC warns of for weak ones; here
// they are random and of full size.
func thumbprint(document jwk.Key) (string, error) {
	sum, err := document.Thumbprint(crypto.SHA256)
	if err != nil {
		return "", fmt.Errorf("%w: no thumbprint of it", ErrKey)
	}
	return base64.RawURLEncoding.EncodeToString(sum), nil
}

// publicPart checks that raw is a private key for a of sufficient size and
// returns what verifies its signatures.
func publicPart(a Algorithm, raw any) (any, error) {
	switch private := raw.(type) {
	case *ecdsa.PrivateKey:
		if a == ES256 && private.Curve == elliptic.P256() {
			return &private.PublicKey, nil
		}
	case ed25519.PrivateKey:
		// The public half is derived again: signing with a foreign one gives
		// the private key away.
		derived := ed25519.NewKeyFromSeed(private.Seed())
		if a == EdDSA && subtle.ConstantTimeCompare(derived, private) == 1 {
			return private.Public(), nil
		}
	case *rsa.PrivateKey:
		if a == RS256 && private.N.BitLen() >= rsaBits && private.Validate() == nil {
			return &private.PublicKey, nil
		}
	case []byte:
		if a == HS256 && len(private) >= hmacKeyBytes {
			return private, nil
		}
	}
	return nil, fmt.Errorf("%w: wrong kind, size or parts for its algorithm", ErrKey)
}

// prove signs a fixed text and verifies it.
func (k *Key) prove() error {
	const text = `{"self":"test"}`
	signed, err := k.sign([]byte(text), "JWT")
	if err != nil {
		return fmt.Errorf("%w: does not sign", ErrKey)
	}
	payload, err := k.verify(signed)
	if err != nil || !bytes.Equal(payload, []byte(text)) {
		return fmt.Errorf("%w: does not verify its own signature", ErrKey)
	}
	return nil
}

// sign returns payload in compact form under the header alg, kid and typ.
func (k *Key) sign(payload []byte, typ string) ([]byte, error) {
	header := jws.NewHeaders()
	err := errors.Join(header.Set(jws.TypeKey, typ), header.Set(jws.KeyIDKey, k.id))
	if err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	compact, err := jws.Sign(payload, jws.WithKey(k.algorithm.jwa(), k.private, jws.WithProtectedHeaders(header)))
	if err == nil && k.algorithm == ES256 {
		compact = lowered(compact)
	}
	return compact, err
}

// verify checks the signature of a compact token by this key and its pinned
// algorithm alone and returns the signed payload.
func (k *Key) verify(compact []byte) ([]byte, error) {
	return jws.Verify(compact, jws.WithCompact(), jws.WithKey(k.algorithm.jwa(), k.public))
}

// ID is the key's thumbprint by RFC 7638, SHA-256 in base64url: 43 characters.
// It is the header kid.
func (k *Key) ID() string { return k.id }

// Algorithm is the only algorithm this key is ever used with.
func (k *Key) Algorithm() Algorithm { return k.algorithm }

// MarshalPrivate returns the private JSON Web Key. It is a secret: seal it.
func (k *Key) MarshalPrivate() ([]byte, error) {
	document, err := json.Marshal(k.document)
	if err != nil {
		return nil, fmt.Errorf("marshal private key: %w", err)
	}
	return document, nil
}

// String names the key without giving it away.
func (k *Key) String() string { return string(k.algorithm) + " key " + k.id }

// GoString keeps the key secret under %#v too.
func (k *Key) GoString() string { return k.String() }

// LogValue keeps the key secret in logs.
func (k *Key) LogValue() slog.Value { return slog.StringValue(k.String()) }

// PublicSet returns the JSON Web Key Set of RFC 7517 section 5 with the public
// halves of keys, in their order. Symmetric keys have no public half and are
// left out, whoever asks. No key gives {"keys":[]}.
func PublicSet(keys []*Key) ([]byte, error) {
	set := struct {
		Keys []jwk.Key `json:"keys"`
	}{Keys: []jwk.Key{}}
	for _, k := range keys {
		if k.algorithm == HS256 {
			continue
		}
		public, err := jwk.PublicKeyOf(k.document)
		if err != nil {
			return nil, fmt.Errorf("public half of key %s: %w", k.id, err)
		}
		set.Keys = append(set.Keys, public)
	}
	document, err := json.Marshal(set)
	if err != nil {
		return nil, fmt.Errorf("marshal key set: %w", err)
	}
	return document, nil
}
