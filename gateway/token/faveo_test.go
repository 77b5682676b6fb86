package token_test

import (
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"faveo-gateway/gateway/token"
)

const (
	faveoHeader = `{"typ":"JWT","alg":"HS256"}`
	faveoLogin  = "http://helpdesk.example.test/api/v1/authenticate"
)

// until is when the houses of these tests stop accepting tokens of Faveo.
var until = start.Add(time.Hour)

// migrating lets a house accept tokens of Faveo.
func migrating(t testing.TB, changes ...func(*token.Options)) func(*token.Options) {
	return func(o *token.Options) {
		o.FaveoSecret = seed(t)
		o.Config.AcceptFaveoTokensUntil = until
		for _, change := range changes {
			change(o)
		}
	}
}

// faveoPayload is what Faveo writes at start, with changes; the value absent
// removes a claim.
func faveoPayload(t testing.TB, changes map[string]any) string {
	t.Helper()
	now := start.Unix()
	claims := map[string]any{
		"iss": faveoLogin, "iat": now, "exp": now + 3600, "nbf": now,
		"jti": "Zx8OfJKcxDrkb0qG", "sub": "4", "prv": "87e0af1ef9fd15812fdec97153a14e0b047546aa",
	}
	maps.Copy(claims, changes)
	maps.DeleteFunc(claims, func(_ string, value any) bool { return value == absent })
	text, err := json.Marshal(claims)
	if err != nil {
		t.Fatalf("marshal claims: %v", err)
	}
	return string(text)
}

// forgeHMAC signs header and payload as they are with any secret.
func forgeHMAC(t testing.TB, secret, header, payload string) string {
	t.Helper()
	input := b64(header) + "." + b64(payload)
	return input + "." + b64(string(signRaw(t, []byte(secret), []byte(input))))
}

// faveoToken is a token as Faveo writes it, with changes.
func faveoToken(t testing.TB, changes map[string]any) string {
	t.Helper()
	return forgeHMAC(t, seed(t), faveoHeader, faveoPayload(t, changes))
}

func TestFaveoTokenIsAccepted(t *testing.T) {
	h := newHouse(t, token.ES256, migrating(t))
	raw := faveoToken(t, nil)
	sum := sha256.Sum256([]byte("faveo-gateway: session of a token of Faveo\x00" + raw))
	want := token.Claims{
		ID: "Zx8OfJKcxDrkb0qG", SessionID: base64.RawURLEncoding.EncodeToString(sum[:16]), UserID: 4, Faveo: true,
		IssuedAt: start.UTC(), NotBefore: start.UTC(), ExpiresAt: start.Add(time.Hour).UTC(),
	}
	for _, way := range []string{"judged", "remembered"} {
		if got, err := h.verifier.Verify(raw); err != nil || got != want {
			t.Errorf("%s: %+v, %v; want %+v", way, got, err, want)
		}
	}
	if faveo, valid := h.counted(t, "faveo"), h.counted(t, "valid"); faveo != 2 || valid != 0 {
		t.Errorf("counted %v as faveo and %v as valid, want 2 and 0", faveo, valid)
	}
	own, _ := h.issue(t)
	if claims, err := h.verifier.Verify(own); err != nil || claims.Faveo {
		t.Errorf("a token of the gateway: %+v, %v", claims, err)
	}
}

func TestFaveoTokensHaveSessionsOfTheirOwn(t *testing.T) {
	h := newHouse(t, token.ES256, migrating(t))
	seen := map[string]string{}
	for name, raw := range map[string]string{
		"one":             faveoToken(t, nil),
		"another jti":     faveoToken(t, map[string]any{"jti": "AAAAAAAAAAAAAAAA"}),
		"another user":    faveoToken(t, map[string]any{"sub": "5"}),
		"another second":  faveoToken(t, map[string]any{"exp": start.Unix() + 3599}),
		"header reversed": forgeHMAC(t, seed(t), `{"alg":"HS256","typ":"JWT"}`, faveoPayload(t, nil)),
	} {
		claims, err := h.verifier.Verify(raw)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if other, taken := seen[claims.SessionID]; taken {
			t.Errorf("%s has the session of %s", name, other)
		}
		seen[claims.SessionID] = name
		if strings.Contains(raw, claims.SessionID) {
			t.Errorf("%s shows the id of its session", name)
		}
	}
}

func TestFaveoTokenRefusals(t *testing.T) {
	now := start.Unix()
	signed := func(header, payload string) string { return forgeHMAC(t, seed(t), header, payload) }
	header := func(text string) string { return signed(text, faveoPayload(t, nil)) }
	body := func(text string) string { return signed(faveoHeader, text) }
	claim := func(name string, value any) string { return faveoToken(t, map[string]any{name: value}) }
	good := faveoToken(t, nil)
	cut := strings.LastIndexByte(good, '.') + 1
	h := newHouse(t, token.ES256, migrating(t))
	for _, tt := range []struct {
		name string
		raw  string
		want token.Reason
	}{
		{"longer than the bound", claim("jti", strings.Repeat("a", token.MaxSize)), token.ReasonSize},
		{"padding", good + "=", token.ReasonBase64},
		{"trailing line feed", good + "\n", token.ReasonBase64},
		{"four segments", good + ".x", token.ReasonSegments},
		{"alg twice", header(`{"typ":"JWT","alg":"HS256","alg":"none"}`), token.ReasonDuplicateMember},
		{"header kid", header(`{"typ":"JWT","alg":"HS256","kid":"x"}`), token.ReasonTyp},
		{"header kid in place of typ", header(`{"kid":"x","alg":"HS256"}`), token.ReasonTyp},
		{"header crit", header(`{"typ":"JWT","alg":"HS256","crit":["exp"]}`), token.ReasonHeaderMember},
		{"header jwk", header(`{"typ":"JWT","alg":"HS256","jwk":{"kty":"oct","k":"AAAA"}}`), token.ReasonHeaderMember},
		{"typ missing", header(`{"alg":"HS256"}`), token.ReasonTyp},
		{"typ in lower case", header(`{"typ":"jwt","alg":"HS256"}`), token.ReasonTyp},
		{"typ of the gateway", header(`{"typ":"at+jwt","alg":"HS256"}`), token.ReasonKid},
		{"alg missing", header(`{"typ":"JWT"}`), token.ReasonAlg},
		{"alg none", header(`{"typ":"JWT","alg":"none"}`), token.ReasonAlg},
		{"alg in lower case", header(`{"typ":"JWT","alg":"hs256"}`), token.ReasonAlg},
		{"alg HS384", header(`{"typ":"JWT","alg":"HS384"}`), token.ReasonAlg},
		{"alg RS256", header(`{"typ":"JWT","alg":"RS256"}`), token.ReasonTyp},
		{"signature of another secret", forgeHMAC(t, "another secret", faveoHeader, faveoPayload(t, nil)), token.ReasonSignature},
		{"signature of no secret", forgeHMAC(t, "", faveoHeader, faveoPayload(t, nil)), token.ReasonSignature},
		{"signature of zeros", good[:cut] + b64(strings.Repeat("\x00", 32)), token.ReasonSignature},
		{"signature too short", good[:cut] + b64("short"), token.ReasonSignature},
		{"payload of another token", b64(faveoHeader) + "." + b64(faveoPayload(t, map[string]any{"sub": "1"})) + "." + good[cut:], token.ReasonSignature},
		{"claims are no object", body(`[]`), token.ReasonJSON},
		{"sub twice", body(strings.TrimSuffix(faveoPayload(t, nil), "}") + `,"sub":"1"}`), token.ReasonDuplicateMember},
		{"one claim more", claim("role", "admin"), token.ReasonClaimType},
		{"aud", claim("aud", "faveo"), token.ReasonClaimType},
		{"one claim more, one less", faveoToken(t, map[string]any{"role": "admin", "jti": absent}), token.ReasonMissingClaim},
		{"iss of the gateway", claim("iss", "faveo-gateway"), token.ReasonIssuer},
		{"iss is another URL", claim("iss", "https://evil.example.test/"), token.ReasonIssuer},
		{"iss is a path", claim("iss", "/api/v1/authenticate"), token.ReasonIssuer},
		{"iss without a host", claim("iss", "http:///api/v1/authenticate"), token.ReasonIssuer},
		{"iss of another scheme", claim("iss", "ftp://helpdesk.example.test/api/v1/authenticate"), token.ReasonIssuer},
		{"iss with a query", claim("iss", faveoLogin+"?x=/api/v1/authenticate"), token.ReasonIssuer},
		{"iss with the login as its query", claim("iss", "http://helpdesk.example.test/?x=/api/v1/authenticate"), token.ReasonIssuer},
		{"iss with the login as its fragment", claim("iss", "http://helpdesk.example.test/#/api/v1/authenticate"), token.ReasonIssuer},
		{"iss with a user", claim("iss", "http://faveo@helpdesk.example.test/api/v1/authenticate"), token.ReasonIssuer},
		{"iss with a slash at the end", claim("iss", faveoLogin+"/"), token.ReasonIssuer},
		{"iss with a line break", claim("iss", "http://helpdesk.example.test/\n/api/v1/authenticate"), token.ReasonIssuer},
		{"prv of another class", claim("prv", "23bd5c8949f600adb39e701c400872db7a5976f7"), token.ReasonVersion},
		{"exp equals iat", claim("exp", now), token.ReasonLifetime},
		{"nbf after exp", claim("nbf", now+3601), token.ReasonLifetime},
		{"life of a second more than max_ttl", claim("exp", now+24*3600+1), token.ReasonLifetime},
		{"iat beyond the leeway", claim("iat", now+6), token.ReasonIssuedInFuture},
		{"nbf beyond the leeway", claim("nbf", now+6), token.ReasonNotYetValid},
		{"over now", faveoToken(t, map[string]any{"iat": now - 60, "nbf": now - 60, "exp": now}), token.ReasonExpired},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := h.counted(t, string(tt.want))
			claims, err := h.verifier.Verify(tt.raw)
			wantReason(t, err, tt.want)
			if claims != (token.Claims{}) {
				t.Errorf("a refused token gave claims %+v", claims)
			}
			if got := h.counted(t, string(tt.want)) - before; got != 1 {
				t.Errorf("result %s counted %v times, want once", tt.want, got)
			}
		})
	}
}

func TestEveryClaimOfFaveoIsRequiredInItsType(t *testing.T) {
	h := newHouse(t, token.ES256, migrating(t))
	verify := func(name string, value any) error {
		_, err := h.verifier.Verify(faveoToken(t, map[string]any{name: value}))
		return err
	}
	texts, numbers := []string{"iss", "jti", "sub", "prv"}, []string{"iat", "exp", "nbf"}
	for _, name := range append(texts, numbers...) {
		wantReason(t, verify(name, absent), token.ReasonMissingClaim)
		for _, value := range []any{nil, true, []any{"4"}, map[string]any{"a": 4}, 1.5, -1, json.RawMessage("1e3"), ""} {
			wantReason(t, verify(name, value), token.ReasonClaimType)
		}
	}
	for _, name := range texts {
		wantReason(t, verify(name, 4), token.ReasonClaimType)
		wantReason(t, verify(name, strings.Repeat("a", 257)), token.ReasonClaimType)
	}
	for _, name := range numbers {
		wantReason(t, verify(name, fmt.Sprint(start.Unix()+1)), token.ReasonClaimType)
	}
	// PHP lets the database compare, to which each of these is user 4.
	for _, sub := range []string{"04", "4abc", "4 ", " 4", "+4", "4.0", "0", "-4", "alice"} {
		wantReason(t, verify("sub", sub), token.ReasonClaimType)
	}
}

func TestFaveoTokensAreAcceptedUntilTheirTime(t *testing.T) {
	h := newHouse(t, token.ES256, migrating(t))
	remembered := faveoToken(t, map[string]any{"exp": start.Unix() + 7200})
	fresh := faveoToken(t, map[string]any{"exp": start.Unix() + 7201})
	if _, err := h.verifier.Verify(remembered); err != nil {
		t.Fatalf("Verify: %v", err)
	}
	h.clock.Set(until.Add(-time.Nanosecond))
	if _, err := h.verifier.Verify(remembered); err != nil {
		t.Errorf("in the last moment: %v", err)
	}
	for _, late := range []time.Duration{0, time.Minute} {
		h.clock.Set(until.Add(late))
		for _, raw := range []string{remembered, fresh} {
			_, err := h.verifier.Verify(raw)
			wantReason(t, err, token.ReasonTyp)
		}
	}
	h.clock.Set(until.Add(-time.Second))
	if _, err := h.verifier.Verify(fresh); err != nil {
		t.Errorf("clock set back: %v", err)
	}
}

func TestFaveoTokensAreRefusedUnlessWanted(t *testing.T) {
	for name, change := range map[string]func(*token.Options){
		"by default": func(*token.Options) {},
		"no time":    migrating(t, func(o *token.Options) { o.Config.AcceptFaveoTokensUntil = time.Time{} }),
		"no secret":  migrating(t, func(o *token.Options) { o.FaveoSecret = "" }),
	} {
		h := newHouse(t, token.ES256, change)
		for _, secret := range []string{seed(t), ""} {
			_, err := h.verifier.Verify(forgeHMAC(t, secret, faveoHeader, faveoPayload(t, nil)))
			var refusal *token.Refusal
			if !errors.As(err, &refusal) || refusal.Reason != token.ReasonTyp {
				t.Errorf("%s: %v, want a refusal for %s", name, err, token.ReasonTyp)
			}
		}
	}
}

// PHP sees the tokens of Bridge. One that leaks there has Faveo's shape and a
// good signature.
func TestLeakedBridgeTokenIsRefused(t *testing.T) {
	for name, tt := range map[string]struct {
		tokensIssuer, bridgeIssuer string
		refused                    bool
	}{
		"the default issuer":        {"faveo-gateway", "faveo-gateway", true},
		"an issuer that is a login": {faveoLogin, faveoLogin, true},
		// What is refused above is refused for its issuer alone.
		"the issuer of Faveo": {"faveo-gateway", faveoLogin, false},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, token.ES256, migrating(t, func(o *token.Options) { o.Config.Issuer = tt.tokensIssuer }))
			bridge, err := token.NewBridge(token.BridgeOptions{
				Secret: seed(t), AppClass: appClass, Issuer: tt.bridgeIssuer, Now: h.clock.Now,
			})
			if err != nil {
				t.Fatal(err)
			}
			_, err = h.verifier.Verify(mint(t, bridge, 4, "session-a"))
			if tt.refused {
				wantReason(t, err, token.ReasonIssuer)
			} else if err != nil {
				t.Errorf("Verify: %v", err)
			}
		})
	}
}

func TestFaveoKeyConfusion(t *testing.T) {
	h := newHouse(t, token.RS256, migrating(t))
	symmetric := newKey(t, token.HS256)
	h.ring.keys[symmetric.ID()] = symmetric
	verify := func(name, raw string, want token.Reason) {
		t.Helper()
		_, err := h.verifier.Verify(raw)
		t.Log(name)
		wantReason(t, err, want)
	}
	ours := func(kid string) string { return `{"alg":"HS256","kid":"` + kid + `","typ":"at+jwt"}` }
	verify("our shape by JWT_SECRET, kid of an HS256 key", forgeHMAC(t, seed(t), ours(symmetric.ID()), payload(t, nil)), token.ReasonSignature)
	verify("our shape by JWT_SECRET, kid of an RS256 key", forgeHMAC(t, seed(t), ours(h.key.ID()), payload(t, nil)), token.ReasonAlg)
	verify("our shape by JWT_SECRET, kid of no key", forgeHMAC(t, seed(t), ours("x"), payload(t, nil)), token.ReasonKid)
	verify("Faveo's header, our claims", forgeHMAC(t, seed(t), faveoHeader, payload(t, nil)), token.ReasonClaimType)

	secret := string(privateOf(t, symmetric).([]byte))
	verify("Faveo's shape by a key of the ring", forgeHMAC(t, secret, faveoHeader, faveoPayload(t, nil)), token.ReasonSignature)
	verify("our header, Faveo's claims", forgeHMAC(t, secret, ours(symmetric.ID()), faveoPayload(t, nil)), token.ReasonMissingClaim)

	for name, public := range publicForms(t, h.key) {
		verify("Faveo's shape by the public key as "+name, forgeHMAC(t, public, faveoHeader, faveoPayload(t, nil)), token.ReasonSignature)
		verify("our shape by the public key as "+name, forgeHMAC(t, public, ours(h.key.ID()), payload(t, nil)), token.ReasonAlg)
	}
}

// publicForms are the texts in which an attacker has a public key.
func publicForms(t *testing.T, key *token.Key) map[string]string {
	t.Helper()
	set, err := token.PublicSet([]*token.Key{key})
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&privateOf(t, key).(*rsa.PrivateKey).PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	text := string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	return map[string]string{
		"a key set": string(set), "DER": string(der), "PEM": text, "PEM without its last line break": strings.TrimSpace(text),
	}
}

func TestWarmFaveoTokenAllocatesNothing(t *testing.T) {
	h := newHouse(t, token.ES256, migrating(t))
	raw := faveoToken(t, nil)
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

// FuzzFaveo: whatever JWT_SECRET may ever sign, only what Faveo writes and PHP
// would take is accepted.
func FuzzFaveo(f *testing.F) {
	secret := seed(f)
	h := newHouse(f, token.HS256, migrating(f))
	f.Add(faveoHeader, faveoPayload(f, nil))
	f.Add(goodHeader(h.key), payload(f, nil))
	for _, r := range readRecordings(f, "token") {
		for _, raw := range r.candidates() {
			if segments := strings.Split(raw, "."); len(segments) == 3 {
				header, _ := base64.RawURLEncoding.DecodeString(segments[0])
				claims, _ := base64.RawURLEncoding.DecodeString(segments[1])
				f.Add(string(header), string(claims))
			}
		}
	}
	f.Fuzz(func(t *testing.T, header, claims string) {
		raw := forgeHMAC(t, secret, header, claims)
		h.clock.Set(start)
		got, err := h.verifier.Verify(raw)
		if err != nil {
			return
		}
		// PHP has no leeway, so it may be some seconds behind.
		if !got.Faveo || !writtenByFaveo(raw) || !phpAccepts(raw, secret, start.Unix()+5) && got.ExpiresAt.After(start.Add(5*time.Second)) {
			t.Fatalf("accepted %s.%s as %+v", header, claims, got)
		}
	})
}
