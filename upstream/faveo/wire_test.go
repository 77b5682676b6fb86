package faveo_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"faveo-gateway/gateway/storetest/service"
	"faveo-gateway/upstream/faveo"
	"faveo-gateway/upstream/faveo/faveotest"
)

// TestManualPage rebuilds the login answer of Faveo's public manual (August 2018, v1.10) from a row of that time. The
// e-mail is masked on the page, and its gravatar hash does not tell it either, so the address and the hash are left
// out of the comparison.
func TestManualPage(t *testing.T) {
	d := faveotest.New(t)
	db := open(t, d, faveo.Options{Version: "1.10"})
	d.Exec(t, `REPLACE INTO users (id, user_name, first_name, last_name, email, active, ext, country_code, phone_number,
		agent_sign, account_type, account_status, assign_group, primary_dpt, agent_tzone, daylight_save, limit_access,
		directory_listing, vacation_mode, company, role, internal_note, profile_pic, created_at, updated_at)
		VALUES (1, 'demoadmin', 'Demo', 'Admin', 'masked@example.test', 1, '', 0, '', '', '', '', 1, 1, '', '', '', '', '', '', 'admin', '', '',
		'2018-08-13 14:22:49', '2018-08-13 14:23:14')`)
	page, err := os.ReadFile(filepath.Join("..", "..", "testdata", "faveo-contract", "manual-access-and-authentication.txt"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(page), "Success Response : ")
	example, _, _ := strings.Cut(rest, "\n")
	if !found {
		t.Fatal("the manual page has no success response")
	}
	var manual struct {
		Token string          `json:"token"`
		User  json.RawMessage `json:"user_id"`
	}
	if err := json.Unmarshal([]byte(example), &manual); err != nil {
		t.Fatal(err)
	}
	u, err := db.FindByLogin(t.Context(), "demoadmin")
	if err != nil {
		t.Fatal(err)
	}
	got, err := db.AppendLogin(nil, manual.Token, u)
	if err != nil {
		t.Fatal(err)
	}
	// The page shows the JSON with blanks, with a masked address and without PHP's \/.
	want := strings.NewReplacer("{ ", "{", " }", "}", `": `, `":`, `, "`, `,"`, "/", `\/`).Replace(strings.TrimSpace(example))
	want = regexp.MustCompile(`"\[email[^"]*"`).ReplaceAllString(want, `"masked@example.test"`)
	gotText := replaceGravatar(string(got))
	if want = replaceGravatar(want); gotText != want {
		t.Errorf("got  %s\nwant %s", gotText, want)
	}
}

// replaceGravatar hides the hash of the address.
func replaceGravatar(body string) string {
	before, rest, found := strings.Cut(body, `avatar\/`)
	if !found || len(rest) < 32 {
		return body
	}
	return before + `avatar\/HASH` + rest[32:]
}

func TestShapes(t *testing.T) {
	d := faveotest.New(t)
	d.Exec(t, "UPDATE users SET first_name = '<b>Al</b>ice', last_name = NULL, ext = '' WHERE id = 4")
	d.Exec(t, "UPDATE users SET created_at = '0000-00-00 00:00:00', updated_at = NULL WHERE id = 5")
	tests := []struct {
		version   string
		login     string // How the login answer begins.
		contained []string
		zero      string
	}{
		{
			"2", `{"token":"t","user_id":{"id":4,"user_name":"alice","first_name":"Alice","last_name":"","gender":0,`,
			[]string{`"created_at":"2026-01-02T03:04:05.000000Z"`, `"ext":""`},
			`"created_at":"-000001-11-30T00:00:00.000000Z","updated_at":null,`,
		},
		{
			"1.11", `{"token":"t","user_id":{"id":4,"user_name":"alice","first_name":"Alice","last_name":"","gender":0,`,
			[]string{`"created_at":"2026-01-02 03:04:05"`, `"ext":""`},
			`"created_at":"-0001-11-30 00:00:00","updated_at":null,`,
		},
		{
			"1.10", `{"token":"t","user_id":{"id":4,"user_name":"alice","first_name":"<b>Al<\/b>ice","last_name":null,"gender":0,`,
			[]string{`"created_at":"2026-01-02 03:04:05"`, `"ext":""`},
			`"created_at":"-0001-11-30 00:00:00","updated_at":null,`,
		},
		{
			"1.9", `{"token":"t","user_id":4}`,
			[]string{`"first_name":"<b>Al<\/b>ice","last_name":null,`, `"created_at":"2026-01-02 03:04:05"`},
			`"created_at":"-0001-11-30 00:00:00","updated_at":null,`,
		},
	}
	for _, test := range tests {
		t.Run(test.version, func(t *testing.T) {
			db := open(t, d, faveo.Options{Version: test.version})
			u, err := db.FindByLogin(t.Context(), "alice")
			if err != nil {
				t.Fatal(err)
			}
			login, err := db.AppendLogin(nil, "t", u)
			if err != nil || !strings.HasPrefix(string(login), test.login) {
				t.Errorf("login: %s (%v)\nwant %s…", login, err, test.login)
			}
			object := userObject(t, db, 4)
			for _, part := range test.contained {
				if !strings.Contains(object, part) {
					t.Errorf("%s\nlacks %s", object, part)
				}
			}
			if zero := userObject(t, db, 5); !strings.Contains(zero, test.zero) {
				t.Errorf("%s\nlacks %s", zero, test.zero)
			}
		})
	}
}

// TestPluginColumns: what a plugin adds to the table appears at its place, with the type that PHP would give it.
func TestPluginColumns(t *testing.T) {
	d := faveotest.New(t)
	db := open(t, d, faveo.Options{})
	tests := []struct{ declaration, value, want string }{
		{"VARCHAR(20) NULL", "'ä/<&'", `"\u00e4\/<&"`},
		{"VARCHAR(20) NULL", "NULL", `null`},
		{"TINYINT(1) NULL", "1", `1`},
		{"BOOLEAN NULL", "TRUE", `1`},
		{"BIGINT NULL", "-9223372036854775808", `-9223372036854775808`},
		{"BIGINT UNSIGNED NULL", "9223372036854775807", `9223372036854775807`},
		{"BIGINT UNSIGNED NULL", "18446744073709551615", `"18446744073709551615"`},
		{"YEAR NULL", "2026", `2026`},
		{"BIT(12) NULL", "b'101000000001'", `2561`},
		{"DECIMAL(10,2) NULL", "1.5", `"1.50"`},
		{"DOUBLE NULL", "0.1", `0.1`},
		{"DOUBLE NULL", "3", `3`},
		{"DOUBLE NULL", "1e25", `1.0e+25`},
		{"FLOAT NULL", "0.1", `0.1`},
		{"FLOAT NULL", "16777217", `16777200`},
		{"FLOAT(10,3) NULL", "1.23456", `1.235`},
		{"DATE NULL", "'2026-02-03'", `"2026-02-03"`},
		{"DATETIME(3) NULL", "'2026-02-03 04:05:06.789'", `"2026-02-03 04:05:06.789"`},
		{"TIME NULL", "'-12:34:56'", `"-12:34:56"`},
		{"ENUM('a','b') NULL", "'b'", `"b"`},
		{"JSON NULL", `'{"a":[1]}'`, `"{\"a\":[1]}"`},
		{"BLOB NULL", "'text'", `"text"`},
		{"BLOB NULL", "x'ff00fe'", `null`}, // PHP: 500, nobody with such a row can log in.
		{"VARCHAR(20) CHARACTER SET latin1 NULL", "x'e4'", `"\u00e4"`},
	}
	for _, test := range tests {
		t.Run(test.declaration+" "+test.value, func(t *testing.T) {
			d.Exec(t, "ALTER TABLE users ADD COLUMN `plug/in` "+test.declaration+" AFTER gender")
			defer d.Exec(t, "ALTER TABLE users DROP COLUMN `plug/in`")
			d.Exec(t, "UPDATE users SET `plug/in` = "+test.value+" WHERE id = 4")
			object := userObject(t, db, 4)
			if want := `"gender":0,"plug\/in":` + test.want + `,"email":`; !strings.Contains(object, want) {
				t.Errorf("%s\nlacks %s", object, want)
			}
		})
	}
}

// TestNumbersAgainstPHP compares the print of floating point numbers with json_encode.
func TestNumbersAgainstPHP(t *testing.T) {
	php := service.PHP(t)
	d := faveotest.New(t)
	db := open(t, d, faveo.Options{})
	d.Exec(t, "ALTER TABLE users ADD COLUMN number DOUBLE NULL")
	numbers := []string{
		"0", "1", "-1", "0.5", "10", "100000", "0.1", "0.30000000000000004", "1e14", "1e15", "1e16", "1e17", "1e18",
		"123456789012345678", "12345678901234567", "0.001", "0.0001", "0.00012", "0.00001", "1e-5", "1.5e-7", "-2.5e-10",
		"1e100", "-1.7976931348623157e308", "5e-324", "2.2250738585072014e-308", "999999999999999999", "99999999999999990",
	}
	script := "echo json_encode([" + strings.Join(numbers, "+0.0,") + "+0.0]);"
	encoded, err := exec.CommandContext(t.Context(), php, "-d", "serialize_precision=-1", "-r", script).Output()
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Split(strings.Trim(string(encoded), "[]"), ",")
	if len(want) != len(numbers) {
		t.Fatalf("PHP printed %d numbers of %d", len(want), len(numbers))
	}
	for i, number := range numbers {
		d.Exec(t, "UPDATE users SET number = CAST(? AS DOUBLE) WHERE id = 4", number)
		object := userObject(t, db, 4)
		_, got, _ := strings.Cut(strings.TrimSuffix(object, "}"), `"number":`)
		if got != want[i] {
			t.Errorf("%s: got %s, PHP says %s", number, got, want[i])
		}
	}
}

func TestHiddenColumns(t *testing.T) {
	d := faveotest.New(t)
	d.Exec(t, "ALTER TABLE users CHANGE password Password VARCHAR(255) NULL, CHANGE remember_token REMEMBER_TOKEN VARCHAR(255) NULL")
	d.Exec(t, "UPDATE users SET REMEMBER_TOKEN = 'secret' WHERE id = 4")
	db := open(t, d, faveo.Options{})
	if object := userObject(t, db, 4); strings.Contains(object, "$2y$") || strings.Contains(object, "secret") {
		t.Errorf("a hidden column is shown: %s", object)
	}
	if a, err := db.Account(t.Context(), 4); err != nil || a.PasswordHash() == "" {
		t.Errorf("the password of a column with another case is not found: %v", err)
	}
}

func TestHideInternalNote(t *testing.T) {
	d := faveotest.New(t)
	d.Exec(t, "UPDATE users SET internal_note = 'the note'")
	tests := []struct {
		role  any
		shown bool
	}{
		{"admin", true}, {"agent", true}, {"user", false}, {"", false}, {nil, false}, {"Admin", false}, {"agent ", false}, {"administrator", false},
	}
	for _, hide := range []bool{true, false} {
		db := open(t, d, faveo.Options{HideInternalNote: hide})
		for _, test := range tests {
			d.Exec(t, "UPDATE users SET role = ? WHERE id = 4", test.role)
			want := `"internal_note":null,`
			if test.shown || !hide {
				want = `"internal_note":"the note",`
			}
			if object := userObject(t, db, 4); !strings.Contains(object, want) {
				t.Errorf("hide %v, role %q: %s\nlacks %s", hide, test.role, object, want)
			}
		}
	}
}

func TestProfilePicture(t *testing.T) {
	d := faveotest.New(t)
	folder := filepath.Join(d.PublicPath, "uploads", "profilepic")
	write := func(path string, size int) {
		if err := os.WriteFile(path, make([]byte, size), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(filepath.Join(d.PublicPath, ".env"), 3)
	write(filepath.Join(folder, "noextension"), 3)
	write(filepath.Join(folder, `two.dots."<b>`), 3)
	write(filepath.Join(folder, "0"), 3)
	write(filepath.Join(folder, "largest.png"), 4<<20)
	write(filepath.Join(folder, "huge.png"), 4<<20+1)
	for _, err := range []error{
		os.Mkdir(filepath.Join(folder, "sub.png"), 0o700),
		os.Symlink(filepath.Join("..", "..", ".env"), filepath.Join(folder, "link.png")),
		os.Symlink("fixture.png", filepath.Join(folder, "inside.png")),
		syscall.Mkfifo(filepath.Join(folder, "fifo.png"), 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	write(filepath.Join(folder, "sub.png", "deep.gif"), 3)
	const gravatar = `"https:\/\/secure.gravatar.com\/avatar\/2960a687c8031d3d105b67802b5e130e?s=80&r=g&d=identicon"`
	tests := []struct{ name, column, want string }{
		{"none", "", gravatar},
		{"zero is empty in PHP", "0", gravatar},
		{"no extension", "noextension", `"data:image\/;base64,AAAA"`},
		{"strange extension is escaped", `two.dots."<b>`, `"data:image\/\"<b>;base64,AAAA"`},
		{"below the folder", "sub.png/deep.gif", `"data:image\/gif;base64,AAAA"`},
		{"a folder", "sub.png", `""`},
		{"the folder itself", ".", `""`},
		{"out of the folder", "../../.env", `""`},
		{"out and in again", "../profilepic/fixture.png", `""`},
		{"absolute", "/etc/passwd", `""`},
		{"a link out of the folder", "link.png", `""`},
		{"a FIFO nobody writes to", "fifo.png", `""`},
		{"a URL", "http://127.0.0.1/x.png", `""`},
		{"a NUL", "fixture.png\x00.txt", `""`},
		{"too large", "huge.png", `""`},
	}
	db := open(t, d, faveo.Options{PublicPath: d.PublicPath})
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d.Exec(t, "UPDATE users SET profile_pic = ? WHERE id = 4", test.column)
			if object := userObject(t, db, 4); !strings.Contains(object, `"profile_pic":`+test.want+`,`) {
				t.Errorf("%.900s\nlacks %s", object, test.want)
			}
		})
	}
	d.Exec(t, "UPDATE users SET profile_pic = 'largest.png' WHERE id = 4")
	if object := userObject(t, db, 4); len(object) < 5<<20 {
		t.Error("a picture of just 4 MiB is not shown")
	}
	d.Exec(t, "UPDATE users SET profile_pic = 'inside.png' WHERE id = 4")
	if object := userObject(t, db, 4); !strings.Contains(object, `"data:image\/png;base64,iVBOR`) {
		t.Error("a link inside the folder is not followed")
	}
	without := open(t, d, faveo.Options{})
	if object := userObject(t, without, 4); !strings.Contains(object, `"profile_pic":"",`) {
		t.Errorf("without a public path: %s", object)
	}
}

func TestGravatar(t *testing.T) {
	d := faveotest.New(t)
	db := open(t, d, faveo.Options{})
	const none = "00000000000000000000000000000000?s=80&r=g&d=identicon&f=y"
	for _, test := range []struct {
		email      any
		shown, tag string
	}{
		{nil, "Not available", none},
		{"", "Not available", none},
		{"0", "Not available", none},
		{" \t Alice@Example.TEST\r\n", ` \t Alice@Example.TEST\r\n`, "2960a687c8031d3d105b67802b5e130e?s=80&r=g&d=identicon\""},
		{"Ä@example.test", `\u00c4@example.test`, phpMD5(t, "Ä@example.test")},
	} {
		d.Exec(t, "UPDATE users SET email = ? WHERE id = 4", test.email)
		object := userObject(t, db, 4)
		if !strings.Contains(object, `"email":"`+test.shown+`",`) || !strings.Contains(object, `avatar\/`+test.tag) {
			t.Errorf("email %q: %s", test.email, object)
		}
	}
}

// phpMD5 is the hash as the gravatar package computes it.
func phpMD5(t *testing.T, email string) string {
	t.Helper()
	code := fmt.Sprintf("echo md5(strtolower(trim(hex2bin('%x'))));", email)
	sum, err := exec.CommandContext(t.Context(), service.PHP(t), "-r", code).Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(sum)
}

// TestTimestampForms: forms of created_at that Faveo's own tables do not have, but an upgraded one may.
func TestTimestampForms(t *testing.T) {
	d := faveotest.New(t)
	d.Exec(t, "ALTER TABLE users MODIFY created_at VARCHAR(40) NULL")
	v2, v1 := open(t, d, faveo.Options{Version: "2"}), open(t, d, faveo.Options{Version: "1.11"})
	for _, test := range []struct{ column, v2, v1 string }{
		{"2026-01-02", "2026-01-02T00:00:00.000000Z", "2026-01-02 00:00:00"},
		{"2026-01-02 03:04:05.1", "2026-01-02T03:04:05.100000Z", "2026-01-02 03:04:05"},
		{"2026-00-10 00:00:00", "2025-12-10T00:00:00.000000Z", "2025-12-10 00:00:00"},
		{"2026-02-31 10:00:00", "2026-03-03T10:00:00.000000Z", "2026-03-03 10:00:00"},
		{"0000-00-00 00:00:00.000000", "-000001-11-30T00:00:00.000000Z", "-0001-11-30 00:00:00"},
		{"", "", ""},
		{"yesterday", "yesterday", "yesterday"},
	} {
		d.Exec(t, "UPDATE users SET created_at = ? WHERE id = 4", test.column)
		for db, want := range map[*faveo.DB]string{v2: test.v2, v1: test.v1} {
			if object := userObject(t, db, 4); !strings.Contains(object, `"created_at":"`+want+`",`) {
				t.Errorf("%q: %s\nlacks %q", test.column, object, want)
			}
		}
	}
}
