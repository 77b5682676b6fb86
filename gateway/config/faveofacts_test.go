package config_test

import (
	"strings"
	"testing"

	"faveo-gateway/gateway/config"
)

func TestFaveoFacts(t *testing.T) {
	for text, want := range map[string]config.FaveoFacts{
		"":                                      {Known: true},
		"APP_URL=https://h/x/\nAPP_DEBUG=true":  {Known: true, AppURL: "https://h/x/", Debug: true},
		"APP_URL='http://h'\nAPP_DEBUG=(false)": {Known: true, AppURL: "http://h"},
		"APP_DEBUG=1":                           {Known: true, Debug: true},
		"APP_DEBUG=0":                           {Known: true},
		"APP_DEBUG=null":                        {Known: true},
		"APP_DEBUG=off":                         {Known: true, Debug: true}, // To PHP a text.
	} {
		got, err := config.ReadFaveoFacts(write(t, ".env", text))
		if err != nil || got != want {
			t.Errorf("%q: %+v, %v, want %+v", text, got, err, want)
		}
	}
	if got, err := config.ReadFaveoFacts(""); err != nil || got.Known {
		t.Errorf("without a file: %+v, %v", got, err)
	}
	for _, file := range []string{"/nonexistent/.env", write(t, ".env", "JWT_SECRET="+marked+" "+marked)} {
		if _, err := config.ReadFaveoFacts(file); err == nil || strings.Contains(err.Error(), marked) {
			t.Errorf("%s: %v", file, err)
		}
	}
}

func TestKnownSecret(t *testing.T) {
	for text, want := range map[string]bool{
		"changeme": true, "ChangeMe": true, " secret ": true, "your-256-bit-secret": true, "SomeRandomStringWith32Characters": true,
		"": false, "changeme1": false, "kF7v0ZkQm2sXc9RjT4yLw8Hb5NpA3eUd": false,
	} {
		if got := config.KnownSecret(text); got != want {
			t.Errorf("%q: %t, want %t", text, got, want)
		}
	}
}
