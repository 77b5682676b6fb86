package audit_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"faveo-gateway/gateway/audit"
)

func TestKeysAreDerivedAndNamed(t *testing.T) {
	id := func(secrets ...string) string {
		return audit.Seal(keysOf(t, secrets...), audit.Head{}, []audit.Event{event(0)}).Entries[0].KeyID
	}
	a, b := id("a"), id("b")
	if len(a) != 8 || strings.Trim(a, "0123456789abcdef") != "" {
		t.Errorf("the id is %q, want 8 hexadecimal digits", a)
	}
	if a == b || a != id("a", "b") || b != id("b", "a", "a") {
		t.Errorf("the ids are %s and %s; want the first secret to sign", a, b)
	}
	// What stands in a store must be provable by later versions: the derivation is fixed.
	if want := "1bf15c9b"; a != want {
		t.Errorf("the id is %s, want %s", a, want)
	}
}

// TestFormOfEntriesIsFixed: another hash of the same event would break every trail. The
// values were computed by other means.
func TestFormOfEntriesIsFixed(t *testing.T) {
	e := event(0)
	e.Kind, e.Reason = audit.KindSessionEnded, "logout"
	b := audit.Seal(keysOf(t, "a"), audit.Head{}, []audit.Event{e})
	for what, text := range map[string]struct{ got, want fmt.Stringer }{
		"hash": {b.Entries[0].Hash, hashOf(t, "05280f2fc7f225a606d8a6fe07972157062faacd0717282be3c86d5f132be54f")},
		"6eb68bcbb008cd808b186a1dc56eb3b99ef0135c7091bcd9a1ba9a6c1d1d1e77": {b.Entries[0].MAC, hashOf(t, "6eb68bcbb008cd808b186a1dc56eb3b99ef0135c7091bcd9a1ba9a6c1d1d1e77")},
		"head's MAC": {b.Head.MAC, hashOf(t, "446432cfdb15b6b58cb7c2cbe9845d09b491a77670c08a24ad32c471c0bbf5f8")},
	} {
		if text.got.String() != text.want.String() {
			t.Errorf("the %s is %s, want %s", what, text.got, text.want)
		}
	}
}

func hashOf(t *testing.T, text string) audit.Hash {
	t.Helper()
	h, err := audit.ParseHash(text)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestParseHash(t *testing.T) {
	good := strings.Repeat("0a", 32)
	if h, err := audit.ParseHash(good); err != nil || h.String() != good {
		t.Errorf("%s: %v, %v", good, h, err)
	}
	for _, bad := range []string{"", good[1:], good + "0", strings.ToUpper(good), strings.Repeat("0g", 32), " " + good[1:]} {
		if h, err := audit.ParseHash(bad); err == nil || h != (audit.Hash{}) {
			t.Errorf("%q is read as %v", bad, h)
		}
	}
}

func TestKeysRefuse(t *testing.T) {
	for _, secrets := range [][]string{nil, {""}, {"a", ""}} {
		if _, err := audit.NewKeys(secrets...); err == nil {
			t.Errorf("%q: no error", secrets)
		}
	}
}

func TestKeysPrintNothing(t *testing.T) {
	keys := keysOf(t, "s3cret")
	var log logText
	log.logger().Info("keys", slog.Any("keys", keys))
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d", "%q"} {
		for _, text := range []string{fmt.Sprintf(verb, keys), fmt.Sprintf(verb, &keys), fmt.Sprintf(verb, struct{ K audit.Keys }{keys}), log.String()} {
			if strings.Contains(text, "s3cret") || strings.Contains(text, "1 ") || len(text) > 200 {
				t.Errorf("%s prints %s", verb, text)
			}
		}
	}
}
