package token_test

import (
	"bytes"
	"crypto/ecdsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"

	"faveo-gateway/gateway/token"
)

// wantReason fails unless err is exactly the refusal for want.
func wantReason(t testing.TB, err error, want token.Reason) {
	t.Helper()
	var refusal *token.Refusal
	if !errors.As(err, &refusal) {
		t.Fatalf("got error %v, want a *Refusal with reason %s", err, want)
	}
	if refusal.Reason != want {
		t.Fatalf("refused for %s, want %s", refusal.Reason, want)
	}
	if errors.Is(err, token.ErrExpired) != (want == token.ReasonExpired) {
		t.Fatalf("errors.Is(ErrExpired) is wrong for reason %s", refusal.Reason)
	}
	if errors.Is(err, token.ErrKeyRevoked) != (want == token.ReasonKeyRevoked) {
		t.Fatalf("errors.Is(ErrKeyRevoked) is wrong for reason %s", refusal.Reason)
	}
}

func TestIssuedTokenIsAccepted(t *testing.T) {
	for _, a := range token.Algorithms() {
		t.Run(string(a), func(t *testing.T) {
			h := newHouse(t, a)
			raw, issued := h.issue(t)
			for _, way := range []string{"judged", "remembered"} {
				got, err := h.verifier.Verify(raw)
				if err != nil {
					t.Fatalf("%s: Verify: %v", way, err)
				}
				if got != issued || got.KeyID != h.key.ID() {
					t.Fatalf("%s: got claims %+v, want %+v by key %s", way, got, issued, h.key.ID())
				}
			}
			if got := h.counted(t, "valid"); got != 2 {
				t.Errorf("valid counted %v times, want 2", got)
			}
			if !verifiesByStandardLibrary(privateOf(t, h.key), raw) {
				t.Error("the standard library does not verify the signature")
			}
		})
	}
}

func TestIssuedTokenHasTheAgreedShape(t *testing.T) {
	h := newHouse(t, token.ES256)
	raw, claims := h.issue(t)
	segments := strings.Split(raw, ".")
	header, _ := base64.RawURLEncoding.DecodeString(segments[0])
	if got, want := string(header), goodHeader(h.key); got != want {
		t.Errorf("header %s, want %s", got, want)
	}
	body, _ := base64.RawURLEncoding.DecodeString(segments[1])
	want := fmt.Sprintf(`{"iss":"faveo-gateway","aud":"faveo","iat":%d,"nbf":%d,"exp":%d,"jti":"%s","sub":"4",`+
		`"sid":"session-a","role":"agent","ver":1,"prv":"87e0af1ef9fd15812fdec97153a14e0b047546aa"}`,
		start.Unix(), start.Unix(), start.Unix()+3600, claims.ID)
	if string(body) != want {
		t.Errorf("payload %s, want %s", body, want)
	}
	if id, err := base64.RawURLEncoding.DecodeString(claims.ID); err != nil || len(id) != 16 {
		t.Errorf("jti %q is not 128 bits in base64url", claims.ID)
	}
	_, other := h.issue(t)
	if other.ID == claims.ID {
		t.Error("two tokens share a jti")
	}
}

// refusals has one way, at least, to every Reason. All tokens but those of the
// signature rows carry a genuine signature of the ring's own key.
func refusals(t testing.TB, h *house) []struct {
	name string
	raw  string
	want token.Reason
} {
	t.Helper()
	good, _ := h.issue(t)
	segments := strings.Split(good, ".")
	header := func(text string) string { return forge(t, h.key, text, payload(t, nil)) }
	member := func(extra string) string {
		return header(strings.TrimSuffix(goodHeader(h.key), "}") + "," + extra + "}")
	}
	body := func(text string) string { return forge(t, h.key, goodHeader(h.key), text) }
	claim := func(name string, value any) string {
		return body(payload(t, map[string]any{name: value}))
	}
	twice := func(extra string) string {
		return body(strings.TrimSuffix(payload(t, nil), "}") + "," + extra + "}")
	}
	alg, kid, now := string(h.key.Algorithm()), h.key.ID(), start.Unix()
	revoked := newKey(t, h.key.Algorithm())
	h.ring.revoke(revoked)
	return []struct {
		name string
		raw  string
		want token.Reason
	}{
		{"nothing", "", token.ReasonSegments},
		{"longer than the bound", good + strings.Repeat("A", token.MaxSize), token.ReasonSize},
		{"genuine but longer than the bound", claim("extra", strings.Repeat("a", token.MaxSize)), token.ReasonSize},
		{"flattened JSON serialisation", fmt.Sprintf(`{"protected":%q,"payload":%q,"signature":%q}`, segments[0], segments[1], segments[2]), token.ReasonSerialisation},
		{"general JSON serialisation", fmt.Sprintf(`{"payload":%q,"signatures":[{"protected":%q,"signature":%q}]}`, segments[1], segments[0], segments[2]), token.ReasonSerialisation},
		{"one segment", segments[0], token.ReasonSegments},
		{"two segments", segments[0] + "." + segments[1], token.ReasonSegments},
		{"five segments, as encrypted tokens have", good + ".e.f", token.ReasonSegments},
		{"trailing dot", good + ".", token.ReasonSegments},
		{"empty header", "." + segments[1] + "." + segments[2], token.ReasonSegments},
		{"detached payload", segments[0] + ".." + segments[2], token.ReasonSegments},
		{"signature stripped", segments[0] + "." + segments[1] + ".", token.ReasonSegments},
		{"leading space", " " + good, token.ReasonBase64},
		{"trailing line feed", good + "\n", token.ReasonBase64},
		{"line break inside", segments[0][:10] + "\r\n" + segments[0][10:] + "." + segments[1] + "." + segments[2], token.ReasonBase64},
		{"padding", good + "==", token.ReasonBase64},
		{"standard alphabet", segments[0] + "." + segments[1] + ".+/" + segments[2][2:], token.ReasonBase64},
		{"stray bits in the last character", "e9" + "." + segments[1] + "." + segments[2], token.ReasonBase64},
		{"non-ASCII", "é" + good, token.ReasonBase64},
		{"NUL at the end", good + "\x00", token.ReasonBase64},

		{"header is no JSON", header(`alg`), token.ReasonJSON},
		{"header is an array", header(`["alg"]`), token.ReasonJSON},
		{"header with something after it", header(goodHeader(h.key) + `{}`), token.ReasonJSON},
		{"header in bad UTF-8", member("\"x\":\"\xff\""), token.ReasonJSON},
		{"alg twice", header(`{"alg":"none","alg":"` + alg + `","kid":"` + kid + `","typ":"at+jwt"}`), token.ReasonDuplicateMember},
		{"alg twice, once escaped", header(`{"\u0061lg":"none","alg":"` + alg + `","kid":"` + kid + `","typ":"at+jwt"}`), token.ReasonDuplicateMember},
		{"header crit", member(`"crit":["exp"]`), token.ReasonHeaderMember},
		{"header b64 false", member(`"b64":false`), token.ReasonHeaderMember},
		{"header zip", member(`"zip":"DEF"`), token.ReasonHeaderMember},
		{"header jwk with the attacker's key", member(`"jwk":{"kty":"oct","k":"AAAA"}`), token.ReasonHeaderMember},
		{"header jku", member(`"jku":"https://attacker.example/keys"`), token.ReasonHeaderMember},
		{"header x5u", member(`"x5u":"https://attacker.example/cert"`), token.ReasonHeaderMember},
		{"header x5c", member(`"x5c":["AAAA"]`), token.ReasonHeaderMember},
		{"header x5t", member(`"x5t":"AAAA"`), token.ReasonHeaderMember},
		{"header cty", member(`"cty":"JWT"`), token.ReasonHeaderMember},
		{"header ALG beside alg", member(`"ALG":"none"`), token.ReasonHeaderMember},
		{"alg missing", header(`{"kid":"` + kid + `","typ":"at+jwt"}`), token.ReasonAlg},
		{"alg none", header(`{"alg":"none","kid":"` + kid + `","typ":"at+jwt"}`), token.ReasonAlg},
		{"alg None", header(`{"alg":"None","kid":"` + kid + `","typ":"at+jwt"}`), token.ReasonAlg},
		{"alg in lower case", header(`{"alg":"` + strings.ToLower(alg) + `","kid":"` + kid + `","typ":"at+jwt"}`), token.ReasonAlg},
		{"alg a number", header(`{"alg":256,"kid":"` + kid + `","typ":"at+jwt"}`), token.ReasonAlg},
		{"alg of another key", header(`{"alg":"` + string(otherAlgorithm(h.key)) + `","kid":"` + kid + `","typ":"at+jwt"}`), token.ReasonAlg},
		{"typ missing", header(`{"alg":"` + alg + `","kid":"` + kid + `"}`), token.ReasonTyp},
		{"typ JWT", header(`{"alg":"` + alg + `","kid":"` + kid + `","typ":"JWT"}`), token.ReasonTyp},
		{"typ in another spelling", header(`{"alg":"` + alg + `","kid":"` + kid + `","typ":"application/AT+JWT"}`), token.ReasonTyp},
		{"typ null", header(`{"alg":"` + alg + `","kid":"` + kid + `","typ":null}`), token.ReasonTyp},
		{"kid missing", header(`{"alg":"` + alg + `","typ":"at+jwt"}`), token.ReasonKid},
		{"kid empty", header(`{"alg":"` + alg + `","kid":"","typ":"at+jwt"}`), token.ReasonKid},
		{"kid unknown", header(`{"alg":"` + alg + `","kid":"../../dev/null","typ":"at+jwt"}`), token.ReasonKid},
		{"kid a list", header(`{"alg":"` + alg + `","kid":["` + kid + `"],"typ":"at+jwt"}`), token.ReasonKid},

		{"kid of a revoked key", forge(t, revoked, goodHeader(revoked), payload(t, nil)), token.ReasonKeyRevoked},
		{"kid of a revoked key, forged", header(goodHeader(revoked)), token.ReasonKeyRevoked},

		{"payload of another token", segments[0] + "." + b64(payload(t, map[string]any{"sub": "1"})) + "." + segments[2], token.ReasonSignature},
		{"signature of zeros", segments[0] + "." + segments[1] + "." + b64(strings.Repeat("\x00", len(segments[2])*3/4)), token.ReasonSignature},
		{"signature too short", segments[0] + "." + segments[1] + "." + b64("short"), token.ReasonSignature},
		{"signature too long", segments[0] + "." + segments[1] + "." + segments[2] + b64("\x00\x00\x00"), ""},

		{"claims are no object", body(`[]`), token.ReasonJSON},
		{"claims with something after them", body(payload(t, nil) + "x"), token.ReasonJSON},
		{"claims with a NUL after them", body(payload(t, nil) + "\x00"), token.ReasonJSON},
		{"claims in bad UTF-8", twice("\"x\":\"\xff\""), token.ReasonJSON},
		{"claims after a byte order mark", body("\ufeff" + payload(t, nil)), token.ReasonJSON},
		{"claims nested too deep", twice(`"x":` + strings.Repeat("[", 9) + strings.Repeat("]", 9)), token.ReasonJSON},
		{"sub twice", twice(`"sub":"1"`), token.ReasonDuplicateMember},
		{"sub twice, once escaped", twice(`"s\u0075b":"1"`), token.ReasonDuplicateMember},
		{"a member of an unknown claim twice", twice(`"x":[{"a":1,"a":2}]`), token.ReasonDuplicateMember},
		{"no claims", body(`{}`), token.ReasonMissingClaim},
		{"SUB instead of sub", body(strings.Replace(payload(t, nil), `"sub"`, `"SUB"`, 1)), token.ReasonMissingClaim},

		{"iss of another issuer", claim("iss", "faveo-gatewaY"), token.ReasonIssuer},
		{"aud of another audience", claim("aud", "faveo2"), token.ReasonAudience},
		{"ver 2", claim("ver", 2), token.ReasonVersion},
		{"prv of another class", claim("prv", "23bd5c8949f600adb39e701c400872db7a5976f7"), token.ReasonVersion},
		{"prv in upper case", claim("prv", "87E0AF1EF9FD15812FDEC97153A14E0B047546AA"), token.ReasonVersion},
		{"exp equals iat", body(payload(t, map[string]any{"exp": now})), token.ReasonLifetime},
		{"exp before iat", body(payload(t, map[string]any{"exp": now - 1})), token.ReasonLifetime},
		{"nbf after exp", body(payload(t, map[string]any{"nbf": now + 3601})), token.ReasonLifetime},
		{"life of a second more than allowed", claim("exp", now+24*3600+1), token.ReasonLifetime},
		{"exp in the year 9999", claim("exp", 253402300799), token.ReasonLifetime},
		{"iat beyond the leeway", body(payload(t, map[string]any{"iat": now + 6})), token.ReasonIssuedInFuture},
		{"nbf beyond the leeway", claim("nbf", now+6), token.ReasonNotYetValid},
		{"over for a second", body(payload(t, map[string]any{"iat": now - 9, "nbf": now - 9, "exp": now - 1})), token.ReasonExpired},
		{"over now", body(payload(t, map[string]any{"iat": now - 9, "nbf": now - 9, "exp": now})), token.ReasonExpired},
	}
}

// otherAlgorithm is a known algorithm that key does not have.
func otherAlgorithm(key *token.Key) token.Algorithm {
	if key.Algorithm() == token.HS256 {
		return token.ES256
	}
	return token.HS256
}

func TestRefusals(t *testing.T) {
	for _, a := range token.Algorithms() {
		h := newHouse(t, a)
		met := map[token.Reason]bool{}
		for _, tt := range refusals(t, h) {
			want := tt.want
			if want == "" {
				// Depending on the length of the segment, the extra
				// characters spoil its encoding or lengthen it.
				want = token.ReasonSignature
				if _, err := base64.RawURLEncoding.Strict().DecodeString(tt.raw[strings.LastIndexByte(tt.raw, '.')+1:]); err != nil {
					want = token.ReasonBase64
				}
			}
			met[want] = true
			t.Run(string(a)+"/"+tt.name, func(t *testing.T) {
				before := h.counted(t, string(want))
				claims, err := h.verifier.Verify(tt.raw)
				wantReason(t, err, want)
				if claims != (token.Claims{}) {
					t.Errorf("a refused token gave claims %+v", claims)
				}
				if got := h.counted(t, string(want)) - before; got != 1 {
					t.Errorf("result %s counted %v times, want once", want, got)
				}
			})
		}
		for _, reason := range append(token.Reasons(), token.ReasonClaimType) {
			if !met[reason] && reason != token.ReasonClaimType {
				t.Errorf("%s: no row reaches reason %s", a, reason)
			}
		}
	}
}

func TestEveryClaimIsRequiredInItsType(t *testing.T) {
	h := newHouse(t, token.HS256)
	verify := func(name string, value any) error {
		_, err := h.verifier.Verify(forge(t, h.key, goodHeader(h.key), payload(t, map[string]any{name: value})))
		return err
	}
	if err := verify("unknown", []any{map[string]any{"a": nil}}); err != nil {
		t.Errorf("a claim nobody knows is refused: %v", err)
	}
	wrong := []any{nil, true, []any{}, []any{"4"}, map[string]any{}, 1.5, -1, json.RawMessage("1e3"), json.RawMessage("1.0"), json.RawMessage("-0"), json.RawMessage("99999999999999999999"), ""}
	for name, good := range goodClaims() {
		wantReason(t, verify(name, absent), token.ReasonMissingClaim)
		for _, value := range wrong {
			t.Run(fmt.Sprintf("%s=%v", name, value), func(t *testing.T) {
				wantReason(t, verify(name, value), token.ReasonClaimType)
			})
		}
		switch good.(type) {
		case string:
			wantReason(t, verify(name, 4), token.ReasonClaimType)
			wantReason(t, verify(name, strings.Repeat("a", 257)), token.ReasonClaimType)
		default:
			wantReason(t, verify(name, fmt.Sprint(good)), token.ReasonClaimType)
		}
	}
	for _, sub := range []string{"0", "04", "4abc", " 4", "4 ", "+4", "-4", "4.0", "0x4", "４", "18446744073709551616", "demo_admin"} {
		wantReason(t, verify("sub", sub), token.ReasonClaimType)
	}
}

func TestClockIsAskedOnEveryUse(t *testing.T) {
	h := newHouse(t, token.ES256)
	raw, claims := h.issue(t)
	verify := func(at time.Time) error {
		h.clock.Set(at)
		_, err := h.verifier.Verify(raw)
		return err
	}
	if err := verify(claims.ExpiresAt.Add(-time.Nanosecond)); err != nil {
		t.Fatalf("in its last second: %v", err)
	}
	wantReason(t, verify(claims.ExpiresAt), token.ReasonExpired)
	wantReason(t, verify(claims.ExpiresAt.Add(time.Hour)), token.ReasonExpired)
	if err := verify(start.Add(-5 * time.Second)); err != nil {
		t.Errorf("clock five seconds late: %v", err)
	}
	wantReason(t, verify(start.Add(-6*time.Second)), token.ReasonIssuedInFuture)
	if err := verify(start); err != nil {
		t.Errorf("clock right again: %v", err)
	}
}

func TestWithdrawnKeyEndsRememberedTokens(t *testing.T) {
	h := newHouse(t, token.ES256)
	raw, _ := h.issue(t)
	if _, err := h.verifier.Verify(raw); err != nil {
		t.Fatalf("Verify: %v", err)
	}
	h.ring.withdraw(h.key)
	_, err := h.verifier.Verify(raw)
	wantReason(t, err, token.ReasonKid)
}

func TestRevokedKeyEndsRememberedTokens(t *testing.T) {
	h := newHouse(t, token.ES256)
	raw, _ := h.issue(t)
	if _, err := h.verifier.Verify(raw); err != nil {
		t.Fatalf("Verify: %v", err)
	}
	h.ring.revoke(h.key)
	_, err := h.verifier.Verify(raw)
	wantReason(t, err, token.ReasonKeyRevoked)
}

// TestUnknownKeyOfAStaleRing can be told from a forged one by nobody: it is a fault.
// What the ring knows, it tells as ever.
func TestUnknownKeyOfAStaleRing(t *testing.T) {
	h := newHouse(t, token.ES256)
	known, _ := h.issue(t)
	revoked, unknown := newKey(t, token.ES256), newKey(t, token.ES256)
	h.ring.revoke(revoked)
	foreign := forge(t, unknown, goodHeader(unknown), payload(t, nil))
	_, err := h.verifier.Verify(foreign)
	wantReason(t, err, token.ReasonKid)
	h.ring.stale = true
	_, err = h.verifier.Verify(foreign)
	var refusal *token.Refusal
	if !errors.Is(err, token.ErrUnavailable) || errors.As(err, &refusal) {
		t.Errorf("an unknown key: %v, want ErrUnavailable", err)
	}
	if n := h.counted(t, "unavailable"); n != 1 {
		t.Errorf("counted %v times", n)
	}
	if _, err := h.verifier.Verify(known); err != nil {
		t.Errorf("a known key: %v", err)
	}
	_, err = h.verifier.Verify(forge(t, revoked, goodHeader(revoked), payload(t, nil)))
	wantReason(t, err, token.ReasonKeyRevoked)
	_, err = h.verifier.Verify("a.b.c")
	if !errors.As(err, &refusal) {
		t.Errorf("garbage: %v, want a refusal", err)
	}
}

// The key is withdrawn after it was looked up and before the result is
// remembered: what is remembered must be worthless, whether or not another
// request has noticed the withdrawal meanwhile.
func TestKeyWithdrawnDuringVerification(t *testing.T) {
	for name, noticed := range map[string]bool{"unnoticed": false, "noticed by another request": true} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, token.ES256)
			raw, _ := h.issue(t)
			h.ring.onLookup = func() {
				h.ring.onLookup = nil
				h.ring.withdraw(h.key)
				if noticed {
					_, err := h.verifier.Verify(raw)
					wantReason(t, err, token.ReasonKid)
				}
			}
			if _, err := h.verifier.Verify(raw); err != nil {
				t.Fatalf("Verify under way: %v", err)
			}
			_, err := h.verifier.Verify(raw)
			wantReason(t, err, token.ReasonKid)
		})
	}
}

func TestRememberedTokensAreBounded(t *testing.T) {
	h := newHouse(t, token.HS256)
	v, err := token.NewVerifier(token.Options{
		Keys: h.ring, Config: token.DefaultConfig(), AppClass: appClass, Now: h.clock.Now, CacheSize: 16,
	})
	if err != nil {
		t.Fatalf("NewVerifier: %v", err)
	}
	lookups := 0
	h.ring.onLookup = func() { lookups++ }
	first, _ := h.issue(t)
	for range 1000 {
		raw, _ := h.issue(t)
		if _, err := v.Verify(raw); err != nil {
			t.Fatalf("Verify: %v", err)
		}
	}
	lookups = 0
	for range 2 {
		if _, err := v.Verify(first); err != nil {
			t.Fatalf("Verify: %v", err)
		}
	}
	if lookups != 1 {
		t.Errorf("%d lookups for a new token used twice, want 1", lookups)
	}
}

func TestWarmTokenAllocatesNothing(t *testing.T) {
	h := newHouse(t, token.ES256)
	raw, _ := h.issue(t)
	verify := func() {
		if _, err := h.verifier.Verify(raw); err != nil {
			t.Errorf("Verify: %v", err)
		}
	}
	verify()
	if got := testing.AllocsPerRun(100, verify); got != 0 {
		t.Errorf("a warm token costs %v allocations, want 0", got)
	}
}

func TestConcurrentUse(t *testing.T) {
	h := newHouse(t, token.HS256)
	second, err := token.GenerateKey(token.HS256)
	if err != nil {
		t.Fatal(err)
	}
	h.ring.keys[second.ID()] = second
	raw, _ := h.issue(t)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 200 {
				if _, err := h.verifier.Verify(raw); err != nil {
					t.Errorf("Verify: %v", err)
				}
				h.issue(t)
			}
		})
	}
	group.Go(func() { h.ring.withdraw(second) })
	group.Wait()
}

// TestOneSpellingOfAnECDSASignature turns the signatures of good tokens into their
// twins, which anybody can and every library accepts: what is sealed to a token must
// not depend on who spells it.
func TestOneSpellingOfAnECDSASignature(t *testing.T) {
	h := newHouse(t, token.ES256)
	for range 64 { // Half of the signatures come out the other way round.
		raw, _ := h.issue(t)
		if _, err := h.verifier.Verify(raw); err != nil {
			t.Fatalf("a good token: %v", err)
		}
		cut := strings.LastIndexByte(raw, '.') + 1
		signature, _ := base64.RawURLEncoding.DecodeString(raw[cut:])
		private := privateOf(t, h.key).(*ecdsa.PrivateKey)
		order, s := private.Params().N, new(big.Int).SetBytes(signature[32:])
		for name, forged := range map[string]*big.Int{
			"the twin": new(big.Int).Sub(order, s), "s plus the order": new(big.Int).Add(order, s), "s zero": new(big.Int),
		} {
			if forged.BitLen() > 256 {
				continue
			}
			twin := bytes.Clone(signature)
			forged.FillBytes(twin[32:])
			other := raw[:cut] + b64(string(twin))
			if name == "the twin" && !verifiesByStandardLibrary(private, other) {
				t.Fatal("the twin is no signature")
			}
			_, err := h.verifier.Verify(other)
			wantReason(t, err, token.ReasonSignature)
		}
	}
}

func TestKeyConfusion(t *testing.T) {
	h := newHouse(t, token.RS256)
	secret, err := token.GenerateKey(token.HS256)
	if err != nil {
		t.Fatal(err)
	}
	h.ring.keys[secret.ID()] = secret
	set, err := token.PublicSet([]*token.Key{h.key})
	if err != nil {
		t.Fatal(err)
	}
	// The public key, as the attacker downloads it, used as an HMAC secret.
	input := b64(`{"alg":"HS256","kid":"`+h.key.ID()+`","typ":"at+jwt"}`) + "." + b64(payload(t, nil))
	_, err = h.verifier.Verify(input + "." + b64(string(signRaw(t, set, []byte(input)))))
	wantReason(t, err, token.ReasonAlg)
	// The header names one key, another one of the ring has signed.
	input = b64(goodHeader(h.key)) + "." + b64(payload(t, nil))
	_, err = h.verifier.Verify(input + "." + b64(string(signRaw(t, privateOf(t, secret), []byte(input)))))
	wantReason(t, err, token.ReasonSignature)
}
