package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"faveo-gateway/gateway/config"
)

// FuzzLoad: whatever the file, the .env and a variable contain, Load returns a
// Config or faults, and neither shows the marked secrets beside.
func FuzzLoad(f *testing.F) {
	files, _ := filepath.Glob("testdata/faults/*.yaml")
	for _, file := range append(files, reference) {
		content, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content, []byte(installed), "10.0.0.0/8")
	}
	directory := f.TempDir()
	f.Fuzz(func(t *testing.T, yaml, env []byte, list string) {
		if strings.Contains(string(yaml)+string(env)+list, "MAR") {
			t.Skip()
		}
		file, dotenv := filepath.Join(directory, "c.yaml"), filepath.Join(directory, ".env")
		content := "faveo:\n  jwt_secret: " + marked + "\n  database: [" + marked + "]\nredis:\n  url: *" + marked + "\n"
		if !strings.Contains(string(yaml), "redis") {
			content = "faveo:\n  jwt_secret: " + marked + "\n  database: mysql://" + marked + "\nredis:\n  url: " + marked + "\n"
		}
		for path, text := range map[string][]byte{file: append([]byte(content), yaml...), dotenv: append([]byte("DB_PASSWORD="+marked+"\nJWT_SECRET="+marked+"\nDB_DATABASE=d\n"), env...)} {
			if err := os.WriteFile(path, text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		_, err := config.Load(config.Sources{File: file, FaveoEnv: dotenv, Environ: []string{
			"FAVEO_GATEWAY_SERVER_TRUSTED_PROXIES=" + list, "FAVEO_GATEWAY_STATE_ENCRYPTION_KEYS=" + list + "," + marked,
		}})
		if err != nil && leaks(err.Error()) {
			t.Errorf("a secret is shown: %v", err)
		}
	})
}

// FuzzSecretValue: whatever stands behind the key of a secret on its line.
func FuzzSecretValue(f *testing.F) {
	for _, seed := range []string{"", " ", `"`, "'", "&", "*", "!", "!!int ", "|", "> ", "%", "@", "[", "{", "{a: ", "- ", "? ", ": ", "#", "a: ", `"\q`, "&a *b ", "!<", "!<tag:", "`"} {
		f.Add(seed, "")
		f.Add(seed, `"`)
		f.Add(seed, ", b: c}")
	}
	directory := f.TempDir()
	f.Fuzz(func(t *testing.T, before, after string) {
		if strings.ContainsAny(before+after, "\n\r\u0085\u2028\u2029") || strings.Contains(before+after, "MAR") {
			t.Skip() // a line break ends the value
		}
		for _, template := range []string{
			"faveo:\n  jwt_secret: %\n  version: auto\n", "state:\n  encryption_keys: %\n",
			"state:\n  encryption_keys:\n  - %\n", "faveo:\n  jwt_secret_file: %\n", "redis: {url: %}\n", "redis: %\n",
		} {
			file := filepath.Join(directory, "c.yaml")
			text := strings.Replace(template, "%", before+marked+after, 1)
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := config.Load(config.Sources{File: file, Environ: required()}); err != nil && strings.Contains(err.Error(), marked) {
				if strings.HasPrefix(template, "redis:") && strings.Contains(err.Error(), "unknown key") {
					continue // there it is the name of a key
				}
				t.Errorf("%q shows the secret: %v", text, err)
			}
		}
	})
}
