package cli_test

import (
	"encoding/json"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"faveo-gateway/gateway/doctor"
	"faveo-gateway/gateway/storetest/service"
	"faveo-gateway/upstream/faveo/faveotest"
	"faveo-gateway/upstream/standin"
)

// everythingWrong is a site of which nothing is there.
func everythingWrong(t *testing.T) (flags []string) {
	file := write(t, `faveo:
  database: mysql://faveo:S3cr3t@127.0.0.1:1/faveo
  urls: ["http://127.0.0.1:1"]
  jwt_secret: changeme
redis:
  url: redis://:S3cr3t@127.0.0.1:1
`)
	env := filepath.Join(t.TempDir(), ".env")
	if err := os.WriteFile(env, []byte("JWT_TTL=4\nAPP_DEBUG=true\nAPP_URL=http://127.0.0.1:1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{"doctor", "-c", file, "--faveo-env", env}
}

// TestDoctorWhenEverythingIsWrong: a table that fits a terminal, without the words of Go.
func TestDoctorWhenEverythingIsWrong(t *testing.T) {
	got := run(t, nil, everythingWrong(t)...)
	if got.code != 1 || got.stderr != "faveo-gateway: 5 checks failed\n" {
		t.Errorf("exit %d, %q", got.code, got.stderr)
	}
	for _, line := range []string{
		"REDIS\n  fail     redis-reachable         nothing listens at 127.0.0.1:1\n" +
			"                                 → start Redis, or correct redis.url; without it nobody logs in\n" +
			"  skipped  5 other checks          Redis does not answer\n",
		"\nDATABASE\n  fail     database-reachable      nothing listens at 127.0.0.1:1\n",
		"\nSTATE\n  fail     state-reachable  ",
		"\nPHP\n  fail     php-reachable           127.0.0.1:1: nothing listens at 127.0.0.1:1\n",
		"  fail     jwt-secret  ", "  warn     faveo-debug  ", "  warn     token-life              tokens live 4m,", "  skipped  public-address  ",
		", 5 failed, ",
	} {
		if !strings.Contains(got.stdout, line) {
			t.Errorf("not in the table: %q", line)
		}
	}
	for _, word := range []string{"S3cr3t", "changeme", "dial tcp", "sqlstore:", "redisstore:", "faveo: ", "context deadline", "%!"} {
		if strings.Contains(got.stdout, word) {
			t.Errorf("the table says %q", word)
		}
	}
	for line := range strings.Lines(got.stdout) {
		if utf8.RuneCountInString(line) > 120 {
			t.Errorf("a line is too long: %s", line)
		}
	}
	if t.Failed() {
		t.Log(got.stdout)
	}
}

func TestDoctorForScripts(t *testing.T) {
	got := run(t, nil, append(everythingWrong(t), "-o", "json")...)
	var report doctor.Report
	if err := json.Unmarshal([]byte(got.stdout), &report); err != nil || got.code != 1 {
		t.Fatalf("exit %d, %v, %s", got.code, err, got.stdout)
	}
	// In full: the table folds what was skipped.
	if len(report.Checks) < 30 || report.Count(doctor.Failed) != 5 || report.Checks[0].ID != doctor.CheckPolicy || strings.Contains(got.stdout, "S3cr3t") {
		t.Errorf("%s", got.stdout)
	}
}

// TestDoctorAllowsWarnings: exit 0 while nothing fails. The stores are bare, and the user
// of the database is root.
func TestDoctorAllowsWarnings(t *testing.T) {
	const secret = "0123456789012345678901234567890123"
	php := httptest.NewServer(standin.New(standin.Options{Secret: secret}))
	t.Cleanup(php.Close)
	got := run(t, []string{
		"FAVEO_GATEWAY_FAVEO_DATABASE=" + faveotest.New(t).URL, "FAVEO_GATEWAY_FAVEO_URLS=" + php.URL, "FAVEO_GATEWAY_FAVEO_JWT_SECRET=" + secret,
		"FAVEO_GATEWAY_REDIS_URL=redis://" + service.Redis(t),
	}, "doctor")
	if got.code != 0 || got.stderr != "" || !strings.Contains(got.stdout, "  warn     state-migrations        the gateway has no tables yet\n") ||
		!strings.Contains(got.stdout, "php-bridge-token        "+strings.TrimPrefix(php.URL, "http://")+": accepted\n") || !strings.Contains(got.stdout, ", 0 failed, ") {
		t.Errorf("exit %d, %s, %s", got.code, got.stderr, got.stdout)
	}
}

func TestDoctorIsNotUnderstood(t *testing.T) {
	for _, args := range [][]string{{"doctor", "surplus"}, {"doctor", "-o", "xml"}, {"doctor", "--repair"}} {
		if got := run(t, nil, args...); got.code != 2 || got.stdout != "" {
			t.Errorf("%v: exit %d, %q", args, got.code, got.stdout)
		}
	}
	if got := run(t, nil, "doctor"); got.code != 1 || !strings.Contains(got.stderr, "faveo.database") {
		t.Errorf("without a configuration: exit %d, %q", got.code, got.stderr)
	}
	if got := run(t, nil, "doctor", "--faveo-env", "/nonexistent/.env"); got.code != 1 || !strings.Contains(got.stderr, ".env") {
		t.Errorf("without the file: exit %d, %q", got.code, got.stderr)
	}
}
