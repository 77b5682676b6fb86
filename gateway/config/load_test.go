package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"faveo-gateway/gateway/config"
)

// TestPrecedence gives tokens.issuer and tokens.ttl in each subset of the sources;
// the strongest one wins, whatever the others say.
func TestPrecedence(t *testing.T) {
	sources := []string{"flag", "environment", "file", "faveo-env", "fallback"}
	for subset := range 1 << len(sources) {
		given := func(i int) bool { return subset&(1<<i) != 0 }
		s := config.Sources{Environ: required()}
		want := time.Hour
		lives := []time.Duration{11 * time.Minute, 12 * time.Minute, 13 * time.Minute, 14 * time.Minute, 15 * time.Minute}
		var names []string
		for i := len(sources) - 1; i >= 0; i-- {
			if !given(i) {
				continue
			}
			names = append(names, sources[i])
			want = lives[i]
		}
		if given(0) {
			s.Overrides = map[string]string{"tokens.ttl": "11m"}
		}
		if given(1) {
			s.Environ = append(s.Environ, "FAVEO_GATEWAY_TOKENS_TTL=12m")
		}
		if given(2) {
			s.File = write(t, "config.yaml", "tokens:\n  ttl: 13m\n")
		}
		if given(3) {
			s.FaveoEnv = write(t, ".env", "JWT_TTL=14\n")
		}
		if given(4) {
			s.Fallbacks = map[string]string{"tokens.ttl": "15m"}
		}
		if got := load(t, s).Tokens.TTL; got != want {
			t.Errorf("with %v ttl is %v, want %v", names, got, want)
		}
	}
}

func TestPrecedenceOfSecretsAndTheirFiles(t *testing.T) {
	const secret = "0123456789012345678901234567890123456789"
	file := write(t, "secret", "from the secret's file, long enough\n")
	inFile := write(t, "a.yaml", "faveo:\n  jwt_secret: "+secret+"\n")
	byFile := write(t, "b.yaml", "faveo:\n  jwt_secret_file: "+file+"\n")
	lost := write(t, "c.yaml", "faveo:\n  jwt_secret_file: /nowhere/at/all\n")
	database := required()[0]
	for _, test := range []struct {
		name    string
		sources config.Sources
		want    string
	}{
		{"file of the configuration", config.Sources{File: byFile}, "from the secret's file, long enough"},
		{"variable over the secret's file", config.Sources{File: byFile, Environ: required()}, secret},
		{"variable of the file over the value", config.Sources{File: inFile, Environ: []string{"FAVEO_GATEWAY_FAVEO_JWT_SECRET_FILE=" + file}}, "from the secret's file, long enough"},
		{"flag over both", config.Sources{File: byFile, Environ: required(), Overrides: map[string]string{"faveo.jwt_secret": "a flag"}}, "a flag"},
		{"a replaced file is not read", config.Sources{File: lost, Environ: required()}, secret},
		{"secret's file over Faveo's .env", config.Sources{File: byFile, FaveoEnv: write(t, ".env", "JWT_SECRET=x\n")}, "from the secret's file, long enough"},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.sources.Environ = append(test.sources.Environ, database)
			if got := load(t, test.sources).Faveo.JWTSecret.Reveal(); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
	faults := loadFaults(t, config.Sources{Environ: append(required(), "FAVEO_GATEWAY_FAVEO_JWT_SECRET_FILE="+file)})
	wantFaults(t, faults, "environment FAVEO_GATEWAY_FAVEO_JWT_SECRET_FILE: faveo.jwt_secret_file: faveo.jwt_secret and faveo.jwt_secret_file are both given")
}

// TestWeakerFaultsCount: a file that is wrong is refused although a variable
// replaces the value, so that a fault does not wait for the day it is needed.
func TestWeakerFaultsCount(t *testing.T) {
	file := write(t, "config.yaml", "tokens:\n  ttl: 1d\n")
	faults := loadFaults(t, config.Sources{File: file, Environ: append(required(), "FAVEO_GATEWAY_TOKENS_TTL=1h")})
	wantFaults(t, faults, file+":2: tokens.ttl: must be a duration with a unit, such as 30s, 5m or 1h30m")
}

func TestListsAreReplacedNotJoined(t *testing.T) {
	file := write(t, "config.yaml", "login:\n  legacy_clients: [A/*, B/*]\nserver:\n  trusted_proxies: [10.0.0.0/8]\n")
	c := load(t, config.Sources{File: file, Environ: append(required(), "FAVEO_GATEWAY_LOGIN_LEGACY_CLIENTS=C/*", "FAVEO_GATEWAY_SERVER_TRUSTED_PROXIES=")})
	if got := strings.Join(c.Login.LegacyClients, " "); got != "C/*" || len(c.Server.TrustedProxies) != 0 {
		t.Errorf("legacy_clients is %q, trusted_proxies %v", got, c.Server.TrustedProxies)
	}
}

func TestSecretFiles(t *testing.T) {
	for _, test := range []struct{ name, content, want, fault string }{
		{"plain", "abc", "abc", ""},
		{"one line break", "abc\n", "abc", ""},
		{"a Windows line break", "abc\r\n", "abc", ""},
		{"blanks are kept", " abc ", " abc ", ""},
		{"two line breaks", "abc\n\n", "", "faveo.jwt_secret_file: contains a line break or another control character"},
		{"two lines", marked + "\n" + marked, "", "faveo.jwt_secret_file: contains a line break or another control character"},
		{"empty", "", "", "faveo.jwt_secret_file: the file is empty"},
		{"only a line break", "\n", "", "faveo.jwt_secret_file: the file is empty"},
		{"not UTF-8", marked + "\xff", "", "faveo.jwt_secret_file: is not UTF-8"},
		{"a NUL byte", marked + "\x00", "", "faveo.jwt_secret_file: contains a line break or another control character"},
		{"as large as allowed", strings.Repeat("a", 64<<10), strings.Repeat("a", 64<<10), ""},
		{"too large", strings.Repeat("a", 64<<10+1), "", "faveo.jwt_secret_file: the file cannot be read: larger than 65536 bytes"},
	} {
		t.Run(test.name, func(t *testing.T) {
			secret := write(t, "secret", test.content)
			s := config.Sources{File: write(t, "config.yaml", "faveo:\n  jwt_secret_file: "+secret+"\n"), Environ: required()[:1]}
			if test.fault == "" {
				if got := load(t, s).Faveo.JWTSecret.Reveal(); got != test.want {
					t.Errorf("got %q, want %q", got, test.want)
				}
				return
			}
			faults := loadFaults(t, s)
			wantFaults(t, faults, s.File+":2: "+test.fault)
			if leaks(faults.Error()) {
				t.Error("a secret is shown")
			}
		})
	}
}

func TestSecretFileOfAList(t *testing.T) {
	first, second := strings.Repeat("0123", 16), strings.Repeat("abcd", 16)
	secret := write(t, "keys", first+"\n\n"+second+"\r\n")
	c := load(t, config.Sources{Environ: append(required(), "FAVEO_GATEWAY_STATE_ENCRYPTION_KEYS_FILE="+secret)})
	if got := strings.Join(c.State.RevealKeys(), " "); got != first+" "+second {
		t.Errorf("got %q", got)
	}
	bad := write(t, "keys", first+"\n"+marked+"\n")
	faults := loadFaults(t, config.Sources{Environ: append(required(), "FAVEO_GATEWAY_STATE_ENCRYPTION_KEYS_FILE="+bad)})
	wantFaults(t, faults, "environment FAVEO_GATEWAY_STATE_ENCRYPTION_KEYS_FILE: state.encryption_keys[1]: "+badKey)
}

func TestUnreadableSecretFile(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root reads everything")
	}
	secret := write(t, "secret", "abc")
	if err := os.Chmod(secret, 0); err != nil {
		t.Fatal(err)
	}
	faults := loadFaults(t, config.Sources{Environ: append(required()[:1], "FAVEO_GATEWAY_FAVEO_JWT_SECRET_FILE="+secret)})
	wantFaults(t, faults, "environment FAVEO_GATEWAY_FAVEO_JWT_SECRET_FILE: faveo.jwt_secret_file: the file cannot be read: permission denied")
}

func TestFileThatCannotBeRead(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "config.yaml")
	faults := loadFaults(t, config.Sources{File: missing, Environ: []string{"FAVEO_GATEWAY_TOKENS_TTL=x"}})
	wantFaults(t, faults, missing+": cannot be read: no such file or directory",
		"environment FAVEO_GATEWAY_TOKENS_TTL: tokens.ttl: must be a duration with a unit, such as 30s, 5m or 1h30m")

	large := write(t, "config.yaml", strings.Repeat("#\n", 1<<20))
	wantFaults(t, loadFaults(t, config.Sources{File: large, Environ: required()}), large+": cannot be read: larger than 1048576 bytes")
}

func TestEmptyFilesAreDefaults(t *testing.T) {
	for name, content := range map[string]string{
		"nothing": "", "comments": "# nothing\n", "a marker": "---\n", "empty sections": "server:\nredis: {}\n", "null": "~\n", "a byte order mark": "\ufeffserver: {}\n",
	} {
		t.Run(name, func(t *testing.T) {
			c := load(t, config.Sources{File: write(t, "config.yaml", content), Environ: required()})
			if c.Server.Listen != ":8080" {
				t.Errorf("listen is %q", c.Server.Listen)
			}
		})
	}
}

// TestNumbersAreTextsAsWritten: 1.10 is not 1.1, and a password of digits keeps
// its zeros.
func TestNumbersAreTextsAsWritten(t *testing.T) {
	file := write(t, "config.yaml", "faveo:\n  version: 1.10\n  jwt_secret: 0012345678901234567890123456789012\n  database: mysql://u:p@h/d\n")
	c := load(t, config.Sources{File: file})
	if c.Faveo.Version != "1.10" || c.Faveo.JWTSecret.Reveal() != "0012345678901234567890123456789012" {
		t.Errorf("version is %q, jwt_secret %q", c.Faveo.Version, c.Faveo.JWTSecret.Reveal())
	}
}

func TestTimes(t *testing.T) {
	evening := time.Date(2027, 1, 31, 18, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"2027-01-31T18:00:00Z":          evening,
		`"2027-01-31T18:00:00Z"`:        evening,
		"2027-01-31T23:30:00+05:30":     evening,
		"2027-01-31T18:00:00.5Z":        evening.Add(500 * time.Millisecond),
		"2027-01-31":                    evening.Add(-18 * time.Hour),
		`"2027-01-31"`:                  evening.Add(-18 * time.Hour),
		"2027-01-31 # the day we moved": evening.Add(-18 * time.Hour),
	} {
		file := write(t, "config.yaml", "tokens:\n  accept_faveo_tokens_until: "+text+"\n")
		if got := load(t, config.Sources{File: file, Environ: required()}).Tokens.AcceptFaveoTokensUntil; got != want {
			t.Errorf("%s is %v, want %v", text, got, want)
		}
	}
}

func TestRotationsByHandOnly(t *testing.T) {
	file := write(t, "config.yaml", "keys:\n  rotate_every: 0s\n  publish_ahead: 1000h\n")
	if got := load(t, config.Sources{File: file, Environ: required()}).Keys; got.RotateEvery != 0 || got.PublishAhead != 1000*time.Hour {
		t.Errorf("keys are %+v", got)
	}
}

// TestAdminToken: the text and the file of the variable that the management
// commands read too.
func TestAdminToken(t *testing.T) {
	const secret = "Zm9yIHRlc3RzIG9ubHksIDMyIGJ5dGVzLg=="
	file := write(t, "token", secret+"\n")
	for _, entry := range []string{"FAVEO_GATEWAY_ADMIN_TOKEN=" + secret, "FAVEO_GATEWAY_ADMIN_TOKEN_FILE=" + file} {
		if got := load(t, config.Sources{Environ: append(required(), entry)}).Admin.Token; got.Reveal() != secret {
			t.Errorf("%.29s gives another token", entry)
		}
	}
	if got := load(t, config.Sources{Environ: required()}).Admin; !got.Token.IsZero() || got.Hosts != nil {
		t.Errorf("by default the admin API is not off: %+v", got)
	}
}

func TestFlagFaults(t *testing.T) {
	faults := loadFaults(t, config.Sources{Environ: required(), Overrides: map[string]string{"server.listen": "x", "server.port": "1", "redis.url": "http://" + marked}})
	wantFaults(t, faults, "command line: server.port: unknown key", "command line: server.listen: must be host:port or :port",
		"command line: redis.url: "+badRedis)
}

func TestUpstreams(t *testing.T) {
	c := load(t, config.Sources{Environ: append(required(), "FAVEO_GATEWAY_FAVEO_URLS=http://a:81/,https://[::1]:8443")})
	upstreams, err := c.Faveo.Upstreams()
	if err != nil || len(upstreams) != 2 || upstreams[0].String() != "http://a:81" || upstreams[1].Host != "[::1]:8443" {
		t.Errorf("upstreams are %v, %v", upstreams, err)
	}
	c.Faveo.URLs = []string{"http://u:" + marked + "@a"}
	if _, err := c.Faveo.Upstreams(); err == nil || leaks(err.Error()) {
		t.Errorf("a URL with a password: %v", err)
	}
}

func TestListenersMayShareAFreePort(t *testing.T) {
	for _, test := range []struct {
		server, admin string
		same          bool
	}{
		{":0", ":0", false},
		{"127.0.0.1:9090", "127.0.0.1:9090", true},
		{"127.0.0.1:9090", "127.0.0.2:9090", false},
		{"127.0.0.1:9090", ":9090", true},
		{"0.0.0.0:9090", "127.0.0.1:9090", true},
		{"[::]:9090", "127.0.0.1:9090", true},
		{":9090", ":9091", false},
	} {
		_, err := config.Load(config.Sources{Environ: required(), Overrides: map[string]string{"server.listen": test.server, "admin.listen": test.admin}})
		if (err != nil) != test.same {
			t.Errorf("server %s and admin %s: %v, want a fault: %v", test.server, test.admin, err, test.same)
		}
	}
}
