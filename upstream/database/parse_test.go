package database_test

import (
	"errors"
	"strings"
	"testing"

	"faveo-gateway/upstream/database"
)

// TestBadURLs: every refusal says what is wrong and none shows a part of the password, which is S3cr3t in all of them,
// wherever an unescaped character moves it.
func TestBadURLs(t *testing.T) {
	for name, test := range map[string]struct{ url, want string }{
		"empty":                    {"", "is required"},
		"no scheme":                {"user:S3cr3t@host/name", "must begin with mysql://"},
		"other scheme":             {"postgres://user:S3cr3t@host/name", "must begin with mysql://"},
		"driver's form":            {"user:S3cr3t@tcp(host:3306)/name", "must begin with mysql://"},
		"one slash":                {"mysql:/user:S3cr3t@host/name", "must begin with mysql://"},
		"no user":                  {"mysql://host:3306/name", "no user name"},
		"only a password":          {"mysql://:S3cr3t@host/name", "no user name"},
		"no host":                  {"mysql://user:S3cr3t@/name", "names no host"},
		"no name":                  {"mysql://user:S3cr3t@host", "name of one database"},
		"empty name":               {"mysql://user:S3cr3t@host/", "name of one database"},
		"two names":                {"mysql://user:S3cr3t@host/a/b", "name of one database"},
		"port zero":                {"mysql://user:S3cr3t@host:0/name", "port"},
		"port too high":            {"mysql://user:S3cr3t@host:65536/name", "port"},
		"port text":                {"mysql://user:S3cr3t@host:S3cr3t/name", "percent-encode"},
		"password with slash":      {"mysql://user:x/S3cr3t@host/name", "percent-encode"},
		"digits, then a slash":     {"mysql://user:12/S3cr3t@host/name", "percent-encode"},
		"password with at, slash":  {"mysql://user:x@y/S3cr3t@host/name", "name of one database"},
		"password with query":      {"mysql://user:x?S3cr3t@host/name", "percent-encode"},
		"digits, then a query":     {"mysql://user:12?S3cr3t@host/name", "percent-encode"},
		"host, port, then a query": {"mysql://u:x@h:1/n?S3cr3t@host/name", "unknown or repeated parameter"},
		"password with hash":       {"mysql://user:x#S3cr3t@host/name", "percent-encode"},
		"digits, then a hash":      {"mysql://user:12#S3cr3t@host/name", "percent-encode"},
		"password with percent":    {"mysql://user:S3cr3t%zz@host/name", "percent-encode"},
		"password with blank":      {"mysql://user:S3cr3t x@host/name", "percent-encode"},
		"password with bracket":    {"mysql://user:S3cr3t[@host/name", "percent-encode"},
		"password with newline":    {"mysql://user:S3cr3t\n@host/name", "percent-encode"},
		"fragment":                 {"mysql://user:S3cr3t@host/name#x", "percent-encode"},
		"unknown parameter":        {"mysql://user:S3cr3t@host/name?S3cr3t=1", "unknown or repeated parameter"},
		"driver's parameter":       {"mysql://user:S3cr3t@host/name?multiStatements=true", "unknown or repeated parameter"},
		"two tls":                  {"mysql://user:S3cr3t@host/name?tls=true&tls=false", "unknown or repeated parameter"},
		"bad tls":                  {"mysql://user:S3cr3t@host/name?tls=S3cr3t", "give tls as"},
		"empty tls":                {"mysql://user:S3cr3t@host/name?tls=", "give tls as"},
		"missing authorities":      {"mysql://user:S3cr3t@host/name?tls_ca=/S3cr3t.pem", "tls_ca"},
		"no authorities":           {"mysql://user:S3cr3t@host/name?tls_ca=/dev/null", "tls_ca"},
		"authorities unchecked":    {"mysql://user:S3cr3t@host/name?tls=skip-verify&tls_ca=/dev/null", "tls_ca"},
		"relative socket":          {"mysql://user:S3cr3t@host/name?unix_socket=S3cr3t", "unix_socket"},
		"relative CA":              {"mysql://user:S3cr3t@host/name?tls_ca=", "tls_ca"},
		"empty socket":             {"mysql://user:S3cr3t@/name?unix_socket=", "unix_socket"},
		"NUL":                      {"\x00", "must begin with mysql://"},
		"SQLite with a NUL":        {"sqlite:///tmp/S3cr3t%00.db", "sqlite:///absolute/path"},
		"SQLite with an empty ?":   {"sqlite:///file?", "sqlite:///absolute/path"},
		"SQLite with a fragment":   {"sqlite:///file#", "percent-encode"},
		"bad query":                {"mysql://user:S3cr3t@host/name?tls=%zz", "percent-encode"},
		"relative SQLite":          {"sqlite://S3cr3t/file", "sqlite:///absolute/path"},
		"SQLite without path":      {"sqlite://", "sqlite:///absolute/path"},
		"SQLite parameters":        {"sqlite:///file?mode=memory", "sqlite:///absolute/path"},
		"SQLite opaque":            {"sqlite:file", "must begin with mysql://"},
	} {
		t.Run(name, func(t *testing.T) {
			parsed, err := database.Parse(test.url)
			if err == nil {
				t.Fatal("accepted")
			}
			if parsed != (database.URL{}) {
				t.Error("a URL beside the error")
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %q, want something about %q", err, test.want)
			}
			for unwrapped := err; unwrapped != nil; unwrapped = errors.Unwrap(unwrapped) {
				if strings.Contains(strings.ToLower(unwrapped.Error()), "s3c") {
					t.Errorf("the password is shown: %v", unwrapped)
				}
			}
		})
	}
}
