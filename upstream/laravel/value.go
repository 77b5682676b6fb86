package laravel

import (
	"math"
	"strconv"
)

// Kind is what PHP holds for a parameter.
type Kind uint8

// The kinds. Forms have only text, arrays and files; JSON has all but files.
const (
	// KindNull is JSON null.
	KindNull Kind = iota
	// KindBool is JSON true or false.
	KindBool
	// KindNumber is a JSON number, kept as it was written.
	KindNumber
	// KindText is a string of bytes, not necessarily UTF-8.
	KindText
	// KindArray is a PHP array: a JSON list or object, or a name in brackets.
	KindArray
	// KindFile is an uploaded file of a multipart body.
	KindFile
)

// Value is one parameter's value. Values are immutable and may be shared.
// The zero Value is null.
type Value struct {
	kind  Kind
	text  string
	array *Params
}

// Kind returns what the value is.
func (v Value) Kind() Kind { return v.kind }

// Text returns the bytes of a string, and false for every other kind: a number
// is not text here, although PHP would compare it with text.
func (v Value) Text() (string, bool) { return v.text, v.kind == KindText }

// Array returns the elements of an array in PHP's order, and false for every
// other kind.
func (v Value) Array() (*Params, bool) { return v.array, v.kind == KindArray }

// Equal reports whether PHP's === holds between v and w: same kind, same value,
// arrays with the same keys in the same order. Numbers are compared as they were
// written, so 1 and 1.0 differ. A file equals nothing.
func (v Value) Equal(w Value) bool {
	if v.kind != w.kind || v.kind == KindFile {
		return false
	}
	if v.kind == KindArray {
		return v.array.equal(w.array)
	}
	return v.text == w.text
}

// Any returns the value as PHP's json_decode or $_POST would show it: nil, bool,
// int64, float64, string, []any for a PHP list (keys 0 to n-1 in order, so also
// for {}), else map[string]any. A file is nil.
func (v Value) Any() any {
	switch v.kind {
	case KindBool:
		return v.text == "true"
	case KindNumber:
		return number(v.text)
	case KindText:
		return v.text
	case KindArray:
		return v.array.any()
	default:
		return nil
	}
}

// number converts a JSON number as PHP does: an integer that fits in 64 bits is
// an int, everything else a float, infinite when it is out of range.
func number(text string) any {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil && !math.IsInf(f, 0) {
		return nil
	}
	return f
}

func textValue(s string) Value     { return Value{kind: KindText, text: s} }
func arrayValue(p *Params) Value   { return Value{kind: KindArray, array: p} }
func fileValue(index int) Value    { return Value{kind: KindFile, text: strconv.Itoa(index)} }
func numberValue(lit string) Value { return Value{kind: KindNumber, text: lit} }
func boolValue(text string) Value  { return Value{kind: KindBool, text: text} }
