package token

// The standards' own examples name no kid, no typ and none of our claims, so
// that from outside they are refused before their signature is looked at. The
// step that verifies signatures is therefore driven from inside.

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwk"
)

// vector is one example of RFC 7515 appendix A or RFC 8037 appendix A.
type vector struct {
	Name      string          `json:"name"`
	Algorithm Algorithm       `json:"alg"`
	Key       json.RawMessage `json:"key"`
	Token     string          `json:"token"`
	Payload   string          `json:"payload"`
}

func readVectors(t *testing.T) []vector {
	t.Helper()
	text, err := os.ReadFile("testdata/jws-vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []vector
	if err := json.Unmarshal(text, &all); err != nil || len(all) == 0 {
		t.Fatalf("no vectors: %v", err)
	}
	return all
}

// vectorKey makes a Key of an example's private JWK.
func vectorKey(t *testing.T, v vector) *Key {
	t.Helper()
	document, err := jwk.ParseKey(v.Key)
	if err != nil {
		t.Fatalf("parse key: %v", err)
	}
	var raw any
	if err := document.Raw(&raw); err != nil {
		t.Fatalf("raw key: %v", err)
	}
	k, err := newKey(v.Algorithm, raw)
	if err != nil {
		t.Fatalf("newKey: %v", err)
	}
	return k
}

func TestStandardVectorsVerify(t *testing.T) {
	met := map[Algorithm]bool{}
	for _, v := range readVectors(t) {
		t.Run(v.Name, func(t *testing.T) {
			k := vectorKey(t, v)
			met[v.Algorithm] = true
			parts, reason := split(v.Token)
			if reason != "" {
				t.Fatalf("split refuses for %s", reason)
			}
			payload, reason := verifySignature(v.Token, parts, k)
			if reason != "" || string(payload) != v.Payload {
				t.Fatalf("got %q, %s; want %q", payload, reason, v.Payload)
			}
			for i := range parts.signature {
				spoilt := parts
				spoilt.signature = append([]byte(nil), parts.signature...)
				spoilt.signature[i] ^= 1
				raw := v.Token[:strings.LastIndexByte(v.Token, '.')+1] + encode(spoilt.signature)
				if _, reason := verifySignature(raw, spoilt, k); reason != ReasonSignature {
					t.Fatalf("byte %d of the signature changed: reason %q", i, reason)
				}
			}
		})
	}
	for _, a := range Algorithms() {
		if !met[a] {
			t.Errorf("no vector for %s", a)
		}
	}
}

// oneKey is a ring that gives the same key for every kid.
type oneKey struct{ key *Key }

func (o oneKey) SigningKey() (*Key, error)           { return o.key, nil }
func (o oneKey) VerificationKey(string) (*Key, bool) { return o.key, true }
func (o oneKey) Revoked(string) bool                 { return false }
func (o oneKey) Stale() bool                         { return false }
func (o oneKey) Generation() uint64                  { return 1 }

// Even a ring that knows the standards' published keys refuses their tokens.
func TestStandardVectorsAreRefusedFromOutside(t *testing.T) {
	for _, v := range readVectors(t) {
		verifier, err := NewVerifier(Options{
			Keys: oneKey{vectorKey(t, v)}, Config: DefaultConfig(), AppClass: `App\User`,
			Now: func() time.Time { return time.Unix(1300819379, 0) },
		})
		if err != nil {
			t.Fatal(err)
		}
		_, err = verifier.Verify(v.Token)
		var refusal *Refusal
		if !errors.As(err, &refusal) || refusal.Reason != ReasonTyp {
			t.Errorf("%s: %v, want a refusal for %s", v.Name, err, ReasonTyp)
		}
	}
}

func encode(b []byte) string {
	text, _ := json.Marshal(b)
	return strings.NewReplacer("+", "-", "/", "_", "=", "", `"`, "").Replace(string(text))
}

// RFC 7638 section 3.1 gives the thumbprint of its example; kid is that.
func TestThumbprintOfTheStandard(t *testing.T) {
	const example = `{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}`
	document, err := jwk.ParseKey([]byte(example))
	if err != nil {
		t.Fatal(err)
	}
	got, err := thumbprint(document)
	if want := "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"; err != nil || got != want {
		t.Errorf("thumbprint %s, %v; want %s", got, err, want)
	}
}

// walkByDecoder is a second reader of objects, with the decoder of the
// standard library, to hold readObject against.
func walkByDecoder(text []byte) (map[string]any, bool) {
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.UseNumber()
	if first, err := d.Token(); err != nil || first != json.Delim('{') {
		return nil, false
	}
	return decoderMembers(d, 1)
}

func decoderMembers(d *json.Decoder, depth int) (map[string]any, bool) {
	members := map[string]any{}
	for d.More() {
		token, err := d.Token()
		name, isText := token.(string)
		if _, twice := members[name]; err != nil || !isText || twice {
			return nil, false
		}
		value, ok := decoderValue(d, depth)
		if !ok {
			return nil, false
		}
		members[name] = value
	}
	_, err := d.Token()
	return members, err == nil
}

func decoderValue(d *json.Decoder, depth int) (any, bool) {
	token, err := d.Token()
	delim, isNested := token.(json.Delim)
	if err != nil || !isNested {
		return token, err == nil
	}
	if depth >= maxDepth {
		return nil, false
	}
	if delim == '{' {
		_, ok := decoderMembers(d, depth+1)
		return nested{}, ok
	}
	for d.More() {
		if _, ok := decoderValue(d, depth+1); !ok {
			return nil, false
		}
	}
	_, err = d.Token()
	return nested{}, err == nil
}

// FuzzReadObject: whatever readObject accepts, the decoder of the standard
// library reads the same members; what it refuses as duplicate or too deep,
// the other refuses too.
func FuzzReadObject(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"a":1}`, ` { "a" : "b\"}" , "c" : [ ] } `, `{"a":{"b":[1,2,{"c":null}]},"d":true}`,
		`{"a":1,"\u0061":2}`, `{"a":[[[[[[[[]]]]]]]]}`, `{"\\":"\\","\"":"]"}`, `{"a":-1.5e+3,"b":false}`,
		`{"a":[1,2,3],"a":0}`, `{"":""}`, "{\"a\":\"\xff\"}", `[]`, `{"a":"\ud800"}`, `{"a" : {} , "b":[{}]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		got, reason := readObject(text)
		if reason == ReasonJSON && !json.Valid(text) {
			return
		}
		want, ok := walkByDecoder(text)
		if ok != (reason == "") && !strings.ContainsRune(string(text), '\ufffd') {
			t.Fatalf("%q: reason %q, the decoder says %v", text, reason, ok)
		}
		if reason != "" {
			return
		}
		if len(got) != len(want) {
			t.Fatalf("%q: %v, want %v", text, got, want)
		}
		for name, value := range want {
			if got[name] != value {
				t.Fatalf("%q: %s is %#v, want %#v", text, name, got[name], value)
			}
		}
	})
}
