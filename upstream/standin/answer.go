package standin

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"unicode/utf8"
)

const (
	contentJSON = "application/json"
	contentHTML = "text/html; charset=UTF-8"
)

// answer is the answer of a handler. Its body is encoded as PHP encodes JSON.
type answer struct {
	status      int
	contentType string
	body        any
}

func ok(body any) answer               { return answer{http.StatusOK, contentJSON, body} }
func result(body any) answer           { return ok(object{{"result", body}}) }
func fail(status int, body any) answer { return answer{status, contentJSON, body} }

// asHTML is JSON under the content type that Faveo sends where a handler returns a string.
func asHTML(body any) answer { return answer{http.StatusOK, contentHTML, body} }

// thrown is how Faveo answers an exception inside a handler: 200, with the message, the file on the server and the line.
func thrown(message string, line int) answer {
	return ok(object{{"error", message}, {"file", "/var/www/faveo/app/Api/v1/ApiController.php"}, {"line", line}})
}

// unauthorized is the answer of Faveo's token middleware.
func unauthorized(message string) answer {
	return fail(http.StatusUnauthorized, object{{"success", false}, {"message", message}})
}

// encode is the body as PHP would write it.
func (a answer) encode() []byte {
	body, err := phpJSON(a.body)
	if err != nil {
		// Only values of this package are encoded, and all of them can be.
		panic("standin: encode answer: " + err.Error())
	}
	return body
}

func send(w http.ResponseWriter, a answer, body []byte) {
	w.Header().Set("Content-Type", a.contentType)
	w.Header().Set("Cache-Control", "no-cache, private")
	w.WriteHeader(a.status)
	_, _ = w.Write(body) // a caller that went away is no fault of the stand-in
}

func write(w http.ResponseWriter, a answer) { send(w, a, a.encode()) }

// object is a JSON object with a fixed order of keys.
type object []field

type field struct {
	name  string
	value any
}

// MarshalJSON writes the fields in their order.
func (o object) MarshalJSON() ([]byte, error) {
	var out bytes.Buffer
	out.WriteByte('{')
	for i, f := range o {
		if i > 0 {
			out.WriteByte(',')
		}
		name, err := json.Marshal(f.name)
		if err != nil {
			return nil, fmt.Errorf("marshal key: %w", err)
		}
		value, err := plainJSON(f.value)
		if err != nil {
			return nil, fmt.Errorf("marshal %s: %w", f.name, err)
		}
		out.Write(name)
		out.WriteByte(':')
		out.Write(value)
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}

// pick makes an object of the named values in the order of columns, which are separated by blanks; a column without a
// value is null.
func pick(values map[string]any, columns string) object {
	var o object
	for name := range strings.FieldsSeq(columns) {
		o = append(o, field{name, values[name]})
	}
	return o
}

// orNull makes null of a zero value, as a nullable column holds it.
func orNull[T comparable](v T) any {
	var zero T
	if v == zero {
		return nil
	}
	return v
}

func plainJSON(v any) ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}

// phpJSON encodes as PHP's json_encode without flags: slashes escaped, everything beyond ASCII as \uXXXX. Both can only
// occur inside strings, so the finished document can be rewritten byte by byte.
func phpJSON(v any) ([]byte, error) {
	plain, err := plainJSON(v)
	if err != nil {
		return nil, err
	}
	var out []byte
	for _, r := range string(plain) {
		switch {
		case r == '/':
			out = append(out, '\\', '/')
		case r < utf8.RuneSelf:
			out = append(out, byte(r))
		case r > 0xffff:
			r -= 0x10000
			out = fmt.Appendf(out, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
	}
	return out, nil
}
