package keyring_test

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"faveo-gateway/gateway/keyring"
	"faveo-gateway/gateway/token"
)

var start = time.Unix(1795422901, 500_000_000)

// Two encryption keys of 32 bytes.
var (
	keyA = base64.StdEncoding.EncodeToString([]byte("an encryption key of 32 bytes..A"))
	keyB = base64.StdEncoding.EncodeToString([]byte("an encryption key of 32 bytes..B"))
)

// memory is a Store in memory.
type memory struct {
	mu      sync.Mutex
	records []keyring.Record
	err     error
	onKeys  func() // runs after a listing
}

func (m *memory) Keys(context.Context) ([]keyring.Record, error) {
	m.mu.Lock()
	records, err := slices.Clone(m.records), m.err
	m.mu.Unlock()
	if m.onKeys != nil {
		m.onKeys()
	}
	return records, err
}

func (m *memory) AddActive(_ context.Context, r keyring.Record) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return m.err
	}
	if slices.ContainsFunc(m.records, func(r keyring.Record) bool { return r.State == keyring.StateActive }) {
		return keyring.ErrActiveExists
	}
	m.records = append(m.records, r)
	return nil
}

func options(m *memory) keyring.Options {
	return keyring.Options{
		Store: m, EncryptionKeys: []string{keyA}, Algorithm: token.ES256,
		Now: func() time.Time { return start },
	}
}

func open(t testing.TB, o keyring.Options) *keyring.Ring {
	t.Helper()
	r, err := keyring.Open(t.Context(), o)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	return r
}

func signing(t testing.TB, r *keyring.Ring) *token.Key {
	t.Helper()
	key, err := r.SigningKey()
	if err != nil {
		t.Fatalf("SigningKey: %v", err)
	}
	return key
}

func TestFirstStartMakesAKeyAndRestartKeepsIt(t *testing.T) {
	for _, a := range token.Algorithms() {
		t.Run(string(a), func(t *testing.T) {
			m := &memory{}
			o := options(m)
			o.Algorithm = a
			first := open(t, o)
			key := signing(t, first)
			if key.Algorithm() != a {
				t.Errorf("made a %v, want %s", key, a)
			}
			if len(m.records) != 1 {
				t.Fatalf("%d records stored, want 1", len(m.records))
			}
			r := m.records[0]
			if r.KID != key.ID() || r.Algorithm != string(a) || r.State != keyring.StateActive ||
				!r.CreatedAt.Equal(start.Truncate(time.Second)) || r.CreatedAt.Location() != time.UTC || len(r.Sealed) > 4096 {
				t.Errorf("stored %+v", r)
			}
			document, _ := key.MarshalPrivate()
			if strings.Contains(string(r.Sealed), `"kty"`) || strings.Contains(string(r.Sealed), string(document)) {
				t.Error("the record holds the key in the clear")
			}

			again := open(t, o)
			if got := signing(t, again).ID(); got != key.ID() || len(m.records) != 1 {
				t.Errorf("after a restart: key %s of %d, want %s", got, len(m.records), key.ID())
			}
			if got, ok := again.VerificationKey(key.ID()); !ok || got.ID() != key.ID() {
				t.Errorf("VerificationKey: %v, %v", got, ok)
			}
			if got, ok := again.VerificationKey(strings.ToLower(key.ID())); ok || got != nil {
				t.Errorf("a kid in lower case finds %v", got)
			}
			if again.Generation() == 0 || len(again.PublicKeys()) != 1 {
				t.Errorf("generation %d, %d public keys", again.Generation(), len(again.PublicKeys()))
			}
		})
	}
}

func TestTokensSurviveARestart(t *testing.T) {
	m := &memory{}
	build := func(r *keyring.Ring) token.Options {
		return token.Options{Keys: r, Config: token.DefaultConfig(), AppClass: `App\User`, Now: func() time.Time { return start }}
	}
	issuer, err := token.NewIssuer(build(open(t, options(m))))
	if err != nil {
		t.Fatal(err)
	}
	raw, _, err := issuer.Issue(token.Subject{UserID: 4, Role: "user", SessionID: "s"})
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := token.NewVerifier(build(open(t, options(m))))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := verifier.Verify(raw); err != nil {
		t.Errorf("after a restart: %v", err)
	}
}

func TestReplicasThatStartTogetherAgree(t *testing.T) {
	m := &memory{}
	// All list the empty store before any of them adds.
	const replicas = 4
	var listed sync.WaitGroup
	listed.Add(replicas)
	var calls int
	m.onKeys = func() {
		m.mu.Lock()
		calls++
		early := calls <= replicas
		m.mu.Unlock()
		if early {
			listed.Done()
			listed.Wait()
		}
	}
	ids := make([]string, replicas)
	var group sync.WaitGroup
	for i := range replicas {
		group.Go(func() {
			r, err := keyring.Open(t.Context(), options(m))
			if err != nil {
				t.Errorf("replica %d: %v", i, err)
				return
			}
			key, _ := r.SigningKey()
			ids[i] = key.ID()
		})
	}
	group.Wait()
	if got := len(slices.Compact(ids)); got != 1 || len(m.records) != 1 {
		t.Errorf("%d keys in use, %d stored; want one: %v", got, len(m.records), ids)
	}
}

func TestEncryptionKeysRotate(t *testing.T) {
	m := &memory{}
	o := options(m)
	key := signing(t, open(t, o))
	o.EncryptionKeys = []string{keyB, keyA}
	if got := signing(t, open(t, o)); got.ID() != key.ID() {
		t.Errorf("with a new first key: %v, want %v", got, key)
	}
	o.EncryptionKeys = []string{keyB}
	_, err := keyring.Open(t.Context(), o)
	wantError(t, err, keyring.ErrCannotUnseal)
	if !strings.Contains(err.Error(), "state.encryption_keys") {
		t.Errorf("%v does not name state.encryption_keys", err)
	}
	if len(m.records) != 1 {
		t.Errorf("%d records, want the one that could not be unsealed alone", len(m.records))
	}
}

func wantError(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("got error %v, want %v", err, want)
	}
	for _, secret := range []string{keyA, keyB, "an encryption key"} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("the error quotes a secret: %v", err)
		}
	}
}

// Whoever can write to the database can stop the gateway, not deceive it.
func TestTamperedRecordsAreRefused(t *testing.T) {
	record := func(a token.Algorithm) keyring.Record {
		m := &memory{}
		o := options(m)
		o.Algorithm = a
		open(t, o)
		return m.records[0]
	}
	good, other, edwards := record(token.ES256), record(token.ES256), record(token.EdDSA)
	flip := func(at int) func(*keyring.Record) {
		return func(r *keyring.Record) {
			r.Sealed = slices.Clone(r.Sealed)
			r.Sealed[(at+len(r.Sealed))%len(r.Sealed)] ^= 1
		}
	}
	for name, tt := range map[string]struct {
		change func(*keyring.Record)
		want   error
	}{
		"nothing sealed":                 {func(r *keyring.Record) { r.Sealed = nil }, keyring.ErrCannotUnseal},
		"cut":                            {func(r *keyring.Record) { r.Sealed = r.Sealed[:20] }, keyring.ErrCannotUnseal},
		"head only":                      {func(r *keyring.Record) { r.Sealed = r.Sealed[:9] }, keyring.ErrCannotUnseal},
		"another format":                 {flip(0), keyring.ErrCannotUnseal},
		"another encryption key":         {flip(1), keyring.ErrCannotUnseal},
		"another nonce":                  {flip(9), keyring.ErrCannotUnseal},
		"another text":                   {flip(30), keyring.ErrCannotUnseal},
		"another tag":                    {flip(-1), keyring.ErrCannotUnseal},
		"something appended":             {func(r *keyring.Record) { r.Sealed = append(slices.Clone(r.Sealed), 0) }, keyring.ErrCannotUnseal},
		"seal of another key":            {func(r *keyring.Record) { r.Sealed = other.Sealed }, keyring.ErrCannotUnseal},
		"id of another key":              {func(r *keyring.Record) { r.KID = other.KID }, keyring.ErrCannotUnseal},
		"no id":                          {func(r *keyring.Record) { r.KID = "" }, keyring.ErrCannotUnseal},
		"another algorithm":              {func(r *keyring.Record) { r.Algorithm = "HS256" }, keyring.ErrCannotUnseal},
		"id and algorithm joined anew":   {func(r *keyring.Record) { r.Algorithm, r.KID = r.Algorithm+r.KID[:1], r.KID[1:] }, keyring.ErrCannotUnseal},
		"a genuine key of another kind":  {func(r *keyring.Record) { *r = edwards }, keyring.ErrAlgorithm},
		"a plain key instead of a seal":  {func(r *keyring.Record) { r.Sealed = []byte(`{"kty":"oct"}`) }, keyring.ErrCannotUnseal},
		"a second active key beside one": {nil, keyring.ErrCorrupt},
	} {
		t.Run(name, func(t *testing.T) {
			m := &memory{records: []keyring.Record{good}}
			if tt.change == nil {
				m.records = append(m.records, other)
			} else {
				tt.change(&m.records[0])
			}
			_, err := keyring.Open(t.Context(), options(m))
			wantError(t, err, tt.want)
		})
	}
}

func TestOtherStatesNeitherSignNorVerify(t *testing.T) {
	m := &memory{}
	old := signing(t, open(t, options(m)))
	m.records[0].State = "revoked"
	r := open(t, options(m))
	if got := signing(t, r); got.ID() == old.ID() {
		t.Error("a revoked key signs")
	}
	if _, ok := r.VerificationKey(old.ID()); ok {
		t.Error("a revoked key verifies")
	}
}

func TestOpenRefuses(t *testing.T) {
	broken := errors.New("connection refused")
	for name, tt := range map[string]struct {
		change func(*keyring.Options)
		want   error
		says   string
	}{
		"no encryption key":        {func(o *keyring.Options) { o.EncryptionKeys = nil }, keyring.ErrNoEncryptionKey, "state.encryption_keys"},
		"malformed second key":     {func(o *keyring.Options) { o.EncryptionKeys = []string{keyA, "passphrase"} }, keyring.ErrEncryptionKey, "state.encryption_keys[1]"},
		"unknown algorithm":        {func(o *keyring.Options) { o.Algorithm = "none" }, token.ErrKey, ""},
		"store broken":             {func(o *keyring.Options) { o.Store = &memory{err: broken} }, broken, "load signing keys"},
		"algorithm was changed":    {func(o *keyring.Options) { open(t, *o); o.Algorithm = token.RS256 }, keyring.ErrAlgorithm, `set tokens.algorithm to "ES256"`},
		"active, but never listed": {func(o *keyring.Options) { o.Store = blind{} }, keyring.ErrCorrupt, ""},
	} {
		t.Run(name, func(t *testing.T) {
			o := options(&memory{})
			tt.change(&o)
			_, err := keyring.Open(t.Context(), o)
			wantError(t, err, tt.want)
			if !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%v does not say %q", err, tt.says)
			}
		})
	}
	if _, err := keyring.Open(t.Context(), keyring.Options{}); err == nil {
		t.Error("no store: accepted")
	}
}

// blind is a store that lists nothing and takes nothing.
type blind struct{}

func (blind) Keys(context.Context) ([]keyring.Record, error)  { return nil, nil }
func (blind) AddActive(context.Context, keyring.Record) error { return keyring.ErrActiveExists }

func TestParseEncryptionKey(t *testing.T) {
	raw := []byte("\xfb\xff\xfe encryption key of 32 bytes..")
	if len(raw) != 32 {
		t.Fatalf("%d bytes", len(raw))
	}
	forms := map[string]string{
		"standard":         base64.StdEncoding.EncodeToString(raw),
		"standard, no pad": base64.RawStdEncoding.EncodeToString(raw),
		"URL":              base64.URLEncoding.EncodeToString(raw),
		"URL, no pad":      base64.RawURLEncoding.EncodeToString(raw),
		"hex":              hex.EncodeToString(raw),
		"HEX":              strings.ToUpper(hex.EncodeToString(raw)),
	}
	var id string
	for name, text := range forms {
		key, err := keyring.ParseEncryptionKey(text)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if id == "" {
			id = key.ID()
		}
		if key.ID() != id {
			t.Errorf("%s: another key than in the other forms", name)
		}
		if printed := fmt.Sprintf("%v %+v %#v %s", key, key, key, &key); strings.Contains(printed, "251 255") || strings.Contains(printed, "0xfb") {
			t.Errorf("the key prints: %s", printed)
		}
	}
	standard := forms["standard"]
	for name, text := range map[string]string{
		"nothing":            "",
		"a passphrase":       "correct horse battery staple",
		"32 characters":      "an encryption key of 32 bytes..A",
		"31 bytes":           base64.StdEncoding.EncodeToString(raw[1:]),
		"33 bytes":           base64.StdEncoding.EncodeToString(append(raw, 1)),
		"31 bytes in hex":    forms["hex"][2:],
		"trailing line feed": standard + "\n",
		"line feed inside":   standard[:9] + "\n" + standard[9:],
		"leading space":      " " + standard,
		"two pads":           standard + "=",
		"both alphabets":     "+_" + standard[2:],
		"stray bits":         forms["standard, no pad"][:42] + "v",
		"zeros":              base64.StdEncoding.EncodeToString(make([]byte, 32)),
		"64 digits and not":  forms["hex"][:63] + "g",
		"placeholder":        strings.Repeat("A", 43) + "=",
	} {
		if key, err := keyring.ParseEncryptionKey(text); !errors.Is(err, keyring.ErrEncryptionKey) {
			t.Errorf("%s: %v, %v; want ErrEncryptionKey", name, key, err)
		} else if text != "" && strings.Contains(err.Error(), text) {
			t.Errorf("%s: the error quotes the text: %v", name, err)
		}
	}
}

func TestDerivedEncryptionKey(t *testing.T) {
	derive := func(secret string) string {
		text, err := keyring.DeriveEncryptionKey(secret)
		if err != nil {
			t.Fatalf("DeriveEncryptionKey: %v", err)
		}
		return text
	}
	one := derive("changeme")
	if one != derive("changeme") || one == derive("changeme2") {
		t.Error("not a function of the secret")
	}
	// Pinned: another value would make stored keys unreadable.
	if want := "I+kh1on0nFnGP5NeuREa/lZ7yPsgJm67KMs8j3Y1phg="; one != want {
		t.Errorf("derived %s, want %s", one, want)
	}
	o := options(&memory{})
	o.EncryptionKeys = []string{one}
	open(t, o)
	if _, err := keyring.DeriveEncryptionKey(""); !errors.Is(err, keyring.ErrEncryptionKey) {
		t.Errorf("empty secret: %v", err)
	}
}

func TestKeyAgeIsMeasured(t *testing.T) {
	m := &memory{}
	open(t, options(m))
	registry, at := prometheus.NewRegistry(), start.Truncate(time.Second)
	o := options(m)
	o.Registerer, o.Now = registry, func() time.Time { return at }
	open(t, o)
	for _, age := range []time.Duration{0, 90 * time.Minute} {
		at = start.Truncate(time.Second).Add(age)
		want := fmt.Sprintf("# HELP faveo_gateway_signing_key_age_seconds Age of the oldest signing key in each state: active.\n"+
			"# TYPE faveo_gateway_signing_key_age_seconds gauge\n"+
			"faveo_gateway_signing_key_age_seconds{state=\"active\"} %d\n", int(age.Seconds()))
		if err := testutil.GatherAndCompare(registry, strings.NewReader(want)); err != nil {
			t.Error(err)
		}
	}
}
