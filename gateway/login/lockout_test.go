package login_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"faveo-gateway/gateway/identity"
	"faveo-gateway/gateway/limit"
	"faveo-gateway/gateway/login"
)

// attempts are limits in memory that fail on demand.
type attempts struct {
	*limit.Local
	mu sync.Mutex
	// takeFault and settleFault are what Take, and what Return and Remember fail with.
	takeFault, settleFault error
	takes                  int
	// settled are the calls of Return and Remember, each with its context's error.
	settled []string
}

// Take implements limit.Source.
func (a *attempts) Take(ctx context.Context, group string, buckets ...limit.Bucket) (limit.Verdict, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.takes++
	if a.takeFault != nil {
		return limit.Verdict{}, a.takeFault
	}
	return a.Local.Take(ctx, group, buckets...)
}

// Return implements limit.Source.
func (a *attempts) Return(ctx context.Context, group string, buckets ...limit.Bucket) error {
	return errors.Join(a.settle(ctx, "return"), a.Local.Return(ctx, group, buckets...))
}

// Remember implements limit.Source.
func (a *attempts) Remember(ctx context.Context, group string, m limit.Member, life time.Duration) error {
	return errors.Join(a.settle(ctx, "remember "+m.Of+" of "+m.Set), a.Local.Remember(ctx, group, m, life))
}

func (a *attempts) settle(ctx context.Context, what string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.settled = append(a.settled, fmt.Sprint(what, " ", ctx.Err()))
	return a.settleFault
}

// lockouts are the limits that were told of, in their order.
func (s *site) lockouts() string {
	var names []string
	for _, e := range s.events {
		if e.Kind == login.KindLockout {
			names = append(names, string(e.Limit))
		}
	}
	return strings.Join(names, " ")
}

// unlimited locks nobody out.
func unlimited() login.LockoutConfig {
	off := limit.Rate{Off: true}
	return login.LockoutConfig{PerAccount: off, PerPair: off, PerAddress: off}
}

// try logs in from an address.
func try(t *testing.T, s *login.Service, username, password, address string) error {
	t.Helper()
	_, err := s.Login(t.Context(), login.Credentials{Username: username, Password: password, Client: identity.Client{Address: address}})
	return err
}

// outcome is an error as a client sees it.
func outcome(err error) string {
	if locked, ok := errors.AsType[*login.LockedOut](err); ok {
		return fmt.Sprint("locked out for ", locked.RetryAfter)
	}
	return fmt.Sprint(err)
}

// TestLockoutTellsNothing makes the same attempts at every kind of account and at
// unknown names, and gets the same answers after the same time, to the microsecond.
func TestLockoutTellsNothing(t *testing.T) {
	one := func(int) string { return "192.0.2.1" }
	many := func(i int) string { return fmt.Sprintf("2001:db8:0:%d::1", i) }
	patterns := map[string]struct {
		from  func(int) string
		pause time.Duration
		tries int
	}{
		"one address at once":       {one, 0, 15},
		"one address, slowly":       {one, 20 * time.Second, 80},
		"many addresses at once":    {many, 0, 25},
		"many addresses, slowly":    {many, 25 * time.Second, 80},
		"two addresses in turn":     {func(i int) string { return fmt.Sprintf("192.0.2.%d", i%2) }, time.Second, 40},
		"one address, then another": {func(i int) string { return fmt.Sprintf("192.0.2.%d", i/12) }, 0, 30},
	}
	for name, pattern := range patterns {
		sequence := func(username string) (seen []string) {
			synctest.Test(t, func(t *testing.T) {
				service, _ := newService(&site{}, login.DefaultConfig())
				for i := range pattern.tries {
					began := time.Now()
					err := try(t, service, username, "wrong", pattern.from(i))
					seen = append(seen, fmt.Sprint(i+1, " ", outcome(err), " after ", time.Since(began)))
					time.Sleep(pattern.pause)
				}
			})
			return seen
		}
		want := sequence("nobody")
		if all := strings.Join(want, "\n"); !strings.Contains(all, "locked out") || !strings.Contains(all, "invalid credentials") {
			t.Fatalf("%s proves nothing:\n%s", name, all)
		}
		for _, username := range []string{"alice", "alice@example.test", "banned", "nullpw", "", "alice\x00"} {
			for i, got := range sequence(username) {
				if got != want[i] {
					t.Errorf("%s: %q gets %q, an unknown name %q", name, username, got, want[i])
				}
			}
		}
	}
}

// TestOneCounter: all names of an account and all spellings of a name draw from one
// bucket.
func TestOneCounter(t *testing.T) {
	for title, names := range map[string][]string{
		"account": {"alice", "ALICE", "alice@example.test", "Alice@Example.test"},
		"nobody":  {"nobody", "NOBODY", "NoBody"},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := &site{}
			service, _ := newService(s, login.DefaultConfig())
			for i := range 40 {
				_ = try(t, service, names[i%len(names)], "wrong", fmt.Sprintf("198.51.100.%d", i))
			}
			if s.hashes != 15 {
				t.Errorf("%s: %d passwords were tried, want 15", title, s.hashes)
			}
		})
	}
}

// TestOwnerIsNotLockedOut fails a thousand logins to one account on purpose, from
// fifty addresses and all at once. They try no more passwords than the account's
// allowance, the owner gets in from where he has logged in before, and nobody else
// does, not even with the right password.
func TestOwnerIsNotLockedOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &site{}
		service, _ := newService(s, login.DefaultConfig())
		const home = "203.0.113.9"
		if err := try(t, service, "alice", "right", home); err != nil {
			t.Fatal(err)
		}
		s.hashes, s.events = 0, nil
		var group sync.WaitGroup
		for i := range 1000 {
			group.Go(func() { _ = try(t, service, "alice", fmt.Sprint("guess ", i), fmt.Sprintf("198.51.100.%d", i%50)) })
		}
		group.Wait()
		if s.hashes != 15 {
			t.Errorf("%d passwords were tried, want 15", s.hashes)
		}
		for range 20 {
			if err := try(t, service, "alice", "right", home); err != nil {
				t.Errorf("the owner: %v", err)
			}
		}
		err := try(t, service, "alice", "right", "203.0.113.10")
		if locked, ok := errors.AsType[*login.LockedOut](err); !ok || locked.By != limit.NameAccount {
			t.Errorf("a stranger with the right password: %v, want locked out by account", err)
		}
		// Of the home address only ten guesses, though it does not draw from the account.
		s.hashes = 0
		for range 30 {
			_ = try(t, service, "alice", "wrong", home)
		}
		if s.hashes != 10 {
			t.Errorf("from the known address %d passwords were tried, want 10", s.hashes)
		}
		if got := s.lockouts(); got != "account pair" {
			t.Errorf("told of lockouts by %q, want one of the account and one of the pair", got)
		}
	})
}

// TestKnownAddressIsForgotten when it was not used for so long, and never known when
// none shall be.
func TestKnownAddressIsForgotten(t *testing.T) {
	for life, want := range map[time.Duration]string{time.Hour: "<nil>", time.Minute: "locked out", 0: "locked out"} {
		synctest.Test(t, func(t *testing.T) {
			config := login.DefaultConfig()
			config.MinFailureTime = 0
			config.Lockout.KnownAddresses = life
			service, _ := newService(&site{}, config)
			if err := try(t, service, "alice", "right", "203.0.113.9"); err != nil {
				t.Fatal(err)
			}
			time.Sleep(2 * time.Minute)
			for i := range 20 {
				_ = try(t, service, "alice", "wrong", fmt.Sprintf("198.51.100.%d", i))
			}
			if got := outcome(try(t, service, "alice", "right", "203.0.113.9")); !strings.HasPrefix(got, want) {
				t.Errorf("remembered for %v: %s, want %s", life, got, want)
			}
		})
	}
}

// TestOneAddressAtManyAccounts is at its allowance, in all of its spellings.
func TestOneAddressAtManyAccounts(t *testing.T) {
	for title, addresses := range map[string][]string{
		"IPv4":     {"192.0.2.1", "::ffff:192.0.2.1"},
		"IPv6 /64": {"2001:db8::1", "2001:db8::ffff", "2001:db8:0:0:1:2:3:4"},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := &site{}
			service, _ := newService(s, login.DefaultConfig())
			var last error
			for i := range 200 {
				last = try(t, service, fmt.Sprint("name", i), "wrong", addresses[i%len(addresses)])
			}
			if locked, ok := errors.AsType[*login.LockedOut](last); !ok || locked.By != limit.NameAddress || s.hashes > 64 {
				t.Errorf("%s: %v after %d hashes, want locked out by address after 60 and those that came back", title, last, s.hashes)
			}
		})
	}
}

// TestRetryAfterIsRight: when it is over, one attempt is let in; before, none is.
func TestRetryAfterIsRight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &site{}
		service, _ := newService(s, login.DefaultConfig())
		var err error
		for range 11 {
			err = try(t, service, "alice", "wrong", "192.0.2.1")
		}
		locked, ok := errors.AsType[*login.LockedOut](err)
		if !ok {
			t.Fatalf("the eleventh attempt: %v", err)
		}
		time.Sleep(locked.RetryAfter - 2*time.Millisecond)
		if err := try(t, service, "alice", "right", "192.0.2.1"); !strings.HasPrefix(outcome(err), "locked out for 0s") {
			t.Errorf("2 ms too early: %s, want locked out until it is answered", outcome(err))
		}
		if err := try(t, service, "alice", "right", "192.0.2.1"); err != nil {
			t.Errorf("in time: %v", err)
		}
	})
}

// TestRightLoginsCostNothing, however many there are, and put no lockout into the
// books, not even the one that takes the last attempt for a moment.
func TestRightLoginsCostNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &site{}
		service, _ := newService(s, login.DefaultConfig())
		for range 9 {
			_ = try(t, service, "alice", "wrong", "192.0.2.1")
		}
		for range 200 {
			if err := try(t, service, "alice", "right", "192.0.2.1"); err != nil {
				t.Fatal(err)
			}
		}
		if got := s.lockouts(); got != "" {
			t.Errorf("told of lockouts by %q, want none", got)
		}
	})
}

// TestUndecidedAttemptsCostNothing: what a fault, a full queue or a client who leaves
// has prevented is no guess.
func TestUndecidedAttemptsCostNothing(t *testing.T) {
	down := errors.New("down")
	for title, undecided := range map[string]struct {
		password string
		run      func(t *testing.T, s *site, service *login.Service)
		reason   login.Reason
	}{
		"no session": {"right", func(t *testing.T, s *site, service *login.Service) {
			s.mySessions.fault = down
			defer func() { s.mySessions.fault = nil }()
			if err := try(t, service, "alice", "right", "192.0.2.1"); !errors.Is(err, down) {
				t.Errorf("error is %v", err)
			}
		}, login.ReasonFault},
		"busy": {"wrong", func(t *testing.T, _ *site, service *login.Service) {
			if err := try(t, service, "alice", "wrong", "192.0.2.1"); !errors.Is(err, login.ErrBusy) {
				t.Errorf("error is %v", err)
			}
		}, login.ReasonBusy},
		"gone": {"wrong", func(t *testing.T, _ *site, service *login.Service) {
			gone, leave := context.WithCancel(t.Context())
			time.AfterFunc(time.Millisecond, leave)
			_, err := service.Login(gone, login.Credentials{Username: "alice", Password: "wrong", Client: identity.Client{Address: "192.0.2.1"}})
			if !errors.Is(err, context.Canceled) {
				t.Errorf("error is %v", err)
			}
		}, login.ReasonGone},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := &site{}
			config := login.DefaultConfig()
			config.MaxConcurrentHashes = 1
			service, _ := newService(s, config)
			if undecided.reason != login.ReasonFault {
				blocked := make(chan struct{})
				s.hash = func() { <-blocked }
				go func() { _ = try(t, service, "nullpw", "x", "198.51.100.1") }()
				synctest.Wait() // The only slot is taken.
				defer func() { close(blocked); synctest.Wait() }()
			}
			for range 30 {
				undecided.run(t, s, service)
			}
			for _, e := range s.events {
				if e.Kind != login.KindLogin || e.Outcome != login.Failed || e.Reason != undecided.reason {
					t.Fatalf("%s: told %+v, want a failure by %s", title, e, undecided.reason)
				}
			}
			if got := len(s.attempts.settled); got < 30 {
				t.Errorf("%s: given back %d times, want 30", title, got)
			}
			v, err := s.attempts.Local.Take(t.Context(), login.LockoutGroup, limit.Bucket{
				Name: limit.NamePair, Of: "4|192.0.2.1", Rate: limit.Rate{Count: 1, Per: 15 * time.Minute},
			})
			if err != nil || !v.Allowed {
				t.Errorf("%s: something was taken: %+v, %v", title, v, err)
			}
		})
	}
}

// TestSuccessIsSettledWithoutTheClient: a client that hangs up in the middle of its
// hash cannot prevent that its attempt comes back and its address is remembered.
func TestSuccessIsSettledWithoutTheClient(t *testing.T) {
	ctx, leave := context.WithCancel(t.Context())
	s := &site{hash: leave}
	service, _ := newService(s, login.DefaultConfig())
	_, _ = service.Login(ctx, login.Credentials{Username: "alice", Password: "right", Client: identity.Client{Address: "192.0.2.1"}})
	want := "return <nil>, remember 192.0.2.1 of 4 <nil>"
	if got := strings.Join(s.attempts.settled, ", "); got != want {
		t.Errorf("settled %q, want %q", got, want)
	}
}

// TestLeavingDoesNotGiveGuessesBack: a wrong password was tried, whether the client
// waits for the answer or not.
func TestLeavingDoesNotGiveGuessesBack(t *testing.T) {
	s := &site{}
	service, _ := newService(s, login.DefaultConfig())
	for range 30 {
		ctx, leave := context.WithCancel(t.Context())
		s.hash = leave
		_, _ = service.Login(ctx, login.Credentials{Username: "alice", Password: "wrong", Client: identity.Client{Address: "192.0.2.1"}})
		leave()
	}
	if s.hashes != 10 {
		t.Errorf("%d passwords were tried, want 10", s.hashes)
	}
}

// TestSettlingMayFail: who has proved to be the owner gets in.
func TestSettlingMayFail(t *testing.T) {
	s := &site{}
	s.attempts.settleFault = errors.New("redis is down")
	service, _ := newService(s, login.DefaultConfig())
	if err := try(t, service, "alice", "right", "192.0.2.1"); err != nil {
		t.Errorf("login: %v", err)
	}
}

// TestFaultOfTheLimits lets nobody in, and is not the fault of who asks.
func TestFaultOfTheLimits(t *testing.T) {
	s := &site{}
	s.attempts.takeFault = errors.New("redis is down")
	service, registry := newService(s, login.DefaultConfig())
	err := try(t, service, "alice", "right", "192.0.2.1")
	if !errors.Is(err, s.attempts.takeFault) || errors.Is(err, login.ErrInvalidCredentials) || s.hashes != 0 || len(s.starts) != 0 {
		t.Errorf("error is %v after %d hashes", err, s.hashes)
	}
	wantLogins(t, registry, "error")
}

// TestFloodIsRefusedFromMemory asks neither the database nor the limits for who was
// refused a moment ago, and not longer than a second.
func TestFloodIsRefusedFromMemory(t *testing.T) {
	for title, name := range map[string]func(int) string{
		"one account":   func(int) string { return "alice" },
		"many accounts": func(i int) string { return fmt.Sprint("name", i) },
	} {
		synctest.Test(t, func(t *testing.T) {
			s := &site{}
			config := login.DefaultConfig()
			config.MinFailureTime = 0
			config.Lockout.PerAddress = limit.Rate{Count: 20, Per: time.Hour}
			service, registry := newService(s, config)
			for i := range 21 {
				_ = try(t, service, name(i), "wrong", "192.0.2.1")
			}
			asked, taken := s.lookups, s.attempts.takes
			var last string
			for i := range 1000 {
				last = outcome(try(t, service, name(i), "right", "192.0.2.1"))
			}
			if s.lookups != asked || s.attempts.takes != taken || !strings.HasPrefix(last, "locked out for ") {
				t.Errorf("%s: %d lookups and %d takes more, last %s", title, s.lookups-asked, s.attempts.takes-taken, last)
			}
			if n := count(t, registry, "faveo_gateway_logins_total", "locked_out"); n < 1000 {
				t.Errorf("%s: metric counts %v, want all", title, n)
			}
			// Another address is another matter, and so is what an operator has cleared.
			if got := outcome(try(t, service, "alice", "right", "192.0.2.2")); got != "<nil>" {
				t.Errorf("%s: from another address: %s", title, got)
			}
			if _, err := s.attempts.Clear(t.Context(), login.LockoutGroup, func(limit.Lockout) bool { return true }); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
			if got := outcome(try(t, service, "alice", "right", "192.0.2.1")); got != "<nil>" {
				t.Errorf("%s: a second after it was cleared: %s", title, got)
			}
		})
	}
}

// TestRates: what is off does not count, and the account's comes from the
// configuration, else from Faveo, else from the default.
func TestRates(t *testing.T) {
	off, set := limit.Rate{Off: true}, limit.Rate{Count: 3, Per: time.Hour}
	site5 := func(context.Context) limit.Rate { return limit.Rate{Count: 5, Per: time.Hour} }
	none := func(context.Context) limit.Rate { return limit.Rate{} }
	for title, test := range map[string]struct {
		config login.LockoutConfig
		site   func(context.Context) limit.Rate
		want   int // Passwords that are tried from 40 addresses.
	}{
		"default":            {login.LockoutConfig{}, nil, 15},
		"nothing from Faveo": {login.LockoutConfig{}, none, 15},
		"Faveo's":            {login.LockoutConfig{}, site5, 5},
		"configured":         {login.LockoutConfig{PerAccount: set}, site5, 3},
		"off":                {login.LockoutConfig{PerAccount: off}, site5, 40},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := &site{perAccount: test.site}
			config := login.DefaultConfig()
			config.MinFailureTime = 0
			config.Lockout = test.config
			service, _ := newService(s, config)
			for i := range 40 {
				_ = try(t, service, "alice", "wrong", fmt.Sprintf("198.51.100.%d", i))
			}
			if s.hashes != test.want {
				t.Errorf("%s: %d passwords were tried, want %d", title, s.hashes, test.want)
			}
		})
	}
	s := &site{}
	config := login.DefaultConfig()
	config.MinFailureTime, config.Lockout = 0, unlimited()
	service, _ := newService(s, config)
	for range 100 {
		_ = try(t, service, "alice", "wrong", "192.0.2.1")
	}
	if s.hashes != 100 || s.attempts.takes != 0 {
		t.Errorf("all off: %d passwords tried, limits asked %d times, want 100, 0", s.hashes, s.attempts.takes)
	}
}

// TestEvents tells what happened, and nothing that was typed.
func TestEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &site{}
		service, _ := newService(s, login.DefaultConfig())
		from := identity.Client{Address: "192.0.2.1"}
		_ = try(t, service, "alice", "right", "192.0.2.1")
		for range 11 {
			_ = try(t, service, "alice", "S3cr3t", "192.0.2.1")
		}
		_ = try(t, service, "S3cr3t typed as a name", "x", "192.0.2.1")
		one := login.Event{Kind: login.KindLogin, Outcome: login.Refused, Reason: login.ReasonWrongPassword, UserID: 4, Client: from}
		success, lockout, locked, unknown := one, one, one, one
		success.Outcome, success.Reason, success.SessionID = login.Success, "", "session-1"
		lockout.Kind, lockout.Reason, lockout.Limit = login.KindLockout, "", limit.NamePair
		locked.Reason = login.ReasonLockedOutPair
		want := []login.Event{success}
		for range 10 {
			want = append(want, one)
		}
		unknown.Reason, unknown.UserID, unknown.NameDigest = login.ReasonUnknownName, 0, fmt.Sprintf("digest-%x", "s3cr3t typed as a name"[:20])
		want = append(want, lockout, locked, unknown)
		for i := range want {
			if s.events[i] != want[i] {
				t.Errorf("event %d is\n%+v\nwant\n%+v", i, s.events[i], want[i])
			}
		}
		if told := fmt.Sprintf("%+v", s.events); strings.Contains(told, "S3cr3t") {
			t.Errorf("the events show what was typed: %s", told)
		}
	})
}

// TestUnusableHashIsReportedSeldom: once a minute for each account, by its id.
func TestUnusableHashIsReportedSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &site{}
		config := login.DefaultConfig()
		config.MinFailureTime, config.Lockout = 0, unlimited()
		service, _ := newService(s, config)
		for i := range 50 {
			_ = try(t, service, "nullpw", "x", fmt.Sprintf("198.51.100.%d", i))
		}
		if n := strings.Count(s.log.String(), "user_id=6"); n != 1 {
			t.Errorf("reported %d times, want once", n)
		}
		time.Sleep(time.Minute)
		_ = try(t, service, "nullpw", "x", "198.51.100.1")
		if n := strings.Count(s.log.String(), "user_id=6"); n != 2 || strings.Contains(s.log.String(), "nullpw") {
			t.Errorf("a minute later reported %d times, want twice: %s", n, &s.log)
		}
	})
}
