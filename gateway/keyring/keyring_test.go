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

	"go.uber.org/goleak"

	"faveo-gateway/gateway/keyring"
	"faveo-gateway/gateway/storetest"
	"faveo-gateway/gateway/token"
)

var start = time.Unix(1795422901, 500_000_000)

// Two encryption keys of 32 bytes.
var (
	keyA = base64.StdEncoding.EncodeToString([]byte("an encryption key of 32 bytes..A"))
	keyB = base64.StdEncoding.EncodeToString([]byte("an encryption key of 32 bytes..B"))
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// options are those of a replica at the time of start, alone.
func options(store keyring.Store) keyring.Options {
	now := func() time.Time { return start }
	return keyring.Options{
		Store: store, Registry: storetest.NewRegistry(now), EncryptionKeys: []string{keyA}, Algorithm: token.ES256,
		Config: keyring.DefaultConfig(), MaxTTL: 24 * time.Hour, Self: keyring.Self{Host: "host-a", Version: "v1"}, Now: now,
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
			m := storetest.NewKeys()
			o := options(m)
			o.Algorithm = a
			first := open(t, o)
			key := signing(t, first)
			if key.Algorithm() != a {
				t.Errorf("made a %v, want %s", key, a)
			}
			if len(m.Records()) != 1 {
				t.Fatalf("%d records stored, want 1", len(m.Records()))
			}
			r := m.Records()[0]
			at := start.UTC().Truncate(time.Second)
			if r.KID != key.ID() || r.Algorithm != string(a) || r.Configured != string(a) || r.State != keyring.StateActive ||
				r.CreatedAt != at || r.ActivatedAt != at || len(r.Sealed) > 4096 {
				t.Errorf("stored %+v", r)
			}
			document, _ := key.MarshalPrivate()
			if strings.Contains(string(r.Sealed), `"kty"`) || strings.Contains(string(r.Sealed), string(document)) {
				t.Error("the record holds the key in the clear")
			}

			again := open(t, o)
			if got := signing(t, again).ID(); got != key.ID() || len(m.Records()) != 1 {
				t.Errorf("after a restart: key %s of %d, want %s", got, len(m.Records()), key.ID())
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
	m := storetest.NewKeys()
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

// together is a replica's view of a store that answers its first listing only when
// all replicas have asked for theirs.
type together struct {
	keyring.Store
	first  sync.Once
	listed *sync.WaitGroup
}

func (s *together) Keys(ctx context.Context) ([]keyring.Record, error) {
	records, err := s.Store.Keys(ctx)
	s.first.Do(func() {
		s.listed.Done()
		s.listed.Wait()
	})
	return records, err
}

func TestReplicasThatStartTogetherAgree(t *testing.T) {
	const replicas = 4
	var listed, group sync.WaitGroup
	listed.Add(replicas)
	m := storetest.NewKeys()
	ids := make([]string, replicas)
	for i := range replicas {
		group.Go(func() {
			r, err := keyring.Open(t.Context(), options(&together{Store: m, listed: &listed}))
			if err != nil {
				t.Errorf("replica %d: %v", i, err)
				return
			}
			key, _ := r.SigningKey()
			ids[i] = key.ID()
		})
	}
	group.Wait()
	if got := len(slices.Compact(ids)); got != 1 || len(m.Records()) != 1 {
		t.Errorf("%d keys in use, %d stored; want one: %v", got, len(m.Records()), ids)
	}
}

func TestEncryptionKeysRotate(t *testing.T) {
	m := storetest.NewKeys()
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
	if len(m.Records()) != 1 {
		t.Errorf("%d records, want the one that could not be unsealed alone", len(m.Records()))
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
		m := storetest.NewKeys()
		o := options(m)
		o.Algorithm = a
		open(t, o)
		return m.Records()[0]
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
		"a key of another kind as this":  {func(r *keyring.Record) { r.Sealed = edwards.Sealed }, keyring.ErrCannotUnseal},
		"a plain key instead of a seal":  {func(r *keyring.Record) { r.Sealed = []byte(`{"kty":"oct"}`) }, keyring.ErrCannotUnseal},
		"a second active key beside one": {nil, keyring.ErrCorrupt},
	} {
		t.Run(name, func(t *testing.T) {
			records := []keyring.Record{good}
			if tt.change == nil {
				records = append(records, other)
			} else {
				tt.change(&records[0])
			}
			_, err := keyring.Open(t.Context(), options(storetest.NewKeys(records...)))
			wantError(t, err, tt.want)
		})
	}
}

func TestRevokedKeysNeitherSignNorVerify(t *testing.T) {
	m := storetest.NewKeys()
	old := signing(t, open(t, options(m)))
	m.Tamper(func(records []keyring.Record) []keyring.Record {
		records[0].State = keyring.StateRevoked
		return records
	})
	r := open(t, options(m))
	if got := signing(t, r); got.ID() == old.ID() {
		t.Error("a revoked key signs")
	}
	if _, ok := r.VerificationKey(old.ID()); ok {
		t.Error("a revoked key verifies")
	}
	if !r.Revoked(old.ID()) || r.Revoked(signing(t, r).ID()) || r.Revoked("unknown") {
		t.Error("Revoked tells of others than the revoked key")
	}
}

func TestOpenRefuses(t *testing.T) {
	fault := errors.New("connection refused")
	for name, tt := range map[string]struct {
		change func(*keyring.Options)
		want   error
		says   string
	}{
		"no encryption key":        {func(o *keyring.Options) { o.EncryptionKeys = nil }, keyring.ErrNoEncryptionKey, "state.encryption_keys"},
		"malformed second key":     {func(o *keyring.Options) { o.EncryptionKeys = []string{keyA, "passphrase"} }, keyring.ErrEncryptionKey, "state.encryption_keys[1]"},
		"unknown algorithm":        {func(o *keyring.Options) { o.Algorithm = "none" }, token.ErrKey, ""},
		"store broken":             {func(o *keyring.Options) { o.Store = broken(fault) }, fault, "load the signing keys"},
		"store broken, by kind":    {func(o *keyring.Options) { o.Store = broken(fault) }, keyring.ErrUnavailable, ""},
		"registry broken":          {func(o *keyring.Options) { o.Registry.(*storetest.Registry).Fail(fault) }, fault, "register"},
		"registry broken, by kind": {func(o *keyring.Options) { o.Registry.(*storetest.Registry).Fail(fault) }, keyring.ErrUnavailable, ""},
		"active, but never listed": {func(o *keyring.Options) { o.Store = blind{o.Store} }, keyring.ErrCorrupt, "0 active keys"},
	} {
		t.Run(name, func(t *testing.T) {
			o := options(storetest.NewKeys())
			tt.change(&o)
			_, err := keyring.Open(t.Context(), o)
			wantError(t, err, tt.want)
			if !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%v does not say %q", err, tt.says)
			}
		})
	}
	_, err := keyring.Open(t.Context(), keyring.Options{Config: keyring.Config{RetireAfter: -1}})
	for _, want := range []string{"no store", "no registry", "unknown algorithm", "longest life", "keys.retire_after"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("no options: %v, want %q in it", err, want)
		}
	}
}

func broken(fault error) keyring.Store {
	m := storetest.NewKeys()
	m.Fail(fault)
	return m
}

// blind is a store that lists nothing and takes nothing.
type blind struct{ keyring.Store }

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
	o := options(storetest.NewKeys())
	o.EncryptionKeys = []string{one}
	open(t, o)
	if _, err := keyring.DeriveEncryptionKey(""); !errors.Is(err, keyring.ErrEncryptionKey) {
		t.Errorf("empty secret: %v", err)
	}
}
