package admin_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// FuzzBody takes only bodies that every reader of JSON reads in the same way, and
// reads them so.
func FuzzBody(f *testing.F) {
	for _, seed := range []string{
		``, `{}`, ` {"algorithm" : "EdDSA"}`, `{"algorithm":"a","algorithm":"b"}`, `{"Algorithm":"a"}`, `{"algorithm":null}`, `{"algorithm":"\ud800"}`,
		`{"algorithm":"a",}`, `{}{}`, `[]`, `null`, `{"algorithm":{"a":"b"}}`, `{"algorithm":"a"`, "\ufeff{}", `{"\u0061lgorithm":"a"}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d := newDesk()
		w := d.send("POST", "/admin/v1/keys/rotate", body("application/json", text))
		if w.Code != 202 {
			if w.Code != 400 && w.Code != 413 || len(d.fake.calls) > 0 {
				t.Errorf("%q: %d %s, called %v", text, w.Code, w.Body, d.fake.calls)
			}
			return
		}
		var want map[string]string
		if err := json.Unmarshal([]byte(text), &want); err != nil && text != "" {
			t.Fatalf("%q is taken, but is no object of texts: %v", text, err)
		}
		algorithm, given := want["algorithm"]
		if len(want) > 1 || (len(want) == 1 && !given) || !slices.Equal(d.fake.calls, []string{fmt.Sprintf("rotate %q", algorithm)}) {
			t.Errorf("%q: called %v, want %v", text, d.fake.calls, want)
		}
	})
}

// FuzzEnding never ends more than was asked for in so many words.
func FuzzEnding(f *testing.F) {
	for _, seed := range []string{
		"all=true", "user=7", "user=7&all=true", "all=true&all=true", "all", "user=0", "user=07", "user=%37", "all=true;", "all=true&x", "%61ll=true", "all=TRUE", "&all=true&",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, query string) {
		d := newDesk()
		d.send("DELETE", "http://localhost/admin/v1/sessions", func(r *http.Request) { r.URL.RawQuery = query })
		for _, call := range d.fake.calls {
			asked, err := url.ParseQuery(query)
			if err != nil {
				t.Fatalf("%q: called %v", query, d.fake.calls)
			}
			want := url.Values{"all": {"true"}}
			if call != "end all" {
				want = url.Values{"user": {call[len("end user "):]}}
			}
			if !reflect.DeepEqual(asked, want) {
				t.Errorf("%q: called %v", query, d.fake.calls)
			}
		}
	})
}

// FuzzClearing never ends more lockouts than was asked for in so many words.
func FuzzClearing(f *testing.F) {
	for _, seed := range []string{
		"all=true", "user=7", "address=192.0.2.7", "address=2001:db8::/64", "address=::ffff:192.0.2.7", "address=::/0", "address=fe80::1%25x", "user=7&address=192.0.2.7",
		"address=192.0.2.7&all=true", "address=", "address", "address=192.0.2.7;", "address=192.0.2.07", "address=%31", "all=true&address=", "user=0&all=true",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, query string) {
		d := newDesk()
		d.send("DELETE", "http://localhost/admin/v1/lockouts", func(r *http.Request) { r.URL.RawQuery = query })
		for _, call := range d.fake.calls {
			asked, err := url.ParseQuery(query)
			if err != nil {
				t.Fatalf("%q: called %v", query, d.fake.calls)
			}
			want := url.Values{"all": {"true"}}
			if words := strings.Fields(call); len(words) == 3 {
				want = url.Values{words[1]: {words[2]}}
			}
			if !reflect.DeepEqual(asked, want) {
				t.Errorf("%q: called %v", query, d.fake.calls)
			}
		}
	})
}

// FuzzWish makes exactly the API key that the body asks for, or none: what is not
// understood must not widen it.
func FuzzWish(f *testing.F) {
	for _, seed := range []string{
		`{"name":"x","scopes":"staff"}`, `{"name":"x","scopes":"staff","networks":"192.0.2.0/24"}`, `{"name":"x","scopes":"staff","networks":""}`,
		`{"name":"x","scopes":"staff","Networks":"192.0.2.0/24"}`, `{"name":"x","scopes":"staff","user":"07"}`, `{"name":"x","scopes":"staff","user":"7","user":"8"}`,
		`{"name":"x","scopes":"staff","expires":null}`, `{"name":"\u0000","scopes":"\ud800"}`, `{"name":"x","scopes":"staff","rate":"600/1m","expires":"720h"}`, `{"name":""}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d := newDesk()
		w := d.send("POST", "/admin/v1/apikeys", body("application/json", text))
		if w.Code != 201 {
			if w.Code != 400 && w.Code != 413 || len(d.fake.calls) > 0 {
				t.Errorf("%q: %d %s, called %v", text, w.Code, w.Body, d.fake.calls)
			}
			return
		}
		var want map[string]string
		if err := json.Unmarshal([]byte(text), &want); err != nil {
			t.Fatalf("%q is taken, but is no object of texts: %v", text, err)
		}
		user := want["user"]
		if _, given := want["user"]; !given {
			user = "0"
		}
		call := fmt.Sprintf("create %q %s %q %q %q %q", want["name"], user, want["scopes"], want["networks"], want["rate"], want["expires"])
		for _, member := range []string{"name", "user", "scopes", "networks", "rate", "expires"} {
			if value, given := want[member]; given && value == "" {
				t.Errorf("%q: an empty %s is taken", text, member)
			}
			delete(want, member)
		}
		if len(want) > 0 || !slices.Equal(d.fake.calls, []string{call}) {
			t.Errorf("%q: called %v, want %s; unknown is %v", text, d.fake.calls, call, want)
		}
	})
}
