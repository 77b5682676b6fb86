package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"faveo-gateway/gateway/admin"
	"faveo-gateway/gateway/cli"
)

const (
	trailHead = "SEQUENCE  TIME                  KIND             OUTCOME  REASON                ACTOR    USER    ADDRESS          COUNT  SUBJECT                 DETAIL\n"
	trailOdd  = "%d         2026-11-25T12:00:00Z  apikey_revoked   success  -                     admin    -       127.0.0.1        1      k3yAbCdEfG12            billing?[2J\n"
	trailEven = "%d         2026-11-25T12:00:00Z  login            refused  bad_password          -        7       192.0.2.7        12     -                       -\n"
)

// TestAuditTail shows the last entries, as a table and as lines of JSON.
func TestAuditTail(t *testing.T) {
	table := trailHead + fmt.Sprintf(trailEven, 8) + fmt.Sprintf(trailOdd, 9)
	for _, try := range []struct {
		name   string
		size   uint64
		args   []string
		call   string
		stdout string
	}{
		{"a table", 9, []string{"--limit", "2"}, "tail false 0 2", table},
		{"as many as fit a screen", 0, nil, "tail false 0 20", trailHead},
		{"no entry, as JSON", 0, []string{"-o", "json"}, "tail false 0 20", ""},
		{"lines of JSON", 9, []string{"--limit", "2", "-o", "json"}, "tail false 0 2", linesOf(t, 8, 9)},
	} {
		d := &desk{trail: trail{size: try.size}}
		got := manage(t, serveAdmin(t, d, adminToken), append([]string{"audit", "tail"}, try.args...)...)
		if got.code != 0 || got.stderr != "" || got.stdout != try.stdout {
			t.Errorf("%s: exit %d, %q:\n%s\nwant:\n%s", try.name, got.code, got.stderr, got.stdout, try.stdout)
		}
		if !slices.Equal(d.trail.calls, []string{try.call}) {
			t.Errorf("%s: called %q, want %q", try.name, d.trail.calls, try.call)
		}
	}
}

// linesOf are entries as the API gives them, one a line.
func linesOf(t *testing.T, sequences ...uint64) (lines string) {
	t.Helper()
	for _, n := range sequences {
		line, err := json.Marshal(entryOf(n))
		if err != nil {
			t.Fatal(err)
		}
		lines += string(line) + "\n"
	}
	return lines
}

// interrupter is an output that interrupts who writes it when a text is in it.
type interrupter struct {
	bytes.Buffer
	at        string
	interrupt func()
}

func (w *interrupter) Write(p []byte) (int, error) {
	n, err := w.Buffer.Write(p)
	if strings.Contains(w.String(), w.at) {
		w.interrupt()
	}
	return n, err
}

// TestAuditFollow prints each entry once, under one head, until it is interrupted,
// which is no failure. A gateway that does not answer any more is one.
func TestAuditFollow(t *testing.T) {
	follow := func(url, at string) (code int, stdout, stderr string) {
		ctx, interrupt := context.WithCancel(t.Context())
		defer interrupt()
		out := &interrupter{at: at, interrupt: interrupt}
		var errs bytes.Buffer
		code = cli.Run(ctx, cli.Process{
			Args:    []string{"audit", "tail", "--follow", "--limit", "1", "--admin", url},
			Environ: []string{"FAVEO_GATEWAY_ADMIN_TOKEN=" + adminToken}, Stdout: out, Stderr: &errs,
		})
		return code, out.String(), errs.String()
	}
	d := &desk{trail: trail{size: 1, grow: 2}}
	code, stdout, stderr := follow(serveAdmin(t, d, adminToken), "\n3 ")
	want := trailHead + fmt.Sprintf(trailOdd, 1) + fmt.Sprintf(trailEven, 2) + fmt.Sprintf(trailOdd, 3)
	if code != 0 || stdout != want || stderr != "" {
		t.Errorf("exit %d, %q:\n%s\nwant:\n%s", code, stderr, stdout, want)
	}
	if want := []string{"tail false 0 1", "tail true 1 10000"}; !slices.Equal(d.trail.calls, want) {
		t.Errorf("called %q, want %q", d.trail.calls, want)
	}
	asked := 0
	url := serveHTTP(t, func(w http.ResponseWriter, _ *http.Request) {
		if asked++; asked > 1 {
			panic(http.ErrAbortHandler)
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"entries":[]}`)
	})
	if code, stdout, stderr := follow(url, "never"); code != 1 || stdout != trailHead || !strings.Contains(stderr, "did not answer") {
		t.Errorf("a gateway that ends: exit %d, %q %q", code, stdout, stderr)
	}
}

// TestAuditVerify walks through all parts, and fails for whatever does not hold.
func TestAuditVerify(t *testing.T) {
	expect := func(sequence uint64, hash string) []string {
		return []string{"--expect", fmt.Sprintf("%d:%s", sequence, hash)}
	}
	holds := fmt.Sprintf("the audit trail holds; entries proved: 7. Note the last one down elsewhere, for --expect:\n7:%s\n", hashOf(7))
	const anew = "is not the one that was expected"
	for _, try := range []struct {
		name   string
		trail  trail
		args   []string
		asked  int
		stdout string
		stderr string
	}{
		{"an empty trail", trail{part: 3}, nil, 1, "the audit trail is empty\n", ""},
		{"one part", trail{part: 7, size: 7}, nil, 1, holds, ""},
		{"several parts", trail{part: 3, size: 7}, nil, 3, holds, ""},
		{"a broken entry", trail{part: 3, size: 7, broken: 5}, nil, 2, "", "broken at entry 5: the entry was changed?[2J"},
		{"a broken first entry", trail{part: 3, size: 7, broken: 1}, nil, 1, "", "broken at entry 1:"},
		{"unproved ones at the end", trail{part: 4, size: 7, unproved: 6}, nil, 2, "", "unproved at the end of the audit trail: 2 of"},
		{"unproved ones in several parts", trail{part: 3, size: 7, unproved: 2}, nil, 3, "", "unproved at the end of the audit trail: 6 of"},
		{"unproved ones that a later part proves", trail{part: 3, size: 7, unproved: 2, proved: 7}, nil, 3, holds, ""},
		{"unproved ones that a later part proves in part", trail{part: 3, size: 7, unproved: 2, proved: 5}, nil, 3, "", "unproved at the end of the audit trail: 2 of"},
		{"the last entry expected", trail{part: 3, size: 7}, expect(7, hashOf(7)), 3, holds, ""},
		{"an earlier entry expected", trail{part: 3, size: 7}, expect(2, hashOf(2)), 4, holds, ""},
		{"the end of a part expected", trail{part: 3, size: 7}, expect(3, hashOf(3)), 4, holds, ""},
		{"another last entry", trail{part: 3, size: 7}, expect(7, hashOf(8)), 3, "", "entry 7 of the audit trail " + anew},
		{"another entry before", trail{part: 3, size: 7}, expect(2, hashOf(8)), 4, "", "entry 2 of the audit trail " + anew},
		{"a trail that was cut off", trail{part: 3, size: 7}, expect(8, hashOf(8)), 3, "", "entry 8 was expected, but the audit trail ends with 7"},
		{"a trail that was emptied", trail{part: 3}, expect(8, hashOf(8)), 1, "", "entry 8 was expected, but the audit trail ends with 0"},
		{"a broken entry, and one expected", trail{part: 3, size: 7, broken: 5}, expect(2, hashOf(8)), 2, "", "broken at entry 5"},
		{"a trail that is not kept", trail{fault: admin.BadRequest("The audit trail is not kept in the database")}, nil, 1, "", "is not kept in the database"},
		{"a fault", trail{fault: errors.New("hidden")}, nil, 1, "", "internal"},
	} {
		t.Run(try.name, func(t *testing.T) {
			d := &desk{trail: try.trail}
			got := manage(t, serveAdmin(t, d, adminToken), append([]string{"audit", "verify"}, try.args...)...)
			code := 0
			if try.stderr != "" {
				code = 1
			}
			if got.code != code || got.stdout != try.stdout || !strings.Contains(got.stderr, try.stderr) || (try.stderr == "" && got.stderr != "") {
				t.Errorf("exit %d, %q, %q; want %d, %q, %q", got.code, got.stdout, got.stderr, code, try.stdout, try.stderr)
			}
			if len(d.trail.calls) != try.asked {
				t.Errorf("called %q, want %d calls", d.trail.calls, try.asked)
			}
		})
	}
}

// TestAuditVerifyJSON prints the proof of the whole, of one that fails too.
func TestAuditVerifyJSON(t *testing.T) {
	for broken, want := range map[uint64]string{
		0: `{"checked":7,"unproved":0,"sequence":7,"hash":"` + hashOf(7) + `","more":false}`,
		5: `{"checked":5,"unproved":0,"sequence":4,"hash":"` + hashOf(4) + `","more":false,"fault":"the entry was changed\u001b[2J","fault_at":5}`,
	} {
		d := &desk{trail: trail{part: 3, size: 7, broken: broken}}
		got := manage(t, serveAdmin(t, d, adminToken), "audit", "verify", "-o", "json")
		if (got.code == 0) != (broken == 0) || got.stdout != want+"\n" {
			t.Errorf("exit %d, %q, %q; want %s", got.code, got.stdout, got.stderr, want)
		}
	}
}

// TestAuditVerifyElsewhere ends although an answer promises more for ever, and takes
// no answer about nothing for a proof.
func TestAuditVerifyElsewhere(t *testing.T) {
	answers := func(answers ...string) string {
		asked := 0
		return serveHTTP(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, answers[min(asked, len(answers)-1)])
			asked++
		})
	}
	first := `{"checked":7,"sequence":7,"hash":"` + hashOf(7) + `"}`
	for _, try := range []struct {
		name, url, want string
	}{
		{"more for ever", answers(`{"checked":1,"sequence":7,"hash":"` + hashOf(7) + `","more":true}`), "nothing is proved behind entry 7, and there is said to be more"},
		{"more of nothing", answers(`{"more":true}`), "nothing is proved behind entry 0"},
		{"a trail that is cut off meanwhile", answers(first, `{"checked":0}`), "is not the one that was expected"},
	} {
		got := manage(t, try.url, "audit", "verify", "--expect", "2:"+hashOf(2))
		if got.code != 1 || got.stdout != "" || !strings.Contains(got.stderr, try.want) {
			t.Errorf("%s: exit %d, %q, %q; want %q", try.name, got.code, got.stdout, got.stderr, try.want)
		}
	}
}
