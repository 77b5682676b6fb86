package faveo_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"faveo-gateway/upstream/faveo"
	"faveo-gateway/upstream/faveo/faveotest"
)

func TestFindByLogin(t *testing.T) {
	d := faveotest.New(t)
	var failures []error
	db := open(t, d, faveo.Options{Observe: func(_ context.Context, _ string, _ time.Duration, err error) {
		if err != nil {
			failures = append(failures, err)
		}
	}})
	d.Exec(t, "INSERT INTO users (id, user_name, active) VALUES (100, 'half', 0), (101, 'half', 2), (102, 'half', 1), (103, 'half', 1)")
	d.Exec(t, "INSERT INTO users (id, user_name, active) VALUES (110, ?, 1), (111, ?, 1)", strings.Repeat("😀", 255), "smile😀")
	tests := []struct {
		name, username string
		want           uint64 // 0: ErrNotFound.
	}{
		{"of twins the first active one", "half", 102},
		{"accents and case do not matter", "JORG", 17},
		{"inactive", "ivan_inactive", 0},
		{"active is two", "active2", 0},
		{"banned is found", "bella_banned", 8},
		{"deleted is found", "dora_deleted", 9},
		{"an address is never a user_name", "named@mail.test", 0},
		{"empty name is not the nameless user", "", 0},
		{"a number is not a prefix", "0", 0},
		{"invalid UTF-8", "al\xff\xfeice", 0},
		{"truncated UTF-8", "alice\xc3", 0},
		{"encoded surrogate", "alice\xed\xa0\x80", 0},
		{"NUL", "alice\x00", 0},
		{"percent is no wildcard", "alic%", 0},
		{"quotes", `alice' OR '1'='1' -- `, 0},
		{"backslash", `alice\`, 0},
		{"four bytes a character, the whole column", strings.Repeat("😀", 255), 110},
		{"longer than the column", strings.Repeat("😀", 256), 0},
		{"very long", strings.Repeat("a", 1<<20), 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			u, err := db.FindByLogin(t.Context(), test.username)
			if test.want == 0 {
				if !errors.Is(err, faveo.ErrNotFound) || u != nil {
					t.Errorf("got %v, %v, want ErrNotFound", u, err)
				}
				return
			}
			if err != nil || u.ID != test.want {
				t.Errorf("got %v, %v, want account %d", u, err, test.want)
			}
		})
	}
	if len(failures) > 0 {
		t.Errorf("reported as faults: %v", failures)
	}
}

// TestThreeByteTables runs against tables made from Faveo's old dump (utf8_unicode_ci), where a four-byte character
// cannot be compared with the column.
func TestThreeByteTables(t *testing.T) {
	d := faveotest.New(t)
	d.Exec(t, "ALTER TABLE users CONVERT TO CHARACTER SET utf8mb3 COLLATE utf8mb3_unicode_ci")
	var failures []error
	db := open(t, d, faveo.Options{Observe: func(_ context.Context, _ string, _ time.Duration, err error) {
		if err != nil {
			failures = append(failures, err)
		}
	}})
	tests := []struct {
		username string
		want     uint64
	}{
		{"alice", 4},
		{"ALICE@example.test", 4},
		{"jo\u0308rg", 17},
		{"ａｌｉｃｅ", 4},
		{"alice😀", 0},
		{"😀", 0},
		{"😀@example.test", 0},
		{strings.Repeat("😀", 255), 0},
	}
	for _, test := range tests {
		u, err := db.FindByLogin(t.Context(), test.username)
		switch {
		case test.want == 0 && !errors.Is(err, faveo.ErrNotFound):
			t.Errorf("FindByLogin(%.20q) = %v, %v, want ErrNotFound", test.username, u, err)
		case test.want != 0 && (err != nil || u.ID != test.want):
			t.Errorf("FindByLogin(%.20q) = %v, %v, want account %d", test.username, u, err, test.want)
		}
	}
	if len(failures) > 0 {
		t.Errorf("a name that a client chose was reported as a fault of the database: %v", failures)
	}
}

func TestMayLogin(t *testing.T) {
	d := faveotest.New(t)
	d.Exec(t, "ALTER TABLE users MODIFY ban TINYINT NULL, MODIFY is_delete TINYINT NULL, MODIFY active INT NULL")
	db := open(t, d, faveo.Options{})
	tests := []struct {
		active, ban, deleted any
		want                 bool
	}{
		{1, 0, 0, true},
		{1, nil, nil, true},
		{0, 0, 0, false},
		{2, 0, 0, false},
		{-1, 0, 0, false},
		{nil, 0, 0, false},
		{1, 1, 0, false},
		{1, 2, 0, false},
		{1, -1, 0, false},
		{1, 0, 1, false},
		{1, nil, 1, false},
	}
	for _, test := range tests {
		d.Exec(t, "UPDATE users SET active = ?, ban = ?, is_delete = ? WHERE id = 4", test.active, test.ban, test.deleted)
		u, err := db.FindByID(t.Context(), 4)
		if err != nil {
			t.Fatal(err)
		}
		a, err := db.Account(t.Context(), 4)
		if err != nil {
			t.Fatal(err)
		}
		if u.MayLogin() != test.want || a.MayLogin() != test.want {
			t.Errorf("active %v, ban %v, is_delete %v: FindByID says %v, Account says %v, want %v",
				test.active, test.ban, test.deleted, u.MayLogin(), a.MayLogin(), test.want)
		}
	}
}

func TestAccount(t *testing.T) {
	d := faveotest.New(t)
	db := open(t, d, faveo.Options{})
	before, err := db.Account(t.Context(), 2)
	if err != nil || before.ID != 2 || before.Role != "agent" || !before.MayLogin() {
		t.Fatalf("Account(2) = %v, %v", before, err)
	}
	u, err := db.FindByID(t.Context(), 2)
	if err != nil || u.PasswordFingerprint() != before.PasswordFingerprint() {
		t.Errorf("FindByID and Account disagree on the fingerprint (%v)", err)
	}
	if len(before.PasswordFingerprint()) != 16 {
		t.Errorf("fingerprint %q, want 16 characters", before.PasswordFingerprint())
	}
	d.Exec(t, "UPDATE users SET role = NULL, password = NULL WHERE id = 2")
	after, err := db.Account(t.Context(), 2)
	if err != nil || after.Role != "" || after.PasswordHash() != "" {
		t.Errorf("NULL role and password: %q, %q, %v", after.Role, after.PasswordHash(), err)
	}
	if after.PasswordFingerprint() == before.PasswordFingerprint() {
		t.Error("the fingerprint outlived the password")
	}
	d.Exec(t, "DELETE FROM users WHERE id = 2")
	if _, err := db.Account(t.Context(), 2); !errors.Is(err, faveo.ErrNotFound) {
		t.Errorf("a deleted row: %v, want ErrNotFound", err)
	}
	if _, err := db.FindByID(t.Context(), 1<<63); !errors.Is(err, faveo.ErrNotFound) {
		t.Errorf("an id beyond every row: %v, want ErrNotFound", err)
	}
}

// TestOneByteTables: the same where a column holds Western European letters only.
func TestOneByteTables(t *testing.T) {
	d := faveotest.New(t)
	d.Exec(t, "ALTER TABLE users CONVERT TO CHARACTER SET latin1 COLLATE latin1_general_ci")
	db := open(t, d, faveo.Options{})
	if u, err := db.FindByLogin(t.Context(), "jörg"); err != nil || u.ID != 17 {
		t.Errorf("jörg: %v, %v, want account 17", u, err)
	}
	if u, err := db.FindByLogin(t.Context(), "ałice"); !errors.Is(err, faveo.ErrNotFound) {
		t.Errorf("ałice: %v, %v, want ErrNotFound", u, err)
	}
	if object := userObject(t, db, 17); !strings.Contains(object, `"user_name":"j\u00f6rg"`) {
		t.Errorf("the answer is not in UTF-8: %s", object)
	}
}

// TestHashIsNotPrinted: an account that slips into a log line must not bring its hash along.
func TestHashIsNotPrinted(t *testing.T) {
	d := faveotest.New(t)
	db := open(t, d, faveo.Options{})
	u, err := db.FindByID(t.Context(), 4)
	if err != nil {
		t.Fatal(err)
	}
	for _, form := range []string{"%v", "%+v", "%#v", "%s"} {
		for _, value := range []any{u, *u, u.Account} {
			if printed := fmt.Sprintf(form, value); strings.Contains(printed, "$2y$") || strings.Contains(printed, "vip") {
				t.Errorf("%s of %T prints %s", form, value, printed)
			}
		}
	}
}

// TestForeignTable: a users table that lacks a deciding column is a fault, not an account without a ban.
func TestForeignTable(t *testing.T) {
	d := faveotest.New(t)
	d.Exec(t, "ALTER TABLE users DROP COLUMN ban")
	db := open(t, d, faveo.Options{})
	if u, err := db.FindByLogin(t.Context(), "alice"); err == nil || errors.Is(err, faveo.ErrNotFound) {
		t.Errorf("FindByLogin = %v, %v, want a fault", u, err)
	}
	if a, err := db.Account(t.Context(), 4); err == nil || errors.Is(err, faveo.ErrNotFound) {
		t.Errorf("Account = %v, %v, want a fault", a, err)
	}
}

// TestSessionIsFaveos: only character set and collation of the session are set; sql_mode and time zone stay the
// server's, because the text of a timestamp is what Faveo's session shows.
func TestSessionIsFaveos(t *testing.T) {
	d := faveotest.New(t)
	db := open(t, d, faveo.Options{})
	for expression, want := range map[string]string{
		"@@collation_connection":                       "utf8mb4_unicode_ci",
		"@@character_set_results":                      "utf8mb4",
		"@@session.time_zone = @@global.time_zone":     "1",
		"@@session.sql_mode = @@global.sql_mode":       "1",
		"@@session.tx_isolation = 'REPEATABLE-READ'":   "1",
		"DATABASE() = '" + d.Name + "'":                "1",
		"@@session.autocommit":                         "1",
		"@@session.character_set_client = 'utf8mb4'":   "1",
		"@@session.lc_messages = @@global.lc_messages": "1",
	} {
		if got, err := db.SessionText(t.Context(), expression); err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", expression, got, err, want)
		}
	}
}
