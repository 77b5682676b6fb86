package faveo_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"faveo-gateway/gateway/storetest/service"
	"faveo-gateway/upstream/faveo"
	"faveo-gateway/upstream/faveo/faveotest"
)

// TestVerifyPasswordAgainstPHP makes hashes with password_hash and asks both sides about right and wrong passwords.
func TestVerifyPasswordAgainstPHP(t *testing.T) {
	php := service.PHP(t)
	const script = `
$passwords = ['', 'a', 'secret', 'pässwörd', "tab\tand space ", str_repeat('x', 71), str_repeat('x', 72), str_repeat('x', 73),
  str_repeat('x', 71).'y', str_repeat('é', 36), str_repeat('é', 37), str_repeat('x', 4096)];
$kinds = [[PASSWORD_BCRYPT, ['cost' => 4]], [PASSWORD_BCRYPT, ['cost' => 5]], [PASSWORD_BCRYPT, ['cost' => 10]]];
if (defined('PASSWORD_ARGON2I')) {
  $kinds[] = [PASSWORD_ARGON2I, ['memory_cost' => 1024, 'time_cost' => 2, 'threads' => 1]];
  $kinds[] = [PASSWORD_ARGON2ID, ['memory_cost' => 1024, 'time_cost' => 3, 'threads' => 1]];
  $kinds[] = [PASSWORD_ARGON2ID, []];
}
$out = [];
foreach ($kinds as [$kind, $options]) {
  $few = ($options['cost'] ?? 4) > 4 || $options === [] ? array_slice($passwords, 2, 1) : $passwords;
  foreach ($few as $password) {
    $hash = password_hash($password, $kind, $options);
    $hashes = [$hash];
    if (str_starts_with($hash, '$2y$')) { $hashes[] = '$2a$'.substr($hash, 4); $hashes[] = '$2b$'.substr($hash, 4); $hashes[] = $hash.' '; $hashes[] = substr($hash, 0, 59); }
    foreach ($hashes as $stored) foreach ([$password, $password.'x', 'Secret'] as $try)
      $out[] = ['hash' => $stored, 'password' => $try, 'ok' => password_verify($try, $stored)];
  }
}
echo json_encode($out);`
	encoded, err := exec.CommandContext(t.Context(), php, "-r", script).Output()
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Hash, Password string
		OK             bool
	}
	if err := json.Unmarshal(encoded, &cases); err != nil {
		t.Fatal(err)
	}
	accepted := 0
	for _, c := range cases {
		ok, err := faveo.VerifyPassword(c.Hash, c.Password)
		if ok != c.OK || (ok && err != nil) {
			t.Errorf("VerifyPassword(%q, %.20q of %d bytes) = %v, %v, PHP says %v", c.Hash, c.Password, len(c.Password), ok, err, c.OK)
		}
		if ok {
			accepted++
		}
	}
	if accepted < 50 || accepted == len(cases) {
		t.Errorf("%d of %d accepted: the comparison proves nothing", accepted, len(cases))
	}
}

// TestSeedPasswords: what Faveo itself stored and no recording logs in with, a cost of 12 and no hash at all.
func TestSeedPasswords(t *testing.T) {
	for _, user := range faveotest.LoadSeed(t).Users {
		hash, _ := user["password"].(string)
		plain, _ := user["_plain_password"].(string)
		switch {
		case strings.HasPrefix(hash, "$2y$12$"):
			if ok, err := faveo.VerifyPassword(hash, plain); !ok || err != nil {
				t.Errorf("user %v: %v, %v, want true", user["id"], ok, err)
			}
		case hash == "":
			if ok, err := faveo.VerifyPassword(hash, plain); ok || !errors.Is(err, faveo.ErrUnusableHash) {
				t.Errorf("user %v without a hash: %v, %v, want ErrUnusableHash", user["id"], ok, err)
			}
		}
	}
}

func TestUnusableHashes(t *testing.T) {
	bcrypt := "$2y$10$" + strings.Repeat("a", 53)
	const argon = "$argon2id$v=19$m=65536,t=4,p=1$c29tZXNhbHRzb21lc2FsdA$RdescudvJCsgt3ub+b4dWRWJTmaaJObG1xTn0fyu0Rk"
	if ok, err := faveo.VerifyPassword(bcrypt, "x"); ok || err != nil {
		t.Fatalf("the good bcrypt hash: %v, %v", ok, err)
	}
	if ok, err := faveo.VerifyPassword(argon, "x"); ok || err != nil {
		t.Fatalf("the good argon2 hash: %v, %v", ok, err)
	}
	replaced := func(old, replacement string) string {
		changed := strings.Replace(argon, old, replacement, 1)
		if changed == argon {
			t.Fatalf("%q is not in the hash", old)
		}
		return changed
	}
	for name, hash := range map[string]string{
		"empty":                      "",
		"plain text":                 "secret",
		"md5":                        "5ebe2294ecd0e0f08eab7690d2a6ee69",
		"md5 crypt":                  "$1$abc$QJ3uAPPwhPZ7EFMjOoTuT1",
		"sha512 crypt":               "$6$saltsalt$" + strings.Repeat("a", 86),
		"bcrypt cost 16":             strings.Replace(bcrypt, "$10$", "$16$", 1),
		"bcrypt cost 31":             strings.Replace(bcrypt, "$10$", "$31$", 1),
		"bcrypt cost 99":             strings.Replace(bcrypt, "$10$", "$99$", 1),
		"bcrypt cost 03":             strings.Replace(bcrypt, "$10$", "$03$", 1),
		"bcrypt cost -1":             strings.Replace(bcrypt, "$10$", "$-1$", 1),
		"bcrypt without minor":       strings.Replace(bcrypt, "$2y$", "$2$", 1),
		"bcrypt 2x":                  strings.Replace(bcrypt, "$2y$", "$2x$", 1),
		"bcrypt 3y":                  strings.Replace(bcrypt, "$2y$", "$3y$", 1),
		"bcrypt cut":                 bcrypt[:59],
		"bcrypt longer":              bcrypt + "a",
		"bcrypt with newline":        bcrypt + "\n",
		"bcrypt bad character":       bcrypt[:59] + "!",
		"argon2d":                    replaced("argon2id", "argon2d"),
		"argon2 without version":     replaced("$v=19", ""),
		"argon2 version 16":          replaced("v=19", "v=16"),
		"argon2 4 GiB":               replaced("m=65536", "m=4194304"),
		"argon2 just too much":       replaced("m=65536", "m=262145"),
		"argon2 too many passes":     replaced("t=4", "t=17"),
		"argon2 too much work":       replaced("m=65536,t=4", "m=262144,t=5"),
		"argon2 endless":             replaced("t=4", "t=4294967295"),
		"argon2 overflowing":         replaced("t=4", "t=4294967297"),
		"argon2 no passes":           replaced("t=4", "t=0"),
		"argon2 too many threads":    replaced("p=1", "p=255"),
		"argon2 overflowing threads": replaced("p=1", "p=257"),
		"argon2 no threads":          replaced("p=1", "p=0"),
		"argon2 memory for no lane":  replaced("m=65536,t=4,p=1", "m=8,t=4,p=2"),
		"argon2 no memory":           replaced("m=65536", "m=0"),
		"argon2 negative":            replaced("m=65536", "m=-1"),
		"argon2 leading zero":        replaced("t=4", "t=04"),
		"argon2 other order":         replaced("m=65536,t=4", "t=4,m=65536"),
		"argon2 with key id":         replaced("p=1", "p=1,keyid=AA"),
		"argon2 short salt":          replaced("c29tZXNhbHRzb21lc2FsdA", "c29t"),
		"argon2 short digest":        replaced("RdescudvJCsgt3ub+b4dWRWJTmaaJObG1xTn0fyu0Rk", "Rdes"),
		"argon2 long digest":         argon + strings.Repeat("AAAA", 100),
		"argon2 padded":              argon + "=",
		"argon2 empty digest":        argon[:strings.LastIndex(argon, "$")+1],
		"argon2 stray bits":          replaced("c29tZXNhbHRzb21lc2FsdA", "c29tZXNhbHRzb21lc2FsdB"),
		"only the kind":              "$argon2id$",
		"invalid UTF-8":              "\xff\xfe",
	} {
		t.Run(name, func(t *testing.T) {
			if ok, err := faveo.VerifyPassword(hash, "secret"); ok || !errors.Is(err, faveo.ErrUnusableHash) {
				t.Errorf("got %v, %v, want ErrUnusableHash", ok, err)
			}
		})
	}
}

func TestUsualHash(t *testing.T) {
	const argon = "$argon2id$v=19$m=1024,t=2,p=1$"
	bcrypt := func(cost int) string { return fmt.Sprintf("$2y$%02d$", cost) }
	tests := []struct {
		name   string
		hashes map[string]int
		want   string
	}{
		{"nobody", nil, bcrypt(10)},
		{"only unusable ones", map[string]int{"md5": 3, "": 2, "$2y$31$" + strings.Repeat("a", 53): 4}, bcrypt(10)},
		{"the most frequent cost", map[string]int{faveo.CompleteHash(bcrypt(5)): 2, faveo.CompleteHash(bcrypt(4)): 3}, bcrypt(4)},
		{"argon2", map[string]int{faveo.CompleteHash(bcrypt(5)): 1, faveo.CompleteHash(argon): 2}, argon},
	}
	d := faveotest.New(t)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d.Exec(t, "DELETE FROM users")
			d.Exec(t, "INSERT INTO users (active, password) VALUES (0, ?), (0, ?), (0, ?), (0, ?), (0, ?)",
				faveo.CompleteHash(bcrypt(14)), faveo.CompleteHash(bcrypt(14)), faveo.CompleteHash(bcrypt(14)), faveo.CompleteHash(bcrypt(14)), faveo.CompleteHash(bcrypt(14)))
			for hash, n := range test.hashes {
				for range n {
					d.Exec(t, "INSERT INTO users (active, password) VALUES (1, ?), (1, NULL)", hash)
				}
			}
			db := open(t, d, faveo.Options{})
			got, err := db.UsualHash(t.Context())
			if err != nil || got != test.want {
				t.Errorf("got %q, %v, want %q", got, err, test.want)
			}
			if ok, err := faveo.VerifyPassword(faveo.CompleteHash(got), "secret"); ok || err != nil {
				t.Errorf("the padding hash computes nothing: %v, %v", ok, err)
			}
			if db.VerifyNothing("secret") {
				t.Error("VerifyNothing said true")
			}
		})
	}
}
