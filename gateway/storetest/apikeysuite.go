package storetest

import (
	"context"
	"errors"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"faveo-gateway/gateway/apikey"
	rate "faveo-gateway/gateway/limit" // A test of another suite has its name.
)

// TestAPIKeyStore tests the contract of apikey.Store. open returns an empty store for
// one test, which also ends it.
func TestAPIKeyStore(t *testing.T, open func(*testing.T) apikey.Store) {
	cases := []struct {
		name string
		test func(*testing.T, *apiKeySuite)
	}{
		{"what was added is found as it was", apiKeysFound},
		{"an id means nothing but itself", apiKeyIDs},
		{"all are listed, the oldest first", apiKeysListed},
		{"an id is added once", apiKeyAddedOnce},
		{"what cannot be is not stored", apiKeysImpossible},
		{"replace needs the version before", apiKeyReplaced},
		{"replace leaves alone when it was made and used", apiKeyReplaceKeeps},
		{"the last use goes only forwards", apiKeysUsed},
		{"many are used at once", manyAPIKeysUsed},
		{"of parallel replacements one wins", parallelAPIKeyReplace},
		{"a caller that is gone gets no answer", apiKeyCallerGone},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { c.test(t, &apiKeySuite{Store: open(t)}) })
	}
}

type apiKeySuite struct{ apikey.Store }

// apiKey is a record with everything; its id differs by name, also in case.
func apiKey(name string, hours int) apikey.Record {
	at := keyTime(hours)
	r := apikey.Record{
		ID: name + strings.Repeat("0", 12-len(name)), Version: 1, Name: `Störung "x" <&> 日本 '\;`, UserID: 1<<63 - 1,
		Scopes: []string{"staff", `GET /api/v1/**`}, Rate: rate.Rate{Count: 600, Per: time.Minute},
		Networks:  []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::/32")},
		CreatedAt: at, ExpiresAt: at.Add(time.Hour), RevokedAt: at.Add(time.Minute), LastUsedAt: at.Add(time.Second),
		Secrets: []apikey.Secret{
			{Pepper: "0123abcd", CreatedAt: at},
			{Pepper: "ffffffff", CreatedAt: at, ExpiresAt: at.Add(time.Hour)},
		},
	}
	copy(r.Secrets[0].Digest[:], "\x00\xff'\"\\;\x80 a digest")
	copy(r.MAC[:], "\x80 a mac of "+name)
	return r
}

// bareAPIKey is a record with as little as can be.
func bareAPIKey(name string, hours int) apikey.Record {
	r := apiKey(name, hours)
	return apikey.Record{
		ID: r.ID, Version: 1, Name: "x", Scopes: []string{"staff"}, CreatedAt: r.CreatedAt,
		Secrets: []apikey.Secret{{Pepper: "0123abcd", CreatedAt: r.CreatedAt}},
	}
}

func (s *apiKeySuite) add(t *testing.T, records ...apikey.Record) {
	t.Helper()
	for _, r := range records {
		if err := s.Add(t.Context(), r); err != nil {
			t.Fatalf("Add: %v", err)
		}
	}
}

func (s *apiKeySuite) want(t *testing.T, want apikey.Record) {
	t.Helper()
	got, err := s.Find(t.Context(), want.ID)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("Find = %+v, %v\nwant %+v", got, err, want)
	}
}

func (s *apiKeySuite) wantList(t *testing.T, want ...apikey.Record) {
	t.Helper()
	got, err := s.List(t.Context())
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("List = %+v, %v\nwant %+v", got, err, want)
	}
}

func apiKeysFound(t *testing.T, s *apiKeySuite) {
	full, bare, off := apiKey("full", 0), bareAPIKey("bare", 1), bareAPIKey("off", 2)
	off.Rate = rate.Rate{Off: true}
	s.add(t, full, bare, off)
	s.want(t, full)
	s.want(t, bare)
	s.want(t, off)

	// Whatever is at the bounds fits.
	most := apiKey("most", 3)
	most.Name, most.Scopes, most.Networks = strings.Repeat("語", 100), nil, nil
	for i := range 50 {
		most.Scopes = append(most.Scopes, strings.Repeat("𝄞", 199)+string(rune('A'+i)))
		most.Networks = append(most.Networks, netip.PrefixFrom(netip.AddrFrom16([16]byte{0x20, 1, 15: byte(i)}), 128))
	}
	s.add(t, most)
	s.want(t, most)
}

func apiKeyIDs(t *testing.T, s *apiKeySuite) {
	s.add(t, apiKey("a", 0))
	for _, id := range []string{"A00000000000", "b00000000000", "", "a0000000000", "a000000000000", "a00000000000 ", "%", "' OR 1=1 --"} {
		if r, err := s.Find(t.Context(), id); !errors.Is(err, apikey.ErrNotFound) || !reflect.DeepEqual(r, apikey.Record{}) {
			t.Errorf("Find(%q) = %+v, %v, want ErrNotFound", id, r, err)
		}
	}
	other := apiKey("A", 0)
	other.Name = "another"
	s.add(t, other)
	s.want(t, apiKey("a", 0))
	s.want(t, other)
}

func apiKeysListed(t *testing.T, s *apiKeySuite) {
	s.wantList(t)
	b, a, c := bareAPIKey("b", 2), apiKey("a", 2), apiKey("c", 1)
	s.add(t, b, a, c)
	s.wantList(t, c, a, b)
}

func apiKeyAddedOnce(t *testing.T, s *apiKeySuite) {
	first, second := apiKey("a", 0), bareAPIKey("a", 1)
	s.add(t, first)
	wantAnswer(t, "Add", s.Add(t.Context(), second), apikey.ErrConflict)
	s.wantList(t, first)
}

func apiKeysImpossible(t *testing.T, s *apiKeySuite) {
	good := apiKey("a", 0)
	for name, change := range map[string]func(*apikey.Record){
		"no id":                  func(r *apikey.Record) { r.ID = "" },
		"an id with a quote":     func(r *apikey.Record) { r.ID = "'00000000000" },
		"no version":             func(r *apikey.Record) { r.Version = 0 },
		"no name":                func(r *apikey.Record) { r.Name = "" },
		"a long name":            func(r *apikey.Record) { r.Name = strings.Repeat("n", 101) },
		"a name of two lines":    func(r *apikey.Record) { r.Name = "a\nb" },
		"a name that is no text": func(r *apikey.Record) { r.Name = "a\xff" },
		"a blank name":           func(r *apikey.Record) { r.Name = " " },
		"a large user":           func(r *apikey.Record) { r.UserID = 1 << 63 },
		"no scope":               func(r *apikey.Record) { r.Scopes = nil },
		"an empty scope":         func(r *apikey.Record) { r.Scopes = []string{""} },
		"a scope twice":          func(r *apikey.Record) { r.Scopes = []string{"a", "a"} },
		"a network with a host":  func(r *apikey.Record) { r.Networks = []netip.Prefix{netip.MustParsePrefix("192.0.2.1/24")} },
		"no network":             func(r *apikey.Record) { r.Networks = []netip.Prefix{{}} },
		"a rate of nothing":      func(r *apikey.Record) { r.Rate = rate.Rate{Count: -1, Per: time.Second} },
		"no time":                func(r *apikey.Record) { r.CreatedAt = time.Time{} },
		"a part of a second":     func(r *apikey.Record) { r.ExpiresAt = r.ExpiresAt.Add(time.Millisecond) },
		"another zone":           func(r *apikey.Record) { r.ExpiresAt = r.ExpiresAt.In(time.FixedZone("", 3600)) },
		"no secret":              func(r *apikey.Record) { r.Secrets = nil },
		"three secrets":          func(r *apikey.Record) { r.Secrets = append(r.Secrets, r.Secrets[0]) },
		"no pepper":              func(r *apikey.Record) { r.Secrets[1].Pepper = "" },
	} {
		r := apiKey("a", 0)
		change(&r)
		r.Secrets = slices.Clone(r.Secrets)
		err := s.Add(t.Context(), r)
		if err == nil || errors.Is(err, apikey.ErrConflict) {
			t.Errorf("%s: Add: %v, want a refusal", name, err)
		}
	}
	second := good
	second.Version = 2
	if err := s.Add(t.Context(), second); err == nil {
		t.Error("a record of version 2 was added")
	}
	s.wantList(t)
	s.add(t, good)
	second.Scopes = nil
	if err := s.Replace(t.Context(), second); err == nil {
		t.Error("a record without scopes was stored")
	}
	s.wantList(t, good)
}

func apiKeyReplaced(t *testing.T, s *apiKeySuite) {
	first := apiKey("a", 0)
	second := bareAPIKey("a", 0)
	second.Version, second.LastUsedAt = 2, first.LastUsedAt
	wantAnswer(t, "Replace of nothing", s.Replace(t.Context(), second), apikey.ErrNotFound)
	s.wantList(t)
	s.add(t, first)
	for _, version := range []int64{1, 3} {
		other := second
		other.Version = version
		wantAnswer(t, "Replace", s.Replace(t.Context(), other), apikey.ErrConflict)
	}
	s.want(t, first)
	if err := s.Replace(t.Context(), second); err != nil {
		t.Fatalf("Replace: %v", err)
	}
	s.want(t, second)
	wantAnswer(t, "Replace again", s.Replace(t.Context(), second), apikey.ErrConflict)
	s.want(t, second)
}

func apiKeyReplaceKeeps(t *testing.T, s *apiKeySuite) {
	first := apiKey("a", 0)
	s.add(t, first)
	second := first
	second.Version, second.CreatedAt, second.LastUsedAt = 2, keyTime(5), keyTime(7)
	if err := s.Replace(t.Context(), second); err != nil {
		t.Fatalf("Replace: %v", err)
	}
	second.CreatedAt, second.LastUsedAt = first.CreatedAt, first.LastUsedAt
	s.want(t, second)
}

func apiKeysUsed(t *testing.T, s *apiKeySuite) {
	never, early, late := bareAPIKey("never", 0), bareAPIKey("early", 0), bareAPIKey("late", 0)
	early.LastUsedAt, late.LastUsedAt = keyTime(1), keyTime(9)
	s.add(t, never, early, late)
	used := func(at map[string]time.Time) {
		t.Helper()
		if err := s.Used(t.Context(), at); err != nil {
			t.Fatalf("Used: %v", err)
		}
	}
	used(nil)
	used(map[string]time.Time{never.ID: keyTime(5), early.ID: keyTime(6), late.ID: keyTime(5), "unknown00000": keyTime(5)})
	never.LastUsedAt, early.LastUsedAt = keyTime(5), keyTime(6)
	s.wantList(t, early, late, never)
	used(map[string]time.Time{never.ID: keyTime(5), early.ID: keyTime(5)})
	s.wantList(t, early, late, never)
}

func manyAPIKeysUsed(t *testing.T, s *apiKeySuite) {
	at := make(map[string]time.Time)
	for i := range 1500 {
		at[strings.Repeat("0", 8)+string([]byte{'0' + byte(i/1000), '0' + byte(i/100%10), '0' + byte(i/10%10), '0' + byte(i%10)})] = keyTime(i % 3)
	}
	last := bareAPIKey("00000000149", 0)
	last.ID = "000000001499"
	s.add(t, last)
	if err := s.Used(t.Context(), at); err != nil {
		t.Fatalf("Used: %v", err)
	}
	last.LastUsedAt = at[last.ID]
	s.wantList(t, last)
}

func parallelAPIKeyReplace(t *testing.T, s *apiKeySuite) {
	first := apiKey("a", 0)
	s.add(t, first)
	var won atomic.Int32
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			r := first
			r.Version, r.UserID = 2, uint64(i)
			switch err := s.Replace(t.Context(), r); {
			case err == nil:
				won.Add(1)
			case !errors.Is(err, apikey.ErrConflict):
				t.Errorf("Replace: %v, want ErrConflict", err)
			}
		})
	}
	all.Wait()
	if won.Load() != 1 {
		t.Errorf("%d replacements have won, want one", won.Load())
	}
}

func apiKeyCallerGone(t *testing.T, s *apiKeySuite) {
	r := apiKey("a", 0)
	s.add(t, r)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	second := r
	second.Version = 2
	_, find := s.Find(ctx, r.ID)
	_, list := s.List(ctx)
	for name, err := range map[string]error{
		"Add": s.Add(ctx, apiKey("b", 0)), "Find": find, "List": list, "Replace": s.Replace(ctx, second),
		"Used": s.Used(ctx, map[string]time.Time{r.ID: keyTime(50)}),
	} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v, want context.Canceled", name, err)
		}
	}
	s.wantList(t, r)
}
