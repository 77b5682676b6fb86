package apikey_test

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"faveo-gateway/gateway/apikey"
)

// A scanner of source code finds what looks like a key, and asks whether it is one.
func ExampleParse() {
	const found = `
		curl -H "X-API-Key: fgw_Kx4cPz0WqT8m_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG29MDUU"
		curl -H "X-API-Key: fgw_Kx4cPz0WqT8m_0123456789abcdefghijklmnopqrstuvwxyzABCDEFGaaaaaa"`
	for _, text := range regexp.MustCompile(apikey.Pattern).FindAllString(found, -1) {
		id, err := apikey.Parse(text)
		fmt.Printf("%q %v\n", id, err)
	}
	// Output:
	// "Kx4cPz0WqT8m" <nil>
	// "" API key is invalid
}

func TestMadeKeysAreParsed(t *testing.T) {
	w, pattern := newWorld(t), regexp.MustCompile("^"+apikey.Pattern+"$")
	seen := make(map[string]bool)
	for range 200 {
		r, text := w.create(t, wish())
		if id, err := apikey.Parse(text); id != r.ID || err != nil || !apikey.ValidID(id) {
			t.Errorf("Parse = %q, %v, want %q", id, err, r.ID)
		}
		if !pattern.MatchString(text) || text != withSum(text[:60]) {
			t.Errorf("a key is %q", text)
		}
		if secret := text[17:60]; seen[r.ID] || seen[secret] {
			t.Errorf("%q was made twice", text)
		} else {
			seen[r.ID], seen[secret] = true, true
		}
	}
}

func TestParseRefuses(t *testing.T) {
	good := forged("Abcdefghij01", aSecret)
	if _, err := apikey.Parse(good); err != nil {
		t.Fatalf("Parse(%q): %v", good, err)
	}
	for name, text := range map[string]string{
		"nothing":            "",
		"the prefix alone":   "fgw_",
		"cut":                good[:65],
		"longer":             good + "0",
		"a blank before":     " " + good,
		"a line after":       good + "\n",
		"another prefix":     "FGW_" + good[4:],
		"another checksum":   good[:65] + "!",
		"another separator":  withSum(strings.Replace(good[:60], "1_", "1-", 1)),
		"no separator":       withSum(strings.Replace(good[:60], "1_", "10", 1)),
		"an underscore":      withSum(strings.Replace(good[:60], "cde", "c_e", 1)),
		"a NUL":              withSum(good[:59] + "\x00"),
		"another alphabet":   withSum(good[:58] + "é"),
		"a letter too wide":  withSum(good[:57] + "a"),
		"one secret shorter": withSum(good[:59]),
		"lower case":         strings.ToLower(good),
	} {
		if id, err := apikey.Parse(text); !errors.Is(err, apikey.ErrInvalid) || id != "" {
			t.Errorf("%s: Parse(%q) = %q, %v", name, text, id, err)
		}
	}
}

func TestEveryChangedCharacterIsNoticed(t *testing.T) {
	good := forged("Abcdefghij01", aSecret)
	for i := range good {
		for _, c := range "09AZaz_" {
			changed := good[:i] + string(c) + good[i+1:]
			if _, err := apikey.Parse(changed); err == nil && changed != good {
				t.Errorf("%q is a key, too", changed)
			}
		}
	}
}

// FuzzParse: what is understood is exactly what can have been made.
func FuzzParse(f *testing.F) {
	good := forged("Abcdefghij01", aSecret)
	f.Add(good)
	f.Add(good[:60])
	f.Add(strings.Replace(good, "_", "-", 2))
	f.Fuzz(func(t *testing.T, text string) {
		id, err := apikey.Parse(text)
		if err != nil {
			if id != "" {
				t.Errorf("%q with the error %v", id, err)
			}
			return
		}
		if !apikey.ValidID(id) || forged(id, text[17:60]) != text {
			t.Errorf("%q is read as %q", text, id)
		}
	})
}
