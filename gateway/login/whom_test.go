package login_test

import (
	"math"
	"strings"
	"testing"
	"testing/synctest"

	"faveo-gateway/gateway/limit"
	"faveo-gateway/gateway/login"
)

// TestWhomOf reads the buckets of lockouts of all kinds.
func TestWhomOf(t *testing.T) {
	const digest = "0123456789abcdef0123456789abcdef"
	zeros := strings.Repeat("0", 31)
	for _, try := range []struct {
		name limit.Name
		of   string
		want login.Whom
	}{
		{limit.NameAccount, "4", login.Whom{Kind: "account", UserID: 4}},
		{limit.NameAccount, "18446744073709551615", login.Whom{Kind: "account", UserID: math.MaxUint64}},
		{limit.NameAccount, digest, login.Whom{Kind: "name", Name: digest}},
		{limit.NameAccount, strings.Repeat("7", 32), login.Whom{Kind: "name", Name: strings.Repeat("7", 32)}},
		{limit.NameAccount, zeros + "4", login.Whom{Kind: "name", Name: zeros + "4"}},
		{limit.NameAddress, "192.0.2.1", login.Whom{Kind: "address", Address: "192.0.2.1"}},
		{limit.NameAddress, "2001:db8::/64", login.Whom{Kind: "address", Address: "2001:db8::/64"}},
		{limit.NameAddress, "unknown", login.Whom{Kind: "address", Address: "unknown"}},
		{limit.NamePair, "4|192.0.2.1", login.Whom{Kind: "pair", UserID: 4, Address: "192.0.2.1"}},
		{limit.NamePair, "4|2001:db8::/64", login.Whom{Kind: "pair", UserID: 4, Address: "2001:db8::/64"}},
		{limit.NamePair, digest + "|192.0.2.1", login.Whom{Kind: "pair", Name: digest, Address: "192.0.2.1"}},
		{limit.NamePair, zeros + "4|unknown", login.Whom{Kind: "pair", Name: zeros + "4", Address: "unknown"}},
	} {
		if got := login.WhomOf(limit.Lockout{Name: try.name, Of: try.of}); got != try.want {
			t.Errorf("%s %s is %+v, want %+v", try.name, try.of, got, try.want)
		}
	}
}

// TestWhomOfRealLockouts reads what the login itself has locked out.
func TestWhomOfRealLockouts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, config := &site{}, login.DefaultConfig()
		one := limit.Rate{Count: 1, Per: config.MinFailureTime * 1000}
		config.Lockout = login.LockoutConfig{PerAccount: one, PerPair: one, PerAddress: one}
		service, _ := newService(s, config)
		_ = try(t, service, "Alice", "wrong", "192.0.2.1")
		_ = try(t, service, "Nobody", "wrong", "2001:db8:0:1::7")
		locked, more, err := s.attempts.Locked(t.Context(), login.LockoutGroup, 100)
		if err != nil || more {
			t.Fatal(more, err)
		}
		nobody, _ := s.Fold(t.Context(), "nobody")
		want := map[login.Whom]bool{
			{Kind: "account", UserID: 4}: true, {Kind: "address", Address: "192.0.2.1"}: true, {Kind: "pair", UserID: 4, Address: "192.0.2.1"}: true,
			{Kind: "name", Name: nobody}: true, {Kind: "address", Address: "2001:db8:0:1::/64"}: true,
			{Kind: "pair", Name: nobody, Address: "2001:db8:0:1::/64"}: true,
		}
		for _, l := range locked {
			if whom := login.WhomOf(l); !want[whom] {
				t.Errorf("%s %s is %+v", l.Name, l.Of, whom)
			} else {
				delete(want, whom)
			}
		}
		if len(want) > 0 {
			t.Errorf("nobody is %+v", want)
		}
	})
}
