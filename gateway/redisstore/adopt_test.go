package redisstore_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"faveo-gateway/gateway/redisstore"
	"faveo-gateway/gateway/session"
	"faveo-gateway/gateway/storetest/service"
)

// TestEmptiedRedisAdoptsNothingFromBefore: what had ended is forgotten, so nobody gets in
// with a token of Faveo's from before, ended or not.
func TestEmptiedRedisAdoptsNothingFromBefore(t *testing.T) {
	address := service.Redis(t)
	client, store := dial(t, address), open(t, redisstore.Options{URL: "redis://" + address})
	begin(t, store)
	ended, live, unseen := adopt(t, store, adoptable(time.Now(), 7)), adopt(t, store, adoptable(time.Now(), 7)), adoptable(time.Now(), 8)
	if err := store.Delete(t.Context(), 7, ended.ID); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := client.FlushAll(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		emptied := time.Now()
		for name, s := range map[string]session.Session{"ended": ended, "live": live, "never shown": unseen} {
			for range 2 { // That it was emptied is noticed by the first only.
				wantNotAdopted(t, "of a token that was "+name, store, s, s.CreatedAt.Add(-time.Minute))
				wantNotAdopted(t, "of one of the second in which it was emptied", store, s, emptied)
			}
		}
		later := adoptable(time.Now(), 7)
		if _, err := store.Adopt(t.Context(), later, time.Now().Add(2*time.Second), 10); err != nil {
			t.Errorf("Adopt of a token from afterwards: %v", err)
		}
		if got, err := store.Find(t.Context(), 7, later.ID); err != nil || got != later {
			t.Errorf("Find = %+v, %v, want %+v", got, err, later)
		}
	}
}

// TestAdoptionThatNeverBegan is an installation from before there was a marker.
func TestAdoptionThatNeverBegan(t *testing.T) {
	store, _, clock := openMini(t)
	s := adoptable(clock.Now(), 7)
	wantNotAdopted(t, "of a token from before", store, s, clock.Now())
	if _, err := store.Adopt(t.Context(), s, clock.Now().Add(time.Second), 10); err != nil {
		t.Errorf("Adopt of a token from afterwards: %v", err)
	}
}

// TestMarkerLivesWhileTokensAreAdopted, or refused.
func TestMarkerLivesWhileTokensAreAdopted(t *testing.T) {
	store, server, clock := openMini(t)
	begin(t, store)
	dead := session.NewID()
	if err := store.Bar(t.Context(), 7, dead, clock.Now().Add(365*24*time.Hour)); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		pass(server, clock, 20*24*time.Hour)
		adopt(t, store, adoptable(clock.Now(), 7))
		pass(server, clock, 20*24*time.Hour)
		s := adoptable(clock.Now(), 7)
		s.ID = dead
		wantNotAdopted(t, "of what was barred", store, s, clock.Now())
	}
	pass(server, clock, 32*24*time.Hour)
	wantNotAdopted(t, "after a month without any", store, adoptable(clock.Now(), 7), clock.Now())
}

// TestEndOfAllDuringAnAdoption comes after the adoption has asked for it, and before it
// stores the session.
func TestEndOfAllDuringAnAdoption(t *testing.T) {
	for name, end := range map[string]func(t *testing.T, address string){
		"everything": func(t *testing.T, address string) {
			if _, err := open(t, redisstore.Options{URL: "redis://" + address}).DeleteEverything(t.Context()); err != nil {
				t.Fatal(err)
			}
		},
		"Redis is emptied": func(t *testing.T, address string) {
			if err := dial(t, address).FlushAll(t.Context()).Err(); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			address := service.Redis(t)
			asked := 0
			store := open(t, redisstore.Options{
				URL: "redis://" + address,
				Observe: func(_ context.Context, operation string, _ time.Duration, _ error) {
					if operation == "session_adoptable" {
						if asked++; asked == 1 {
							end(t, address)
						}
					}
				},
			})
			begin(t, store)
			wantNotAdopted(t, "meanwhile", store, adoptable(time.Now(), 7), time.Now().Add(-time.Minute))
			if asked != 2 {
				t.Errorf("it was asked for %d times, want twice", asked)
			}
		})
	}
}

// TestEndByAClockThatIsAhead: a replica reckons the life of a session too short, and with
// it that of its tombstone. The hour makes up for it.
func TestEndByAClockThatIsAhead(t *testing.T) {
	store, server, clock := openMini(t)
	begin(t, store)
	ahead := open(t, redisstore.Options{
		URL: "redis://" + server.Addr(), Now: func() time.Time { return clock.Now().Add(45 * time.Minute) },
	})
	ended, barred := adoptable(clock.Now(), 7), adoptable(clock.Now(), 7)
	if _, err := ahead.Adopt(t.Context(), ended, clock.Now(), 10); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(ahead.Delete(t.Context(), 7, ended.ID), ahead.Bar(t.Context(), 7, barred.ID, barred.ExpiresAt)); err != nil {
		t.Fatal(err)
	}
	pass(server, clock, time.Hour-time.Second)
	wantNotAdopted(t, "a second before the token expires", store, ended, ended.CreatedAt)
	wantNotAdopted(t, "a second before the token expires", store, barred, barred.CreatedAt)
}
