package cli_test

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"faveo-gateway/gateway/audit"
)

// TestAuditVerifyFile proves a trail in a file without a gateway, by the keys of the
// configuration alone.
func TestAuditVerifyFile(t *testing.T) {
	const secret = "a-secret-of-the-tests-000000000000000001"
	keys, err := audit.NewKeys(secret)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	file, err := audit.OpenFile(path, keys, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	trail, err := audit.New(audit.Options{Sink: file, Keys: keys, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	for user := range uint64(5) {
		trail.Record(audit.Event{Kind: audit.KindLogin, Outcome: audit.Success, UserID: user + 1})
	}
	ctx, stop := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- trail.Run(ctx) }()
	err = trail.Close(t.Context())
	stop()
	if runErr, closeErr := <-ran, file.Close(); err != nil || runErr != nil || closeErr != nil {
		t.Fatal(err, runErr, closeErr)
	}

	environ := []string{
		"FAVEO_GATEWAY_FAVEO_DATABASE=mysql://u:p@127.0.0.1:3306/faveo", "FAVEO_GATEWAY_FAVEO_JWT_SECRET=" + secret,
	}
	good := run(t, environ, "audit", "verify", "--file", path)
	lines := strings.Split(strings.TrimSpace(good.stdout), "\n")
	last := lines[len(lines)-1]
	if good.code != 0 || !strings.HasPrefix(last, "5:") {
		t.Fatalf("exit %d, %q, %q", good.code, good.stdout, good.stderr)
	}
	if again := run(t, environ, "audit", "verify", "--file", path, "--expect", last); again.code != 0 {
		t.Errorf("with what was noted: exit %d, %q", again.code, again.stderr)
	}

	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	entries := bytes.SplitAfter(content, []byte("\n"))
	for name, changed := range map[string][]byte{
		"an entry is missing": bytes.Join(append(entries[:1:1], entries[2:]...), nil),
		"the last is missing": bytes.Join(entries[:4], nil),
		"one was changed":     bytes.Replace(content, []byte(`"user_id":3`), []byte(`"user_id":9`), 1),
	} {
		if bytes.Equal(changed, content) {
			t.Fatalf("%s: it is not", name)
		}
		if err := os.WriteFile(path, changed, 0o600); err != nil {
			t.Fatal(err)
		}
		if got := run(t, environ, "audit", "verify", "--file", path, "--expect", last); got.code != 1 || got.stdout != "" {
			t.Errorf("%s: exit %d, %q", name, got.code, got.stdout)
		}
	}
	if got := run(t, environ, "audit", "verify", "--file", path+".none"); got.code != 1 || !strings.Contains(got.stderr, "no such file") {
		t.Errorf("a file that is not there: exit %d, %q", got.code, got.stderr)
	}
}
