package token_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwk"
	"github.com/prometheus/client_golang/prometheus"

	"faveo-gateway/gateway/storetest"
	"faveo-gateway/gateway/token"
)

// start is the second in which all tests begin.
var start = time.Unix(1795422901, 0)

const appClass = `App\User`

// ring is a key ring in memory.
type ring struct {
	mu         sync.Mutex
	signing    *token.Key
	keys       map[string]*token.Key
	revoked    map[string]bool
	generation uint64
	onLookup   func() // runs after a lookup has been answered
	stale      bool   // does not know all keys
}

func newRing(keys ...*token.Key) *ring {
	r := &ring{keys: map[string]*token.Key{}, revoked: map[string]bool{}, generation: 1}
	for _, k := range keys {
		r.keys[k.ID()] = k
		r.signing = k
	}
	return r
}

func (r *ring) SigningKey() (*token.Key, error) {
	if r.signing == nil {
		return nil, errNoKey
	}
	return r.signing, nil
}

func (r *ring) VerificationKey(kid string) (*token.Key, bool) {
	r.mu.Lock()
	k, ok := r.keys[kid]
	r.mu.Unlock()
	if r.onLookup != nil {
		r.onLookup()
	}
	return k, ok
}

func (r *ring) Generation() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.generation
}

func (r *ring) Revoked(kid string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.revoked[kid]
}

func (r *ring) Stale() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stale
}

// withdraw takes a key out, as the end of its time does.
func (r *ring) withdraw(k *token.Key) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.keys, k.ID())
	r.generation++
}

// revoke takes a key out for good.
func (r *ring) revoke(k *token.Key) {
	r.withdraw(k)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.revoked[k.ID()] = true
}

var errNoKey = errors.New("no signing key")

// newClock shows start until it is set.
func newClock() *storetest.Clock {
	c := storetest.NewClock()
	c.Set(start)
	return c
}

// house is a ring with its issuer, verifier, clock and metrics.
type house struct {
	ring     *ring
	key      *token.Key
	clock    *storetest.Clock
	issuer   *token.Issuer
	verifier *token.Verifier
	registry *prometheus.Registry
}

func newHouse(t testing.TB, a token.Algorithm, changes ...func(*token.Options)) *house {
	t.Helper()
	key := newKey(t, a)
	h := &house{ring: newRing(key), key: key, clock: newClock(), registry: prometheus.NewRegistry()}
	o := token.Options{
		Keys: h.ring, Config: token.DefaultConfig(), AppClass: appClass,
		Now: h.clock.Now, Registerer: h.registry,
	}
	for _, change := range changes {
		change(&o)
	}
	var err error
	if h.issuer, err = token.NewIssuer(o); err != nil {
		t.Fatalf("NewIssuer: %v", err)
	}
	if h.verifier, err = token.NewVerifier(o); err != nil {
		t.Fatalf("NewVerifier: %v", err)
	}
	return h
}

// newKey makes a key that is in no ring yet.
func newKey(t testing.TB, a token.Algorithm) *token.Key {
	t.Helper()
	key, err := token.GenerateKey(a)
	if err != nil {
		t.Fatalf("GenerateKey(%s): %v", a, err)
	}
	return key
}

// issue returns a token for user 4.
func (h *house) issue(t testing.TB) (string, token.Claims) {
	t.Helper()
	raw, claims, err := h.issuer.Issue(token.Subject{UserID: 4, Role: "agent", SessionID: "session-a"})
	if err != nil {
		t.Fatalf("Issue: %v", err)
	}
	return raw, claims
}

// counted returns the metric for one result.
func (h *house) counted(t testing.TB, result string) float64 {
	t.Helper()
	families, err := h.registry.Gather()
	if err != nil {
		t.Fatalf("gather: %v", err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == "faveo_gateway_tokens_checked_total" && m.GetLabel()[0].GetValue() == result {
				return m.GetCounter().GetValue()
			}
		}
	}
	t.Fatalf("no series for result %q", result)
	return 0
}

// b64 encodes a segment.
func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

// forge signs header and payload as they are by the private half of key, with
// the standard library alone.
func forge(t testing.TB, key *token.Key, header, payload string) string {
	t.Helper()
	input := b64(header) + "." + b64(payload)
	return input + "." + b64(string(signRaw(t, privateOf(t, key), []byte(input))))
}

// privateOf takes the private half out of the key's document.
func privateOf(t testing.TB, key *token.Key) any {
	t.Helper()
	document, err := key.MarshalPrivate()
	if err != nil {
		t.Fatalf("MarshalPrivate: %v", err)
	}
	parsed, err := jwk.ParseKey(document)
	if err != nil {
		t.Fatalf("parse own key: %v", err)
	}
	var raw any
	if err := parsed.Raw(&raw); err != nil {
		t.Fatalf("raw key: %v", err)
	}
	return raw
}

func signRaw(t testing.TB, private any, input []byte) []byte {
	t.Helper()
	sum := sha256.Sum256(input)
	switch k := private.(type) {
	case *ecdsa.PrivateKey:
		r, s, err := ecdsa.Sign(rand.Reader, k, sum[:])
		if err != nil {
			t.Fatalf("sign: %v", err)
		}
		if n := k.Params().N; s.Cmp(new(big.Int).Rsh(n, 1)) > 0 {
			s.Sub(n, s) // The one spelling that is accepted.
		}
		return append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	case ed25519.PrivateKey:
		return ed25519.Sign(k, input)
	case *rsa.PrivateKey:
		signature, err := rsa.SignPKCS1v15(nil, k, crypto.SHA256, sum[:])
		if err != nil {
			t.Fatalf("sign: %v", err)
		}
		return signature
	case []byte:
		mac := hmac.New(sha256.New, k)
		mac.Write(input)
		return mac.Sum(nil)
	}
	t.Fatalf("cannot sign with %T", private)
	return nil
}

// verifiesByStandardLibrary checks the signature of a token without jwx.
func verifiesByStandardLibrary(private any, raw string) bool {
	cut := strings.LastIndexByte(raw, '.')
	signature, err := base64.RawURLEncoding.Strict().DecodeString(raw[cut+1:])
	if err != nil {
		return false
	}
	sum := sha256.Sum256([]byte(raw[:cut]))
	switch k := private.(type) {
	case *ecdsa.PrivateKey:
		r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
		return len(signature) == 64 && ecdsa.Verify(&k.PublicKey, sum[:], r, s)
	case ed25519.PrivateKey:
		return ed25519.Verify(k.Public().(ed25519.PublicKey), []byte(raw[:cut]), signature)
	case *rsa.PrivateKey:
		return rsa.VerifyPKCS1v15(&k.PublicKey, crypto.SHA256, sum[:], signature) == nil
	case []byte:
		mac := hmac.New(sha256.New, k)
		mac.Write([]byte(raw[:cut]))
		return hmac.Equal(mac.Sum(nil), signature)
	}
	return false
}

// goodHeader is the header that the issuer writes for key.
func goodHeader(key *token.Key) string {
	return `{"alg":"` + string(key.Algorithm()) + `","kid":"` + key.ID() + `","typ":"at+jwt"}`
}

// goodClaims returns a good payload as a map for tests to spoil.
func goodClaims() map[string]any {
	now := start.Unix()
	return map[string]any{
		"iss": "faveo-gateway", "aud": "faveo", "iat": now, "nbf": now, "exp": now + 3600,
		"jti": "AAAAAAAAAAAAAAAAAAAAAA", "sub": "4", "sid": "session-a", "role": "agent",
		"ver": 1, "prv": "87e0af1ef9fd15812fdec97153a14e0b047546aa",
	}
}

// payload encodes goodClaims with changes; the value absent removes a claim.
func payload(t testing.TB, changes map[string]any) string {
	t.Helper()
	claims := goodClaims()
	for name, value := range changes {
		if value == absent {
			delete(claims, name)
			continue
		}
		claims[name] = value
	}
	text, err := json.Marshal(claims)
	if err != nil {
		t.Fatalf("marshal claims: %v", err)
	}
	return string(text)
}

const absent = "\x00absent"
