package token

import (
	"encoding/base64"
	"strings"
)

// compact is a token taken apart: RFC 7515 section 7.1.
type compact struct {
	header    []byte
	payload   []byte
	signature []byte
}

// split takes raw apart and decodes its segments. What it accepts has one
// spelling: encoding the parts again gives raw.
func split(raw string) (compact, Reason) {
	switch {
	case len(raw) > MaxSize:
		return compact{}, ReasonSize
	case strings.HasPrefix(raw, "{"):
		return compact{}, ReasonSerialisation
	case strings.Count(raw, ".") != 2:
		return compact{}, ReasonSegments
	}
	header, rest, _ := strings.Cut(raw, ".")
	payload, signature, _ := strings.Cut(rest, ".")
	if header == "" || payload == "" || signature == "" {
		return compact{}, ReasonSegments
	}
	var c compact
	for _, s := range []struct {
		text string
		to   *[]byte
	}{{header, &c.header}, {payload, &c.payload}, {signature, &c.signature}} {
		decoded, ok := decodeSegment(s.text)
		if !ok {
			return compact{}, ReasonBase64
		}
		*s.to = decoded
	}
	return c, ""
}

// decodeSegment decodes base64url without padding (RFC 7515 section 2). Strict
// refuses stray bits in the last character; the standard library skips line
// breaks even so, which would give a token many spellings.
func decodeSegment(text string) ([]byte, bool) {
	if strings.ContainsAny(text, "\r\n") {
		return nil, false
	}
	decoded, err := base64.RawURLEncoding.Strict().DecodeString(text)
	return decoded, err == nil
}

// selectKey validates the members of the header and returns the key that they
// name. The algorithm is that of the key; the header may only repeat it (RFC 8725
// section 3.1).
func selectKey(header object, keys Keys) (*Key, Reason) {
	for name := range header {
		switch name {
		case "alg", "kid", "typ":
		default:
			// crit, b64, zip, jwk, jku, x5u, x5c, x5t, cty and whatever may
			// be invented: nothing but these three was ever written here.
			return nil, ReasonHeaderMember
		}
	}
	alg, _ := header["alg"].(string)
	if !Algorithm(alg).Known() {
		return nil, ReasonAlg
	}
	if header["typ"] != typeAccessToken {
		return nil, ReasonTyp
	}
	kid, _ := header["kid"].(string)
	if kid == "" {
		return nil, ReasonKid
	}
	key, ok := keys.VerificationKey(kid)
	switch {
	case ok && key != nil:
	case keys.Revoked(kid):
		return nil, ReasonKeyRevoked
	case keys.Stale():
		return nil, reasonUnavailable
	default:
		return nil, ReasonKid
	}
	if Algorithm(alg) != key.algorithm {
		return nil, ReasonAlg
	}
	return key, ""
}
