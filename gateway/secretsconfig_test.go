package gateway_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"faveo-gateway/gateway/cli"
	"faveo-gateway/gateway/config"
	"faveo-gateway/gateway/storetest/service"
)

// secretKeys are the paths of all keys that hold a secret, or several.
func secretKeys(t reflect.Type, path string) (keys []string) {
	for i := range t.NumField() {
		f := t.Field(i)
		at := strings.TrimPrefix(path+"."+f.Tag.Get("yaml"), ".")
		switch {
		case f.Type == reflect.TypeFor[config.Secret](), f.Type == reflect.TypeFor[[]config.Secret]():
			keys = append(keys, at)
		case f.Type.Kind() == reflect.Struct && strings.HasPrefix(f.Type.PkgPath(), "faveo-gateway") && f.Tag.Get("yaml") != "":
			keys = append(keys, secretKeys(f.Type, at)...)
		}
	}
	return keys
}

// said runs a command to its end and returns all that it prints.
func said(t testing.TB, environ []string, arguments ...string) (code int, text string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second) // For a gateway that starts nevertheless.
	defer cancel()
	var out bytes.Buffer
	code = cli.Run(ctx, cli.Process{Args: arguments, Environ: environ, Stdout: &out, Stderr: &out})
	return code, out.String()
}

// inYAML writes the document with one key.
func inYAML(path, value string) string {
	var b strings.Builder
	for i, name := range strings.Split(path, ".") {
		b.WriteString("\n" + strings.Repeat("  ", i) + name + ":")
	}
	return b.String()[1:] + value + "\n"
}

// TestCheckShowsNoSecret gives each key of a secret in every wrong way, and in right ones,
// in the file, in the environment and as the name of a file, and reads what check says.
func TestCheckShowsNoSecret(t *testing.T) {
	inOrder(t)
	keys := secretKeys(reflect.TypeFor[config.Config](), "")
	if len(keys) < 8 {
		t.Fatalf("the secrets are %q, want all", keys)
	}
	needles, folder := newNeedles(), t.TempDir()
	mark := needles.add("the secret", rand.Text()+rand.Text())
	odd := needles.add("a secret with marks", rand.Text()+`%zz@:/?#[]&=+`)
	// URLs, right and wrong in every part that has a name.
	texts := []string{
		mark, odd, "Name: " + mark, mark + ": value", "mysql://user:" + mark + "@host/database", "mysql://user:" + mark + "@host:port/database",
		"mysql://user:" + odd + "@host/database", "mysql:/user:" + mark + "@host", "user:" + mark + "@tcp(host:3306)/database", "mysql://user:" + mark + "@host/",
		"mysql://user:" + mark + "@host/a?unknown=1", "postgres://user:" + mark + "@host/a", "redis://:" + mark + "@host:99999/0", "redis://:" + mark + "@[::1/0",
		"redis://:" + mark + "@host/zero", "redis://:" + odd + "@host", "redis-sentinel://:" + mark + "@host", "rediss://user:" + mark + "@host/0?x=" + mark,
		"http://" + mark + ":" + mark + "@host",
	}
	forms := func(text string) []string {
		return []string{
			" " + text, ` "` + text + `"`, ` '` + text, ` "` + text, " [" + text + "]", " {" + text + ": 1}", " {a: " + text + "}", " !tag " + text, " !!int " + text,
			" *" + text, " &" + text + " x", " |\n      " + text + "\n      " + text, " - " + text, "\n      - " + text, "\n      - - " + text, "\n      " + text + ": " + text,
			" " + text + " # " + text, " " + text + "\n" + text + ": " + text, "\t" + text,
		}
	}
	required := map[string]string{
		"faveo.database": "FAVEO_GATEWAY_FAVEO_DATABASE=mysql://root@127.0.0.1/faveo", "faveo.jwt_secret": "FAVEO_GATEWAY_FAVEO_JWT_SECRET=" + secret,
	}
	asked, refused := 0, 0
	ask := func(name string, environ []string, arguments ...string) {
		t.Helper()
		code, text := said(t, environ, arguments...)
		needles.want(t, name, text)
		if asked++; code != 0 {
			refused++
		}
	}
	file := filepath.Join(folder, "config.yaml")
	for _, key := range keys {
		variable := "FAVEO_GATEWAY_" + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
		var others []string // Which are required, so that a right text is a right configuration.
		for other, entry := range required {
			if other != key {
				others = append(others, entry)
			}
		}
		for i, text := range texts {
			for _, form := range forms(text) {
				for _, path := range []string{key, key + "_file"} {
					if i > 1 && path != key {
						continue // The name of a file has no form.
					}
					if err := os.WriteFile(file, []byte(inYAML(path, form)), 0o600); err != nil {
						t.Fatal(err)
					}
					ask("check of "+path, others, "check", "-c", file)
				}
			}
			for _, name := range []string{variable, variable + "_FILE", variable + "S", "FAVEO_GATEWAY_"} {
				ask("check of "+name, append(others, name+"="+text), "check")
			}
			secretFile := filepath.Join(folder, "secret")
			for _, content := range []string{text, text + "\n" + text, "\x00" + text, text + "\r\n\r\n"} {
				if err := os.WriteFile(secretFile, []byte(content), 0o600); err != nil {
					t.Fatal(err)
				}
				ask("check of the file of "+key, append(others, variable+"_FILE="+secretFile), "check")
			}
			for _, line := range []string{"DB_PASSWORD=", "JWT_SECRET=", "REDIS_PASSWORD=", "REDIS_URL=", "DB_PORT=", "APP_URL=", "", "DB_PASSWORD=\"", "JWT_SECRET='"} {
				if key != keys[0] || line == "APP_URL=" && strings.Contains(text, "http") {
					continue // They know no keys of ours; an address is none of a secret's places.
				}
				env := filepath.Join(folder, ".env")
				if err := os.WriteFile(env, []byte("DB_HOST=127.0.0.1\nDB_DATABASE=faveo\nDB_USERNAME=root\n"+line+text+"\n"), 0o600); err != nil {
					t.Fatal(err)
				}
				ask("check of "+line+" in Faveo's .env", nil, "check", "--faveo-env", env)
			}
		}
	}
	t.Logf("%d configurations of %d keys, %d refused", asked, len(keys), refused)
	if refused < asked/2 || refused == asked {
		t.Errorf("%d of %d configurations were refused", refused, asked)
	}
}

// TestAStartThatFailsShowsNoSecret gives right forms and wrong secrets, and hosts that
// are not there.
func TestAStartThatFailsShowsNoSecret(t *testing.T) {
	inOrder(t)
	stores, db := onMariaDB(t)
	needles := newNeedles()
	mark := func(name string) string { return needles.add(name, rand.Text()+rand.Text()) }
	redis := miniredis.NewMiniRedis()
	redis.RequireAuth(mark("Redis's password"))
	if err := redis.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(redis.Close)
	hung, err := net.Listen("tcp", "127.0.0.1:0") // It accepts, and never answers.
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { hung.Close() })
	user := service.NewUser(t, mark("the database's password")) // Without any right.
	all := merge(stores, settings{
		"server.listen": "127.0.0.1:0", "admin.listen": "127.0.0.1:0", "observability.log.level": "debug", "faveo.urls": "http://127.0.0.1:1",
		"faveo.jwt_secret": mark("faveo.jwt_secret"), "admin.token": mark("admin.token"), "api_keys.pepper": mark("api_keys.pepper"),
		"observability.tracing.endpoint": "http://127.0.0.1:1", "observability.tracing.headers": "Authorization: " + mark("observability.tracing.headers"),
	})
	for _, fault := range []struct {
		name string
		over settings
		want string
	}{
		{"a wrong password of the database", settings{"faveo.database": "mysql://" + user + ":" + mark("a wrong password") + "@127.0.0.1:3306/" + db.Name}, "faveo.database"},
		{"a wrong user of the database", settings{"faveo.database": "mysql://nobody:" + mark("a wrong password") + "@127.0.0.1:3306/" + db.Name}, "faveo.database"},
		{"no database", settings{"faveo.database": "mysql://root:" + mark("a wrong password") + "@127.0.0.1:1/faveo"}, "faveo.database"},
		{"a database that hangs", settings{"faveo.database": "mysql://root:" + mark("a wrong password") + "@" + hung.Addr().String() + "/faveo", "faveo.timeout": "200ms"}, "faveo.database"},
		{"a database that is Redis", settings{"faveo.database": "mysql://root:" + mark("a wrong password") + "@" + redis.Addr() + "/faveo"}, "faveo.database"},
		{"a database of no such host", settings{"faveo.database": "mysql://root:" + mark("a wrong password") + "@no-such-host.invalid/faveo"}, "faveo.database"},
		{"a wrong password of the state", settings{"state.database": "mysql://nobody:" + mark("a wrong password") + "@127.0.0.1:3306/" + db.Name}, "state.database"},
		{"a wrong password of Redis", settings{"redis.url": "redis://:" + mark("a wrong password") + "@" + redis.Addr() + "/0"}, "redis.url"},
		{"a wrong user of Redis", settings{"redis.url": "redis://user:" + mark("a wrong password") + "@" + redis.Addr() + "/0"}, "redis.url"},
		{"no Redis", settings{"redis.url": "redis://:" + mark("a wrong password") + "@127.0.0.1:1/0"}, "redis.url"},
		{"a Redis that hangs", settings{"redis.url": "redis://:" + mark("a wrong password") + "@" + hung.Addr().String() + "/0", "redis.timeout": "200ms"}, "redis.url"},
		{"a Redis that is a database", settings{"redis.url": "redis://:" + mark("a wrong password") + "@127.0.0.1:3306/0"}, "redis.url"},
		{"a Redis without TLS", settings{"redis.url": "rediss://:" + mark("a wrong password") + "@" + redis.Addr() + "/0"}, "redis.url"},
		{"sentinels that are none", settings{"redis.url": "redis-sentinel://:" + mark("a wrong password") + "@" + redis.Addr() + "/master"}, "redis.url"},
		{"a cluster that is none", settings{"redis.url": "redis-cluster://:" + mark("a wrong password") + "@" + redis.Addr()}, "redis.url"},
	} {
		environ := merge(all, fault.over).environ()
		for _, command := range []string{"serve", "migrate"} {
			code, text := said(t, environ, command)
			needles.want(t, command+" with "+fault.name, text)
			if command == "serve" && (code != 1 || !strings.Contains(text, fault.want)) {
				t.Errorf("%s: exit code %d, %q; want 1, and %s", fault.name, code, text, fault.want)
			}
		}
	}
	if code, text := said(t, all.environ(), "version"); code != 0 || needles.in(text) != nil {
		t.Errorf("version: %d %s", code, text)
	}
}
