package faveo_test

import (
	"testing"
	"time"

	"faveo-gateway/upstream/faveo"
	"faveo-gateway/upstream/faveo/faveotest"
)

// TestCostliestHash looks at every active account, not only at the newest, and at no hash that is never computed.
func TestCostliestHash(t *testing.T) {
	hash := faveo.CompleteHash
	const (
		small  = "$argon2i$v=19$m=1024,t=2,p=1$"
		large  = "$argon2id$v=19$m=4096,t=3,p=2$"
		wide   = "$argon2id$v=19$m=8192,t=1,p=12$"
		absurd = "$argon2id$v=19$m=4194304,t=4,p=1$"
	)
	for name, test := range map[string]struct {
		active, inactive []string
		bcrypt, argon2   string
	}{
		"none":      {},
		"costs":     {active: []string{hash("$2y$05$"), hash("$2y$12$"), hash("$2y$10$")}, bcrypt: "$2y$12$"},
		"libraries": {active: []string{hash("$2a$05$"), hash("$2b$06$")}, bcrypt: "$2y$06$"},
		"hostile":   {active: []string{hash("$2y$05$"), hash("$2y$16$"), hash("$2y$31$"), hash("$2Y$12$"), hash(absurd)}, bcrypt: "$2y$05$"},
		"inactive":  {active: []string{hash("$2y$05$")}, inactive: []string{hash("$2y$12$")}, bcrypt: "$2y$05$"},
		"argon2":    {active: []string{hash(small), hash(large), hash(wide)}, argon2: "$argon2id$v=19$m=4096,t=3,p=2$"},
		"threads":   {active: []string{hash(wide)}, argon2: "$argon2id$v=19$m=8192,t=1,p=1$"},
		"both":      {active: []string{hash(small), hash("$2y$04$")}, bcrypt: "$2y$04$", argon2: small},
		"others":    {active: []string{"", "plain", "$1$abc$QJ3uAPPwhPZ7EFMjOoTuT1", "$argon2id$", "$2y$"}},
	} {
		t.Run(name, func(t *testing.T) {
			d := faveotest.New(t)
			d.Exec(t, "DELETE FROM users")
			for _, h := range test.active {
				d.Exec(t, "INSERT INTO users (active, password) VALUES (1, ?)", h)
			}
			for _, h := range test.inactive {
				d.Exec(t, "INSERT INTO users (active, password) VALUES (0, ?)", h)
			}
			bcrypt, argon2, err := open(t, d, faveo.Options{}).CostliestHash(t.Context())
			if err != nil || bcrypt != test.bcrypt || argon2 != test.argon2 {
				t.Errorf("got %q, %q, %v, want %q, %q", bcrypt, argon2, err, test.bcrypt, test.argon2)
			}
		})
	}
}

// TestCostliestHashInSQLite asks the same of the demo's database.
func TestCostliestHashInSQLite(t *testing.T) {
	d := faveotest.NewSQLite(t)
	d.Exec(t, "DELETE FROM users WHERE password LIKE '$2y$12$%'")
	d.Exec(t, "INSERT INTO users (id, active, password) VALUES (901, 1, ?), (902, 1, ?)", faveo.CompleteHash("$2y$11$"), faveo.CompleteHash("$argon2id$v=19$m=1024,t=2,p=1$"))
	bcrypt, argon2, err := open(t, d, faveo.Options{}).CostliestHash(t.Context())
	if err != nil || bcrypt != "$2y$11$" || argon2 != "$argon2id$v=19$m=1024,t=2,p=1$" {
		t.Errorf("got %q, %q, %v", bcrypt, argon2, err)
	}
}

// TestHashTime compares the time that was measured with that of the hash itself.
func TestHashTime(t *testing.T) {
	d := faveotest.New(t)
	d.Exec(t, "UPDATE users SET password = ?", faveo.CompleteHash("$2y$04$"))
	d.Exec(t, "UPDATE users SET password = ? WHERE id = 4", faveo.CompleteHash("$2y$10$"))
	db := open(t, d, faveo.Options{})
	if db.HashTime() != 0 {
		t.Errorf("%v before the first measurement, want 0", db.HashTime())
	}
	if err := db.MeasureHashes(t.Context()); err != nil {
		t.Fatal(err)
	}
	shortest := time.Hour
	for range 5 {
		began := time.Now()
		if _, err := faveo.VerifyPassword(faveo.CompleteHash("$2y$10$"), "x"); err != nil {
			t.Fatal(err)
		}
		shortest = min(shortest, time.Since(began))
	}
	if got := db.HashTime(); got < shortest/2 || got > 20*shortest {
		t.Errorf("measured %v for a hash that takes %v", got, shortest)
	}
	d.Exec(t, "RENAME TABLE users TO moved")
	known := db.HashTime()
	if err := db.MeasureHashes(t.Context()); err == nil || db.HashTime() != known {
		t.Errorf("without a table: %v, %v, want a fault and what was known, %v", err, db.HashTime(), known)
	}
}
