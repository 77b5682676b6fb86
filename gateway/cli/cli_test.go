package cli_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"faveo-gateway/gateway/cli"
	"faveo-gateway/upstream/faveo/faveotest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// outcome is what a command did.
type outcome struct {
	code           int
	stdout, stderr string
}

// run runs a command to its end.
func run(t *testing.T, environ []string, args ...string) outcome {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := cli.Run(t.Context(), cli.Process{Args: args, Environ: environ, Stdout: &stdout, Stderr: &stderr})
	return outcome{code, stdout.String(), stderr.String()}
}

// TestExitCodes tells good, failed and misunderstood apart, and says what and
// where in one line.
func TestExitCodes(t *testing.T) {
	folder := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(folder, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	good := write("good.yaml", "faveo:\n  database: mysql://faveo:hidden@127.0.0.1/faveo\n  jwt_secret: hidden-hidden-hidden-hidden-hidden-1\n")
	bad := write("bad.yaml", "faveo:\n  database: 17\n  jwt_sekret: hidden\ntokens:\n  ttl: soon\n")
	nowhere := write("nowhere.yaml", "faveo:\n  database: mysql://faveo:hidden@127.0.0.1:1/faveo\n  jwt_secret: hidden-hidden-hidden-hidden-hidden-1\n")
	rule := write("rule.yaml", "rules:\n  - name: x\n    path: /api/v1/x\n    effect: perhaps\n")

	for _, try := range []struct {
		args   []string
		code   int
		stdout string
		stderr []string
	}{
		{[]string{"version"}, 0, "faveo-gateway ", nil},
		{[]string{"--help"}, 0, "serve", nil},
		{[]string{"check", "-c", good}, 0, "configuration and policy are good", nil},
		{[]string{"check", "-c", good, "surplus"}, 2, "", []string{"surplus"}},
		{[]string{"unknown"}, 2, "", []string{"unknown"}},
		{[]string{"serve", "--no-such-flag"}, 2, "", []string{"--no-such-flag"}},
		{[]string{"check", "-c", bad}, 1, "", []string{"bad.yaml:2", "bad.yaml:3", "bad.yaml:5", "tokens.ttl", "faveo.jwt_sekret"}},
		{[]string{"check", "-c", filepath.Join(folder, "absent.yaml")}, 1, "", []string{"absent.yaml"}},
		{[]string{"check", "--faveo-env", filepath.Join(folder, "absent.env")}, 1, "", []string{"absent.env"}},
		{[]string{"serve", "-c", nowhere}, 1, "", []string{"faveo.database", "127.0.0.1:1"}},
		{[]string{"migrate", "-c", nowhere}, 1, "", []string{"state.database", "127.0.0.1:1"}},
		{[]string{"demo", "--listen", "0.0.0.0:8080"}, 1, "", []string{"--listen", "loopback"}},
		{[]string{"demo", "--admin-listen", "nonsense"}, 1, "", []string{"--admin-listen"}},
	} {
		got := run(t, nil, try.args...)
		if got.code != try.code || !strings.Contains(got.stdout, try.stdout) {
			t.Errorf("%v: exit %d, stdout %q, stderr %q; want exit %d", try.args, got.code, got.stdout, got.stderr, try.code)
		}
		for _, part := range try.stderr {
			if !strings.Contains(got.stderr, part) {
				t.Errorf("%v: stderr %q does not name %q", try.args, got.stderr, part)
			}
		}
		if strings.Contains(got.stdout+got.stderr, "hidden") {
			t.Errorf("%v: a secret is shown: %q %q", try.args, got.stdout, got.stderr)
		}
	}
	environ := []string{"FAVEO_GATEWAY_POLICY_FILES=" + rule}
	if got := run(t, environ, "check", "-c", good); got.code != 1 || !strings.Contains(got.stderr, "rule.yaml:4") {
		t.Errorf("a bad rule: exit %d, %q", got.code, got.stderr)
	}
}

// TestMigrate makes the tables once.
func TestMigrate(t *testing.T) {
	db := faveotest.New(t)
	environ := []string{"FAVEO_GATEWAY_FAVEO_DATABASE=" + db.URL, "FAVEO_GATEWAY_FAVEO_JWT_SECRET=0123456789012345678901234567890123"}
	if got := run(t, environ, "migrate"); got.code != 0 || !strings.Contains(got.stdout, "applied") {
		t.Errorf("first: exit %d, %q, %q", got.code, got.stdout, got.stderr)
	}
	if got := run(t, environ, "migrate"); got.code != 0 || !strings.Contains(got.stdout, "nothing to do") {
		t.Errorf("second: exit %d, %q, %q", got.code, got.stdout, got.stderr)
	}
}

// TestDemo starts the demo, runs the lines that it prints in a shell as they
// stand, and ends it: with nothing configured, and with a site's own .env.
func TestDemo(t *testing.T) {
	requireShell(t)
	t.Run("nothing configured", func(t *testing.T) { demo(t) })
	env := filepath.Join(t.TempDir(), ".env")
	if err := os.WriteFile(env, []byte("APP_URL=http://localhost/community/public\nJWT_SECRET=a-secret-of-the-site-000000000000000\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Run("a site's .env", func(t *testing.T) { demo(t, "--faveo-env", env) })
}

func demo(t *testing.T, flags ...string) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	stdout := &printed{complete: make(chan struct{})}
	var stderr bytes.Buffer
	done := make(chan int, 1)
	go func() {
		done <- cli.Run(ctx, cli.Process{
			Args: append([]string{"demo", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"}, flags...), Stdout: stdout, Stderr: &stderr,
		})
	}()
	select {
	case <-stdout.complete:
	case code := <-done:
		t.Fatalf("demo: exit %d, %s", code, stderr.String())
	}
	script := "set -e\n"
	for line := range strings.Lines(stdout.String()) {
		command := strings.TrimSpace(line)
		if strings.HasPrefix(command, "curl") || strings.HasPrefix(command, "TOKEN=") || strings.HasPrefix(command, "CLIENT=") {
			script += command + "\necho\n"
		}
	}
	shell := exec.CommandContext(ctx, "bash", "-c", script)
	out, err := shell.CombinedOutput()
	if err != nil {
		t.Errorf("the printed lines: %v", err)
	}
	for _, want := range []string{
		`"user_name":"demoadmin"`, "Crane 7 squeaks", "token_not_provided", `"error":"forbidden"`, "token_revoked",
		`"kty":"EC"`, `"ready":true`, `faveo_gateway_logins_total{result="success"} 3`,
	} {
		if !strings.Contains(string(out), want) {
			t.Errorf("the printed lines did not show %s", want)
		}
	}
	if t.Failed() {
		t.Logf("%s", out)
	}
	stop()
	if code := <-done; code != 0 {
		t.Errorf("demo: exit %d, %s", code, stderr.String())
	}
	// The log is held back for a moment, and whole at the end.
	for _, event := range []string{`"msg":"listening"`, `"route":"authenticate"`, `"msg":"draining"`} {
		if !strings.Contains(stderr.String(), event) {
			t.Errorf("the log lacks %s", event)
		}
	}
}

func requireShell(t *testing.T) {
	t.Helper()
	for _, program := range []string{"bash", "curl", "sed", "grep"} {
		if _, err := exec.LookPath(program); err == nil {
			continue
		}
		if os.Getenv("REQUIRE_SERVICES") == "1" {
			t.Fatalf("%s is required to run the lines that the demo prints", program)
		}
		t.Skipf("%s is not there to run the lines that the demo prints", program)
	}
}

// printed collects what the demo prints and tells when it is all there.
type printed struct {
	mu       sync.Mutex
	buffer   bytes.Buffer
	complete chan struct{}
}

func (p *printed) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.buffer.Write(b)
	if bytes.Contains(b, []byte("Ctrl-C")) {
		close(p.complete)
	}
	return len(b), nil
}

func (p *printed) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.buffer.String()
}
