package laravel_test

import (
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"faveo-gateway/upstream/laravel"
)

const form = "application/x-www-form-urlencoded"

// A name in disguise must never reach PHP as a name that nobody looked at.
func TestHiddenTokensInForms(t *testing.T) {
	for _, test := range []struct {
		name, query string
		want        laravel.Reason
	}{
		{"leading blank", "%20token=x", laravel.ReasonParameterName},
		{"leading plus", "+token=x", laravel.ReasonParameterName},
		{"NUL behind", "token%00x=y", laravel.ReasonParameterName},
		{"NUL in brackets", "token[%00]=y", laravel.ReasonParameterName},
		{"dot for underscore", "api.key=x", laravel.ReasonParameterName},
		{"blank for underscore", "api%20key=x", laravel.ReasonParameterName},
		{"plus for underscore", "api+key=x", laravel.ReasonParameterName},
		{"open bracket for underscore", "api[key=x", laravel.ReasonParameterName},
		{"text behind bracket", "token[a]b=x", laravel.ReasonParameterName},
		{"blank index", "token[%20]=x", laravel.ReasonParameterName},
		{"tab index", "token[%09]=x", laravel.ReasonParameterName},
		{"bracket in index", "token[[a]=x", laravel.ReasonParameterName},
		{"nested brackets", "token[a[b]]=x", laravel.ReasonParameterName},
		{"unclosed second bracket", "token[a][b=x", laravel.ReasonParameterName},
		{"no name", "=x", laravel.ReasonParameterName},
		{"only brackets", "[]=x", laravel.ReasonParameterName},
		{"bracket first", "[token]=x", laravel.ReasonParameterName},
		{"two different", "token=x&token=y", laravel.ReasonParameterConflict},
		{"second encoded", "token=x&t%6fken=y", laravel.ReasonParameterConflict},
		{"empty and full", "token=&token=y", laravel.ReasonParameterConflict},
		{"without and with value", "token&token=y", laravel.ReasonParameterConflict},
		{"text then list", "token=x&token[]=x", laravel.ReasonParameterConflict},
		{"list then text", "token[]=x&token=x", laravel.ReasonParameterConflict},
		{"deep text then list", "a[b]=x&a[b][]=x", laravel.ReasonParameterConflict},
		{"appended then same index", "a[]=x&a[0]=y", laravel.ReasonParameterConflict},
		{"append behind negative index", "a[-5]=x&a[]=y", laravel.ReasonParameterName},
		{"append behind largest index", "a[9223372036854775807]=x&a[]=y", laravel.ReasonParameterName},
		{"malformed escape in name", "t%6ken=x", laravel.ReasonParameterEncoding},
		{"malformed escape in value", "token=%", laravel.ReasonParameterEncoding},
		{"semicolon", "a=1;token=x", laravel.ReasonSeparator},
		{"second question mark", "?token=x", laravel.ReasonSeparator},
		{"too many", strings.Repeat("a=1&", 1001), laravel.ReasonParameterCount},
		{"too deep", "a" + strings.Repeat("[b]", 65) + "=1", laravel.ReasonParameterDepth},
	} {
		t.Run(test.name, func(t *testing.T) {
			if _, err := read(t, raw("GET", "/api/v1/x?"+test.query, "", "")); reason(err) != test.want {
				t.Errorf("query: %q, want %q", reason(err), test.want)
			}
			if test.want == laravel.ReasonSeparator {
				return // PHP never splits a body there.
			}
			for _, method := range []string{"POST", "PUT", "PATCH", "DELETE"} {
				if _, err := read(t, raw(method, "/api/v1/x", form, test.query)); reason(err) != test.want {
					t.Errorf("%s body: %q, want %q", method, reason(err), test.want)
				}
			}
		})
	}
	if _, err := read(t, raw("POST", "/api/v1/x", form, "a=1\x00&token=x")); reason(err) != laravel.ReasonParameterEncoding {
		t.Errorf("raw NUL: %q", reason(err))
	}
}

func TestHiddenTokensAreFound(t *testing.T) {
	for _, test := range []struct{ name, text string }{
		{"encoded letter", raw("GET", "/api/v1/x?t%6fken=hunter2", "", "")},
		{"all encoded", raw("GET", "/api/v1/x?%74%6F%6B%65%6E=%68unter2", "", "")},
		{"leading separators", raw("GET", "/api/v1/x?&&token=hunter2&&", "", "")},
		{"form", raw("POST", "/api/v1/x", form, "a=1&t%6fken=hunter2")},
		{"form on PUT", raw("PUT", "/api/v1/x", form, "a=1&t%6fken=hunter2")},
		{"JSON", raw("POST", "/api/v1/x", "application/json", `{"a":1,"token":"hunter2"}`)},
		{"JSON escaped name", raw("POST", "/api/v1/x", "application/json", `{"\u0074oken":"hunter2"}`)},
		{"JSON on GET", raw("GET", "/api/v1/x", "application/json", `{"token":"hunter2"}`)},
		{"JSON on DELETE", raw("DELETE", "/api/v1/x", "application/vnd.api+json", `{"token":"hunter2"}`)},
		{"multipart", raw("POST", "/api/v1/x", "multipart/form-data; boundary=X", multipart("a", "1", "token", "hunter2"))},
	} {
		t.Run(test.name, func(t *testing.T) {
			q := mustRead(t, test.text)
			taken := q.Take("token")
			if len(taken) != 1 {
				t.Fatalf("took %d values, want 1", len(taken))
			}
			if text, ok := taken[0].Text(); !ok || text != "hunter2" {
				t.Errorf("took %q, %v", text, ok)
			}
			out := rebuild(t, q)
			if sent := out.URL.RequestURI() + bodyOf(t, out); strings.Contains(sent, "oken") || strings.Contains(sent, "hunter") {
				t.Errorf("the token is still in %q", sent)
			}
		})
	}
}

func TestTakeCountsEveryOccurrence(t *testing.T) {
	q := mustRead(t, raw("POST", "/api/v1/x?token=T&token=T", "application/json", `{"token":"T","a":1}`))
	if taken := q.Take("token"); len(taken) != 3 {
		t.Errorf("took %d values, want 3", len(taken))
	}
	if _, found := q.Input("token"); found {
		t.Error("the token is still there")
	}
	q = mustRead(t, raw("GET", "/api/v1/x?token[]=T&token[]=U", "", ""))
	taken := q.Take("token")
	if len(taken) != 1 || taken[0].Kind() != laravel.KindArray {
		t.Errorf("a list of tokens is %v", taken)
	}
	q = mustRead(t, raw("POST", "/api/v1/x", "multipart/form-data; boundary=X",
		"--X\r\nContent-Disposition: form-data; name=\"token\"; filename=\"t\"\r\n\r\nT\r\n--X--\r\n"))
	taken = q.Take("token")
	if len(taken) != 1 || taken[0].Kind() != laravel.KindFile {
		t.Errorf("an uploaded token is %v", taken)
	}
	if out := rebuild(t, q); out.ContentLength != 0 {
		t.Errorf("%d bytes are left of an upload that was taken", out.ContentLength)
	}
}

func TestQueryAgainstBody(t *testing.T) {
	for _, test := range []struct {
		name, query, contentType, body string
		want                           laravel.Reason
	}{
		{"equal", "a=1", form, "a=1", ""},
		{"different", "ticket_id=1", form, "ticket_id=2", laravel.ReasonParameterConflict},
		{"text and number", "ticket_id=1", "application/json", `{"ticket_id":1}`, laravel.ReasonParameterConflict},
		{"text and text", "ticket_id=1", "application/json", `{"ticket_id":"1"}`, ""},
		{"null in JSON", "ticket_id=1", "application/json", `{"ticket_id":null}`, laravel.ReasonParameterConflict},
		{"text and list", "ticket_id=1", form, "ticket_id[]=1", laravel.ReasonParameterConflict},
		{"lists of different elements", "a[]=1", form, "a[]=2", laravel.ReasonParameterConflict},
		{"lists of different keys", "a[x]=1", form, "a[y]=1", laravel.ReasonParameterConflict},
		{"equal lists", "a[]=1&a[]=2", "application/json", `{"a":["1","2"]}`, ""},
		{"field and file", "a=1", "multipart/form-data; boundary=X", "--X\r\nContent-Disposition: form-data; name=\"a\"; filename=\"f\"\r\n\r\n1\r\n--X--\r\n", laravel.ReasonParameterConflict},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := read(t, raw("POST", "/api/v1/x?"+test.query, test.contentType, test.body))
			if reason(err) != test.want {
				t.Errorf("%q, want %q", reason(err), test.want)
			}
		})
	}
}

func TestInputMap(t *testing.T) {
	q := mustRead(t, raw("POST", "/api/v1/x?q=1&list[]=a&list[]=b&map[x]=y", "application/json",
		`{"i":1,"neg":-7,"big":9223372036854775808,"f":1.0,"e":1e3,"s":"t","t":true,"n":null,"l":[1,"2"],"o":{"k":1},"z":{},"num":{"0":"a","1":"b"}}`))
	want := map[string]any{
		"q": "1", "list": []any{"a", "b"}, "map": map[string]any{"x": "y"},
		"i": int64(1), "neg": int64(-7), "big": 9223372036854775808.0, "f": 1.0, "e": 1000.0, "s": "t", "t": true, "n": nil,
		"l": []any{int64(1), "2"}, "o": map[string]any{"k": int64(1)}, "z": []any{}, "num": []any{"a", "b"},
	}
	if got := q.InputMap(); !reflect.DeepEqual(got, want) {
		t.Errorf("got %#v\nwant %#v", got, want)
	}
}

func TestText(t *testing.T) {
	q := mustRead(t, raw("POST", "/api/v1/authenticate?password=p", "application/json", `{"username":0,"nobody":null}`))
	for _, test := range []struct {
		name, text    string
		found, isText bool
	}{{"password", "p", true, true}, {"nobody", "", true, false}, {"absent", "", false, false}} {
		text, found, isText := q.Text(test.name)
		if text != test.text || found != test.found || isText != test.isText {
			t.Errorf("Text(%q) = %q, %v, %v", test.name, text, found, isText)
		}
	}
	if _, found, isText := q.Text("username"); !found || isText {
		t.Errorf("a number is text: %v, %v", found, isText)
	}
}

func TestCanonicalQuery(t *testing.T) {
	for query, want := range map[string]string{
		"":                            "",
		"&":                           "",
		"a=1&b=2":                     "a=1&b=2",
		"a":                           "a=",
		"a=b=c":                       "a=b%3Dc",
		"a=x+y":                       "a=x%20y",
		"a=%c3%a9\xc3\xa9":            "a=%C3%A9%C3%A9",
		"a=1&a=1":                     "a=1",
		"a[]=1&a[]=2":                 "a%5B0%5D=1&a%5B1%5D=2",
		"a[x][]=1&b=2&a[x][]=3":       "a%5Bx%5D%5B0%5D=1&a%5Bx%5D%5B1%5D=3&b=2",
		"a[5]=1&a[]=2":                "a%5B5%5D=1&a%5B6%5D=2",
		"a[b.c+d]=1":                  "a%5Bb.c%20d%5D=1",
		"api_key=k&ip=null&page=2":    "api_key=k&ip=null&page=2",
		"a=%00%ff&b%5d=%26%3D%25%23+": "a=%00%FF&b%5D=%26%3D%25%23%20",
	} {
		q := mustRead(t, raw("GET", "/api/v1/x?"+query, "", ""))
		if got := rebuild(t, q).URL.RawQuery; got != want {
			t.Errorf("%q is sent as %q, want %q", query, got, want)
		}
	}
}

var forms = []string{
	"", "a=1", "a=1&b=2&a=1", "a[]=1&a[]=2&a[x]=3", "a[3]=x&a[]=y&a[-1]=z", "a[b][c]=1&a[b][d]=2", "a b=1", "a.b=1", "a[b.c]=1", " a=1", "a[=1", "a[b=1", "a[b]c=1",
	"a[ ]=1", "a[ b]=1", "a%00b=1", "a=%00", "a=%", "%61=%31", "a+b=c+d", "=1", "&&a=1&&", "a", "a==", "a[]", "a[0]=1&a[00]=2&a[-0]=3", "a]=1", "a]b=1", "0=x&1=y", "a=1;b=2",
	"a[9223372036854775807]=1", "a[9223372036854775808]=1", "a[-9223372036854775808]=1", "\xff=\xfe", "a[]=1&b[]=2&a[]=3", "a" + strings.Repeat("[x]", 64) + "=1",
}

// checkForm compares a body that is not refused, and what it is rebuilt into,
// with PHP's parse_str. It reports whether the body was accepted.
func checkForm(t *testing.T, o *oracle, body string) bool {
	t.Helper()
	q, err := read(t, raw("POST", "/api/v1/x", form, body))
	if err != nil {
		return false
	}
	got := showParams(&q.Body)
	if want := o.ask(t, "parse_str", body); got != want {
		t.Errorf("%q is read as %s, PHP %s", body, got, want)
	}
	sent := bodyOf(t, rebuild(t, q))
	if want := o.ask(t, "parse_str", sent); got != want {
		t.Errorf("%q is rebuilt as %q, which PHP reads as %s", body, sent, want)
	}
	return true
}

func TestFormsAreParseStr(t *testing.T) {
	o := newOracle(t)
	accepted := 0
	for _, body := range forms {
		if checkForm(t, o, body) {
			accepted++
		}
	}
	if accepted < 15 {
		t.Errorf("only %d forms were accepted: the test compares nothing", accepted)
	}
	var thousand strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&thousand, "n%d=%d&", i, i)
	}
	if !checkForm(t, o, thousand.String()) {
		t.Error("a thousand parameters are refused, PHP takes them")
	}
}

func FuzzQuery(f *testing.F) {
	for _, body := range forms {
		f.Add(body)
	}
	o := newOracle(f)
	f.Fuzz(func(t *testing.T, body string) {
		checkForm(t, o, body)
		// The query keeps the same rules, except for the separator.
		q, err := laravel.NewReader("", limits).Read(withTarget(http.MethodGet, "/api/v1/x?"+body))
		if err != nil {
			return
		}
		if got, want := showParams(&q.Query), o.ask(t, "parse_str", body); got != want {
			t.Errorf("query %q is read as %s, PHP %s", body, got, want)
		}
		sent := rebuild(t, q).URL.RawQuery
		if strings.ContainsAny(sent, "+; []") || o.ask(t, "parse_str", sent) != showParams(&q.Query) {
			t.Errorf("query %q is rebuilt as %q", body, sent)
		}
	})
}
