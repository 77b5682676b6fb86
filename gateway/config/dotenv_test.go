package config_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"unicode"

	"faveo-gateway/gateway/config"
)

// TestDotenvAsLaravelReadsIt compares with recordings of Faveo's own reader,
// vlucas/phpdotenv 5.5.0 and env() of Laravel 9.52.0: what env('JWT_SECRET')
// returned for a file. Where PHP goes on with something that nobody can have
// meant, the gateway refuses the file.
func TestDotenvAsLaravelReadsIt(t *testing.T) {
	content, err := os.ReadFile("testdata/dotenv.json")
	if err != nil {
		t.Fatal(err)
	}
	var recordings []struct {
		Env   string
		Value any
		Error bool
	}
	if err := json.Unmarshal(content, &recordings); err != nil || len(recordings) < 100 {
		t.Fatalf("%d recordings, %v", len(recordings), err)
	}
	for _, r := range recordings {
		want, refused := "", r.Error
		switch value := r.Value.(type) {
		case string:
			want = value
			refused = refused || strings.ContainsFunc(value, unicode.IsControl) ||
				strings.Contains(value, "${A}") && !strings.Contains(r.Env, "'${A}'") && !strings.Contains(r.Env, `\${A}`)
		case bool:
			if value {
				want = "1" // as PHP turns true into text
			}
		case nil:
			refused = refused || strings.Count(r.Env, `"`)%2 == 1 // a quote that is never closed: PHP drops it
		}
		c, err := config.Load(config.Sources{FaveoEnv: write(t, ".env", r.Env), Environ: required()[:1]})
		switch {
		case err == nil && (refused || want == ""):
			t.Errorf("%q is %q, want a fault", r.Env, c.Faveo.JWTSecret.Reveal())
		case err == nil && c.Faveo.JWTSecret.Reveal() != want:
			t.Errorf("%q is %q, want %q", r.Env, c.Faveo.JWTSecret.Reveal(), want)
		case err != nil && !refused && want != "":
			t.Errorf("%q: %v, want %q", r.Env, err, want)
		case err != nil && !refused && !strings.Contains(err.Error(), "faveo.jwt_secret: is required"):
			t.Errorf("%q: %v, want that it is required", r.Env, err)
		}
	}
}
