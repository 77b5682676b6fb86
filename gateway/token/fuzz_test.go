package token_test

import (
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"faveo-gateway/gateway/token"
)

// houses has one house per algorithm, with a token of each.
func houses(f *testing.F) (all []*house, tokens []string) {
	f.Helper()
	for _, a := range token.Algorithms() {
		h := newHouse(f, a)
		raw, _ := h.issue(f)
		all, tokens = append(all, h), append(tokens, raw)
	}
	return all, tokens
}

// FuzzVerify: what is accepted has exactly one spelling, and its signature is
// good by the standard library alone.
func FuzzVerify(f *testing.F) {
	all, tokens := houses(f)
	for i, raw := range tokens {
		f.Add(raw)
		for _, tt := range refusals(f, all[i]) {
			f.Add(tt.raw)
		}
	}
	f.Fuzz(func(t *testing.T, raw string) {
		for _, h := range all {
			if claims, err := h.verifier.Verify(raw); err == nil {
				checkAccepted(t, h, raw, claims)
			}
		}
	})
}

// FuzzSigned: the same, for anything that the ring's own key may ever sign.
// Only the readers stand between such a token and acceptance.
func FuzzSigned(f *testing.F) {
	h := newHouse(f, token.HS256)
	private := privateOf(f, h.key)
	f.Add(`{"alg":"HS256","kid":"KID","typ":"at+jwt"}`, payload(f, nil))
	for _, tt := range refusals(f, h) {
		segments := strings.Split(tt.raw, ".")
		if len(segments) != 3 {
			continue
		}
		header, _ := base64.RawURLEncoding.DecodeString(segments[0])
		claims, _ := base64.RawURLEncoding.DecodeString(segments[1])
		f.Add(string(header), string(claims))
	}
	f.Fuzz(func(t *testing.T, header, claims string) {
		// The generated key differs from run to run, a corpus does not.
		header = strings.ReplaceAll(header, "KID", h.key.ID())
		input := b64(header) + "." + b64(claims)
		raw := input + "." + b64(string(signRaw(t, private, []byte(input))))
		if got, err := h.verifier.Verify(raw); err == nil {
			checkAccepted(t, h, raw, got)
		}
	})
}

// checkAccepted holds an accepted token against a second, naive reading.
func checkAccepted(t *testing.T, h *house, raw string, claims token.Claims) {
	t.Helper()
	var again, decoded []string
	for _, s := range strings.Split(raw, ".") {
		part, err := base64.RawURLEncoding.DecodeString(s)
		if err != nil {
			t.Fatalf("accepted, but not base64url: %q", raw)
		}
		decoded, again = append(decoded, string(part)), append(again, b64(string(part)))
	}
	if len(again) != 3 || strings.Join(again, ".") != raw {
		t.Fatalf("accepted in a second spelling: %q", raw)
	}
	if !verifiesByStandardLibrary(privateOf(t, h.key), raw) {
		t.Fatalf("accepted without a valid signature: %q", raw)
	}
	var header map[string]string
	if err := json.Unmarshal([]byte(decoded[0]), &header); err != nil || len(header) != 3 ||
		header["alg"] != string(h.key.Algorithm()) || header["kid"] != h.key.ID() || header["typ"] != "at+jwt" {
		t.Fatalf("accepted with header %s", decoded[0])
	}
	var c struct {
		Iss, Aud, Jti, Sub, Sid, Role, Prv string
		Iat, Nbf, Exp, Ver                 int64
	}
	if err := json.Unmarshal([]byte(decoded[1]), &c); err != nil {
		t.Fatalf("accepted with claims %s", decoded[1])
	}
	now := start.Unix()
	if c.Iss != "faveo-gateway" || c.Aud != "faveo" || c.Ver != 1 || c.Prv != "87e0af1ef9fd15812fdec97153a14e0b047546aa" ||
		c.Exp <= now || c.Iat > now+5 || c.Nbf > now+5 || c.Exp-c.Iat > 24*3600 ||
		c.Jti != claims.ID || c.Sid != claims.SessionID || c.Role != claims.Role || c.Jti == "" || c.Sid == "" ||
		c.Sub != strconv.FormatUint(claims.UserID, 10) || c.Sub == "0" ||
		c.Iat != claims.IssuedAt.Unix() || c.Nbf != claims.NotBefore.Unix() || c.Exp != claims.ExpiresAt.Unix() {
		t.Fatalf("accepted %s as %+v", decoded[1], claims)
	}
}
