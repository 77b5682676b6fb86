package config

import (
	"slices"
	"strings"
)

// knownSecrets are what manuals, samples and default settings have where a secret should
// be, in lower case: the first that anybody tries. Some are long enough for HS256.
var knownSecrets = []string{
	"changeme", // the default of config/jwt.php up to Faveo 1.9
	"change-me", "change_me", "changeit", "changethis", "change-this-secret",
	"secret", "secretkey", "secret-key", "secret_key", "supersecret", "super-secret", "topsecret",
	"mysecret", "my-secret", "mysecretkey", "my-secret-key",
	"yoursecret", "your-secret", "yoursecretkey", "your-secret-key", "your_secret_key", "your_jwt_secret", "your-jwt-secret",
	"jwtsecret", "jwt-secret", "jwt_secret", "jwt_secret_key", "jwt-secret-key", "jwt",
	"your-256-bit-secret", "your-384-bit-secret", "your-512-bit-secret", // jwt.io
	"a-string-secret-at-least-256-bits-long", "a-valid-string-secret-that-is-at-least-512-bits-long-which-is-very-long", // jwt.io
	"somerandomstring", "somerandomstringwith32characters", "yoursecretkeygoeshere", "random-string", // Laravel
	"password", "passw0rd", "demopass", "admin", "faveo", "helpdesk", "laravel", "test", "testing", "example", "demo", "default",
	"12345678", "123456789", "1234567890", "12345678901234567890123456789012", "0123456789abcdef0123456789abcdef",
	"qwertyuiopasdfghjklzxcvbnm123456", "abcdefghijklmnopqrstuvwxyz123456",
}

// KnownSecret reports that a secret is one of those that everybody knows.
func KnownSecret(text string) bool {
	return slices.Contains(knownSecrets, strings.ToLower(strings.TrimSpace(text)))
}
