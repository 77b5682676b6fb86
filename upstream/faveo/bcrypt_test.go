package faveo_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"faveo-gateway/upstream/faveo"
)

// TestBcryptAgainstTheLibrary: hashes of golang.org/x/crypto/bcrypt of random passwords are right for theirs and wrong
// for every other, at both ends of the lengths that count.
func TestBcryptAgainstTheLibrary(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for n := range 150 {
		password := make([]byte, []int{0, 1, 71, 72, random.IntN(73)}[n%5])
		for i := range password {
			password[i] = byte(1 + random.IntN(255))
		}
		hash, err := bcrypt.GenerateFromPassword(password, bcrypt.MinCost)
		if err != nil {
			t.Fatal(err)
		}
		stored := "$2y$" + strings.TrimPrefix(string(hash), "$2a$")
		if right, err := faveo.VerifyPassword(stored, string(password)); !right || err != nil {
			t.Fatalf("the password %q of %s: %v, %v", password, stored, right, err)
		}
		other := append([]byte(nil), password...)
		if len(other) == 0 {
			other = []byte("x")
		} else {
			other[random.IntN(len(other))] ^= 1 + byte(random.IntN(127))
		}
		if right, _ := faveo.VerifyPassword(stored, string(other)); right {
			t.Fatalf("%q is right for %s, which is %q", other, stored, password)
		}
	}
}

// BenchmarkBcrypt compares the time of one hash with that of the library.
func BenchmarkBcrypt(b *testing.B) {
	hash, err := bcrypt.GenerateFromPassword([]byte("secret"), 10)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("library", func(b *testing.B) {
		for b.Loop() {
			_ = bcrypt.CompareHashAndPassword(hash, []byte("secret"))
		}
	})
	b.Run("ours", func(b *testing.B) {
		for b.Loop() {
			_, _ = faveo.VerifyPassword(string(hash), "secret")
		}
	})
}
