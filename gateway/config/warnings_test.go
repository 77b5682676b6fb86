package config_test

import (
	"slices"
	"strings"
	"testing"

	"faveo-gateway/gateway/config"
)

func TestWarnings(t *testing.T) {
	good := []string{
		"FAVEO_GATEWAY_FAVEO_DATABASE=mysql://u:p@127.0.0.1:3306/faveo",
		"FAVEO_GATEWAY_FAVEO_JWT_SECRET=" + strings.Repeat("x", 32),
		"FAVEO_GATEWAY_STATE_ENCRYPTION_KEYS=" + strings.Repeat("abcd", 16),
	}
	for _, test := range []struct {
		name, entry string
		want        []string // the paths that are warned of
	}{
		{"nothing", "", nil},
		{"loopback", "FAVEO_URLS=http://localhost:1,http://127.9.9.9,http://[::1]:1,https://a", nil},
		{"http beyond loopback", "FAVEO_URLS=https://a,http://b,http://10.0.0.1", []string{"faveo.urls[1]", "faveo.urls[2]"}},
		{"a name that begins like loopback", "FAVEO_URLS=http://127.0.0.1.example.com", []string{"faveo.urls[0]"}},
		{"short secret", "FAVEO_JWT_SECRET=" + strings.Repeat("x", 31), []string{"faveo.jwt_secret"}},
		{"default secret", "FAVEO_JWT_SECRET=changeme", []string{"faveo.jwt_secret"}},
		{"everybody trusted", "SERVER_TRUSTED_PROXIES=10.0.0.0/8,0.0.0.0/0,::/0", []string{"server.trusted_proxies[1]", "server.trusted_proxies[2]"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			environ := good
			if test.entry != "" { // the first of two counts
				environ = append([]string{"FAVEO_GATEWAY_" + test.entry}, good...)
			}
			var paths []string
			for _, warning := range load(t, config.Sources{Environ: environ}).Warnings() {
				path, _, _ := strings.Cut(warning, ": ")
				paths = append(paths, path)
				if strings.Contains(warning, "xxx") || strings.Contains(warning, "changeme") {
					t.Errorf("the secret is shown: %s", warning)
				}
			}
			if !slices.Equal(paths, test.want) {
				t.Errorf("warned of %v, want %v", paths, test.want)
			}
		})
	}
	if w := load(t, config.Sources{Environ: good[:2]}).Warnings(); len(w) != 1 || !strings.HasPrefix(w[0], "state.encryption_keys: ") {
		t.Errorf("without encryption keys: %q", w)
	}
}
