package standin_test

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"faveo-gateway/upstream/standin"
)

// exceptions are the recordings that the stand-in does not answer alike, and why.
var exceptions = map[string]string{
	"database-down-check-url": "the stand-in has no database that could be down",
	"database-down-helpdesk":  "the stand-in has no database that could be down",
}

// callers are the suffixes of the recordings and who calls in the data set of the stand-in.
var callers = []struct{ suffix, sub string }{
	{"-none", ""},
	{"-admin", "1"},
	{"-agent-support", "2"},
	{"-user", "3"},
}

// people are the addresses of the recordings and the nearest relatives in the data set; user_id=3 is an agent there.
var people = strings.NewReplacer(
	"alice@", "democlient@", "alice%40", "democlient%40", "bob@", "helperclient@", "sam@", "demoagent@",
	"user_id=3", "user_id=7",
)

func TestRoutesAnswerAsRecorded(t *testing.T) {
	for _, rec := range recordings(t, "routes/*.json") {
		t.Run(rec.Name, func(t *testing.T) {
			if why, found := exceptions[rec.Name]; found {
				t.Skip(why)
			}
			replay(t, rec)
		})
	}
}

func TestExceptionsAreRecordings(t *testing.T) {
	for name := range exceptions {
		recordings(t, "routes/"+name+".json")
	}
}

// replay sends the recorded request with a token of the same role and compares status, content type and shape.
func replay(t *testing.T, rec recording) {
	t.Helper()
	at := time.Unix(rec.Time, 0)
	f := standin.New(standin.Options{Secret: secret, Now: func() time.Time { return at }})
	rec.Request.Query = people.Replace(rec.Request.Query)
	rec.Request.Body = people.Replace(rec.Request.Body)
	r := rec.request()
	r.Header.Del("Authorization")
	if sub := caller(rec.Name); sub != "" {
		r.Header.Set("Authorization", "Bearer "+sign(t, secret, map[string]any{"typ": "JWT", "alg": "HS256"}, claims(sub, at)))
	}
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	if w.Code != rec.Response.Status {
		t.Fatalf("status %d, want %d: %s", w.Code, rec.Response.Status, w.Body)
	}
	if got, want := w.Header().Get("Content-Type"), rec.Response.Headers["Content-Type"][0]; got != want {
		t.Errorf("content type %q, want %q", got, want)
	}
	if v := f.Violations(); len(v) > 0 {
		t.Errorf("violations %v, want none", v)
	}
	if !strings.HasPrefix(rec.Response.Body, "<") && rec.Response.Truncated == nil {
		sameShape(t, "body", parse(t, rec.Response.Body), parse(t, w.Body.String()))
	}
}

func caller(name string) string {
	for _, c := range callers {
		if strings.HasSuffix(name, c.suffix) {
			return c.sub
		}
	}
	return "1" // the recordings named error-…
}

// node is a JSON value that remembers the order of its keys.
type node struct {
	kind  string // "{", "[", "text", "number", "bool", "null"
	keys  []string
	nodes []node
}

func parse(t *testing.T, text string) node {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	n, err := parseNode(d)
	if err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return n
}

func parseNode(d *json.Decoder) (node, error) {
	token, err := d.Token()
	if err != nil {
		return node{}, err
	}
	delim, isDelim := token.(json.Delim)
	if !isDelim {
		kinds := map[string]string{"string": "text", "float64": "number", "bool": "bool", "<nil>": "null"}
		return node{kind: kinds[fmt.Sprintf("%T", token)]}, nil
	}
	n := node{kind: delim.String()}
	for d.More() {
		if n.kind == "{" {
			key, err := d.Token()
			if err != nil {
				return node{}, err
			}
			n.keys = append(n.keys, key.(string))
		}
		child, err := parseNode(d)
		if err != nil {
			return node{}, err
		}
		n.nodes = append(n.nodes, child)
	}
	_, err = d.Token()
	return n, err
}

// sameShape compares kinds and keys, in order, down to the first element of lists. Null may stand for any plain value.
func sameShape(t *testing.T, path string, want, got node) {
	t.Helper()
	if want.kind != got.kind {
		if want.kind != "null" && got.kind != "null" {
			t.Errorf("%s is %s, want %s", path, got.kind, want.kind)
		}
		return
	}
	if !slices.Equal(want.keys, got.keys) {
		t.Errorf("%s has keys\n%v, want\n%v", path, got.keys, want.keys)
		return
	}
	switch want.kind {
	case "{":
		for i, key := range want.keys {
			sameShape(t, path+"."+key, want.nodes[i], got.nodes[i])
		}
	case "[":
		if len(want.nodes) > 0 && len(got.nodes) > 0 {
			sameShape(t, path+"[0]", want.nodes[0], got.nodes[0])
		}
	}
}
