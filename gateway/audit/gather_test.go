package audit_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"faveo-gateway/gateway/audit"
	"faveo-gateway/gateway/storetest"
)

// TestWhatIsGathered is all there is: what is not named here is an entry of its own,
// however often it comes.
func TestWhatIsGathered(t *testing.T) {
	const success, refused, failed = audit.Success, audit.Refused, audit.Failed
	gathered := map[audit.Kind][]audit.Outcome{
		audit.KindLogin:        {refused, failed}, // never a successful one: it began a session
		audit.KindLockout:      {success, refused, failed},
		audit.KindRequest:      {refused, failed},
		audit.KindRefresh:      {success, refused, failed},
		audit.KindSessionEnded: {success, refused, failed}, // by its owner
		audit.KindAdmin:        {refused, failed},

		// Never.
		audit.KindLockoutCleared: nil,
		audit.KindReuse:          nil,
		audit.KindKeyCreated:     nil,
		audit.KindKeyActivated:   nil,
		audit.KindKeyRevoked:     nil,
		audit.KindKeysResealed:   nil,
		audit.KindAPIKeyCreated:  nil,
		audit.KindAPIKeyRotated:  nil,
		audit.KindAPIKeyRevoked:  nil,
		audit.KindConfiguration:  nil,
		audit.KindTrail:          nil,
	}
	for _, kind := range audit.Kinds() {
		outcomes, named := gathered[kind]
		if !named {
			t.Errorf("nobody says whether %s is gathered", kind)
		}
		for _, outcome := range audit.Outcomes() {
			e := audit.Event{Kind: kind, Outcome: outcome, Actor: "user", UserID: 7, Subject: "x", Address: "192.0.2.7"}
			entries := recorded(t, slices.Repeat([]audit.Event{e}, 1000)...)
			want := 1000
			if slices.Contains(outcomes, outcome) {
				want = 2
			}
			if len(entries) != want || total(entries) != 1000 {
				t.Errorf("%s %s a thousand times is %d events in %d entries, want %d", kind, outcome, total(entries), len(entries), want)
			}
		}
	}
	for _, actor := range []string{"admin", "gateway", ""} {
		e := audit.Event{Kind: audit.KindSessionEnded, Outcome: success, Actor: actor, UserID: 7}
		if entries := recorded(t, e, e, e); len(entries) != 3 {
			t.Errorf("ends of sessions by %q are %+v, want each", actor, entries)
		}
	}
}

// TestWhatIsEqual for the trail: what differs in anything else is told apart.
func TestWhatIsEqual(t *testing.T) {
	base := refusal("192.0.2.7")
	base.Subject = "subject"
	for name, test := range map[string]struct {
		change func(*audit.Event)
		equal  bool
	}{
		"all":                       {func(*audit.Event) {}, true},
		"another agent and request": {func(e *audit.Event) { e.Agent, e.RequestID = "x", "y" }, true},
		"another time":              {func(e *audit.Event) { e.Time = moment }, true},
		"mapped":                    {func(e *audit.Event) { e.Address = "::ffff:192.0.2.7" }, true},
		"translated":                {func(e *audit.Event) { e.Address = "64:ff9b::192.0.2.7" }, true},
		"another kind":              {func(e *audit.Event) { e.Kind = audit.KindRequest }, false},
		"another outcome":           {func(e *audit.Event) { e.Outcome = audit.Failed }, false},
		"another reason":            {func(e *audit.Event) { e.Reason = "x" }, false},
		"another actor":             {func(e *audit.Event) { e.Actor = "user" }, false},
		"another user":              {func(e *audit.Event) { e.UserID = 9 }, false},
		"another subject":           {func(e *audit.Event) { e.Subject = "x" }, false},
		"another detail":            {func(e *audit.Event) { e.Detail = "API key x" }, false},
		"another address":           {func(e *audit.Event) { e.Address = "192.0.2.8" }, false},
		"no address":                {func(e *audit.Event) { e.Address = "" }, false},
		"moved to the next":         {func(e *audit.Event) { e.Subject, e.Detail = "", "subject" }, false},
	} {
		changed := base
		test.change(&changed)
		entries := recorded(t, base, base, changed)
		if (len(entries) == 2 && entries[1].Count == 2) != test.equal || total(entries) != 3 {
			t.Errorf("%s: stored are %+v", name, entries)
		}
	}
}

// TestNetworkIsOneClient, whose first address the entry has.
func TestNetworkIsOneClient(t *testing.T) {
	var events []audit.Event
	for i := range 1100 {
		events = append(events, refusal(fmt.Sprintf("2001:db8::%x", i+1)))
	}
	entries := recorded(t, events...)
	if len(entries) != 2 || entries[0].Address != "2001:db8::1" || entries[1].Address != "2001:db8::2" || entries[1].Count != 1099 {
		t.Errorf("stored are %+v, want the first and 1099 behind it", entries)
	}
}

// strangers are refusals of one kind from that many networks.
func strangers(kind audit.Kind, n int) (events []audit.Event) {
	for i := range n {
		e := refusal(fmt.Sprintf("2001:db8:%x:%x::1", i>>16, i&0xffff))
		e.Kind = kind
		events = append(events, e)
	}
	return events
}

// TestSiegeHidesNoAttack: whatever strangers do, and however many they are, the trail
// says whose account is attacked, and from where, and that it is locked out.
func TestSiegeHidesNoAttack(t *testing.T) {
	admin := audit.Event{Kind: audit.KindLogin, Outcome: audit.Refused, Reason: "wrong_password", UserID: 1, Address: "203.0.113.7"}
	lockout := audit.Event{Kind: audit.KindLockout, Outcome: audit.Refused, Reason: "pair", UserID: 1, Address: "203.0.113.7"}
	denied := audit.Event{Kind: audit.KindRequest, Outcome: audit.Refused, Reason: "rule", Actor: "user", UserID: 4, Address: "203.0.113.8"}
	ofKey := audit.Event{Kind: audit.KindRequest, Outcome: audit.Refused, Reason: "rule", Actor: "api_key", Detail: "API key x", Address: "203.0.113.9"}
	var guesses []audit.Event // of one name, from a botnet
	for _, e := range strangers(audit.KindLogin, 5000) {
		e.Reason, e.UserID = "wrong_password", 9
		guesses = append(guesses, e)
	}
	for name, siege := range map[string][]audit.Event{
		"requests without a token":  strangers(audit.KindRequest, 5000),
		"names that nobody has":     strangers(audit.KindLogin, 5000),
		"lockouts":                  strangers(audit.KindLockout, 2000),
		"requests to the admin":     strangers(audit.KindAdmin, 5000),
		"one account from a botnet": guesses,
	} {
		entries := recorded(t, append(siege, admin, lockout, denied, ofKey)...)
		for _, want := range []audit.Event{admin, lockout, denied, ofKey} {
			if !slices.ContainsFunc(entries, func(e audit.Entry) bool {
				e.Time, e.Count = want.Time, want.Count
				return e.Event == want
			}) {
				t.Errorf("%s hide %+v", name, want)
			}
		}
		if got, want := total(entries), len(siege)+4; got != want {
			t.Errorf("%s: %d events are stored, want %d", name, got, want)
		}
	}
}

// TestLockoutIsNeverOneOfMany, be there ever so many.
func TestLockoutIsNeverOneOfMany(t *testing.T) {
	if entries := recorded(t, strangers(audit.KindLockout, 3000)...); len(entries) != 3000 {
		t.Errorf("3000 lockouts are %d entries", len(entries))
	}
}

// TestManyOfOneAreOneEntryThatSaysWhose: an account that is attacked from everywhere,
// and a stranger who tries every name.
func TestManyOfOneAreOneEntryThatSaysWhose(t *testing.T) {
	attacked := strangers(audit.KindLogin, 1000)
	for i := range attacked {
		attacked[i].UserID = 1
	}
	guesses := make([]audit.Event, 1000)
	for i := range guesses {
		guesses[i] = refusal("192.0.2.7")
		guesses[i].Subject = fmt.Sprint("digest-", i)
	}
	for name, test := range map[string]struct {
		events  []audit.Event
		user    uint64
		address string
	}{
		"account": {attacked, 1, ""}, "stranger": {guesses, 0, "192.0.2.7"},
	} {
		entries := recorded(t, test.events...)
		if len(entries) != 9 {
			t.Fatalf("%s: %d entries, want 8 and one of the others", name, len(entries))
		}
		last := entries[8]
		if last.UserID != test.user || last.Address != test.address || last.Count != 992 ||
			last.Detail != "of many others" || last.Subject != "" || last.Reason != "invalid_credentials" {
			t.Errorf("%s: the others are %+v", name, last.Event)
		}
	}
}

// TestSiegeIsBounded: a hundred thousand events from everywhere in a minute, and how
// many entries that is at most.
func TestSiegeIsBounded(t *testing.T) {
	const n, windows = 100_000, 7
	ofAccounts := strangers(audit.KindLogin, n)
	for i := range ofAccounts {
		ofAccounts[i].UserID = uint64(i%5000 + 1)
	}
	oneAccount := strangers(audit.KindRefresh, n)
	for i := range oneAccount {
		e := &oneAccount[i]
		e.Outcome, e.Actor, e.UserID, e.Subject = audit.Success, "user", 7, fmt.Sprint("session-", i)
	}
	for name, test := range map[string]struct {
		events []audit.Event
		most   int
	}{
		// Of what there is at first, and what each window adds: each twice, and the
		// others of one; and the others of all.
		"strangers":         {strangers(audit.KindRequest, n), (64+(windows-1)*8)*3 + windows},
		"names of accounts": {ofAccounts, (256+(windows-1)*32)*3 + windows},
		"one account":       {oneAccount, windows * (8*2 + 1)},
	} {
		synctest.Test(t, func(t *testing.T) {
			store, log := storetest.NewAudit(), new(logText)
			r := run(t, newTrail(t, store, keysOf(t, "a"), audit.Options{Log: log.logger()}))
			for i, e := range test.events {
				r.Record(e)
				if i%100 == 0 {
					time.Sleep(60 * time.Millisecond)
				}
			}
			if err := r.stop(time.Minute); err != nil {
				t.Error(err)
			}
			entries := store.Entries()
			if got := total(entries); got != n || log.String() != "" {
				t.Errorf("%s: %d events are stored, want %d; the log says %s", name, got, n, log)
			}
			if len(entries) > test.most || len(entries) < windows {
				t.Errorf("%s: %d entries in a minute, want at most %d", name, len(entries), test.most)
			}
		})
	}
}

// recorded is what becomes of events within one window.
func recorded(t *testing.T, events ...audit.Event) []audit.Entry {
	t.Helper()
	store := storetest.NewAudit()
	trail := newTrail(t, store, keysOf(t, "a"), audit.Options{})
	for _, e := range events {
		trail.Record(e)
	}
	if err := run(t, trail).stop(time.Minute); err != nil {
		t.Fatal(err)
	}
	return store.Entries()
}
