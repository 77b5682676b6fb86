package session_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"faveo-gateway/gateway/session"
)

func TestStart(t *testing.T) {
	w := newWorld(t)
	expires := w.clock.Now().Add(time.Hour + 123*time.Microsecond)
	s, err := w.Start(t.Context(), newLogin(session.Login{UserID: 7, Role: "agent", PasswordFingerprint: "first", Address: "2001:db8::1", Agent: "Dalvik/2.1.0", ExpiresAt: expires}))
	if err != nil {
		t.Fatalf("Start: %v", err)
	}
	want := session.Session{
		ID: s.ID, UserID: 7, Role: "agent", Address: "2001:db8::1", Agent: "Dalvik/2.1.0",
		CreatedAt: w.clock.Now(), SeenAt: w.clock.Now(), ExpiresAt: w.clock.Now().Add(time.Hour), RefreshableUntil: forEver,
		PasswordFingerprint: "first", Token: aToken,
	}
	if s != want || !session.ValidID(s.ID) {
		t.Errorf("Start = %+v\nwant %+v", s, want)
	}
	wantServed(t, w.Manager, s)
}

func TestStartRefusesWhatCannotBe(t *testing.T) {
	w := newWorld(t)
	future := w.clock.Now().Add(time.Hour)
	cases := map[string]func() error{
		"user 0": func() error {
			_, err := w.Start(t.Context(), newLogin(session.Login{Role: "agent", PasswordFingerprint: "first", ExpiresAt: future}))
			return err
		},
		"no fingerprint": func() error {
			_, err := w.Start(t.Context(), newLogin(session.Login{UserID: 7, Role: "agent", ExpiresAt: future}))
			return err
		},
		"over at once": func() error {
			_, err := w.Start(t.Context(), newLogin(session.Login{UserID: 7, Role: "agent", PasswordFingerprint: "first", ExpiresAt: w.clock.Now()}))
			return err
		},
		"over before": func() error {
			_, err := w.Start(t.Context(), newLogin(session.Login{UserID: 7, Role: "agent", PasswordFingerprint: "first", ExpiresAt: w.clock.Now().Add(-time.Hour)}))
			return err
		},
		"over within the millisecond": func() error {
			_, err := w.Start(t.Context(), newLogin(session.Login{UserID: 7, Role: "agent", PasswordFingerprint: "first", ExpiresAt: w.clock.Now().Add(time.Microsecond)}))
			return err
		},
	}
	for name, start := range cases {
		t.Run(name, func(t *testing.T) {
			store, _ := w.calls(func() {
				if err := start(); err == nil || errors.Is(err, session.ErrUnavailable) {
					t.Errorf("Start: %v, want an error that is nobody's fault but ours", err)
				}
			})
			if store != 0 {
				t.Errorf("the store was called %d times", store)
			}
		})
	}
}

func TestStartEndsTheOldest(t *testing.T) {
	w := newWorld(t)
	c := session.DefaultConfig()
	c.MaxPerUser = 2
	w.Manager = w.replica(c)
	first, second := w.login(t, 7), w.login(t, 7)
	wantServed(t, w.Manager, first)
	third := w.login(t, 7)
	// Without any time passing: this replica knows at once.
	wantRevoked(t, w.Manager, first)
	wantServed(t, w.Manager, second)
	wantServed(t, w.Manager, third)
}

func TestAgentIsCleaned(t *testing.T) {
	w := newWorld(t)
	cases := map[string]struct{ agent, want string }{
		"as it is":              {"Mozilla/5.0 (Ünïcode) 日本", "Mozilla/5.0 (Ünïcode) 日本"},
		"empty":                 {"", ""},
		"line breaks":           {"a\r\nlevel=error msg=forged", "a  level=error msg=forged"},
		"terminal escape":       {"a\x1b[2Jb", "a [2Jb"},
		"NUL, DEL and C1":       {"a\x00b\x7fc\u0085d", "a b c d"},
		"writing direction":     {"a\u202eb\u2066c", "a b c"},
		"line separators":       {"a\u2028b\u2029c", "a b c"},
		"zero width":            {"a\u200bb\ufeffc", "a b c"},
		"no UTF-8":              {"a\xffb\xc3", "a\ufffdb\ufffd"},
		"blanks around":         {" \t a \n", "a"},
		"only control":          {"\x00\x01\x02", ""},
		"long":                  {strings.Repeat("a", 300), strings.Repeat("a", 256)},
		"cut within a letter":   {strings.Repeat("é", 127) + "aé", strings.Repeat("é", 127) + "a"},
		"a megabyte of control": {strings.Repeat("\x00", 1<<20) + "a", ""},
	}
	for _, name := range slices.Sorted(maps.Keys(cases)) {
		c := cases[name]
		t.Run(name, func(t *testing.T) {
			s, err := w.Start(t.Context(), newLogin(session.Login{UserID: 7, Role: "agent", PasswordFingerprint: "first", Address: c.agent, Agent: c.agent, ExpiresAt: w.clock.Now().Add(time.Hour)}))
			if err != nil {
				t.Fatalf("Start: %v", err)
			}
			if s.Agent != c.want {
				t.Errorf("agent %q, want %q", s.Agent, c.want)
			}
			if len(s.Address) > 64 || !utf8.ValidString(s.Address) || strings.ContainsFunc(s.Address, unicode.IsControl) {
				t.Errorf("address %q is not clean", s.Address)
			}
		})
	}
}

func TestIDs(t *testing.T) {
	seen := make(map[string]bool)
	for range 1000 {
		id := session.NewID()
		if !session.ValidID(id) || seen[id] {
			t.Fatalf("NewID() = %q: not valid, or for the second time", id)
		}
		seen[id] = true
	}
}

// FuzzValidID has one property: what is valid is made of the alphabet alone, and
// no other text is the same id.
func FuzzValidID(f *testing.F) {
	for _, id := range []string{session.NewID(), "", strings.Repeat("A", 22), strings.Repeat("A", 21) + "B", "AAAAAAAAAAAAAAAAAAAAA\n"} {
		f.Add(id)
	}
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	f.Fuzz(func(t *testing.T, id string) {
		if !session.ValidID(id) {
			return
		}
		if len(id) != 22 || strings.Trim(id, alphabet) != "" {
			t.Errorf("ValidID(%q)", id)
		}
		for _, last := range alphabet {
			twin := id[:21] + string(last)
			if twin != id && session.ValidID(twin) && (strings.IndexRune(alphabet, last)^strings.IndexByte(alphabet, id[21]))>>4 == 0 {
				t.Errorf("%q and %q are one id", id, twin)
			}
		}
	})
}

func TestConfig(t *testing.T) {
	type config = session.Config
	cases := []struct {
		name   string
		change func(*config)
		want   []string
	}{
		{"defaults", func(*config) {}, nil},
		{"no caching", func(c *config) { c.CacheTTL, c.AccountTTL = 0, 0 }, nil},
		{"upper bounds", func(c *config) {
			*c = config{CacheTTL: time.Minute, AccountTTL: 5 * time.Minute, RefreshOverlap: 5 * time.Minute, MaxPerUser: 1000, CacheSize: 10_000_000}
		}, nil},
		{"least overlap", func(c *config) { c.CacheTTL, c.RefreshOverlap = time.Second, time.Second }, nil},
		{"negative", func(c *config) { *c = config{-1, -1, -1, -1, -1} }, []string{"cache_ttl", "account_ttl", "refresh_overlap", "max_per_user", "cache_size"}},
		{"memory beyond the overlap", func(c *config) { c.CacheTTL = 30*time.Second + 1 }, []string{"cache_ttl"}},
		{"no overlap", func(c *config) { c.RefreshOverlap = 0 }, []string{"refresh_overlap"}},
		{"zero sizes", func(c *config) { c.MaxPerUser, c.CacheSize = 0, 0 }, []string{"max_per_user", "cache_size"}},
		{"too much", func(c *config) {
			*c = config{time.Minute + 1, 5*time.Minute + 1, 5*time.Minute + 1, 1001, 10_000_001}
		}, []string{"cache_ttl", "account_ttl", "refresh_overlap", "max_per_user", "cache_size"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			config := session.DefaultConfig()
			c.change(&config)
			var got []string
			config.Validate(func(path, message string) {
				got = append(got, path)
				if message == "" {
					t.Errorf("%s: no message", path)
				}
			})
			if fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("reported %q, want %q", got, c.want)
			}
		})
	}
}
