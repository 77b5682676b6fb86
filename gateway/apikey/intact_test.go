package apikey_test

import (
	"bytes"
	"errors"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"faveo-gateway/gateway/apikey"
	"faveo-gateway/gateway/limit"
)

// alterations are what somebody can do to the record of a key who can write to the
// database: each would make it good for more, or for longer.
func alterations(other apikey.Record) map[string]func(*apikey.Record) {
	return map[string]func(*apikey.Record){
		"the user":            func(r *apikey.Record) { r.UserID = 1 },
		"the scopes":          func(r *apikey.Record) { r.Scopes = []string{"admin"} },
		"one more scope":      func(r *apikey.Record) { r.Scopes = append(r.Scopes, "admin") },
		"the networks":        func(r *apikey.Record) { r.Networks = nil },
		"another network":     func(r *apikey.Record) { r.Networks[0] = netip.MustParsePrefix("0.0.0.0/0") },
		"the rate":            func(r *apikey.Record) { r.Rate = limit.Rate{} },
		"the expiry":          func(r *apikey.Record) { r.ExpiresAt = time.Time{} },
		"the revocation":      func(r *apikey.Record) { r.RevokedAt = time.Time{} },
		"its beginning":       func(r *apikey.Record) { r.CreatedAt = r.CreatedAt.Add(time.Second) },
		"the name":            func(r *apikey.Record) { r.Name = "another" },
		"the version":         func(r *apikey.Record) { r.Version++ },
		"the old secret":      func(r *apikey.Record) { r.Secrets[1].ExpiresAt = time.Time{} },
		"the secrets' order":  func(r *apikey.Record) { r.Secrets[0], r.Secrets[1] = r.Secrets[1], r.Secrets[0] },
		"a secret of another": func(r *apikey.Record) { r.Secrets[1].Digest = other.Secrets[0].Digest },
		"no MAC":              func(r *apikey.Record) { r.MAC = [32]byte{} },
		"the MAC of another":  func(r *apikey.Record) { r.MAC = other.MAC },
		"all of another":      func(r *apikey.Record) { id := r.ID; *r = other; r.ID = id },
	}
}

// TestAlteredRecord: who writes the database and holds a key, a revoked one too, is let in
// by nothing that he does to its record. It is a fault, which the log names once a minute.
func TestAlteredRecord(t *testing.T) {
	w := newWorld(t)
	wished := wish()
	wished.UserID, wished.Rate, wished.ExpiresAt = 7, limit.Rate{Count: 1, Per: time.Minute}, w.clock.Now().Add(time.Hour)
	wished.Networks = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	other, _ := w.create(t, wished)
	for name, change := range alterations(other) {
		t.Run(name, func(t *testing.T) {
			r, old := w.create(t, wished)
			_, newer := w.rotate(t, r.ID, time.Hour)
			w.revoke(t, r.ID)
			w.store.Tamper(r.ID, change)
			w.clock.Advance(apikey.Staleness)
			var log bytes.Buffer
			o := w.options(t)
			o.Log, o.Registerer = slog.New(slog.NewTextHandler(&log, nil)), nil
			d := apikey.NewDoor(o)
			for range 3 {
				for _, text := range []string{old, newer} {
					wantRefused(t, d, text, apikey.ErrUnavailable)
				}
			}
			if n := strings.Count(log.String(), r.ID); n != 1 || !strings.Contains(log.String(), "level=ERROR") {
				t.Errorf("the log has it %d times: %s", n, log.String())
			}
			w.clock.Advance(time.Minute)
			wantRefused(t, d, newer, apikey.ErrUnavailable)
			if n := strings.Count(log.String(), r.ID); n != 2 {
				t.Errorf("a minute later the log has it %d times", n)
			}
			if strings.Contains(log.String(), newer[17:60]) {
				t.Error("the log has the secret")
			}
		})
	}
}

// TestKeeperOfAlteredRecords shows them for what they are, beside all others, gives them no
// new secret, and ends them.
func TestKeeperOfAlteredRecords(t *testing.T) {
	w := newWorld(t)
	good, text := w.create(t, wish())
	r, _ := w.create(t, wish())
	for name, change := range map[string]func(*apikey.Record){
		"wider":   func(r *apikey.Record) { r.UserID = 1 },
		"revoked": func(r *apikey.Record) { r.RevokedAt = w.clock.Now().UTC().Truncate(time.Second) },
	} {
		t.Run(name, func(t *testing.T) {
			r, text := w.create(t, wish())
			w.store.Tamper(r.ID, change)
			found, err := w.Find(t.Context(), r.ID)
			if err != nil || w.Intact(found) {
				t.Errorf("Find = %+v, %v, intact %v", found, err, w.Intact(found))
			}
			if _, made, err := w.Rotate(t.Context(), r.ID, time.Hour); !errors.Is(err, apikey.ErrUnavailable) || made != "" {
				t.Errorf("Rotate = %q, %v, want ErrUnavailable", made, err)
			}
			w.revoke(t, r.ID)
			wantRefused(t, w.Door, text, apikey.ErrRevoked)
			if found, err = w.Find(t.Context(), r.ID); err != nil || !w.Intact(found) {
				t.Errorf("after its end: Find = %+v, %v", found, err)
			}
		})
	}
	w.store.Tamper(r.ID, func(r *apikey.Record) { *r = apikey.Record{ID: r.ID} }) // As of one that cannot be read.
	list, err := w.List(t.Context())
	if err != nil || len(list) != 4 {
		t.Errorf("List = %+v, %v", list, err)
	}
	for _, listed := range list {
		if intact := w.Intact(listed); intact == (listed.ID == r.ID) {
			t.Errorf("%s is intact: %v", listed.ID, intact)
		}
	}
	wantKey(t, w.Door, text, good)
}

// TestNoSecretUnderAnotherPepper: nobody can tell whether such a record is as it was
// written, so a rotation would make good what somebody has made of it.
func TestNoSecretUnderAnotherPepper(t *testing.T) {
	w := newWorld(t)
	r, text := w.create(t, wish())
	w.store.Tamper(r.ID, func(r *apikey.Record) { r.UserID, r.Secrets[0].Pepper = 1, "00000000" })
	wantRefused(t, w.Door, text, apikey.ErrInvalid)
	if _, made, err := w.Rotate(t.Context(), r.ID, time.Hour); !errors.Is(err, apikey.ErrInvalid) || made != "" {
		t.Errorf("Rotate = %q, %v, want ErrInvalid", made, err)
	}
	w.revoke(t, r.ID)
	w.store.Tamper(r.ID, func(stored *apikey.Record) { stored.Secrets = r.Secrets })
	wantRefused(t, w.Door, text, apikey.ErrUnavailable)
}
