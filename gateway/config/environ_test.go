package config_test

import (
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"faveo-gateway/gateway/config"
	"faveo-gateway/gateway/limit"
)

func variable(path string) string {
	return "FAVEO_GATEWAY_" + strings.ToUpper(strings.ReplaceAll(path, ".", "_"))
}

// TestEnvironmentSetsEveryKey sets each key alone to a value that is not its
// default, by variable and by flag, and finds it in the Config.
func TestEnvironmentSetsEveryKey(t *testing.T) {
	seen := map[string]string{}
	for _, f := range keysOf(reflect.TypeFor[config.Config](), "", nil) {
		t.Run(f.path, func(t *testing.T) {
			name := variable(f.path)
			if other, taken := seen[name]; taken {
				t.Fatalf("%s is the variable of %s too", name, other)
			}
			seen[name], seen[name+"_FILE"] = f.path, f.path
			text, want := other(t, f)
			required := func() []string { return append(required(), beside(f.path)...) }

			environ := append([]string{name + "=" + text}, required()...)
			c := load(t, config.Sources{Environ: environ})
			if got := reflect.ValueOf(c).Elem().FieldByIndex(f.index).Interface(); !reflect.DeepEqual(got, want) {
				t.Errorf("%s=%s gives %v, want %v", name, text, got, want)
			}
			c = load(t, config.Sources{Environ: required(), Overrides: map[string]string{f.path: text}})
			if got := reflect.ValueOf(c).Elem().FieldByIndex(f.index).Interface(); !reflect.DeepEqual(got, want) {
				t.Errorf("flag %s=%s gives %v, want %v", f.path, text, got, want)
			}
			if !f.secret {
				return
			}
			file := write(t, "secret", strings.ReplaceAll(text, ",", "\n")+"\n")
			environ = []string{name + "_FILE=" + file}
			for _, entry := range required() {
				if !strings.HasPrefix(entry, name+"=") {
					environ = append(environ, entry)
				}
			}
			c = load(t, config.Sources{Environ: environ})
			if got := reflect.ValueOf(c).Elem().FieldByIndex(f.index).Interface(); !reflect.DeepEqual(got, want) {
				t.Errorf("%s_FILE gives another value than the text", name)
			}
		})
	}
}

// beside are the variables without which a key alone means nothing.
func beside(path string) []string {
	var all []string
	section, key, _ := strings.Cut(path, ".tls.")
	switch key {
	case "cert_file":
		all = append(all, variable(section+".tls.key_file")+"=/key.pem")
	case "key_file", "client_ca_file":
		all = append(all, variable(section+".tls.cert_file")+"=/cert.pem")
	}
	switch {
	case key == "client_ca_file":
		all = append(all, variable("admin.tls.key_file")+"=/key.pem")
	case section == "proxy" && key != "":
		all = append(all, variable("faveo.urls")+"=https://a")
	case strings.HasPrefix(key, "acme."):
		all = append(all, variable("server.tls.acme.domains")+"=a.test", variable("server.tls.acme.agree_tos")+"=true", variable("server.tls.acme.storage")+"=/var/acme")
	}
	return all
}

// other returns a valid value of the key that is not its default: as a text, and
// as the field's type. Keys whose values are a closed set or have a form need an
// entry in the table.
func other(t *testing.T, f field) (string, any) {
	t.Helper()
	special := map[string]string{
		"server.listen": ":1234", "server.base_path": "/a/b", "server.trusted_proxies": "10.0.0.0/8, 192.168.0.1,fd00::/8",
		"admin.listen": "127.0.0.1:1235", "admin.token": strings.Repeat("0123", 8), "admin.hosts": "gateway.internal,gateway",
		"faveo.urls": "https://a, http://b:81", "faveo.database": "mysql://a:b@c:3307/d", "faveo.jwt_secret": "another secret of 32 bytes and more",
		"faveo.jwt_app_class": `App\Models\User`, "faveo.version": "1.10", "faveo.public_path": "/srv",
		"redis.url": "rediss://a:6380/1", "redis.key_prefix": "x:",
		"state.database":        "mysql://a:b@c:3307/d",
		"state.encryption_keys": strings.Repeat("0123", 16) + "," + strings.Repeat("abcd", 16),
		"login.legacy_clients":  "A/*,B/*", "tokens.algorithm": "EdDSA", "tokens.sources": "[query, header]",
		"tokens.accept_faveo_tokens_until": "2027-01-31T18:00:00Z", "tokens.refresh_ttl": "7h",
		"api_keys.required": "always", "api_keys.pepper": strings.Repeat("0123", 8),
		"limits.per_route":  `["GET,POST /api/v1/helpdesk/create 7/7m"]`,
		"keys.rotate_every": "7h", "login.lockout.known_addresses": "7h", "login.lockout.per_address": "off",
		"policy.mode": "shadow", "policy.files": "a.yaml", "policy.unknown_routes": "staff", "policy.editions": "apps",
		"proxy.balance":         "round_robin",
		"proxy.forward_headers": "X-Plugin",
		"server.tls.cert_file":  "/a.pem", "server.tls.key_file": "/b.pem",
		"server.tls.acme.domains": "a.test,b.test", "server.tls.acme.email": "a@b.test", "server.tls.acme.storage": "/c",
		"server.tls.acme.ca_url": "https://a.test/dir", "server.tls.acme.ca_file": "/d.pem",
		"admin.tls.cert_file": "/a.pem", "admin.tls.key_file": "/b.pem", "admin.tls.client_ca_file": "/c.pem",
		"proxy.tls.ca_file": "/a.pem", "proxy.tls.cert_file": "/b.pem", "proxy.tls.key_file": "/c.pem", "proxy.tls.server_name": "php.test",
		"observability.audit.to": "stdout", "observability.audit.file": "/var/log/audit.jsonl", "observability.audit.keep": "48h",
		"observability.tracing.endpoint": "https://collector:4318", "observability.tracing.sample_ratio": "0.25",
		"observability.tracing.headers": "Authorization: Basic eA==,X-Account: 1",
		"observability.log.level":       "debug", "observability.log.format": "text",
		"server.max_header_bytes": "65536", "server.max_body_bytes": "67108864", "server.max_parameter_bytes": "2048",
		"tokens.max_ttl": "48h", "tokens.leeway": "7s", "sessions.cache_size": "5000", "tokens.ttl": "7m", "server.timeouts.read": "6m",
	}
	text, ok := special[f.path]
	if !ok {
		switch {
		case f.typ == reflect.TypeFor[time.Duration]():
			text = "7s"
		case f.typ == reflect.TypeFor[limit.Rate]():
			text = "7/7m"
		case f.typ.Kind() == reflect.Int || f.typ.Kind() == reflect.Int64:
			text = "42"
		case f.typ.Kind() == reflect.Bool:
			text = fmt.Sprint(!reflect.ValueOf(config.Default()).Elem().FieldByIndex(f.index).Bool())
		default:
			text = "text"
		}
	}
	want := parse(t, f.typ, text)
	if defaults := reflect.ValueOf(config.Default()).Elem().FieldByIndex(f.index).Interface(); reflect.DeepEqual(defaults, want) {
		t.Fatalf("the other value of %s is its default", f.path)
	}
	return text, want
}

// parse is this test's own reading of a text.
func parse(t *testing.T, typ reflect.Type, text string) any {
	t.Helper()
	v := reflect.New(typ).Elem()
	switch {
	case typ == reflect.TypeFor[[]limit.Route]():
		route := limit.Route{Methods: []string{"GET", "POST"}, Path: "/api/v1/helpdesk/create", Rate: limit.Rate{Count: 7, Per: 7 * time.Minute}}
		v.Set(reflect.ValueOf([]limit.Route{route}))
	case typ.Kind() == reflect.Slice:
		for element := range strings.SplitSeq(strings.Trim(text, "[]"), ",") {
			v = reflect.Append(v, reflect.ValueOf(parse(t, typ.Elem(), strings.TrimSpace(element))))
		}
	case typ == reflect.TypeFor[config.Secret]():
		v.Set(reflect.ValueOf(config.NewSecret(text)))
	case typ == reflect.TypeFor[limit.Rate]() && text == "off":
		v.Set(reflect.ValueOf(limit.Rate{Off: true}))
	case typ == reflect.TypeFor[limit.Rate]():
		v.Set(reflect.ValueOf(limit.Rate{Count: 7, Per: 7 * time.Minute}))
	case typ == reflect.TypeFor[netip.Prefix]():
		if !strings.Contains(text, "/") {
			text += "/32"
		}
		v.Set(reflect.ValueOf(netip.MustParsePrefix(text)))
	case typ == reflect.TypeFor[time.Time]():
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		v.Set(reflect.ValueOf(at))
	case typ == reflect.TypeFor[time.Duration]():
		d, err := time.ParseDuration(text)
		if err != nil {
			t.Fatal(err)
		}
		v.SetInt(int64(d))
	case typ.Kind() == reflect.String:
		v.SetString(text)
	case typ.Kind() == reflect.Float64:
		v.SetFloat(0.25)
	case typ.Kind() == reflect.Bool:
		v.SetBool(text == "true")
	default:
		var n int64
		if _, err := fmt.Sscan(text, &n); err != nil {
			t.Fatal(err)
		}
		v.SetInt(n)
	}
	return v.Interface()
}

func TestEnvironmentFaults(t *testing.T) {
	for _, test := range []struct{ name, entry, want string }{
		{"unknown variable", "TOKEN_TTL=1h", "environment FAVEO_GATEWAY_TOKEN_TTL: unknown variable, did you mean FAVEO_GATEWAY_TOKENS_TTL?"},
		{"unknown far away", "COLOUR=blue", "environment FAVEO_GATEWAY_COLOUR: unknown variable"},
		{"unknown in lower case", "tokens_ttl=1h", "environment FAVEO_GATEWAY_tokens_ttl: unknown variable"},
		{"a section", "TOKENS=x", "environment FAVEO_GATEWAY_TOKENS: unknown variable"},
		{"file of a plain key", "TOKENS_ISSUER_FILE=/a", "environment FAVEO_GATEWAY_TOKENS_ISSUER_FILE: unknown variable, did you mean FAVEO_GATEWAY_TOKENS_ISSUER?"},
		{"a port that is no link", "SERVER_PORT=8080", "environment FAVEO_GATEWAY_SERVER_PORT: unknown variable"},
		{"duration", "TOKENS_TTL=1", "environment FAVEO_GATEWAY_TOKENS_TTL: tokens.ttl: must be a duration with a unit, such as 30s, 5m or 1h30m"},
		{"time", "TOKENS_ACCEPT_FAVEO_TOKENS_UNTIL=tomorrow", "environment FAVEO_GATEWAY_TOKENS_ACCEPT_FAVEO_TOKENS_UNTIL: tokens.accept_faveo_tokens_until: " + badTime},
		{"empty time", "TOKENS_ACCEPT_FAVEO_TOKENS_UNTIL=", "environment FAVEO_GATEWAY_TOKENS_ACCEPT_FAVEO_TOKENS_UNTIL: tokens.accept_faveo_tokens_until: " + badTime},
		{"admin token", "ADMIN_TOKEN=" + marked, "environment FAVEO_GATEWAY_ADMIN_TOKEN: admin.token: must have at least 32 characters, as from: openssl rand -base64 32"},
		{"number", "SESSIONS_MAX_PER_USER=+5", "environment FAVEO_GATEWAY_SESSIONS_MAX_PER_USER: sessions.max_per_user: must be a whole number in decimal digits"},
		{"empty number", "SESSIONS_MAX_PER_USER=", "environment FAVEO_GATEWAY_SESSIONS_MAX_PER_USER: sessions.max_per_user: must be a whole number in decimal digits"},
		{"boolean", "LOGIN_STRICT_STATUS=1", "environment FAVEO_GATEWAY_LOGIN_STRICT_STATUS: login.strict_status: must be true or false"},
		{"validated", "SERVER_BASE_PATH=a", "environment FAVEO_GATEWAY_SERVER_BASE_PATH: server.base_path: must be empty or a plain path such as /community/public, without a slash at the end"},
		{"list", "SERVER_TRUSTED_PROXIES=10.0.0.1,,x", "environment FAVEO_GATEWAY_SERVER_TRUSTED_PROXIES: server.trusted_proxies[1]: must be a network such as 10.0.0.0/8 or an address\n" +
			"environment FAVEO_GATEWAY_SERVER_TRUSTED_PROXIES: server.trusted_proxies[2]: must be a network such as 10.0.0.0/8 or an address"},
		{"validated list", "POLICY_EDITIONS=[apps, pro]", `environment FAVEO_GATEWAY_POLICY_EDITIONS: policy.editions[1]: "pro" is not one of apps`},
		{"broken YAML list", "SERVER_TRUSTED_PROXIES=[10.0.0.1", "environment FAVEO_GATEWAY_SERVER_TRUSTED_PROXIES: server.trusted_proxies: is not a valid YAML list"},
		{"list of mappings", "SERVER_TRUSTED_PROXIES=[a: b]", "environment FAVEO_GATEWAY_SERVER_TRUSTED_PROXIES: server.trusted_proxies[0]: must be a text, not a mapping"},
		{"secret", "REDIS_URL=http://" + marked, "environment FAVEO_GATEWAY_REDIS_URL: redis.url: " + badRedis},
		{"empty secret", "REDIS_URL=", "environment FAVEO_GATEWAY_REDIS_URL: redis.url: is empty; a secret that is not wanted is left out"},
		{"empty list of secrets", "STATE_ENCRYPTION_KEYS=", "environment FAVEO_GATEWAY_STATE_ENCRYPTION_KEYS: state.encryption_keys[0]: is empty; a secret that is not wanted is left out"},
		{"secret in a list", "STATE_ENCRYPTION_KEYS=[" + marked + ": " + marked + "]", "environment FAVEO_GATEWAY_STATE_ENCRYPTION_KEYS: state.encryption_keys[0]: must be a text, not a mapping"},
		{"secret in a broken list", "STATE_ENCRYPTION_KEYS=[*" + marked, "environment FAVEO_GATEWAY_STATE_ENCRYPTION_KEYS: state.encryption_keys: is not a valid YAML list"},
		{"secret as a variable", marked + marked + marked + "=1", "environment FAVEO_GATEWAY_…: unknown variable"},
		{"secret's file is the secret", "REDIS_URL_FILE=redis://" + marked, "environment FAVEO_GATEWAY_REDIS_URL_FILE: redis.url_file: the file cannot be read: no such file or directory"},
		{"no name of a file", "REDIS_URL_FILE=", "environment FAVEO_GATEWAY_REDIS_URL_FILE: redis.url_file: names no file"},
	} {
		t.Run(test.name, func(t *testing.T) {
			faults := loadFaults(t, config.Sources{Environ: append(required(), "FAVEO_GATEWAY_"+test.entry)})
			wantFaults(t, faults, strings.Split(test.want, "\n")...)
			if leaks(faults.Error()) {
				t.Error("a secret is shown")
			}
		})
	}
}

// TestEnvironmentOfKubernetes: a Service called faveo-gateway announces itself in
// variables that begin with our prefix.
func TestEnvironmentOfKubernetes(t *testing.T) {
	load(t, config.Sources{Environ: append(
		required(), "OTHER=y", "PATH", "=C:=C:\\",
		"FAVEO_GATEWAY_SERVICE_HOST=10.96.0.9", "FAVEO_GATEWAY_SERVICE_PORT=80", "FAVEO_GATEWAY_SERVICE_PORT_HTTP=80",
		"FAVEO_GATEWAY_PORT=tcp://10.96.0.9:80", "FAVEO_GATEWAY_PORT_80_TCP=tcp://10.96.0.9:80",
		"FAVEO_GATEWAY_PORT_80_TCP_PROTO=tcp", "FAVEO_GATEWAY_PORT_80_TCP_PORT=80", "FAVEO_GATEWAY_PORT_80_TCP_ADDR=10.96.0.9",
		"FAVEO_GATEWAY_REDIS_SERVICE_HOST=10.96.0.8", "FAVEO_GATEWAY_REDIS_PORT=tcp://10.96.0.8:6379",
	)})
}

func TestEnvironmentTakesTheFirstOfTwo(t *testing.T) {
	c := load(t, config.Sources{Environ: append(required(), "FAVEO_GATEWAY_TOKENS_ISSUER=a", "FAVEO_GATEWAY_TOKENS_ISSUER=b")})
	if c.Tokens.Issuer != "a" {
		t.Errorf("the issuer is %q, want the first, as getenv has it", c.Tokens.Issuer)
	}
}
