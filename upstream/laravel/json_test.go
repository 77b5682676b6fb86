package laravel_test

import (
	"strings"
	"testing"

	"faveo-gateway/upstream/laravel"
)

var documents = []string{
	"", "{}", `{"a":1}`, ` {"a" : [ 1 , 2 ] } `, `{"a":{"b":{"c":null}}}`, "[]", "[1]", "1", "null", `"x"`, "true", `{"a":1,}`, `{"a":01}`, `{"a":1.}`, `{"a":.5}`, `{"a":+1}`, `{"a":-}`,
	`{"a":-0}`, `{"a":-0.0}`, `{"a":1e400}`, `{"a":1E+2}`, `{"a":9223372036854775807}`, `{"a":9223372036854775808}`, `{"a":-9223372036854775808}`, `{"a":TRUE}`, `{"a":nul}`, `{'a':1}`, `{a:1}`,
	"\ufeff{\"a\":1}", "{\"a\":\"\\ud83d\\ude00\"}", `{"a":"\ud83d"}`, `{"a":"\ude00"}`, `{"a":"\ud83d\u0041"}`, `{"a":"\u0000"}`, `{"\u0000a":1}`, `{"":1}`, `{"a":"\x"}`, "{\"a\":\"\t\"}", "{\"a\":\"\x7f\"}",
	"{\"a\":\"\xff\"}", "{\"a\":\"\xed\xa0\x80\"}", "{\"\xc0\xaf\":1}", `{"a":1} x`, `{"a":1}{"b":2}`, "{\"a\":1}\x00", "\v{}", `{"a":1,"a":1}`, `{"a":1,"\u0061":2}`, `{"0":1,"1":2}`, `{"a.b":1,"c d":2,"e[f]":3}`,
	`{"a":"\/\b\f\n\r\t\"\\"}`, "/**/{}", "{\"a\":\"\u2028\"}", `{"a":[[[]]],"b":[{}]}`, `{"a":{"a":1},"b":{"a":1}}`, `{"a":NaN}`, `{"a":0x1}`,
	`{"a":` + strings.Repeat("[", 510) + strings.Repeat("]", 510) + `}`, `{"a":` + strings.Repeat("[", 511) + strings.Repeat("]", 511) + `}`,
}

// checkJSON compares a body that is not refused, and what it is rebuilt into,
// with PHP's json_decode.
func checkJSON(t *testing.T, o *oracle, body string) bool {
	t.Helper()
	q, err := read(t, raw("POST", "/api/v1/x", "application/json", body))
	if err != nil {
		return false
	}
	got := showParams(&q.Body)
	if want := o.ask(t, "json", body); got != want {
		t.Errorf("%q is read as %s, PHP %s", body, got, want)
	}
	sent := bodyOf(t, rebuild(t, q))
	if want := o.ask(t, "json", sent); got != want {
		t.Errorf("%q is rebuilt as %q, which PHP reads as %s", body, sent, want)
	}
	return true
}

func TestDocumentsAreJSONDecode(t *testing.T) {
	o := newOracle(t)
	accepted := 0
	for _, body := range documents {
		if checkJSON(t, o, body) {
			accepted++
		}
	}
	if accepted < 40 {
		t.Errorf("only %d documents were accepted: the test compares nothing", accepted)
	}
}

func FuzzJSON(f *testing.F) {
	for _, body := range documents {
		f.Add(body)
	}
	o := newOracle(f)
	f.Fuzz(func(t *testing.T, body string) { checkJSON(t, o, body) })
}

func TestJSONThatIsRefused(t *testing.T) {
	for _, test := range []struct {
		name, body string
		want       laravel.Reason
	}{
		{"token twice", `{"token":"a","token":"b"}`, laravel.ReasonJSONName},
		{"token twice, equal", `{"token":"a","token":"a"}`, laravel.ReasonJSONName},
		{"token twice, one escaped", `{"token":"a","t\u006fken":"b"}`, laravel.ReasonJSONName},
		{"twice in depth", `{"a":[{"x":1,"x":2}]}`, laravel.ReasonJSONName},
		{"NUL in name", `{"token\u0000":"a"}`, laravel.ReasonJSONName},
		{"too many values", `{"a":[` + strings.Repeat("1,", 10_000) + `1]}`, laravel.ReasonParameterCount},
	} {
		t.Run(test.name, func(t *testing.T) {
			if _, err := read(t, raw("POST", "/api/v1/x", "application/json", test.body)); reason(err) != test.want {
				t.Errorf("%q, want %q", reason(err), test.want)
			}
		})
	}
}

// Bytes that PHP does not parse are never sent: another PHP might parse them.
func TestJSONThatCountsAsEmptyIsNotSent(t *testing.T) {
	for _, body := range []string{
		`{"token":"a"`, `{"token":"a"}x`, "\ufeff" + `{"token":"a"}`, `["token"]`, `"token"`, "token=a", `{"token":'a'}`, "{\"token\":\"\xff\"}", `[{"token":"a","token":"b"}]`,
	} {
		q := mustRead(t, raw("POST", "/api/v1/x?page=1", "application/json", body))
		if q.Body.Len() != 0 {
			t.Errorf("%q has parameters", body)
		}
		out := rebuild(t, q)
		if sent := bodyOf(t, out); sent != "" || out.Header.Get("Content-Type") != "" {
			t.Errorf("%q is sent as %q", body, sent)
		}
		if page, _, _ := q.Text("page"); page != "1" {
			t.Errorf("%q hides the query", body)
		}
	}
}

func TestJSONIsRebuilt(t *testing.T) {
	for body, want := range map[string]string{
		` { "a" : 1.50 , "b":1e2,"c":-0 , "d":12345678901234567890 } `: `{"a":1.50,"b":1e2,"c":-0,"d":12345678901234567890}`,
		`{"a":"\u00e9/é","l":[true,false,null,[],{}]}`:                 `{"a":"\u00e9\/\u00e9","l":[true,false,null,[],{}]}`,
		`{"ip":null}`: `{"ip":null}`,
	} {
		out := rebuild(t, mustRead(t, raw("PUT", "/api/v1/x", "application/vnd.api+json; charset=utf-8", body)))
		if got := bodyOf(t, out); got != want || out.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s is sent as %s (%s), want %s", body, got, out.Header.Get("Content-Type"), want)
		}
	}
}
