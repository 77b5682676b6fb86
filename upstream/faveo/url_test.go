package faveo_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"faveo-gateway/upstream/faveo"
	"faveo-gateway/upstream/faveo/faveotest"
)

// TestBadURLs: every refusal says what is wrong and none shows a part of the password, which is S3cr3t in all of them,
// wherever an unescaped character moves it.
func TestBadURLs(t *testing.T) {
	for name, test := range map[string]struct{ url, want string }{
		"empty":                    {"", "is empty"},
		"no scheme":                {"user:S3cr3t@host/name", "must begin with mysql://"},
		"other scheme":             {"postgres://user:S3cr3t@host/name", "must begin with mysql://"},
		"driver's form":            {"user:S3cr3t@tcp(host:3306)/name", "must begin with mysql://"},
		"one slash":                {"mysql:/user:S3cr3t@host/name", "must begin with mysql://"},
		"no user":                  {"mysql://host:3306/name", "no user name"},
		"only a password":          {"mysql://:S3cr3t@host/name", "no user name"},
		"no host":                  {"mysql://user:S3cr3t@/name", "no host"},
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
		"bad tls":                  {"mysql://user:S3cr3t@host/name?tls=S3cr3t", "parameter tls"},
		"empty tls":                {"mysql://user:S3cr3t@host/name?tls=", "parameter tls"},
		"missing authorities":      {"mysql://user:S3cr3t@host/name?tls_ca=/S3cr3t.pem", "tls_ca"},
		"no authorities":           {"mysql://user:S3cr3t@host/name?tls_ca=/dev/null", "tls_ca"},
		"authorities unchecked":    {"mysql://user:S3cr3t@host/name?tls=skip-verify&tls_ca=/dev/null", "tls_ca"},
		"relative socket":          {"mysql://user:S3cr3t@host/name?unix_socket=S3cr3t", "unix_socket"},
		"bad query":                {"mysql://user:S3cr3t@host/name?tls=%zz", "percent-encode"},
		"relative SQLite":          {"sqlite://S3cr3t/file", "sqlite:///absolute/path"},
		"SQLite without path":      {"sqlite://", "sqlite:///absolute/path"},
		"SQLite parameters":        {"sqlite:///file?mode=memory", "sqlite:///absolute/path"},
		"SQLite opaque":            {"sqlite:file", "must begin with mysql://"},
	} {
		t.Run(name, func(t *testing.T) {
			db, err := faveo.Open(t.Context(), faveo.Options{Database: test.url})
			if err == nil {
				_ = db.Close()
				t.Fatal("accepted")
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

func TestValidateReportsEveryFault(t *testing.T) {
	err := faveo.Options{Database: "x", Version: "3", Timeout: -1}.Validate()
	for _, want := range []string{"mysql://", "version", "negative"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q in it", err, want)
		}
	}
}

func TestGoodURLs(t *testing.T) {
	d := faveotest.New(t)
	user := strings.TrimPrefix(d.Name, "faveo_")
	const password = `p@:/?#%[] ä"'\`
	const escaped = `p%40%3A%2F%3F%23%25%5B%5D%20%C3%A4%22%27%5C`
	d.Exec(t, "CREATE USER "+user+" IDENTIFIED BY '"+strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(password)+"'")
	t.Cleanup(func() { d.Exec(t, "DROP USER "+user) })
	d.Exec(t, "GRANT SELECT ON "+d.Name+".* TO "+user)
	for name, url := range map[string]string{
		"escaped password":  "mysql://" + user + ":" + escaped + "@127.0.0.1:3306/" + d.Name,
		"default port":      "mysql://" + user + ":" + escaped + "@127.0.0.1/" + d.Name,
		"empty password":    "mysql://root:@127.0.0.1:3306/" + d.Name,
		"escaped name":      "mysql://root@127.0.0.1:3306/%66" + d.Name[1:],
		"tls when it is on": "mysql://root@127.0.0.1:3306/" + d.Name + "?tls=preferred",
		"tls off":           "mysql://root@127.0.0.1:3306/" + d.Name + "?tls=false",
	} {
		t.Run(name, func(t *testing.T) {
			db := open(t, d, faveo.Options{Database: url})
			if u, err := db.FindByLogin(t.Context(), "alice"); err != nil || u.ID != 4 {
				t.Errorf("got %v, %v", u, err)
			}
		})
	}
	t.Run("unix socket", func(t *testing.T) {
		socket, err := open(t, d, faveo.Options{}).SessionText(t.Context(), "@@socket")
		if err != nil {
			t.Fatal(err)
		}
		if !filepath.IsAbs(socket) {
			t.Skipf("the server has no socket with an absolute path: %q", socket)
		}
		db := open(t, d, faveo.Options{Database: "mysql://root@/" + d.Name + "?unix_socket=" + socket})
		if err := db.Ping(t.Context()); err != nil {
			t.Error(err)
		}
	})
	t.Run("wrong password", func(t *testing.T) {
		db := open(t, d, faveo.Options{Database: "mysql://" + user + ":Wr0ng@127.0.0.1:3306/" + d.Name})
		_, err := db.FindByLogin(t.Context(), "alice")
		if err == nil || errors.Is(err, faveo.ErrNotFound) || strings.Contains(err.Error(), "Wr0ng") {
			t.Errorf("got %v, want a fault without the password", err)
		}
	})
}
