package laravel_test

import (
	"errors"
	"strings"
	"testing"

	"faveo-gateway/upstream/laravel"
)

var texts = []string{
	"", "plain", "/a\\b\"", "<b>&'</b>", "\x00\x01\b\f\n\r\t\x1f\x7f", "äöü", "日本", "😀 \U0010ffff",
	"\xff", "a\xc3", "\xed\xa0\x80", "\xc0\xaf", "\u2028\u2029",
}

func TestAppendJSONStringIsJSONEncode(t *testing.T) {
	o := newOracle(t)
	for _, text := range texts {
		checkJSONString(t, o, text)
	}
}

func checkJSONString(t *testing.T, o *oracle, text string) {
	t.Helper()
	got, err := laravel.AppendJSONString([]byte("x"), text)
	if errors.Is(err, laravel.ErrInvalidUTF8) {
		if string(got) != "x" {
			t.Errorf("AppendJSONString(%q) left %q behind", text, got)
		}
		got = []byte("xerror")
	}
	if want := "x" + o.ask(t, "json_encode", text); string(got) != want {
		t.Errorf("AppendJSONString(%q) = %s, PHP %s", text, got, want)
	}
}

func FuzzAppendJSONString(f *testing.F) {
	for _, text := range texts {
		f.Add(text)
	}
	o := newOracle(f)
	f.Fuzz(func(t *testing.T, text string) { checkJSONString(t, o, text) })
}

var addresses = []string{
	"", "@", "a@b", "a@b.c", "alice@example.test", "ALICE@EXAMPLE.TEST", "alice@localhost", "alice+x@example.test",
	`"alice"@example.test`, `"al ice"@example.test`, `"al\ ice"@example.test`, `"a@b"@example.test`, `a."b".c@d.ef`, `""@d.ef`,
	"a b@c.d", " a@b.c", "a@b.c ", "a@b.c\n", "a\x00@b.c", "alice@exämple.test", "ålice@example.test", ".a@b.c", "a.@b.c", "a..b@c.d",
	"a@b.1c", "a@1.c", "a@b.c-", "a@-b.c", "a@b-.c", "a@b--c.d", "a@xn--a.xn--b", "a@b.xn--1", "a@b..c", "a@b.c.", "a@b_c.d", "(a)@b.c", "a,b@c.d",
	"a@[1.2.3.4]", "a@[256.2.3.4]", "a@[01.2.3.4]", "a@[IPv6:::1]", "a@[ipv6:1:2:3:4:5:6:7:8]", "a@[IPv6:1:2:3:4:5:6:7]", "a@[IPv6:1::8]", "a@[IPv6:1:2:3:4:5:6::8]",
	"a@[IPv6:1:2:3:4:5::8]", "a@[IPv6:1:2:3::4:5:6]", "a@[IPv6:1:2:3:4::5:6:7:8]", "a@[IPv6:::1.2.3.4]", "a@[IPv6:1:2:3:4:5:6:1.2.3.4]", "a@[IPv6:1:2:3::4:1.2.3.4]",
	"a@[IPv6:1:2:3:4::1.2.3.4]", "a@[IPv6:1:2:3::4:5:1.2.3.4]", "a@[IPv6:::]", "a@[1.2.3.4", "a@[]", "a@[::1]",
	strings.Repeat("a", 64) + "@b.cd", strings.Repeat("a", 65) + "@b.cd", `"` + strings.Repeat("a", 62) + `"@b.cd`, `"` + strings.Repeat("a", 64) + `"@b.cd`,
	`"` + strings.Repeat("a", 65) + `"@b.cd`, `"` + strings.Repeat(`\a`, 64) + `"@b.cd`, `"` + strings.Repeat(`\"`, 66) + `"@b.cd`,
	"a@" + strings.Repeat("b", 63) + ".cd", "a@" + strings.Repeat("b", 64) + ".cd", "a@b." + strings.Repeat("c", 63), "a@b." + strings.Repeat("c", 64),
	"a@" + strings.Repeat("b.", 126) + "c", "a@" + strings.Repeat("b.", 125) + "c", "a@" + strings.Repeat("b.", 124) + "cd", "a@" + strings.Repeat("b", 60) + strings.Repeat(".b", 96) + ".c",
	strings.Repeat("a", 64) + "@" + strings.Repeat("b", 63) + "." + strings.Repeat("c", 63) + "." + strings.Repeat("d", 61),
	strings.Repeat("a", 64) + "@" + strings.Repeat("b", 63) + "." + strings.Repeat("c", 63) + "." + strings.Repeat("d", 60), strings.Repeat("a", 321) + "@b.c",
	"!#$%&'*+-/=?^_`{|}~@b.cd", "a@b.c@d.ef", `a"b"@c.de`, `"a"b@c.de`, "\"\x7f\"@b.cd", "\"\\\x7f\"@b.cd", "\"\x80\"@b.cd", "\"\x01\"@b.cd", "\"\t\"@b.cd",
}

func TestFilterEmailIsPHPs(t *testing.T) {
	o := newOracle(t)
	for _, address := range addresses {
		checkEmail(t, o, address)
	}
}

func checkEmail(t *testing.T, o *oracle, address string) {
	t.Helper()
	if got, want := laravel.FilterEmail(address), o.ask(t, "email", address) == "yes"; got != want {
		t.Errorf("FilterEmail(%q) = %v, PHP %v", address, got, want)
	}
}

func FuzzEmail(f *testing.F) {
	for _, address := range addresses {
		f.Add(address)
	}
	o := newOracle(f)
	f.Fuzz(func(t *testing.T, address string) {
		if strings.Count(address, `"`) > 20 {
			t.Skip("PHP's expression gives up on so many quotation marks")
		}
		checkEmail(t, o, address)
	})
}

var markup = []string{
	"", "plain", "a<b>c</b>d", "a < b", "a <b", "1<2 and 3>2", "a<!-- <b> -->c", "a<!-- x", "<?php echo '?>'; ?>x", "<?xml version='1'?>y", "<?xml>y", "a<?xml>y", "a<?xml ->b>c",
	"<a href='>'>x</a>", `<a href=">x`, "<a <b>>c", "<a \"'>'\" >x", "<!DOCTYPE html>x", "<!doctype 'a>'>x", "a\x00b<c\x00>d", "<\x00!-- a>b", "a>b", "<a<!-->b", "<<a>>", "<?(')')?>x",
	"<?\"?>\"?>y", "<? a\\\"?>z", "<!'\\'>'x>y", "é<i>ü</i>", "<", "<a", "<>", "< >", "<\n>", "<?", "<!", "<!-", "<!-->", "<!--->x", "<!-- '-->x", "<?l<?xml>", "a<?xMl?>b>",
}

func TestStripTagsIsPHPs(t *testing.T) {
	o := newOracle(t)
	for _, text := range markup {
		checkStripTags(t, o, text)
	}
}

func checkStripTags(t *testing.T, o *oracle, text string) {
	t.Helper()
	if got, want := showValueText(laravel.StripTags(text)), o.ask(t, "strip_tags", text); got != want {
		t.Errorf("StripTags(%q) = %s, PHP %s", text, got, want)
	}
}

func FuzzStripTags(f *testing.F) {
	for _, text := range markup {
		f.Add(text)
	}
	o := newOracle(f)
	f.Fuzz(func(t *testing.T, text string) { checkStripTags(t, o, text) })
}
