package faveo_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"faveo-gateway/upstream/faveo"
	"faveo-gateway/upstream/faveo/faveotest"
)

// FuzzFilters compares both filters with what they should make of the text as encoding/json reads it.
func FuzzFilters(f *testing.F) {
	for _, r := range faveotest.Recordings(f, "routes") {
		if strings.HasPrefix(r.Name, "ticket-thread-") || strings.HasPrefix(r.Name, "customer-") || strings.HasPrefix(r.Name, "error-") {
			f.Add(string(r.Response.Body), byte(7))
		}
	}
	for i, text := range []string{
		`[` + thread + `,` + internal + ` , ` + thread + `]`, `[{"is_internal":"0"},{"\u0069s_internal":1e0},[],1]`, " [ ] ", `{"errors":{"a":[1.5e-3,true,null]}}`,
		`{"internal_note":{"a":"\ud83d\ude00"},"b":[{"INTERNAL_NOTE":-0.1}]}`, `{"iſ_internal":0,"internal_note":"ä€😀"}`, `[{"is_internal":0,"is_internal":false}`, "[\"\xff\"]",
	} {
		f.Add(text, byte(i))
	}
	f.Fuzz(checkFilters)
}

// TestFiltersOnMadeUpTexts does the same with texts that are nearly all valid.
func TestFiltersOnMadeUpTexts(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 3))
	texts := &author{Rand: random}
	for range 10_000 {
		texts.Reset()
		texts.document()
		checkFilters(t, texts.String(), byte(random.Uint32()))
		if t.Failed() {
			t.Fatalf("text %q", texts.String())
		}
	}
}

func checkFilters(t *testing.T, text string, size byte) {
	readable := json.Valid([]byte(text)) && utf8.ValidString(text)
	var tree any
	if readable {
		tree = parse(t, text)
		readable = depth(tree) <= 512
	}
	want, ok := withoutNotes(tree), readable
	check(t, text, size, faveo.HideInternalNote, want, ok)

	want, ok = withoutInternal(tree)
	got := check(t, text, size, faveo.HideInternalThreads, want, ok && readable)
	if json.Valid(got) {
		for _, element := range elements(parse(t, string(got))) {
			if !isPublic(element) {
				t.Errorf("threads of %q: an internal one in %q", text, got)
			}
		}
	}
}

// check reads the text through the filter, whole and in pieces, and compares it with the tree that is wanted, or expects
// an error when there is none. It returns what was read.
func check(t *testing.T, text string, size byte, filter func(io.Reader) io.Reader, want any, ok bool) []byte {
	if text == "" {
		want, ok = nil, true
	}
	got, err := io.ReadAll(filter(strings.NewReader(text)))
	pieces, piecesErr := io.ReadAll(filter(&piecewise{text, int(size%16) + 1}))
	if (err == nil) != ok || (piecesErr == nil) != ok {
		t.Errorf("%q: errors %v, in pieces %v, want one: %t", text, err, piecesErr, !ok)
		return got
	}
	if !ok || text == "" {
		return got
	}
	if !bytes.Equal(got, pieces) {
		t.Errorf("%q: %q, in pieces %q", text, got, pieces)
	}
	if !json.Valid(got) {
		t.Errorf("%q: %q is not JSON", text, got)
		return nil
	}
	if tree := parse(t, string(got)); !reflect.DeepEqual(tree, want) {
		t.Errorf("%q: got %q, want %v", text, got, want)
	}
	if reflect.DeepEqual(want, parse(t, text)) && string(got) != text {
		t.Errorf("%q became %q although nothing had to go", text, got)
	}
	return got
}

type piecewise struct {
	rest string
	size int
}

func (p *piecewise) Read(b []byte) (int, error) {
	if p.rest == "" {
		return 0, io.EOF
	}
	n := copy(b[:min(len(b), p.size)], p.rest)
	p.rest = p.rest[n:]
	return n, nil
}

// object keeps the order and the repetitions of its members, which a map would not.
type object []member

type member struct {
	name  string
	value any
}

// parse reads valid JSON.
func parse(t *testing.T, text string) any {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	return parseNext(t, d, text)
}

// escapedZero is a text "0" that is written with an escape, which the filter takes for internal.
type escapedZero struct{}

func parseNext(t *testing.T, d *json.Decoder, text string) any {
	before := d.InputOffset()
	token, err := d.Token()
	if err != nil {
		t.Fatalf("encoding/json: %v", err)
	}
	if token == "0" && strings.Contains(text[before:d.InputOffset()], `\`) {
		return escapedZero{}
	}
	switch token {
	case json.Delim('['):
		list := []any{}
		for d.More() {
			list = append(list, parseNext(t, d, text))
		}
		_, _ = d.Token()
		return list
	case json.Delim('{'):
		members := object{}
		for d.More() {
			name, _ := d.Token()
			members = append(members, member{name.(string), parseNext(t, d, text)})
		}
		_, _ = d.Token()
		return members
	}
	return token
}

func elements(tree any) []any {
	list, _ := tree.([]any)
	return list
}

// inner are the values inside a value.
func inner(tree any) []any {
	members, isObject := tree.(object)
	if !isObject {
		return elements(tree)
	}
	var values []any
	for _, m := range members {
		values = append(values, m.value)
	}
	return values
}

func depth(tree any) int {
	deepest := 0
	for _, value := range inner(tree) {
		deepest = max(deepest, depth(value))
	}
	switch tree.(type) {
	case []any, object:
		return deepest + 1
	}
	return 0
}

func withoutNotes(tree any) any {
	switch v := tree.(type) {
	case []any:
		list := []any{}
		for _, value := range v {
			list = append(list, withoutNotes(value))
		}
		return list
	case object:
		members := object{}
		for _, m := range v {
			m.value = withoutNotes(m.value)
			if strings.EqualFold(m.name, "internal_note") || strings.EqualFold(m.name, "internal_notes") {
				m.value = nil
			}
			members = append(members, m)
		}
		return members
	}
	return tree
}

// withoutInternal is what should be left of an answer, false when nothing may be.
func withoutInternal(tree any) (any, bool) {
	switch v := tree.(type) {
	case []any:
		list := []any{}
		for _, element := range v {
			if isPublic(element) {
				list = append(list, element)
			}
		}
		return list, true
	case object:
		for _, m := range v {
			switch strings.ToLower(strings.ReplaceAll(m.name, "\u017f", "s")) {
			case "error", "errors", "message", "success", "status", "status_code", "code", "file", "line":
			default:
				return nil, false
			}
		}
		return tree, len(flags(tree)) == 0
	}
	return nil, false
}

func isPublic(element any) bool {
	members, isObject := element.(object)
	own := false
	for _, m := range members {
		own = own || strings.EqualFold(m.name, "is_internal")
	}
	for _, flag := range flags(element) {
		if flag != json.Number("0") && flag != "0" && flag != false {
			return false
		}
	}
	return isObject && own
}

// flags are the values of is_internal at any depth, lists and objects as text.
func flags(tree any) []any {
	var found []any
	for _, value := range inner(tree) {
		found = append(found, flags(value)...)
	}
	members, _ := tree.(object)
	for _, m := range members {
		if !strings.EqualFold(m.name, "is_internal") {
			continue
		}
		switch m.value.(type) {
		case []any, object:
			found = append(found, fmt.Sprintf("%T", m.value))
		default:
			found = append(found, m.value)
		}
	}
	return found
}

// author writes JSON at random, much of it about internal things, some of it wrong.
type author struct {
	strings.Builder
	*rand.Rand
}

func (a *author) pick(texts ...string) { a.WriteString(texts[a.IntN(len(texts))]) }

func (a *author) blank() { a.pick("", "", "", "", " ", "\n\t", "\r") }

func (a *author) document() {
	switch a.IntN(10) {
	case 0:
		a.value(4)
	case 1:
		a.object(4, `"error"`, `"message"`, `"status"`, `"errors"`, `"s\u0074atus"`, `"result"`)
	default:
		a.list(func() {
			if a.IntN(8) == 0 {
				a.value(3)
				return
			}
			a.thread()
		})
	}
	if a.IntN(50) == 0 {
		a.pick(",", "]", "{}", "\x00", "\"", "1", "\xff", "[")
	}
}

func (a *author) thread() {
	a.object(2, `"id"`, `"body"`, `"is_internal"`, `"is_internal"`, `"is_internal"`, `"\u0069s_internal"`, `"Is_internal"`, `"is_interna"`)
}

func (a *author) list(element func()) {
	a.blank()
	a.WriteByte('[')
	for i := range a.IntN(5) {
		if i > 0 {
			a.WriteByte(',')
		}
		a.blank()
		element()
		a.blank()
	}
	a.blank()
	a.WriteByte(']')
	a.blank()
}

func (a *author) object(depth int, names ...string) {
	a.WriteByte('{')
	for i := range a.IntN(5) {
		if i > 0 {
			a.WriteByte(',')
		}
		a.blank()
		a.pick(names...)
		a.blank()
		a.WriteByte(':')
		a.blank()
		if a.IntN(2) == 0 {
			a.pick(`0`, `0`, `0`, `"0"`, `false`, `1`, `null`, `"\u0030"`, `-0`, `true`)
		} else {
			a.value(depth - 1)
		}
		a.blank()
	}
	a.WriteByte('}')
}

func (a *author) value(depth int) {
	kind := a.IntN(8)
	switch {
	case kind == 0 && depth > 0:
		a.list(func() { a.value(depth - 1) })
	case kind <= 2 && depth > 0:
		a.object(depth, `"a"`, `"internal_note"`, `"internal_notes"`, `"internal\u005Fnote"`, `"is_internal"`, `"iſ_internal"`, `"ü\""`)
	default:
		a.pick(`"internal_note"`, `"\"is_internal\":1"`, `"a,b]}"`, `""`, `"\\"`, `"äß€😀\ud83d\ude00\/\b\u0000"`, `0`, `-12.5E+3`, `1e0`, `10`, `true`, `false`, `null`)
	}
}
