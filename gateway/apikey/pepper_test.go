package apikey_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"faveo-gateway/gateway/apikey"
)

func TestParsePepperRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"nothing": "", "31 characters": strings.Repeat("ab", 16)[1:], "31 wide ones": strings.Repeat("aé", 16)[3:],
		"one character": strings.Repeat("x", 64),
	} {
		if _, err := apikey.ParsePepper(text); err == nil || (text != "" && strings.Contains(err.Error(), text)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := apikey.DerivePepper(""); err == nil {
		t.Error("a pepper was derived of nothing")
	}
}

func TestPepperNamesItselfAlone(t *testing.T) {
	p := pepper(t, aPepper)
	if !regexp.MustCompile(`^[0-9a-f]{8}$`).MatchString(p.ID()) || p.ID() != pepper(t, aPepper).ID() {
		t.Errorf("the id is %q", p.ID())
	}
	if p.ID() == pepper(t, aPepper+"!").ID() {
		t.Error("two peppers have the same id")
	}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		for _, printed := range []any{p, &p, struct{ Pepper apikey.Pepper }{p}, struct{ pepper apikey.Pepper }{p}} {
			text := fmt.Sprintf(format, printed)
			if strings.Contains(text, aPepper) || len(text) > 400 {
				t.Errorf("%s prints %s", format, text)
			}
		}
	}
}

func TestDerivedPepper(t *testing.T) {
	text, err := apikey.DerivePepper("a secret of Faveo's")
	again, _ := apikey.DerivePepper("a secret of Faveo's")
	other, _ := apikey.DerivePepper("another secret of Faveo's")
	if err != nil || text != again || text == other || strings.Contains(text, "secret") {
		t.Errorf("derived are %q, %q and %q, %v", text, again, other, err)
	}
	pepper(t, text)
}

// TestOtherPepper: an exchanged pepper is an end of all keys, is told from a forged key in
// the metric alone, and does not believe what was sealed under the one before.
func TestOtherPepper(t *testing.T) {
	w := newWorld(t)
	r, text := w.create(t, wish())
	wantKey(t, w.Door, text, r)
	o := w.options(t)
	o.Pepper, o.Registerer = pepper(t, "another pepper of more than 32 characters"), nil
	other := apikey.NewDoor(o)
	wantRefused(t, other, text, apikey.ErrInvalid)
	// And the other way round: the record was sealed by the other one now.
	w.Drop("")
	wantKey(t, w.Door, text, r)

	w.store.Tamper(r.ID, func(r *apikey.Record) { r.Secrets[0].Pepper = "00000000" })
	w.Drop("")
	if n := w.counted(t, "pepper", func() { wantRefused(t, w.Door, text, apikey.ErrInvalid) }); n != 1 {
		t.Errorf("%v are counted as of another pepper, want 1", n)
	}
}
