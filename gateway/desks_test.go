package gateway_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	wire "faveo-gateway/gateway/admin"
	"faveo-gateway/gateway/audit"
	"faveo-gateway/gateway/cli"
	"faveo-gateway/gateway/sqlstore"
)

// command runs a management command against the gateway.
func (w *world) command(line string) (code int, stdout, stderr string) {
	w.t.Helper()
	var out, errors bytes.Buffer
	code = cli.Run(w.t.Context(), cli.Process{
		Args:    append(strings.Fields(line), "--admin", "http://"+w.gateway.AdminAddress()),
		Environ: []string{"FAVEO_GATEWAY_ADMIN_TOKEN=" + adminToken},
		Stdout:  &out, Stderr: &errors,
	})
	return code, out.String(), errors.String()
}

// offline runs a command that knows nothing of the gateway.
func (w *world) offline(line string) (code int, stdout, stderr string) {
	w.t.Helper()
	var out, errors bytes.Buffer
	code = cli.Run(w.t.Context(), cli.Process{Args: strings.Fields(line), Stdout: &out, Stderr: &errors})
	return code, out.String(), errors.String()
}

// compact is a document without its blanks.
func compact(t *testing.T, document string) string {
	t.Helper()
	var out bytes.Buffer
	if err := json.Compact(&out, []byte(document)); err != nil {
		t.Fatalf("%q: %v", document, err)
	}
	return out.String()
}

// wantSaid runs a command that has to succeed with exactly these words.
func (w *world) wantSaid(line, want string) {
	w.t.Helper()
	if code, stdout, stderr := w.command(line); code != 0 || stdout != want || stderr != "" {
		w.t.Errorf("%s: exit code %d, %q, %q; want %q", line, code, stdout, stderr, want)
	}
}

// lockouts are those that the command lists, in the order of their texts.
func (w *world) lockouts() (list []string) {
	w.t.Helper()
	code, stdout, stderr := w.command("lockouts list -o json")
	var document wire.LockoutList
	if err := json.Unmarshal([]byte(stdout), &document); err != nil || code != 0 {
		w.t.Fatalf("lockouts list: exit code %d, %q, %q", code, stdout, stderr)
	}
	for _, l := range document.Lockouts {
		if left := time.Until(l.Until); left <= 0 || left > time.Hour {
			w.t.Errorf("%+v ends in %v", l, left)
		}
		words := []string{l.Kind, nameDigest.ReplaceAllString(l.Name, "<digest>"), l.Address}
		if l.UserID != 0 {
			words = append(words, fmt.Sprint(l.UserID))
		}
		list = append(list, strings.Join(slices.DeleteFunc(words, func(s string) bool { return s == "" }), " "))
	}
	slices.Sort(list)
	return list
}

// TestLockoutDesk locks accounts, names, addresses and pairs out, and has an operator list
// and end that by the commands, on another replica than the one that refused.
func TestLockoutDesk(t *testing.T) {
	t.Parallel()
	stores, db := onMariaDB(t)
	passwords(t, db, "cheap")
	stores = merge(managed(stores), settings{
		"server.trusted_proxies": "127.0.0.0/8", "login.lockout.per_account": "4/1h", "login.lockout.per_pair": "2/1h", "login.lockout.per_address": "3/1h",
	})
	w, desk := start(t, stores), start(t, stores)
	try := func(username, password, address string) int {
		t.Helper()
		return w.send(http.MethodPost, "/api/v1/authenticate?username="+url.QueryEscape(username)+"&password="+password, "", "X-Forwarded-For: "+address).status
	}
	wrong := func(username string, addresses ...string) {
		t.Helper()
		for _, address := range addresses {
			if status := try(username, "wrong", address); status != http.StatusUnauthorized {
				t.Errorf("%s from %s: %d", username, address, status)
			}
		}
	}
	wantLocked := func(want ...string) {
		t.Helper()
		if got := desk.lockouts(); !slices.Equal(got, want) {
			t.Errorf("locked out are %q, want %q", got, want)
		}
	}
	letsIn := func(username, address string) {
		t.Helper() // A refusal is repeated for up to a second.
		eventually(t, username+" from "+address, func() bool { return try(username, "cheap", address) == http.StatusOK })
	}
	wantLocked()
	desk.wantSaid("lockouts clear --all", "0 lockouts cleared\n")

	wrong("bob", "192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.3")
	wantLocked("account 5", "pair 192.0.2.1 5")
	if status := try("BOB@example.test", "cheap", "198.51.100.1"); status != http.StatusTooManyRequests {
		t.Errorf("bob by his other name: %d", status)
	}
	desk.wantSaid("lockouts clear --user 4", "0 lockouts cleared\n")
	desk.wantSaid("lockouts clear --address 192.0.2.2", "0 lockouts cleared\n")
	wantLocked("account 5", "pair 192.0.2.1 5")
	desk.wantSaid("lockouts clear --user 5", "2 lockouts cleared\n")
	wantLocked()
	letsIn("bob", "192.0.2.1")

	wrong("nobody", "192.0.2.1")
	wantLocked("address 192.0.2.1")
	if status := try("alice", "cheap", "::ffff:192.0.2.1"); status != http.StatusTooManyRequests {
		t.Errorf("alice from there: %d", status)
	}
	letsIn("alice", "192.0.2.2")
	desk.wantSaid("lockouts clear --address ::ffff:192.0.2.1", "1 lockout cleared\n")
	wantLocked()
	letsIn("alice", "192.0.2.1")

	for i, whose := range []string{"2001:db8:1:2::ffff", "2001:db8:1:2::/64", "2001:DB8:1:2:0:0:0:1"} {
		wrong(fmt.Sprint("somebody", i), "2001:db8:1:2::1", "2001:db8:1:2:1::")
		wrong(fmt.Sprint("somebodyelse", i), "2001:db8:1:2:ffff:ffff:ffff:ffff")
		wantLocked("address 2001:db8:1:2::/64", "pair <digest> 2001:db8:1:2::/64")
		desk.wantSaid("lockouts clear --address 2001:db8:1:3::1", "0 lockouts cleared\n")
		desk.wantSaid("lockouts clear --address "+whose, "2 lockouts cleared\n")
		wantLocked()
		letsIn("alice", "2001:db8:1:2::1")
	}

	wrong("no such name", "198.51.100.1", "198.51.100.2", "198.51.100.3", "198.51.100.4")
	wrong("bob", "198.51.100.5", "198.51.100.5")
	wantLocked("name <digest>", "pair 198.51.100.5 5")
	desk.wantSaid("lockouts clear --all", "2 lockouts cleared\n")
	wantLocked()
	letsIn("bob", "198.51.100.6")

	want := []string{
		"0 : 0 cleared", "4 : 0 cleared", "0 192.0.2.2: 0 cleared", "5 : 2 cleared", "0 192.0.2.1: 1 cleared",
		"0 2001:db8:1:3::/64: 0 cleared", "0 2001:db8:1:2::/64: 2 cleared",
		"0 2001:db8:1:3::/64: 0 cleared", "0 2001:db8:1:2::/64: 2 cleared",
		"0 2001:db8:1:3::/64: 0 cleared", "0 2001:db8:1:2::/64: 2 cleared",
		"0 : 2 cleared",
	}
	var cleared []string
	eventually(t, "the trail tells of all that", func() bool {
		cleared = nil
		for _, e := range desk.entries(0) {
			if e.Kind == string(audit.KindLockoutCleared) {
				cleared = append(cleared, fmt.Sprint(e.UserID, " ", e.Subject, ": ", e.Detail))
			}
		}
		return len(cleared) >= len(want)
	})
	if !slices.Equal(cleared, want) {
		t.Errorf("the trail tells of %q, want %q", cleared, want)
	}
}

// TestAuditDesk proves more entries than one answer can, by the commands and part after
// part, and gets what audit.Verify says of the whole.
func TestAuditDesk(t *testing.T) {
	inOrder(t)
	t.Parallel()
	stores, _ := onMariaDB(t)
	w := start(t, managed(stores))
	w.awaitEntries(2)
	store, err := sqlstore.Open(t.Context(), sqlstore.Options{Database: stores["faveo.database"], Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	known, err := audit.NewKeys(secret)
	if err != nil {
		t.Fatal(err)
	}
	both, err := audit.NewKeys(aKey, secret)
	if err != nil {
		t.Fatal(err)
	}

	grow(t, store, known, 10_100)
	whole := w.wantAsVerified(store, known)
	if whole.Checked != 10_102 || whole.Unproved != 0 || whole.Fault != "" {
		t.Errorf("the proof is %+v", whole)
	}
	link := fmt.Sprintf("%d:%s", whole.Sequence, whole.Hash)
	w.wantSaid("audit verify", "the audit trail holds; entries proved: 10102. Note the last one down elsewhere, for --expect:\n"+link+"\n")
	for _, n := range []int{1, 5000, 10_000, 10_001, 10_102} {
		e := w.entries(uint64(n - 1))[0]
		if code, _, stderr := w.command(fmt.Sprintf("audit verify --expect %d:%s", n, e.Hash)); code != 0 {
			t.Errorf("expect %d: exit code %d, %s", n, code, stderr)
		}
	}

	// Another replica goes on under a key that this one does not have.
	grow(t, store, both, 10_100)
	whole = w.wantAsVerified(store, known)
	if whole.Checked != 20_202 || whole.Unproved != 10_100 || whole.Fault != string(audit.FaultHeadKey) {
		t.Errorf("under another key the proof is %+v", whole)
	}
	if code, stdout, stderr := w.command("audit verify"); code != 1 || stdout != "" || !strings.Contains(stderr, "20202") {
		t.Errorf("under another key: exit code %d, %q, %q", code, stdout, stderr)
	}

	code, stdout, stderr := w.command("audit tail --limit 3 -o json")
	lines := strings.Split(strings.TrimSuffix(stdout, "\n"), "\n")
	if code != 0 || len(lines) != 3 || stderr != "" {
		t.Fatalf("audit tail: exit code %d, %q, %q", code, stdout, stderr)
	}
	for i, line := range lines {
		var e wire.AuditEntry
		if err := json.Unmarshal([]byte(line), &e); err != nil || e.Sequence != uint64(20_200+i) || e.Detail != "grown" {
			t.Errorf("line %d is %s, %v", i, line, err)
		}
	}
	if code, stdout, _ := w.command("audit tail"); code != 0 || strings.Count(stdout, "\n") != 21 {
		t.Errorf("audit tail: exit code %d, %s", code, stdout)
	}
}

// grow writes entries as a replica with these keys does.
func grow(t *testing.T, store *sqlstore.Store, keys audit.Keys, n int) {
	t.Helper()
	for n > 0 {
		trail, err := audit.New(audit.Options{Sink: store, Keys: keys, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		some := min(n, 5000) // It waits in memory, where there is room for so many.
		for range some {
			trail.Record(audit.Event{Kind: audit.KindConfiguration, Outcome: audit.Success, Detail: "grown"})
		}
		ended := make(chan error, 1)
		go func() { ended <- trail.Run(context.Background()) }()
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		if err := trail.Close(ctx); err != nil {
			t.Fatal(err)
		}
		cancel()
		<-ended
		n -= some
	}
}

// wantAsVerified returns the sum of the parts that the command has proved, and makes sure
// that it is the proof of the whole.
func (w *world) wantAsVerified(store *sqlstore.Store, keys audit.Keys) (sum wire.AuditProof) {
	w.t.Helper()
	_, stdout, stderr := w.command("audit verify -o json")
	if err := json.Unmarshal([]byte(stdout), &sum); err != nil {
		w.t.Fatalf("audit verify: %q, %q, %v", stdout, stderr, err)
	}
	p, err := audit.Verify(w.t.Context(), store, audit.Link{}, 0, keys)
	if err != nil {
		w.t.Fatal(err)
	}
	want := wire.AuditProof{
		Checked: p.Checked, Unproved: p.Unproved, Sequence: p.Last.Sequence, Hash: p.Last.Hash.String(), Fault: string(p.Fault), FaultAt: p.FaultAt,
	}
	if sum != want {
		w.t.Errorf("the parts make %+v, the whole is %+v", sum, want)
	}
	return sum
}
