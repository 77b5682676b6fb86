package redisstore_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"faveo-gateway/gateway/redisstore"
	"faveo-gateway/gateway/session"
)

// FuzzRecord: what is read can be written and is then read as the same session, by
// the same bytes each time, or Replace would never find it.
func FuzzRecord(f *testing.F) {
	s := newSession(time.Unix(1_770_000_000, 0), 7)
	refreshed := s
	refreshed.Previous[0] = session.Superseded{TokenID: "old", Until: s.ExpiresAt, Successor: "sealed"}
	refreshed.Agent = "caf\xe9 <&>\u2028"
	inHurry := refreshed
	inHurry.Previous[1] = session.Superseded{TokenID: "older", Until: s.ExpiresAt, Successor: "sealed too"}
	inHurry.Adopted = true
	for _, seed := range []session.Session{s, refreshed, inHurry} {
		content, err := redisstore.Encode(seed)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content, seed.ID)
	}
	f.Fuzz(func(t *testing.T, content []byte, id string) {
		read, err := redisstore.Decode(content, 7, id)
		if err != nil {
			if read != (session.Session{}) {
				t.Errorf("%+v with the error %v", read, err)
			}
			return
		}
		first, err := redisstore.Encode(read)
		if err != nil {
			t.Fatal(err)
		}
		again, err := redisstore.Decode(first, 7, id)
		if err != nil || again != read {
			t.Errorf("%s is read as %+v, %v, want %+v", first, again, err, read)
		}
		if second, err := redisstore.Encode(again); err != nil || !bytes.Equal(first, second) {
			t.Errorf("written as %s and %s, %v", first, second, err)
		}
	})
}

// FuzzAnnouncement: what is understood is exactly what would have been published.
func FuzzAnnouncement(f *testing.F) {
	id := session.NewID()
	for _, text := range []string{"session 7 " + id, "user 7", "all", "keys", "key kid", "apikey Abcdefghij01", "apikey short", "user 07", "all ", "session 7  " + id} {
		f.Add("0 1 " + text)
		f.Add("1770000000000000 1770000000000001 " + text)
	}
	f.Fuzz(func(t *testing.T, payload string) {
		a, ok := redisstore.ReadAnnouncement(payload)
		if !ok {
			return
		}
		before, own := a.Epochs()
		if text := fmt.Sprintf("%d %d %s", before, own, a.Text()); text != payload {
			t.Errorf("%q is read as %q", payload, text)
		}
		if before < 0 || own <= before {
			t.Errorf("%q has the epochs %d and %d", payload, before, own)
		}
	})
}
