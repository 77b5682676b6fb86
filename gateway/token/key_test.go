package token_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwk"

	"faveo-gateway/gateway/identity"
	"faveo-gateway/gateway/token"
)

func TestKeySurvivesItsDocument(t *testing.T) {
	for _, a := range token.Algorithms() {
		t.Run(string(a), func(t *testing.T) {
			h := newHouse(t, a)
			raw, _ := h.issue(t)
			document, err := h.key.MarshalPrivate()
			if err != nil {
				t.Fatalf("MarshalPrivate: %v", err)
			}
			again, err := token.ParseKey(document)
			if err != nil {
				t.Fatalf("ParseKey: %v", err)
			}
			if again.ID() != h.key.ID() || again.Algorithm() != a || len(again.ID()) != 43 {
				t.Errorf("got %v, want %v", again, h.key)
			}
			h.ring.keys[again.ID()] = again
			h.ring.generation++
			if _, err := h.verifier.Verify(raw); err != nil {
				t.Errorf("the parsed key does not verify: %v", err)
			}
		})
	}
}

func TestKeyNeverPrintsItself(t *testing.T) {
	key, err := token.GenerateKey(token.HS256)
	if err != nil {
		t.Fatal(err)
	}
	secret := base64.RawURLEncoding.EncodeToString(privateOf(t, key).([]byte))
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", slog.Any("key", key), slog.Any("keys", []*token.Key{key}))
	for _, printed := range []string{
		fmt.Sprintf("%v %+v %#v %s", key, key, key, key),
		log.String(),
	} {
		if strings.Contains(printed, secret) || strings.Contains(printed, fmt.Sprint(privateOf(t, key))) {
			t.Errorf("the secret is printed: %s", printed)
		}
	}
}

// document returns the JWK of raw, its thumbprint as kid, with changes; absent
// removes a member.
func document(t *testing.T, raw any, changes map[string]any) []byte {
	t.Helper()
	key, err := jwk.FromRaw(raw)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(key)
	if err != nil {
		t.Fatal(err)
	}
	sum, err := key.Thumbprint(crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	members := map[string]any{"kid": base64.RawURLEncoding.EncodeToString(sum)}
	if err := json.Unmarshal(text, &members); err != nil {
		t.Fatal(err)
	}
	for name, value := range changes {
		members[name] = value
		if value == absent {
			delete(members, name)
		}
	}
	if text, err = json.Marshal(members); err != nil {
		t.Fatal(err)
	}
	return text
}

// scalar is the private half of a new P-256 key.
func scalar(t *testing.T) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	d, err := key.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestParseKeyRefuses(t *testing.T) {
	p256, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	other := scalar(t)
	p384, _ := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	_, edwards, _ := ed25519.GenerateKey(rand.Reader)
	edwards2, _, _ := ed25519.GenerateKey(rand.Reader)
	weak, _ := rsa.GenerateKey(rand.Reader, 1024)
	b := base64.RawURLEncoding.EncodeToString
	if _, err := token.ParseKey(document(t, p256, map[string]any{"alg": "ES256"})); err != nil {
		t.Fatalf("the document that the rows spoil is itself refused: %v", err)
	}
	good, err := token.GenerateKey(token.ES256)
	if err != nil {
		t.Fatal(err)
	}
	genuine, _ := good.MarshalPrivate()
	public, _ := token.PublicSet([]*token.Key{good})
	for name, text := range map[string][]byte{
		"nothing":                         nil,
		"no JSON":                         []byte("secret"),
		"a member twice":                  []byte(strings.Replace(string(genuine), "{", `{"d":"AA",`, 1)),
		"a key set":                       public,
		"a public key":                    document(t, &p256.PublicKey, map[string]any{"alg": "ES256"}),
		"kid of another key":              []byte(strings.Replace(string(genuine), good.ID(), strings.Repeat("A", 43), 1)),
		"no kid":                          document(t, p256, map[string]any{"alg": "ES256", "kid": absent}),
		"no alg":                          []byte(strings.Replace(string(genuine), `"alg":"ES256",`, "", 1)),
		"alg none":                        []byte(strings.Replace(string(genuine), "ES256", "none", 1)),
		"alg of another kind":             []byte(strings.Replace(string(genuine), "ES256", "EdDSA", 1)),
		"P-384":                           document(t, p384, map[string]any{"alg": "ES256"}),
		"private half of another key":     document(t, p256, map[string]any{"alg": "ES256", "d": b(other)}),
		"Ed25519 with another public one": document(t, edwards, map[string]any{"alg": "EdDSA", "x": b(edwards2)}),
		"RSA with 1024 bits":              document(t, weak, map[string]any{"alg": "RS256"}),
		"HMAC with 31 bytes":              document(t, make([]byte, 31), map[string]any{"alg": "HS256"}),
		"HMAC with no bytes":              []byte(`{"kty":"oct","k":"","alg":"HS256","kid":"x"}`),
	} {
		t.Run(name, func(t *testing.T) {
			key, err := token.ParseKey(text)
			if !errors.Is(err, token.ErrKey) {
				t.Fatalf("ParseKey = %v, %v; want ErrKey", key, err)
			}
			if d := b(other); strings.Contains(err.Error(), d) {
				t.Errorf("the error quotes the key: %v", err)
			}
		})
	}
	if _, err := token.GenerateKey("none"); !errors.Is(err, token.ErrKey) {
		t.Errorf("GenerateKey(none): %v, want ErrKey", err)
	}
}

func TestPublicSetHoldsPublicHalvesOnly(t *testing.T) {
	var keys []*token.Key
	for _, a := range token.Algorithms() {
		key, err := token.GenerateKey(a)
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key)
	}
	text, err := token.PublicSet(keys)
	if err != nil {
		t.Fatalf("PublicSet: %v", err)
	}
	var set struct {
		Keys []map[string]string `json:"keys"`
	}
	if err := json.Unmarshal(text, &set); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	if len(set.Keys) != 3 {
		t.Fatalf("%d keys, want the three that are not symmetric", len(set.Keys))
	}
	for i, got := range set.Keys {
		if got["kid"] != keys[i].ID() || got["alg"] != string(keys[i].Algorithm()) || got["use"] != "sig" {
			t.Errorf("labels %v, want those of %v", got, keys[i])
		}
		for _, private := range []string{"d", "p", "q", "dp", "dq", "qi", "k"} {
			if _, leaked := got[private]; leaked {
				t.Errorf("key %d publishes %q", i, private)
			}
		}
	}
	for _, none := range [][]*token.Key{nil, keys[3:]} {
		if text, err := token.PublicSet(none); err != nil || string(text) != `{"keys":[]}` {
			t.Errorf("PublicSet(%v) = %s, %v", none, text, err)
		}
	}
}

func TestConfigFaultsAreReportedTogether(t *testing.T) {
	token.DefaultConfig().Validate(func(path, message string) { t.Errorf("default %s: %s", path, message) })
	var faults []string
	token.Config{Leeway: -1, MaxTTL: 31 * 24 * time.Hour, TTL: 1500, Sources: []identity.Source{"header", "header", "cookie"}}.
		Validate(func(path, message string) { faults = append(faults, path+": "+message) })
	for _, key := range []string{
		"issuer: ", "audience: ", "ttl: must be at least", "ttl: must be whole", "max_ttl: ", "leeway: ", "algorithm: ",
		"sources[1]: is given twice", "sources[2]: must be",
	} {
		if !slices.ContainsFunc(faults, func(fault string) bool { return strings.HasPrefix(fault, key) }) {
			t.Errorf("%q does not mention %q", faults, key)
		}
	}
	for name, o := range map[string]token.Options{
		"no ring":        {Config: token.DefaultConfig(), AppClass: appClass},
		"no class":       {Keys: newRing(), Config: token.DefaultConfig()},
		"no config":      {Keys: newRing(), AppClass: appClass},
		"negative cache": {Keys: newRing(), Config: token.DefaultConfig(), AppClass: appClass, CacheSize: -1},
	} {
		if _, err := token.NewIssuer(o); err == nil {
			t.Errorf("%s: NewIssuer accepts", name)
		}
		if _, err := token.NewVerifier(o); err == nil {
			t.Errorf("%s: NewVerifier accepts", name)
		}
	}
}
