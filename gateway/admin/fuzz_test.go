package admin_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"
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
