package token

import (
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"

	"github.com/lestrrat-go/jwx/v2/jwa"
)

// Algorithm is a signature algorithm by its name in RFC 7518 section 3.1 or
// RFC 8037 section 3.1.
type Algorithm string

// The algorithms that a key of the ring may have. There is no other, and there
// is no "none".
const (
	ES256 Algorithm = "ES256" // ECDSA on P-256 with SHA-256, the default
	EdDSA Algorithm = "EdDSA" // Ed25519
	RS256 Algorithm = "RS256" // RSASSA-PKCS1-v1_5 with SHA-256, for readers that know nothing newer
	HS256 Algorithm = "HS256" // HMAC with SHA-256; its keys are secret and never published
)

// Algorithms lists the closed set in the order of preference.
func Algorithms() []Algorithm { return []Algorithm{ES256, EdDSA, RS256, HS256} }

// Known reports whether a is one of Algorithms, spelt exactly so: names are
// case sensitive, RFC 7515 section 4.1.1.
func (a Algorithm) Known() bool {
	switch a {
	case ES256, EdDSA, RS256, HS256:
		return true
	default:
		return false
	}
}

// signatureSize returns the exact length in bytes of a signature by this
// algorithm and key. RFC 7518 section 3.4 wants R and S as 32 bytes each, so a
// DER encoded or shortened ECDSA signature is not one.
func (a Algorithm) signatureSize(public any) int {
	switch a {
	case ES256:
		return 64
	case EdDSA:
		return ed25519.SignatureSize
	case HS256:
		return sha256.Size
	case RS256:
		if k, ok := public.(*rsa.PublicKey); ok {
			return k.Size()
		}
	}
	return 0
}

// jwa returns the library's name for a.
func (a Algorithm) jwa() jwa.SignatureAlgorithm { return jwa.SignatureAlgorithm(a) }
