package gateway_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// needles are texts of which no part of twelve bytes may be found anywhere, in any of the
// forms in which a program writes a text.
type needles struct {
	// parts are all of them, with what they are a part of.
	parts map[string]string
}

// partLength is that of a part, in bytes.
const partLength = 12

func newNeedles() *needles { return &needles{map[string]string{}} }

// add hides a text, and returns it.
func (h *needles) add(name, text string) string {
	for form, written := range writings(text) {
		if len(written) < partLength {
			panic(name + " is too short to be found")
		}
		for i := range len(written) - partLength + 1 {
			h.parts[written[i:i+partLength]] = name + ", " + form
		}
	}
	return text
}

// in names what of them is in a text.
func (h *needles) in(text string) (found []string) {
	for i := range max(0, len(text)-partLength+1) {
		if name, ok := h.parts[text[i:i+partLength]]; ok && !slices.Contains(found, name) {
			found = append(found, name)
		}
	}
	return found
}

// want fails for what is found in a text, and shows the first line of it.
func (h *needles) want(t testing.TB, where, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		if found := h.in(line); found != nil {
			t.Errorf("%s shows %q:\n%.2000s", where, found, line)
			return
		}
	}
	if found := h.in(text); found != nil {
		t.Errorf("%s shows %q over several lines", where, found)
	}
}

// writings are the forms of a text by their names.
func writings(text string) map[string]string {
	all := map[string]string{
		"as it is":           text,
		"in a query":         url.QueryEscape(text),
		"in a path":          url.PathEscape(text),
		"in hexadecimal":     hex.EncodeToString([]byte(text)),
		"in HEXADECIMAL":     strings.ToUpper(hex.EncodeToString([]byte(text))),
		"quoted":             strings.Trim(strconv.Quote(text), `"`),
		"quoted in ASCII":    strings.Trim(strconv.QuoteToASCII(text), `"`),
		"in JSON":            jsonText(text, true),
		"in JSON, <&> as is": jsonText(text, false),
	}
	// In base64 a text has three forms, by what precedes it.
	for before := range 3 {
		padded := []byte(strings.Repeat(":", before) + text)
		padded = padded[:len(padded)-len(padded)%3]
		first := []int{0, 2, 3}[before]
		all["in base64, after "+strconv.Itoa(before)] = base64.RawStdEncoding.EncodeToString(padded)[first:]
		all["in base64url, after "+strconv.Itoa(before)] = base64.RawURLEncoding.EncodeToString(padded)[first:]
	}
	return all
}

func jsonText(text string, escapeHTML bool) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(escapeHTML)
	if err := e.Encode(text); err != nil {
		panic(err) // A text cannot fail to encode.
	}
	return strings.Trim(strings.TrimSpace(b.String()), `"`)
}

// TestNeedlesAreFound plants what the tests of secrets look for.
func TestNeedlesAreFound(t *testing.T) {
	const text = `pass "word" <&> é \ QWERTYUIOPASDFGH/+?=%`
	h := newNeedles()
	h.add("a password", text)
	noise := `{"level":"INFO","msg":"request","path":"/api/v1/helpdesk/tickets","status":401}`
	if found := h.in(noise); found != nil {
		t.Fatalf("found where there is nothing: %q", found)
	}
	planted := writings(text)
	basic := base64.StdEncoding.EncodeToString([]byte("user:" + text + "\n"))
	planted["in Basic credentials"], planted["a part"] = basic, text[7:7+partLength]
	planted["a log line"] = `{"error":` + strconv.Quote("cannot connect as "+text) + "}"
	for form, written := range planted {
		if h.in(noise+written+noise) == nil {
			t.Errorf("not found %s: %s", form, written)
		}
	}
}
