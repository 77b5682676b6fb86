package apikey_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"faveo-gateway/gateway/apikey"
)

// The tests of this file are attacks.

// TestStolenStoresGiveNoKey: whoever has read the state database and Redis tries all that
// he has found there, in every form in which it fits into a key.
func TestStolenStoresGiveNoKey(t *testing.T) {
	w := newWorld(t)
	w.settings.set(apikey.Installation{Enabled: true, Mandatory: true, Key: "the installation's own key"}, nil)
	r, text := w.create(t, wish())
	wantKey(t, w.Door, text, r)
	wantPassed(t, w.Door, "the installation's own key")
	r, newer := w.rotate(t, r.ID, time.Hour)
	wantKey(t, w.Door, newer, r)

	var loot [][]byte
	records, err := w.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records {
		for _, s := range r.Secrets {
			loot = append(loot, s.Digest[:], []byte(s.Pepper))
		}
	}
	if len(loot) != 4 {
		t.Fatalf("%d things were stolen from the database", len(loot))
	}
	values := w.cache.Values()
	if len(values) != 2 {
		t.Fatalf("Redis has %d values, want the key's and the installation's", len(values))
	}
	for _, value := range values {
		for n := range value {
			loot = append(loot, value[n:])
		}
	}
	for _, found := range loot {
		for _, secret := range []string{text[17:60], newer[17:60], "installation's"} {
			if bytes.Contains(found, []byte(secret)) || bytes.Contains(found, []byte(hex.EncodeToString([]byte(secret)))) {
				t.Fatalf("a secret is stored: %q", found)
			}
		}
		for _, form := range []string{
			string(found), hex.EncodeToString(found), strings.ToUpper(hex.EncodeToString(found)),
			base64.StdEncoding.EncodeToString(found), base64.RawURLEncoding.EncodeToString(found),
		} {
			wantRefused(t, w.Door, form, apikey.ErrWrongKey)
			secret := (form + strings.Repeat("0", 43))[:43]
			wantRefused(t, w.Door, forged(r.ID, secret), apikey.ErrInvalid)
		}
	}
}

// TestRevivedRecord: after a key was revoked somebody who can write to Redis puts back
// what was there before.
func TestRevivedRecord(t *testing.T) {
	w := newWorld(t)
	r, text := w.create(t, wish())
	unheard := w.replica(t) // Its news are held back, too.
	wantKey(t, w.Door, text, r)
	name, before := "key-"+r.ID, w.cache.Values()["key-"+r.ID]
	if len(before) == 0 {
		t.Fatal("the record is not in the Cache")
	}
	w.clock.Advance(time.Second)
	w.revoke(t, r.ID)
	// Who has heard of it never believes it again.
	for range 100 {
		w.cache.Tamper(name, before)
		wantRefused(t, w.Door, text, apikey.ErrRevoked)
		w.clock.Advance(250 * time.Millisecond)
	}
	// Who has not believes it for half a minute after it was read, and no longer.
	w.cache.Tamper(name, before)
	wantKey(t, unheard, text, r)
	w.clock.Advance(4*time.Second + 1)
	for range 100 {
		w.cache.Tamper(name, before)
		wantRefused(t, unheard, text, apikey.ErrRevoked)
		w.clock.Advance(time.Second)
	}
}

// TestLowerVersionNeverReturns: a replica whose read was slow offers the key to the others
// after it was revoked.
func TestLowerVersionNeverReturns(t *testing.T) {
	w := newWorld(t)
	r, text := w.create(t, wish())
	wantKey(t, w.Door, text, r)
	before := w.cache.Values()["key-"+r.ID]
	w.clock.Advance(time.Millisecond)
	w.revoke(t, r.ID)
	if err := w.cache.Put(t.Context(), "key-"+r.ID, 1, before, time.Minute); err != nil {
		t.Fatal(err)
	}
	for range 30 {
		wantRefused(t, w.replica(t), text, apikey.ErrRevoked)
		w.clock.Advance(time.Second)
	}
}

// TestTamperedRecord: what was altered, moved or made up in Redis is not believed.
func TestTamperedRecord(t *testing.T) {
	w := newWorld(t)
	r, text := w.create(t, wish())
	other, otherText := w.create(t, wish())
	wantKey(t, w.Door, text, r)
	wantKey(t, w.Door, otherText, other)
	wantPassed(t, w.Door, "")
	values := w.cache.Values()
	good, others, installation := values["key-"+r.ID], values["key-"+other.ID], values["faveo-installation"]
	if len(good) == 0 || len(others) == 0 || len(installation) == 0 {
		t.Fatalf("the Cache has %q", values)
	}
	forgeries := map[string][]byte{
		"empty": {}, "one byte": {1}, "another version": append([]byte{2}, good[1:]...), "cut": good[:len(good)-1],
		"longer": append(bytes.Clone(good), 0), "another key's": others, "the installation's": installation,
		"plain text": []byte(`{"read":9999999999999999,"document":{"id":"` + r.ID + `"}}`),
	}
	for i := range good {
		changed := bytes.Clone(good)
		changed[i] ^= 1
		forgeries[fmt.Sprintf("bit of byte %d", i)] = changed
	}
	for name, content := range forgeries {
		w.cache.Tamper("key-"+r.ID, content)
		d := w.replica(t)
		if calls := w.calls(func() { wantKey(t, d, text, r) }); calls != 1 {
			t.Errorf("%s: the store was asked %d times, want once", name, calls)
		}
		wantRefused(t, d, forged(r.ID, otherText[17:60]), apikey.ErrInvalid)
	}
	// Settings that were moved, too.
	w.settings.set(apikey.Installation{Enabled: true, Mandatory: true, Key: "k"}, nil)
	w.cache.Tamper("faveo-installation", good)
	wantRefused(t, w.replica(t), "", apikey.ErrWrongKey)
}

// TestRecordFromTheFuture: a replica whose clock is ahead has read it, or says so.
func TestRecordFromTheFuture(t *testing.T) {
	w := newWorld(t)
	r, text := w.create(t, wish())
	w.clock.Advance(time.Hour)
	wantKey(t, w.replica(t), text, r)
	w.clock.Advance(-time.Hour)
	if calls := w.calls(func() { wantKey(t, w.replica(t), text, r) }); calls != 1 {
		t.Errorf("the store was asked %d times, want once", calls)
	}
}

// TestFloodOfNews makes a replica ask, and never believe an older record.
func TestFloodOfNews(t *testing.T) {
	w := newWorld(t)
	r, text := w.create(t, wish())
	wantKey(t, w.Door, text, r)
	before := w.cache.Values()["key-"+r.ID]
	w.clock.Advance(time.Second)
	w.revoke(t, r.ID)
	for i := range 5000 {
		w.Drop(fmt.Sprintf("flood%07d", i))
	}
	w.cache.Tamper("key-"+r.ID, before)
	wantRefused(t, w.Door, text, apikey.ErrRevoked)
}
