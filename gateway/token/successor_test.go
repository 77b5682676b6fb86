package token_test

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"faveo-gateway/gateway/token"
)

func seal(t testing.TB, holder, successor string) string {
	t.Helper()
	sealed, err := token.SealSuccessor(holder, successor)
	if err != nil {
		t.Fatalf("SealSuccessor: %v", err)
	}
	return sealed
}

func TestSuccessorIsForItsHolderOnly(t *testing.T) {
	h := newHouse(t, token.ES256)
	holder, _ := h.issue(t)
	successor, _ := h.issue(t)
	stranger, _ := h.issue(t)
	sealed := seal(t, holder, successor)
	if got, err := token.OpenSuccessor(holder, sealed); err != nil || got != successor {
		t.Fatalf("OpenSuccessor = %q, %v; want the successor", got, err)
	}
	// The claims alone, which may stand in a log, open nothing.
	unsigned := holder[:strings.LastIndexByte(holder, '.')]
	for name, other := range map[string]string{
		"another token": stranger, "the successor": successor, "the sealed text": sealed,
		"the claims without the signature": unsigned, "a blank more": holder + " ", "nothing": "",
	} {
		if got, err := token.OpenSuccessor(other, sealed); !errors.Is(err, token.ErrSuccessor) || got != "" {
			t.Errorf("%s opens %q, %v; want ErrSuccessor", name, got, err)
		}
	}
}

func TestSealedSuccessorShowsNothing(t *testing.T) {
	h := newHouse(t, token.HS256)
	holder, _ := h.issue(t)
	successor, _ := h.issue(t)
	first, second := seal(t, holder, successor), seal(t, holder, successor)
	if first == second {
		t.Error("sealed twice it is the same text: the nonce is not random")
	}
	decoded, err := base64.RawURLEncoding.Strict().DecodeString(first)
	if err != nil {
		t.Fatalf("not base64url: %v", err)
	}
	if want := 12 + len(successor) + 16; len(decoded) != want {
		t.Errorf("%d bytes, want nonce, text and tag: %d", len(decoded), want)
	}
	for segment := range strings.SplitSeq(holder+"."+successor, ".") {
		if strings.Contains(first, segment) || strings.Contains(string(decoded), segment) {
			t.Errorf("the segment %q stands in the sealed text", segment)
		}
	}
}

func TestChangedSuccessorIsRefused(t *testing.T) {
	sealed := seal(t, "holder", "successor")
	decoded, err := base64.RawURLEncoding.DecodeString(sealed)
	if err != nil {
		t.Fatal(err)
	}
	for i := range decoded {
		changed := append([]byte(nil), decoded...)
		changed[i] ^= 1
		if _, err := token.OpenSuccessor("holder", b64(string(changed))); !errors.Is(err, token.ErrSuccessor) {
			t.Fatalf("byte %d changed: %v, want ErrSuccessor", i, err)
		}
	}
	for name, text := range map[string]string{
		"nothing": "", "no base64url": "+" + sealed, "padded": sealed + "=", "a line break": sealed + "\n",
		"shorter than a nonce": b64("short"), "nonce and tag missing": b64("successor"), "its end missing": sealed[:len(sealed)-4],
	} {
		if _, err := token.OpenSuccessor("holder", text); !errors.Is(err, token.ErrSuccessor) {
			t.Errorf("%s: %v, want ErrSuccessor", name, err)
		}
	}
}

func TestSealingWithoutATokenIsRefused(t *testing.T) {
	for name, pair := range map[string][2]string{"no holder": {"", "x"}, "no successor": {"x", ""}} {
		if sealed, err := token.SealSuccessor(pair[0], pair[1]); !errors.Is(err, token.ErrSuccessor) || sealed != "" {
			t.Errorf("%s: %q, %v; want ErrSuccessor", name, sealed, err)
		}
	}
}

// The layout is stored, so it is fixed: this text was sealed once and for all.
func TestSealedLayoutIsFixed(t *testing.T) {
	const sealed = "zi7EdF0JdGxJcfXKrFlY_8yTdRwuOufLRNZNKyNJ6xpRxR_2kRDbmxM"
	if got, err := token.OpenSuccessor("the holder's token", sealed); err != nil || got != "the successor" {
		t.Errorf("OpenSuccessor = %q, %v", got, err)
	}
}
