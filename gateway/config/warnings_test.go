package config_test

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"faveo-gateway/gateway/config"
)

func TestWarnings(t *testing.T) {
	now := time.Date(2027, 1, 1, 12, 0, 0, 0, time.UTC)
	good := []string{
		"FAVEO_GATEWAY_SERVER_LISTEN=127.0.0.1:8080",
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
		{"a long secret of a manual", "FAVEO_JWT_SECRET=A-string-secret-at-least-256-bits-long", []string{"faveo.jwt_secret"}},
		{"tokens of Faveo for some weeks", "TOKENS_ACCEPT_FAVEO_TOKENS_UNTIL=2027-01-31", nil},
		{"tokens of Faveo for 90 days", "TOKENS_ACCEPT_FAVEO_TOKENS_UNTIL=2027-04-01T12:00:00Z", nil},
		{"tokens of Faveo for longer", "TOKENS_ACCEPT_FAVEO_TOKENS_UNTIL=2027-04-01T12:00:01Z", []string{"tokens.accept_faveo_tokens_until"}},
		{"tokens of Faveo until now", "TOKENS_ACCEPT_FAVEO_TOKENS_UNTIL=2027-01-01T12:00:00Z", []string{"tokens.accept_faveo_tokens_until"}},
		{"tokens of Faveo until yesterday", "TOKENS_ACCEPT_FAVEO_TOKENS_UNTIL=2026-12-31", []string{"tokens.accept_faveo_tokens_until"}},
		{"one of the lockouts", "LOGIN_LOCKOUT_PER_ACCOUNT=off", nil},
		{"no audit trail", "OBSERVABILITY_AUDIT_TO=off", []string{"observability.audit.to"}},
		{"http for everybody", "SERVER_LISTEN=:8080", []string{"server.tls"}},
		{"http for one network", "SERVER_LISTEN=192.0.2.1:8080", []string{"server.tls"}},
		{"http for the loopback of IPv6", "SERVER_LISTEN=[::1]:8080", nil},
		{"the metrics for one network", "ADMIN_LISTEN=192.0.2.1:9090", nil},
		{"everybody trusted", "SERVER_TRUSTED_PROXIES=10.0.0.0/8,0.0.0.0/0,::/0", []string{"server.trusted_proxies[1]", "server.trusted_proxies[2]"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			environ := good
			if test.entry != "" { // the first of two counts
				environ = append([]string{"FAVEO_GATEWAY_" + test.entry}, good...)
			}
			var paths []string
			for _, warning := range load(t, config.Sources{Environ: environ}).Warnings(now) {
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
	if w := load(t, config.Sources{Environ: good[:3]}).Warnings(now); len(w) != 1 || !strings.HasPrefix(w[0], "state.encryption_keys: ") {
		t.Errorf("without encryption keys: %q", w)
	}
	open := append([]string{"FAVEO_GATEWAY_LOGIN_LOCKOUT_PER_ACCOUNT=off", "FAVEO_GATEWAY_LOGIN_LOCKOUT_PER_ADDRESS=off"}, good...)
	if w := load(t, config.Sources{Environ: open}).Warnings(now); len(w) != 1 || !strings.HasPrefix(w[0], "login.lockout: ") {
		t.Errorf("without a lockout: %q", w)
	}
	guessed := append([]string{"FAVEO_GATEWAY_FAVEO_JWT_SECRET=changeme", "FAVEO_GATEWAY_TOKENS_ACCEPT_FAVEO_TOKENS_UNTIL=2027-01-31"}, good...)
	w := load(t, config.Sources{Environ: guessed}).Warnings(now)
	if len(w) != 2 || !strings.HasPrefix(w[0], "faveo.jwt_secret: ") || !strings.HasPrefix(w[1], "tokens.accept_faveo_tokens_until: faveo.jwt_secret can be guessed") {
		t.Errorf("with a secret that can be guessed: %q", w)
	}
}

// TestWarningsOfTLS are those of listeners without it, and of keys that are not guarded.
func TestWarningsOfTLS(t *testing.T) {
	key := func(mode os.FileMode) string {
		name := write(t, "key.pem", "not read here")
		if err := os.Chmod(name, mode); err != nil {
			t.Fatal(err)
		}
		return name
	}
	for _, test := range []struct {
		name string
		over map[string]string
		want []string
	}{
		{"behind a proxy", map[string]string{"server.trusted_proxies": "192.0.2.2"}, nil},
		{"with a guarded key", map[string]string{"server.tls.cert_file": "/c", "server.tls.key_file": key(0o640)}, nil},
		{"with a key for everybody", map[string]string{"server.tls.cert_file": "/c", "server.tls.key_file": key(0o644)}, []string{"server.tls.key_file"}},
		{"with a key that is missing", map[string]string{"server.tls.cert_file": "/c", "server.tls.key_file": "/nowhere/k"}, nil},
		{"by ACME", map[string]string{"server.tls.acme.domains": "a.test", "server.tls.acme.agree_tos": "true", "server.tls.acme.storage": "/s"}, nil},
		{"an admin token in the clear", map[string]string{"server.listen": "127.0.0.1:1", "admin.listen": ":9090", "admin.token": strings.Repeat("x", 32)}, []string{"admin.tls"}},
		{"an admin token over TLS", map[string]string{
			"server.listen": "127.0.0.1:1", "admin.listen": ":9090", "admin.token": strings.Repeat("x", 32), "admin.tls.cert_file": "/c", "admin.tls.key_file": key(0o604),
		}, []string{"admin.tls.key_file"}},
	} {
		test.over["state.encryption_keys"] = strings.Repeat("abcd", 16)
		var paths []string
		for _, warning := range load(t, config.Sources{Environ: required(), Overrides: test.over}).Warnings(time.Now()) {
			path, _, _ := strings.Cut(warning, ": ")
			paths = append(paths, path)
		}
		if !slices.Equal(paths, test.want) {
			t.Errorf("%s: warned of %v, want %v", test.name, paths, test.want)
		}
	}
}
