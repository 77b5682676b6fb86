package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"faveo-gateway/gateway/admin"
	"faveo-gateway/gateway/cli"
)

const (
	adminToken = "hidden-admin-token-0123456789"
	firstKey   = "bEOxdok0_aZ-3jZ1kBqkJrX9HqzT5r1mXkq2d8n7abc"
	secondKey  = "-EOxdok0_aZ-3jZ1kBqkJrX9HqzT5r1mXkq2d8n7xyz"
	oldKey     = "Zz9xdok0_aZ-3jZ1kBqkJrX9HqzT5r1mXkq2d8n7old"
)

// noon is the clock of the gateways of these tests.
var noon = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

// desk is the inside of an admin API. It knows the times of noon.
type desk struct {
	fault error
	calls []string
	trail trail
}

func (d *desk) call(format string, args ...any) error {
	d.calls = append(d.calls, fmt.Sprintf(format, args...))
	return d.fault
}

func (d *desk) Status(context.Context) (admin.KeyStatus, error) {
	return admin.KeyStatus{
		Rotation: admin.Rotation{
			NextAt: noon.Add(-time.Minute), Pending: secondKey, SignsAt: noon.Add(9 * time.Minute),
			Waiting: "the replica two (CCCCCCCCCCCCCCCCCCCCCC) does not hold the key yet",
			Fault:   "the registry of the replicas", FaultSince: noon.Add(-90 * time.Second),
		},
		Keys: []admin.Key{
			{KID: oldKey, Algorithm: "RS256", State: "gone", CreatedAt: noon.Add(-61 * 24 * time.Hour), EndedAt: noon.Add(-26 * time.Hour)},
			{KID: firstKey, Algorithm: "ES256", State: "active", CreatedAt: noon.Add(-30*24*time.Hour - 4*time.Hour), ActivatedAt: noon.Add(-30 * 24 * time.Hour)},
			{KID: secondKey, Algorithm: "EdDSA", State: "pending", CreatedAt: noon.Add(-42 * time.Second)},
		},
		Replicas: []admin.Replica{
			{
				ID: "BBBBBBBBBBBBBBBBBBBBBB", Host: "one", Version: "v1.2.3", StartedAt: noon.Add(-3*time.Hour - 4*time.Minute),
				Algorithm: "ES256", Keys: []string{firstKey, secondKey}, Signing: firstKey, ExpiresAt: noon.Add(14 * time.Second),
			},
			{ID: "CCCCCCCCCCCCCCCCCCCCCC", Host: "two\x1b[2J", StartedAt: noon.Add(-3 * time.Second), Algorithm: "ES256", ExpiresAt: noon.Add(12 * time.Second)},
		},
	}, d.call("status")
}

func (d *desk) Rotate(_ context.Context, algorithm string) (admin.Key, error) {
	return admin.Key{KID: secondKey, Algorithm: "EdDSA", State: "pending"}, d.call("rotate %q", algorithm)
}

func (d *desk) Revoke(_ context.Context, kid string) (admin.Revoked, error) {
	return admin.Revoked{Key: admin.Key{KID: kid, State: "revoked"}, SessionsEnded: 31}, d.call("revoke %s", kid)
}

func (d *desk) Reseal(context.Context) (int, error) { return 1, d.call("reseal") }

func (d *desk) List(_ context.Context, user uint64, limit int) ([]admin.Session, bool, error) {
	return []admin.Session{
		{
			ID: "3mHq0Rk2TZ6x9sVbYw1cQA", UserID: 7, Role: "agent", Address: "192.0.2.7", Agent: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36",
			CreatedAt: noon.Add(-50 * time.Hour), SeenAt: noon.Add(-4 * time.Minute), ExpiresAt: noon.Add(time.Hour), RefreshableUntil: noon.Add(24 * time.Hour), KID: firstKey,
		},
		{ID: "-mHq0Rk2TZ6x9sVbYw1cQA", UserID: 8, Role: "user", Agent: "curl\u009b2J", CreatedAt: noon.Add(-59 * time.Second), SeenAt: noon, ExpiresAt: noon.Add(time.Minute)},
	}, limit < 10, d.call("list %d %d", user, limit)
}

func (d *desk) End(_ context.Context, user uint64, id string) (int, error) {
	return 1, d.call("end %d %s", user, id)
}

func (d *desk) EndUser(_ context.Context, user uint64) (int, error) {
	return 0, d.call("end user %d", user)
}
func (d *desk) EndAll(context.Context) (int, error) { return 12, d.call("end all") }

// serveAdmin serves the API itself, with the clock at noon, and returns its URL.
func serveAdmin(t *testing.T, d *desk, token string) string {
	t.Helper()
	handler := admin.New(admin.Options{
		Gatherer: prometheus.NewRegistry(), Token: token, Log: slog.New(slog.DiscardHandler),
		Keys: d, Sessions: d, APIKeys: apiKeys{d}, Lockouts: lockouts{d}, Audit: &d.trail,
	})
	return serveHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", noon.Format(http.TimeFormat))
		handler.ServeHTTP(w, r)
	})
}

func serveHTTP(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

// manage runs a management command against a gateway.
func manage(t *testing.T, url string, args ...string) outcome {
	t.Helper()
	return run(t, []string{"FAVEO_GATEWAY_ADMIN_TOKEN=" + adminToken}, append(args, "--admin", url)...)
}

// TestManagement runs every command against the API and compares what it prints.
func TestManagement(t *testing.T) {
	const keys = `KID                                          ALGORITHM  STATE    CREATED               AGE    NOTE
Zz9xdok0_aZ-3jZ1kBqkJrX9HqzT5r1mXkq2d8n7old  RS256      gone     2026-09-25T12:00:00Z  61d    ended 2026-11-24T10:00:00Z (1d2h ago)
bEOxdok0_aZ-3jZ1kBqkJrX9HqzT5r1mXkq2d8n7abc  ES256      active   2026-10-26T08:00:00Z  30d4h  signs since 2026-10-26T12:00:00Z
-EOxdok0_aZ-3jZ1kBqkJrX9HqzT5r1mXkq2d8n7xyz  EdDSA      pending  2026-11-25T11:59:18Z  42s    does not sign yet
`
	for _, try := range []struct {
		name   string
		args   []string
		call   string
		stdout string
		stderr string
	}{
		{"keys list", []string{"keys", "list"}, "status", keys, ""},
		{"keys status", []string{"keys", "status"}, "status", `ROTATION
pending  -EOxdok0_aZ-3jZ1kBqkJrX9HqzT5r1mXkq2d8n7xyz
signs    2026-11-25T12:09:00Z (in 9m) at the earliest
waiting  the replica two (CCCCCCCCCCCCCCCCCCCCCC) does not hold the key yet
fault    the registry of the replicas, since 2026-11-25T11:58:30Z (1m ago)

KEYS
` + keys + `
REPLICAS
ID                      HOST     VERSION  STARTED               AGE   ALGORITHM  HOLDS   SIGNS WITH                                   EXPIRES
BBBBBBBBBBBBBBBBBBBBBB  one      v1.2.3   2026-11-25T08:56:00Z  3h4m  ES256      2 of 2  bEOxdok0_aZ-3jZ1kBqkJrX9HqzT5r1mXkq2d8n7abc  in 14s
CCCCCCCCCCCCCCCCCCCCCC  two?[2J  -        2026-11-25T11:59:57Z  3s    ES256      0 of 2  -                                            in 12s
`, ""},
		{"keys rotate", []string{"keys", "rotate"}, `rotate ""`, "key " + secondKey + " (EdDSA) is pending; 'keys status' tells when it signs\n", ""},
		{"keys rotate to an algorithm", []string{"keys", "rotate", "--algorithm", "EdDSA"}, `rotate "EdDSA"`, "key " + secondKey + " (EdDSA) is pending; 'keys status' tells when it signs\n", ""},
		{"keys revoke", []string{"keys", "revoke", firstKey}, "revoke " + firstKey, "key " + firstKey + " is revoked; 31 sessions ended\n", ""},
		{"keys reseal", []string{"keys", "reseal"}, "reseal", "1 secret resealed\n", ""},
		{"sessions list", []string{"sessions", "list"}, "list 0 1000", `ID                      USER  ROLE   CREATED               AGE   SEEN    EXPIRES  ADDRESS    AGENT
3mHq0Rk2TZ6x9sVbYw1cQA  7     agent  2026-11-23T10:00:00Z  2d2h  4m ago  in 1h    192.0.2.7  Mozilla/5.0 (X11; Linux x86_64) AppleWe…
-mHq0Rk2TZ6x9sVbYw1cQA  8     user   2026-11-25T11:59:01Z  59s   now     in 1m    -          curl?2J
`, ""},
		{"sessions list of a user", []string{"sessions", "list", "--user", "7", "--limit", "2"}, "list 7 2", "", "warning: 2 sessions of more"},
		{"sessions revoke", []string{"sessions", "revoke", "3mHq0Rk2TZ6x9sVbYw1cQA"}, "end 0 3mHq0Rk2TZ6x9sVbYw1cQA", "1 session ended\n", ""},
		{"sessions revoke of a user", []string{"sessions", "revoke", "--user", "7", "3mHq0Rk2TZ6x9sVbYw1cQA"}, "end 7 3mHq0Rk2TZ6x9sVbYw1cQA", "1 session ended\n", ""},
		{"sessions revoke --user", []string{"sessions", "revoke", "--user", "7"}, "end user 7", "0 sessions ended\n", ""},
		{"sessions revoke --all", []string{"sessions", "revoke", "--all"}, "end all", "12 sessions ended\n", ""},
		{"apikeys create", []string{"apikeys", "create", "--name", "billing", "--scope", "staff"}, `create "billing" 0 "staff" "" "" ""`, madeKey, ""},
		{
			"apikeys create with everything",
			[]string{
				"apikeys", "create", "--name", "billing", "--scope", "staff", "--scope", "GET,POST /api/v1/x", "--user", "7",
				"--network", "192.0.2.0/24", "--network", "2001:db8::/32", "--rate", "600/1m", "--expires", "720h",
			},
			`create "billing" 7 "staff,GET,POST /api/v1/x" "192.0.2.0/24,2001:db8::/32" "600/1m" "720h"`, madeKey, "",
		},
		{"apikeys list", []string{"apikeys", "list"}, "api keys", `ID            NAME        STATE     USER  SCOPES           NETWORKS      RATE    CREATED               AGE    USED    EXPIRES
k3yAbCdEfG12  billing     rotating  7     staff, customer  192.0.2.0/24  600/1m  2026-10-26T08:00:00Z  30d4h  4m ago  in 30d
k3yHiJkLmN34  odd?[2J it  revoked   -     public           -             -       2026-11-25T11:59:18Z  42s    -       -
`, ""},
		{"apikeys show", []string{"apikeys", "show", "k3yAbCdEfG12"}, "api key k3yAbCdEfG12", `id          k3yAbCdEfG12
name        billing
state       rotating
user        7
scopes      staff, customer
networks    192.0.2.0/24
rate        600/1m
created     2026-10-26T08:00:00Z (30d4h ago)
used        2026-11-25T11:56:00Z (4m ago)
expires     2026-12-25T12:00:00Z (in 30d)
old secret  ends 2026-11-26T12:00:00Z (in 1d)
`, ""},
		{"apikeys show with gaps", []string{"apikeys", "show", "k3yHiJkLmN34"}, "api key k3yHiJkLmN34", `id        k3yHiJkLmN34
name      odd?[2J it
state     revoked
user      -
scopes    public
networks  everywhere
rate      that of limits.per_api_key
created   2026-11-25T11:59:18Z (42s ago)
used      never
expires   never
revoked   2026-11-25T11:59:50Z (10s ago)
`, ""},
		{
			"apikeys rotate",
			[]string{"apikeys", "rotate", "k3yAbCdEfG12"},
			`rotate k3yAbCdEfG12 ""`,
			"API key k3yAbCdEfG12 (billing) has a new secret; the one before ends 2026-11-26T12:00:00Z (in 1d). It is shown only now and never again:\n" + newAPIKey + "\n", "",
		},
		{
			"apikeys rotate at once",
			[]string{"apikeys", "rotate", "k3yHiJkLmN34", "--overlap", "0s"},
			`rotate k3yHiJkLmN34 "0s"`,
			"API key k3yHiJkLmN34 (odd?[2J it) has a new secret; the one before is refused from now on. It is shown only now and never again:\n" + newAPIKey + "\n", "",
		},
		{"apikeys revoke", []string{"apikeys", "revoke", "k3yHiJkLmN34"}, "revoke API key k3yHiJkLmN34", "API key k3yHiJkLmN34 (odd?[2J it) is revoked\n", ""},
		{"lockouts list", []string{"lockouts", "list"}, "lockouts 1000", `KIND     USER  NAME              ADDRESS        UNTIL                 ENDS
account  7     -                 -              2026-11-25T12:15:00Z  in 15m
pair     7     -                 192.0.2.7      2026-11-25T12:09:00Z  in 9m
name     -     9f86d081884c7d65  -              2026-11-25T12:00:30Z  in 30s
address  -     -                 2001:db8::/64  2026-11-25T12:00:00Z  now
`, ""},
		{"lockouts list to a limit", []string{"lockouts", "list", "--limit", "4"}, "lockouts 4", "", "warning: 4 lockouts of more; --limit shows more of them"},
		{"lockouts clear --user", []string{"lockouts", "clear", "--user", "7"}, "clear user 7", "2 lockouts cleared\n", ""},
		{"lockouts clear --address", []string{"lockouts", "clear", "--address", "2001:db8::/64"}, "clear address 2001:db8::/64", "1 lockout cleared\n", ""},
		{"lockouts clear --all", []string{"lockouts", "clear", "--all"}, "clear all", "0 lockouts cleared\n", ""},
	} {
		t.Run(try.name, func(t *testing.T) {
			d := &desk{}
			got := manage(t, serveAdmin(t, d, adminToken), try.args...)
			if got.code != 0 || (try.stdout != "" && got.stdout != try.stdout) || !strings.HasPrefix(got.stderr, try.stderr) || (try.stderr == "" && got.stderr != "") {
				t.Errorf("exit %d, stderr %q, stdout:\n%s\nwant:\n%s", got.code, got.stderr, got.stdout, try.stdout)
			}
			if len(d.calls) != 1 || d.calls[0] != try.call {
				t.Errorf("called %q, want %q", d.calls, try.call)
			}
		})
	}
	// Behind -- an id may begin with a dash.
	d := &desk{}
	url := serveAdmin(t, d, adminToken)
	environ := []string{"FAVEO_GATEWAY_ADMIN_TOKEN=" + adminToken}
	if got := run(t, environ, "keys", "revoke", "--admin", url, "--", secondKey); got.code != 0 || d.calls[0] != "revoke "+secondKey {
		t.Errorf("exit %d, %q, called %v", got.code, got.stderr, d.calls)
	}
}

// TestManagementJSON prints the document of the API as it came.
func TestManagementJSON(t *testing.T) {
	url := serveAdmin(t, &desk{}, adminToken)
	for path, args := range map[string][]string{
		"/admin/v1/keys":             {"keys", "status"},
		"/admin/v1/sessions?limit=2": {"sessions", "list", "--limit", "2"},
		"/admin/v1/apikeys":          {"apikeys", "list"},
		"/admin/v1/lockouts?limit=4": {"lockouts", "list", "--limit", "4"},
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+adminToken)
		r.Close = true
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		want, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil || !json.Valid(want) {
			t.Fatalf("%s: %v", want, err)
		}
		got := manage(t, url, append(args, "-o", "json")...)
		if got.code != 0 || got.stdout != string(want) || got.stderr != "" {
			t.Errorf("%v: exit %d, %q, want %q; %s", args, got.code, got.stdout, want, got.stderr)
		}
	}
}

// TestManagementToken finds the token where it may be, and says where it was when
// it is wrong. It never shows it.
func TestManagementToken(t *testing.T) {
	url := serveAdmin(t, &desk{}, adminToken)
	folder := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good, wrong := file("good", adminToken+"\r\n"), file("wrong", "hidden-wrong\n")
	const variable, fileVariable = "FAVEO_GATEWAY_ADMIN_TOKEN=", "FAVEO_GATEWAY_ADMIN_TOKEN_FILE="
	for _, try := range []struct {
		name    string
		environ []string
		flags   []string
		code    int
		stderr  string
	}{
		{"a variable", []string{variable + adminToken}, nil, 0, ""},
		{"a variable set twice", []string{variable + adminToken, variable + "hidden-wrong"}, nil, 0, ""},
		{"a variable that names a file", []string{fileVariable + good}, nil, 0, ""},
		{"a flag", nil, []string{"--admin-token-file", good}, 0, ""},
		{"the flag wins", []string{variable + "hidden-wrong"}, []string{"--admin-token-file", good}, 0, ""},
		{"none", nil, nil, 1, "no admin token: set FAVEO_GATEWAY_ADMIN_TOKEN or use --admin-token-file"},
		{"an empty variable", []string{variable}, nil, 1, "no admin token"},
		{"both variables", []string{variable + adminToken, fileVariable + good}, nil, 1, "both set"},
		{"a wrong variable", []string{variable + "hidden-wrong"}, nil, 1, "refuses the admin token of FAVEO_GATEWAY_ADMIN_TOKEN:"},
		{"a wrong file of a variable", []string{fileVariable + wrong}, nil, 1, "refuses the admin token of FAVEO_GATEWAY_ADMIN_TOKEN_FILE:"},
		{"a wrong file", nil, []string{"--admin-token-file", wrong}, 1, "refuses the admin token of --admin-token-file " + wrong},
		{"an empty file", nil, []string{"--admin-token-file", file("empty", "\n")}, 1, "the file is empty"},
		{"no file", nil, []string{"--admin-token-file", filepath.Join(folder, "absent")}, 1, "the file cannot be read: no such file"},
		{"a file that is no token", nil, []string{"--admin-token-file", file("large", strings.Repeat("x", 64<<10+1))}, 1, "the file cannot be read: larger than 65536 bytes"},
		{"a token for a file", []string{fileVariable + "hidden-wrong"}, nil, 1, "FAVEO_GATEWAY_ADMIN_TOKEN_FILE: the file cannot be read"},
		{"two lines", nil, []string{"--admin-token-file", file("lines", adminToken+"\nX: hidden\n")}, 1, "no header can carry"},
		{"a space behind it", []string{variable + adminToken + " "}, nil, 1, "no header can carry"},
	} {
		got := run(t, try.environ, append([]string{"keys", "list", "--admin", url}, try.flags...)...)
		if got.code != try.code || !strings.Contains(got.stderr, try.stderr) {
			t.Errorf("%s: exit %d, %q; want %d, %q", try.name, got.code, got.stderr, try.code, try.stderr)
		}
		if strings.Contains(got.stdout+got.stderr, "hidden") {
			t.Errorf("%s: shows a secret: %q %q", try.name, got.stdout, got.stderr)
		}
	}
}

// TestManagementUsage understands nothing that could mean more than was wanted,
// and asks the gateway nothing then.
func TestManagementUsage(t *testing.T) {
	d := &desk{}
	url := serveAdmin(t, d, adminToken)
	for _, try := range []struct {
		args   []string
		code   int
		stderr string
	}{
		{[]string{"keys", "unknown"}, 2, "unknown"},
		{[]string{"keys", "revoke"}, 2, "accepts 1 arg"},
		{[]string{"keys", "revoke", firstKey, secondKey[1:]}, 2, "accepts 1 arg"},
		{[]string{"keys", "revoke", ""}, 2, "is not an id"},
		{[]string{"keys", "revoke", "../keys"}, 2, "is not an id"},
		{[]string{"keys", "revoke", secondKey}, 2, "behind --"},
		{[]string{"keys", "list", "-o", "yaml"}, 2, "want table or json"},
		{[]string{"sessions", "revoke"}, 2, "say which"},
		{[]string{"sessions", "revoke", "--all=false"}, 2, "say which"},
		{[]string{"sessions", "revoke", ""}, 2, "is not an id"},
		{[]string{"sessions", "revoke", "", "--user", "7"}, 2, "is not an id"},
		{[]string{"sessions", "revoke", "?all=true"}, 2, "is not an id"},
		{[]string{"sessions", "revoke", "a", "b"}, 2, "one session at a time"},
		{[]string{"sessions", "revoke", "a", "--all"}, 2, "--all goes with"},
		{[]string{"sessions", "revoke", "--user", "7", "--all"}, 2, "--all goes with"},
		{[]string{"sessions", "revoke", "--user", "0"}, 2, "must be the number of a user"},
		{[]string{"sessions", "revoke", "--user", "010"}, 2, "must be the number of a user"},
		{[]string{"sessions", "revoke", "--user", "0x7"}, 2, "must be the number of a user"},
		{[]string{"sessions", "revoke", "--user", ""}, 2, "must be the number of a user"},
		{[]string{"sessions", "revoke", "-mHq0Rk2TZ6x9sVbYw1cQA"}, 2, "behind --"},
		{[]string{"sessions", "list", "surplus"}, 2, "surplus"},
		{[]string{"sessions", "list", "--limit", "0"}, 2, "must be a number from 1"},
		{[]string{"sessions", "list", "--limit", "010"}, 2, "must be a number from 1"},
		{[]string{"sessions", "list", "--limit", "10001"}, 2, "must be a number from 1"},
		{[]string{"apikeys", "create"}, 2, `required flag(s) "name", "scope" not set`},
		{[]string{"apikeys", "create", "--name", "x"}, 2, `required flag(s) "scope" not set`},
		{[]string{"apikeys", "create", "--name", "x", "--scope", ""}, 2, "must not be empty"},
		{[]string{"apikeys", "create", "--name", "x", "--scope", "staff", "--scope", ""}, 2, "must not be empty"},
		{[]string{"apikeys", "create", "--name", "x", "--scope", "staff", "--network", ""}, 2, "must not be empty"},
		{[]string{"apikeys", "create", "--name", "x", "--scope", "staff", "--user", ""}, 2, "must be the number of a user"},
		{[]string{"apikeys", "create", "--name", "x", "--scope", "staff", "surplus"}, 2, "surplus"},
		{[]string{"apikeys", "create", "--name", "", "--scope", "staff"}, 1, `"name" must be a name`},
		{[]string{"apikeys", "create", "--name", "x", "--scope", "staff", "--expires", ""}, 1, `"expires" must be a time`},
		{[]string{"apikeys", "create", "--name", "x", "--scope", "staff", "--rate", ""}, 1, `"rate" must be a rate`},
		{[]string{"apikeys", "show"}, 2, "accepts 1 arg"},
		{[]string{"apikeys", "show", "../keys"}, 2, "is not an id"},
		{[]string{"apikeys", "show", "-3yAbCdEfG12"}, 2, "behind --"},
		{[]string{"apikeys", "rotate", ""}, 2, "is not an id"},
		{[]string{"apikeys", "rotate", "-zyAbCdEfG12"}, 2, "behind --"},
		{[]string{"apikeys", "rotate", "k3yAbCdEfG12", "--overlap", ""}, 1, `"overlap" must be how long`},
		{[]string{"apikeys", "revoke", "k3yAbCdEfG12", "k3yHiJkLmN34"}, 2, "accepts 1 arg"},
		{[]string{"apikeys", "revoke", "-zyAbCdEfG12"}, 2, "behind --"},
		{[]string{"lockouts", "clear"}, 2, "say whose"},
		{[]string{"lockouts", "clear", "--all=false"}, 2, "say whose"},
		{[]string{"lockouts", "clear", "7"}, 2, "unknown command"},
		{[]string{"lockouts", "clear", "--user", "7", "--all"}, 2, "--all goes with"},
		{[]string{"lockouts", "clear", "--address", "192.0.2.7", "--all"}, 2, "--all goes with"},
		{[]string{"lockouts", "clear", "--address", "192.0.2.7", "--user", "7"}, 2, "are two commands"},
		{[]string{"lockouts", "clear", "--address", "", "--all"}, 2, "must be an IP address"},
		{[]string{"lockouts", "clear", "--address", "192.0.2.0/24"}, 2, "must be an IP address"},
		{[]string{"lockouts", "clear", "--user", "", "--all"}, 2, "must be the number of a user"},
		{[]string{"lockouts", "list", "--limit", "0"}, 2, "must be a number from 1"},
		{[]string{"audit", "tail", "--limit", "0"}, 2, "must be a number from 1"},
		{[]string{"audit", "tail", "surplus"}, 2, "surplus"},
		{[]string{"audit", "verify", "--expect", ""}, 2, "SEQUENCE:HASH"},
		{[]string{"audit", "verify", "--expect", "3"}, 2, "SEQUENCE:HASH"},
		{[]string{"audit", "verify", "--expect", "0:" + hashOf(0)}, 2, "SEQUENCE:HASH"},
		{[]string{"audit", "verify", "--expect", "3:" + hashOf(3) + " "}, 2, "SEQUENCE:HASH"},
	} {
		got := manage(t, url, try.args...)
		if got.code != try.code || !strings.Contains(got.stderr, try.stderr) || got.stdout != "" {
			t.Errorf("%q: exit %d, %q %q; want %d, %q", try.args, got.code, got.stderr, got.stdout, try.code, try.stderr)
		}
	}
	for _, address := range []string{"127.0.0.1:9090", "ftp://127.0.0.1", "http://", "http://hidden@127.0.0.1", "http://127.0.0.1/x", "http://127.0.0.1?x", "http://127.0.0.1#x", "http://%"} {
		if got := manage(t, address, "keys", "list"); got.code != 2 || !strings.Contains(got.stderr, "--admin: must be") || strings.Contains(got.stderr, "hidden") {
			t.Errorf("%s: exit %d, %q", address, got.code, got.stderr)
		}
	}
	if len(d.calls) > 0 || len(d.trail.calls) > 0 {
		t.Errorf("called %v %v", d.calls, d.trail.calls)
	}
}

// TestManagementRefused passes on what the gateway says.
func TestManagementRefused(t *testing.T) {
	for _, try := range []struct {
		fault error
		want  string
	}{
		{admin.ErrNotFound, ": not_found: There is no key with that id, or it is gone (request id "},
		{admin.Unavailable("The key is revoked; its sessions are not ended yet", nil), ": unavailable: The key is revoked; its sessions are not ended yet (request id "},
		{admin.BadRequest("There is no\x1b[2J algorithm"), ": bad_request: There is no?[2J algorithm (request id "},
	} {
		url := serveAdmin(t, &desk{fault: try.fault}, adminToken)
		if got := manage(t, url, "keys", "revoke", firstKey); got.code != 1 || got.stdout != "" || !strings.Contains(got.stderr, url+try.want) {
			t.Errorf("exit %d, %q; want %q", got.code, got.stderr, try.want)
		}
	}
	if got := manage(t, serveAdmin(t, &desk{}, ""), "keys", "list"); got.code != 1 || !strings.Contains(got.stderr, "admin.token is not set") {
		t.Errorf("the API is off: exit %d, %q", got.code, got.stderr)
	}
}

// TestManagementElsewhere meets servers that are no admin API.
func TestManagementElsewhere(t *testing.T) {
	stolen := ""
	thief := serveHTTP(t, func(_ http.ResponseWriter, r *http.Request) { stolen = r.Header.Get("Authorization") })
	const strange = "not as the admin API of a gateway does: is it the address of admin.listen?"
	for _, try := range []struct {
		name   string
		answer http.HandlerFunc
		want   string
	}{
		{"a page", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, "<html>")
		}, strange},
		{"a page that is not found", http.NotFound, "answers 404, but " + strange},
		{"JSON of another shape", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, `[1,2]`)
		}, strange},
		{"an error of another shape", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(401)
			fmt.Fprint(w, `{"message":"no"}`)
		}, strange},
		{"an error that contradicts its status", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(404)
			fmt.Fprint(w, `{"error":"not_found","message":"no","status_code":200}`)
		}, strange},
		{"a redirect", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, thief, http.StatusTemporaryRedirect) }, "answers 307, but " + strange},
		{"an answer that breaks off", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			fmt.Fprint(w, `{"keys":[]}`)
		}, "did not answer: unexpected EOF"},
		{"a cut connection", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "did not answer: EOF"},
	} {
		got := manage(t, serveHTTP(t, try.answer), "keys", "list")
		if got.code != 1 || !strings.Contains(got.stderr, try.want) || got.stdout != "" {
			t.Errorf("%s: exit %d, %q %q; want %q", try.name, got.code, got.stderr, got.stdout, try.want)
		}
	}
	if stolen != "" {
		t.Error("a redirect has carried the token elsewhere")
	}
	if got := manage(t, "http://127.0.0.1:1", "keys", "list"); got.code != 1 || !strings.Contains(got.stderr, "no gateway answers at http://127.0.0.1:1 (admin.listen): ") || strings.Contains(got.stderr, "not known") {
		t.Errorf("nobody: exit %d, %q", got.code, got.stderr)
	}
	if got := manage(t, "http://127.0.0.1:1", "sessions", "revoke", "--all"); got.code != 1 || strings.Contains(got.stderr, "not known") {
		t.Errorf("nobody, a change: exit %d, %q", got.code, got.stderr)
	}
	cut := serveHTTP(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	if got := manage(t, cut, "sessions", "revoke", "--all"); got.code != 1 || !strings.Contains(got.stderr, "it is not known whether it was done") {
		t.Errorf("a change that was cut: exit %d, %q", got.code, got.stderr)
	}
}

// TestManagementInTheClear warns of a token that others can read on its way. It is
// interrupted before it asks anybody.
func TestManagementInTheClear(t *testing.T) {
	const warning = "warning: the admin token travels to "
	ctx, interrupt := context.WithCancel(t.Context())
	interrupt()
	for url, want := range map[string]bool{
		"http://gateway.invalid:9090": true, "http://192.0.2.7": true, "https://gateway.invalid:9090": false,
		"http://localhost:1": false, "http://127.0.0.1:1": false, "http://[::1]:1": false,
	} {
		var stdout, stderr bytes.Buffer
		code := cli.Run(ctx, cli.Process{
			Args: []string{"keys", "reseal", "--admin", url}, Environ: []string{"FAVEO_GATEWAY_ADMIN_TOKEN=" + adminToken}, Stdout: &stdout, Stderr: &stderr,
		})
		if code != 1 || strings.Contains(stderr.String(), warning) != want || !strings.HasSuffix(stderr.String(), "interrupted; it is not known whether it was done\n") {
			t.Errorf("%s: exit %d, %q", url, code, stderr.String())
		}
	}
}
