package faveo_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"faveo-gateway/upstream/faveo"
	"faveo-gateway/upstream/faveo/faveotest"
)

// readings are ways in which a body can arrive.
var readings = map[string]func(io.Reader) io.Reader{
	"at once":         func(r io.Reader) io.Reader { return r },
	"byte by byte":    iotest.OneByteReader,
	"in halves":       iotest.HalfReader,
	"end with data":   iotest.DataErrReader,
	"with empty ones": func(r io.Reader) io.Reader { return &hesitant{Reader: iotest.OneByteReader(r)} },
}

// hesitant returns nothing at every second Read.
type hesitant struct {
	io.Reader
	again bool
}

func (h *hesitant) Read(p []byte) (int, error) {
	if h.again = !h.again; h.again {
		return 0, nil
	}
	return h.Reader.Read(p)
}

// filtered returns what the filter makes of the text, which must not depend on how it arrives or is asked for.
func filtered(t *testing.T, filter func(io.Reader) io.Reader, text string) (string, error) {
	t.Helper()
	want, wantErr := io.ReadAll(filter(strings.NewReader(text)))
	for name, reading := range readings {
		if len(text) > 1<<20 && name != "in halves" {
			continue // For the sake of time.
		}
		got, err := io.ReadAll(iotest.HalfReader(filter(reading(strings.NewReader(text)))))
		if (err == nil) != (wantErr == nil) || err == nil && !bytes.Equal(got, want) {
			t.Errorf("%s: %q, %v; at once: %q, %v", name, got, err, want, wantErr)
		}
	}
	return string(want), wantErr
}

const thread, internal = `{"id":1,"is_internal":0,"body":"b"}`, `{"id":2,"is_internal":1,"body":"NOTE"}`

func TestHideInternalThreads(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"none", `[]`, `[]`},
		{"none, blanks", " [ ]\n", " [ ]\n"},
		{"public", `[` + thread + `]`, `[` + thread + `]`},
		{"blanks are kept", "\n[ " + thread + " ,\t" + thread + "\r\n]\n", "\n[ " + thread + " ,\t" + thread + "\r\n]\n"},
		{"internal", `[` + internal + `]`, `[]`},
		{"first", `[` + internal + `,` + thread + `]`, `[` + thread + `]`},
		{"last", `[` + thread + `,` + internal + `]`, `[` + thread + `]`},
		{"middle", `[` + thread + `,` + internal + `,` + thread + `]`, `[` + thread + `,` + thread + `]`},
		{"every second", `[` + internal + `,` + thread + `,` + internal + `,` + internal + `,` + thread + `]`, `[` + thread + `,` + thread + `]`},
		{"text 0", `[{"is_internal":"0"}]`, `[{"is_internal":"0"}]`},
		{"false", `[{"is_internal":false}]`, `[{"is_internal":false}]`},
		{"0 at the end of the object", `[{"id":1,"is_internal": 0 }]`, `[{"id":1,"is_internal": 0 }]`},
		{"text 1", `[{"is_internal":"1"}]`, `[]`},
		{"true", `[{"is_internal":true}]`, `[]`},
		{"null", `[{"is_internal":null}]`, `[]`},
		{"absent", `[{"id":1}]`, `[]`},
		{"2", `[{"is_internal":2}]`, `[]`},
		{"-0", `[{"is_internal":-0}]`, `[]`},
		{"0.0", `[{"is_internal":0.0}]`, `[]`},
		{"10", `[{"is_internal":10}]`, `[]`},
		{"0e1", `[{"is_internal":0e1}]`, `[]`},
		{"empty text", `[{"is_internal":""}]`, `[]`},
		{"escaped 0", `[{"is_internal":"\u0030"}]`, `[]`},
		{"object", `[{"is_internal":{"a":0}},` + thread + `]`, `[` + thread + `]`},
		{"list", `[{"is_internal":[0]}]`, `[]`},
		{"escaped name", `[{"is_internal":0,"\u0069\u0073_\u0049nternal":1}]`, `[]`},
		{"all of the name escaped", `[{"is_internal":0,"\u0069\u0073\u005f\u0069\u006e\u0074\u0065\u0072\u006e\u0061\u006C":1}]`, `[]`},
		{"escaped name alone", `[{"is\u005finternal":0}]`, `[{"is\u005finternal":0}]`},
		{"capitals", `[{"is_internal":0,"IS_Internal":1}]`, `[]`},
		{"long s", `[{"is_internal":0,"iſ_internal":1},{"is_internal":0,"i\u017f_internal":1}]`, `[]`},
		{"twice, internal first", `[{"is_internal":1,"is_internal":0}]`, `[]`},
		{"twice, internal last", `[{"is_internal":0,"is_internal":1}]`, `[]`},
		{"twice, public", `[{"is_internal":0,"is_internal":"0"}]`, `[{"is_internal":0,"is_internal":"0"}]`},
		{"nested, internal", `[{"is_internal":0,"a":[{"is_internal":1}]}]`, `[]`},
		{"nested, public", `[{"is_internal":0,"a":[{"is_internal":0}]}]`, `[{"is_internal":0,"a":[{"is_internal":0}]}]`},
		{"nested only", `[{"a":{"is_internal":0}}]`, `[]`},
		{"name as a value", `[{"a":"is_internal","is_internal":1,"b":0}]`, `[]`},
		{"name inside a value", `[{"is_internal":1,"a":"\"is_internal\":0"}]`, `[]`},
		{"other names", `[{"is_internal":0,"is_interna":1,"is_internals":1,"_is_internal":1,"":1,"` + strings.Repeat("is_internal", 20) + `":1}]`, "same"},
		{"no objects", `[1,"a",null,true,[{"is_internal":0}],` + thread + `,-1.5e+3]`, `[` + thread + `]`},
		{"empty object", `[{}]`, `[]`},
		{"error", `{"error":"There is no Ticket"}`, "same"},
		{"refused fields", `{"error":{"id":["The id field is required."]}}`, "same"},
		{"no token", `{"success":false,"message":"Token not provided"}` + "\n", "same"},
		{"no database", `{"status":"404"}`, "same"},
		{"empty message", `{}`, "same"},
		{"empty body", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			want := tt.want
			if want == "same" {
				want = tt.text
			}
			if got, err := filtered(t, faveo.HideInternalThreads, tt.text); err != nil || got != want {
				t.Errorf("got  %s, %v\nwant %s", got, err, want)
			}
		})
	}
}

// TestHideInternalThreadsRefuses: shapes that could hold a thread, and texts that a reader could understand otherwise.
func TestHideInternalThreadsRefuses(t *testing.T) {
	tests := map[string]string{
		"one thread":                     thread,
		"thread in an error":             `{"error":` + thread + `}`,
		"escaped, in an error":           `{"error":[{"body":"NOTE","is\u005finternal":1}]}`,
		"threads below a name":           `{"threads":[` + thread + `]}`,
		"threads behind an error":        `{"error":"","data":[{"body":"NOTE"}]}`,
		"page of threads":                `{"current_page":1,"data":[` + thread + `]}`,
		"text":                           `"NOTE"`,
		"number":                         `1`,
		"null":                           `null`,
		"page":                           "<html>NOTE</html>",
		"warning before the threads":     "<br />\n<b>Warning</b>[]",
		"mark of the byte order":         "\ufeff[]",
		"two texts":                      `[][` + internal + `]`,
		"blanks only":                    " \n",
		"long thread":                    `[{"body":"` + strings.Repeat("a", 8<<20) + `","is_internal":0}]`,
		"long error":                     `{"error":"` + strings.Repeat("a", 8<<20) + `"}`,
		"long blanks behind a comma":     `[` + thread + `,` + strings.Repeat(" ", 8<<20) + thread + `]`,
		"nothing more after the comma":   `[` + thread + `,]`,
		"cut in a thread":                `[` + thread + `,{"id":1`,
		"cut after a thread":             `[` + thread,
		"PHP died after half the answer": `[{"id":1,"body":"NOTE","is_internal":<br /><b>Fatal error</b>`,
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := filtered(t, faveo.HideInternalThreads, text)
			if !errors.Is(err, faveo.ErrUnfilterable) || strings.Contains(got, "NOTE") {
				t.Errorf("got %.200q, %v", got, err)
			}
		})
	}
}

// TestLongInternalThread: what is internal as soon as that is known need not be held.
func TestLongInternalThread(t *testing.T) {
	text := `[{"is_internal":1,"body":"` + strings.Repeat("a", 9<<20) + `"},` + thread + `]`
	got, err := io.ReadAll(faveo.HideInternalThreads(strings.NewReader(text)))
	if err != nil || string(got) != `[`+thread+`]` {
		t.Errorf("%.100q, %v", got, err)
	}
}

func TestHideResult(t *testing.T) {
	for text, want := range map[string]string{
		`{"result":{"ticket_id":4,"body":"x"}}`:          `{"result":null}`,
		`{"re\u0073ult":[1,{"a":2}],"b":1}`:              `{"re\u0073ult":null,"b":1}`,
		`{"error":{"ticket_id":["is invalid"]},"r":"s"}`: `{"error":{"ticket_id":["is invalid"]},"r":"s"}`,
	} {
		got, err := io.ReadAll(faveo.HideResult(strings.NewReader(text)))
		if err != nil || string(got) != want {
			t.Errorf("%s: got %s, %v, want %s", text, got, err, want)
		}
	}
}

func TestHideInternalNoteFilter(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"user", `{"user":{"id":4,"internal_note":"vip","role":"user"}}`, `{"user":{"id":4,"internal_note":null,"role":"user"}}`},
		{"list", `[{"internal_note":"a"},{"internal_note":"b"}]`, `[{"internal_note":null},{"internal_note":null}]`},
		{"blanks", "{ \"internal_note\" :\t\"a\" , \"b\":1 }\n", "{ \"internal_note\" :\tnull , \"b\":1 }\n"},
		{"number", `{"internal_note":-1.5e3}`, `{"internal_note":null}`},
		{"number, then more", `{"internal_note":12,"a":0}`, `{"internal_note":null,"a":0}`},
		{"null", `{"internal_note":null}`, "same"},
		{"nested", `{"internal_note":{"internal_note":[1,{"a":"}"}]},"a":1}`, `{"internal_note":null,"a":1}`},
		{"deep", `[[{"a":{"b":[{"internal_note":true}]}}]]`, `[[{"a":{"b":[{"internal_note":null}]}}]]`},
		{"notes of things", `{"internal_notes":"a","b":{"internal\u005fnotes":"c"}}`, `{"internal_notes":null,"b":{"internal\u005fnotes":null}}`},
		{"twice", `{"internal_note":"a","internal_note":"b"}`, `{"internal_note":null,"internal_note":null}`},
		{"escaped", `{"internal\u005fnote":"a"}`, `{"internal\u005fnote":null}`},
		{"capitals", `{"Internal_Note":"a"}`, `{"Internal_Note":null}`},
		{"other names", `{"internal_notesx":"a","internal_not":"b","xinternal_note":"c","internal_note\u0000":"d","internal_note\n":1}`, "same"},
		{"as a value", `{"a":"internal_note","b":"c"}`, "same"},
		{"as an element", `["internal_note","c"]`, "same"},
		{"text", `"internal_note"`, "same"},
		{"numbers", `[0,-0,1.0,1e9,1E-9,10,-12.5e+07]`, "same"},
		{"number alone", `-12.5`, "same"},
		{"characters", `["\"\\\/\b\f\n\r\t\u00e4\ud83d\ude00äß€😀` + "\u007f" + `"]`, "same"},
		{"empty body", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			want := tt.want
			if want == "same" {
				want = tt.text
			}
			if got, err := filtered(t, faveo.HideInternalNote, tt.text); err != nil || got != want {
				t.Errorf("got  %s, %v\nwant %s", got, err, want)
			}
		})
	}
}

// TestFiltersAreStrict: what is not JSON, and what another reader might not take for the same JSON.
func TestFiltersAreStrict(t *testing.T) {
	tests := map[string]string{
		"open object": `{`, "open list": `[`, "open text": `["a`, "open escape": `["\`, "open literal": `[tru`, "minus": `-`, "open number": `1.`,
		"wrong bracket": `[}`, "wrong bracket of an object": `{"a":1]`, "too many": `[]]`, "text after a comma": `[],[]`, "bracket only": `]`, "comma only": `,`, "no value": `{"a":}`, "no name": `{:1}`, "number as a name": `{1:1}`,
		"no colon": `{"a" 1}`, "no comma": `[1 2]`, "comma first": `[,1]`, "comma last": `[1,]`, "comma last in an object": `{"a":1,}`, "two commas": `[1,,2]`,
		"plus": `[+1]`, "leading zero": `[01]`, "no digits before the point": `[.5]`, "none after": `[1.]`, "no exponent": `[1e]`, "sign only": `[1e+]`,
		"two exponents": `[1e1e1]`, "hexadecimal": `[0x1]`, "NaN": `[NaN]`, "capital literal": `[True]`, "long literal": `[nulll]`,
		"control character": "[\"a\nb\"]", "NUL": "[\"\x00\"]", "NUL outside": "[]\x00", "wrong escape": `["\x41"]`, "short escape": `["\u12"]`, "escape of no digits": `["\u12g4"]`,
		"single quotes": `['a']`, "bare name": `{a:1}`, "comment": `[/**/]`, "form feed": "[\f]", "no-break space": "[\u00a0]",
		"lone continuation": "[\"\x80\"]", "overlong slash": "[\"\xc0\xaf\"]", "overlong in three": "[\"\xe0\x80\xaf\"]", "overlong in four": "[\"\xf0\x80\x80\xaf\"]",
		"surrogate in UTF-8": "[\"\xed\xa0\x80\"]", "too great": "[\"\xf4\x90\x80\x80\"]", "far too great": "[\"\xf5\x80\x80\x80\"]",
		"cut UTF-8": "[\"\xe2\x82\"]", "byte in a name": "{\"internal\xff_note\":1}",
		"too deep": strings.Repeat("[", 513) + strings.Repeat("]", 513),
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			for _, filter := range []func(io.Reader) io.Reader{faveo.HideInternalThreads, faveo.HideInternalNote} {
				if got, err := filtered(t, filter, text); !errors.Is(err, faveo.ErrUnfilterable) {
					t.Errorf("got %q, %v", got, err)
				}
			}
		})
	}
	deepest := strings.Repeat("[", 512) + strings.Repeat("]", 512)
	if got, err := filtered(t, faveo.HideInternalNote, deepest); err != nil || got != deepest {
		t.Errorf("512 deep: %v", err)
	}
}

var errBody = errors.New("connection reset")

// TestFilterReportsTheBodysError, and nothing as whole that broke off.
func TestFilterReportsTheBodysError(t *testing.T) {
	for _, text := range []string{"", "[", "[" + thread, "[" + thread + "]"} {
		for name, filter := range map[string]func(io.Reader) io.Reader{"threads": faveo.HideInternalThreads, "note": faveo.HideInternalNote} {
			broken := filter(io.MultiReader(strings.NewReader(text), iotest.ErrReader(errBody)))
			if _, err := io.ReadAll(broken); !errors.Is(err, errBody) {
				t.Errorf("%s %q: %v", name, text, err)
			}
			if n, err := broken.Read(make([]byte, 1)); n != 0 || !errors.Is(err, errBody) {
				t.Errorf("%s %q, read again: %d, %v", name, text, n, err)
			}
		}
	}
	if _, err := io.ReadAll(faveo.HideInternalNote(idle{})); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("a body that says nothing: %v", err)
	}
}

type idle struct{}

func (idle) Read([]byte) (int, error) { return 0, nil }

// TestFiltersOnRecordings runs over every answer recorded of the real Faveo. Of the threads exactly the internal ones
// go; of everything else no byte changes but the notes.
func TestFiltersOnRecordings(t *testing.T) {
	threads, notes := 0, 0
	for _, r := range faveotest.Recordings(t, "routes") {
		body := string(r.Response.Body)
		if !json.Valid([]byte(body)) || r.Response.TruncatedFrom != 0 {
			continue
		}
		got, err := filtered(t, faveo.HideInternalNote, body)
		if want := strings.ReplaceAll(body, `"internal_note":"vip customer"`, `"internal_note":null`); err != nil || got != want {
			t.Errorf("%s: note: got %s, %v", r.Name, got, err)
		}
		if got != body {
			notes++
		}
		if !strings.HasPrefix(r.Name, "ticket-thread-") {
			continue
		}
		got, err = filtered(t, faveo.HideInternalThreads, body)
		if err != nil || strings.Contains(got, "INTERNAL NOTE") {
			t.Errorf("%s: threads: got %s, %v", r.Name, got, err)
		}
		want := body
		if strings.HasPrefix(body, "[") {
			threads++
			_, rest, _ := strings.Cut(body, `},{`) // The note is the newest of each.
			want = `[{` + rest
		}
		if got != want {
			t.Errorf("%s: threads:\ngot  %s\nwant %s", r.Name, got, want)
		}
	}
	if threads != 6 || notes < 3 {
		t.Errorf("%d recordings with threads, %d with a note", threads, notes)
	}
}
