package cli_test

import (
	"bytes"
	"context"
	"database/sql"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"faveo-gateway/gateway/cli"
	"faveo-gateway/gateway/storetest/service"
	"faveo-gateway/upstream/faveo/faveotest"
	"faveo-gateway/upstream/standin"
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
	d := startDemo(t, flags...)
	script := "set -e\n"
	for line := range strings.Lines(d.stdout.String()) {
		command := strings.TrimSpace(line)
		if strings.HasPrefix(command, "curl") || strings.HasPrefix(command, "TOKEN=") || strings.HasPrefix(command, "CLIENT=") {
			script += command + "\necho\n"
		}
	}
	shell := exec.CommandContext(t.Context(), "bash", "-c", script)
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
	stderr := d.end()
	// The log is held back for a moment, and whole at the end.
	for _, event := range []string{`"msg":"listening"`, `"route":"authenticate"`, `"msg":"draining"`} {
		if !strings.Contains(stderr, event) {
			t.Errorf("the log lacks %s", event)
		}
	}
}

// TestDemoTicketsAreTheirOwners creates a ticket in the demo: its owner reads it,
// and nobody else does, until the staff lets somebody follow it. After the staff
// has assigned a ticket, its agent reads it too.
func TestDemoTicketsAreTheirOwners(t *testing.T) {
	d := startDemo(t)
	defer d.end()
	owner, other := d.login("democlient"), d.login("otherclient")
	agent, admin := d.login("salesagent"), d.login("demoadmin")
	const ticket = "/api/v1/helpdesk/ticket?ticket_id=12"
	d.want(404, "GET", ticket, owner, "not_found") // Nobody's yet.

	d.want(200, "POST", "/api/v1/helpdesk/create?email=democlient@example.test&first_name=Clara&last_name=Client&helptopic=1&sla=1&priority=1"+
		"&subject=A+new+ticket&body=Hello+this+is+the+body", owner, `"ticket_id":12`)
	d.want(200, "GET", ticket, owner, "A new ticket")
	d.want(200, "POST", "/api/v1/helpdesk/reply?ticket_id=12&reply_content=Still+there", owner, `{"result":null}`)
	d.want(404, "GET", ticket, other, "not_found")
	d.want(404, "GET", ticket, agent, "not_found") // Of another department.

	d.want(200, "POST", "/api/v1/helpdesk/assign?ticket_id=12&user=salesagent@example.test", admin, "success")
	d.want(200, "GET", ticket, agent, "A new ticket")
	d.want(200, "POST", "/api/v1/helpdesk/collaborator/create?ticket_id=12&email=follower@example.test", admin, "follower")
	d.want(200, "GET", ticket, d.login("follower@example.test"), "A new ticket")
	d.want(404, "GET", ticket, other, "not_found")
}

// TestDemoLeavesARealDatabaseAlone creates a ticket in a demo whose database is
// configured: it is in the memory of the stand-in only.
func TestDemoLeavesARealDatabaseAlone(t *testing.T) {
	file := filepath.Join(t.TempDir(), "real.sqlite")
	address, err := standin.CreateDatabase(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	d := startDemo(t, "-c", write(t, "faveo:\n  database: "+address+"\n"))
	defer d.end()
	admin := d.login("demoadmin")
	d.want(200, "POST", "/api/v1/helpdesk/create?email=new@example.test&first_name=N&helptopic=1&sla=1&priority=1&subject=S&body=B", admin, `"ticket_id":12`)
	db, err := sql.Open("sqlite", "file:"+file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var tickets, users int
	row := db.QueryRowContext(t.Context(), "SELECT (SELECT max(id) FROM tickets), (SELECT max(id) FROM users)")
	if err := row.Scan(&tickets, &users); err != nil || tickets != 11 || users != 10 {
		t.Errorf("tickets up to %d and users up to %d, want 11 and 10; %v", tickets, users, err)
	}
}

// write makes a configuration file.
func write(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// running is a demo.
type running struct {
	t      *testing.T
	stdout *printed
	origin string
	end    func() (stderr string) // Ends it, once, and expects exit 0.
}

// startDemo returns when the demo has printed everything.
func startDemo(t *testing.T, flags ...string) running {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
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
		stop()
		t.Fatalf("demo: exit %d, %s", code, stderr.String())
	}
	_, after, _ := strings.Cut(stdout.String(), "gateway  ")
	origin, _, _ := strings.Cut(after, "\n")
	end := sync.OnceValue(func() string {
		stop()
		if code := <-done; code != 0 {
			t.Errorf("demo: exit %d, %s", code, stderr.String())
		}
		return stderr.String()
	})
	t.Cleanup(func() { end() })
	return running{t, stdout, origin, end}
}

// login returns a token of one of the demo's accounts.
func (d running) login(user string) string {
	d.t.Helper()
	body := d.want(200, "POST", "/api/v1/authenticate?password="+standin.Password+"&username="+url.QueryEscape(user), "", `"token":"`)
	_, after, _ := strings.Cut(body, `"token":"`)
	token, _, _ := strings.Cut(after, `"`)
	return token
}

// want sends a request, expects a status and a text in the answer, and returns it.
func (d running) want(status int, method, uri, token, text string) string {
	d.t.Helper()
	r, err := http.NewRequestWithContext(d.t.Context(), method, d.origin+uri, nil)
	if err != nil {
		d.t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	r.Close = true // No connection shall outlive the test.
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		d.t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	if answer.StatusCode != status || !strings.Contains(string(body), text) {
		d.t.Errorf("%s %s: %d %s, want %d with %s", method, uri, answer.StatusCode, body, status, text)
	}
	return string(body)
}

func requireShell(t *testing.T) {
	t.Helper()
	for _, program := range []string{"bash", "curl", "sed", "grep"} {
		_, err := exec.LookPath(program)
		service.Require(t, program, err)
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
