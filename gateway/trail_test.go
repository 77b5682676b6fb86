package gateway_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	wire "faveo-gateway/gateway/admin"
	"faveo-gateway/gateway/storetest/service"
	"faveo-gateway/upstream/faveo/faveotest"
)

// entries reads the audit trail behind an entry through the admin API.
func (w *world) entries(after uint64) []wire.AuditEntry {
	w.t.Helper()
	got := w.manage(http.MethodGet, "audit?limit=10000&after="+strconv.FormatUint(after, 10), "")
	var document wire.AuditEntries
	if err := json.Unmarshal([]byte(got.body), &document); err != nil || got.status != http.StatusOK {
		w.t.Fatalf("audit: %d %s", got.status, got.body)
	}
	return document.Entries
}

// awaitEntries returns the whole trail once it has so many entries, or what it has after
// some seconds: events are written behind the answers.
func (w *world) awaitEntries(n int) (entries []wire.AuditEntry) {
	w.t.Helper()
	for deadline := time.Now().Add(8 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if entries = w.entries(0); len(entries) >= n {
			break
		}
	}
	return entries
}

// proof proves the audit trail through the admin API.
func (w *world) proof() (p wire.AuditProof) {
	w.t.Helper()
	got := w.manage(http.MethodGet, "audit/verify", "")
	if err := json.Unmarshal([]byte(got.body), &p); err != nil || got.status != http.StatusOK {
		w.t.Fatalf("audit verify: %d %s", got.status, got.body)
	}
	return p
}

// wantProved makes sure that the whole trail holds, and that it has this many entries,
// or any number for 0.
func (w *world) wantProved(entries int) {
	w.t.Helper()
	p := w.proof()
	if p.Fault != "" || p.More || p.Unproved > 0 || p.Checked != int(p.Sequence) || (entries > 0 && p.Checked != entries) {
		w.t.Errorf("the proof of %d entries is %+v", entries, p)
	}
}

var (
	mintedID   = regexp.MustCompile(`^[A-Z2-7]{26}$`)
	nameDigest = regexp.MustCompile(`^[0-9a-f]{32}$`)
)

// sentence is an entry as a story tells it: kind, outcome, reason, actor, user, subject,
// detail, and the client's address, agent and request id. What is absent is "-".
func sentence(e wire.AuditEntry) string {
	told := []string{
		e.Kind, e.Outcome, e.Reason, e.Actor, strconv.FormatUint(e.UserID, 10), nameDigest.ReplaceAllString(e.Subject, "<digest>"), e.Detail,
		e.Address, e.Agent, mintedID.ReplaceAllString(e.RequestID, "<minted>"),
	}
	for i, text := range told {
		told[i] = cmp.Or(text, "-")
	}
	if e.Count > 1 {
		told = append(told, fmt.Sprint(e.Count, " times"))
	}
	return strings.Join(told, " ")
}

// trailTables is all that the audit tables hold, as text.
func trailTables(t testing.TB, db *faveotest.Database) string {
	t.Helper()
	var all strings.Builder
	for _, table := range []string{"faveo_gateway_audit", "faveo_gateway_audit_head"} {
		rows, err := service.MariaDB(t).QueryContext(t.Context(), "SELECT * FROM "+db.Name+"."+table)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		columns, err := rows.Columns()
		if err != nil {
			t.Fatal(err)
		}
		values, places := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			places[i] = &values[i]
		}
		for rows.Next() {
			if err := rows.Scan(places...); err != nil {
				t.Fatal(err)
			}
			for _, v := range values {
				if text, ok := v.([]byte); ok {
					v = string(text)
				}
				fmt.Fprint(&all, v, "\t")
			}
			all.WriteByte('\n')
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
	}
	return all.String()
}

// TestTrailShowsWhatWasChanged changes single rows in the database, as somebody who can
// write there but has not the key, and asks for the proof.
func TestTrailShowsWhatWasChanged(t *testing.T) {
	t.Parallel()
	stores, db := onMariaDB(t)
	passwords(t, db, "cheap")
	w := start(t, managed(stores))
	for range 6 {
		w.login("alice", "cheap")
	}
	w.awaitEntries(8)
	w.wantProved(8)
	for _, change := range []struct{ name, do, undo, fault string }{
		{
			"another user", "UPDATE faveo_gateway_audit SET user_id = 5 WHERE sequence = 4",
			"UPDATE faveo_gateway_audit SET user_id = 4 WHERE sequence = 4", "4: this entry was changed",
		},
		{
			"another time", "UPDATE faveo_gateway_audit SET occurred_at = occurred_at + 1 WHERE sequence = 1",
			"UPDATE faveo_gateway_audit SET occurred_at = occurred_at - 1 WHERE sequence = 1", "1: this entry was changed",
		},
		{
			"one moved out of the way", "UPDATE faveo_gateway_audit SET sequence = 99 WHERE sequence = 5",
			"UPDATE faveo_gateway_audit SET sequence = 5 WHERE sequence = 99", "6: entries are missing before this one",
		},
		{
			"the end cut off, and said to be there", "UPDATE faveo_gateway_audit_head SET last_sequence = 7",
			"UPDATE faveo_gateway_audit_head SET last_sequence = 8", "7: the end or the beginning of the trail was moved by somebody without the key",
		},
		{
			"the last one taken out", "UPDATE faveo_gateway_audit SET sequence = 99 WHERE sequence = 8",
			"UPDATE faveo_gateway_audit SET sequence = 8 WHERE sequence = 99", "99: entries are missing before this one",
		},
	} {
		db.Exec(t, change.do)
		if p := w.proof(); fmt.Sprint(p.FaultAt, ": ", p.Fault) != change.fault {
			t.Errorf("%s: the proof is %+v, want %s", change.name, p, change.fault)
		}
		db.Exec(t, change.undo)
	}
	w.wantProved(8)
}

// TestTrailElsewhere: a trail in a file is proved there, and one that is off is none; of
// both the admin API says that it does not have them.
func TestTrailElsewhere(t *testing.T) {
	t.Parallel()
	stores, db := onMariaDB(t)
	passwords(t, db, "cheap")
	file := t.TempDir() + "/trail"
	stores["redis.key_prefix"] += "x"
	for _, over := range []settings{{"observability.audit.to": "file", "observability.audit.file": file}, {"observability.audit.to": "off"}} {
		w := start(t, merge(managed(stores), over))
		w.login("alice", "cheap")
		for _, path := range []string{"audit", "audit/verify"} {
			w.wantProblem(path, w.manage(http.MethodGet, path, ""), http.StatusBadRequest, "bad_request")
		}
	}
	if left := trailTables(t, db); strings.Count(left, "\n") > 1 {
		t.Errorf("the database has %s", left)
	}
}

// TestTrailTellsOfFaults: what nobody could decide or finish is neither a success nor a
// refusal.
func TestTrailTellsOfFaults(t *testing.T) {
	t.Parallel()
	stores, db := onMariaDB(t)
	passwords(t, db, "cheap")
	redis := newSwitch(t, redisAddress)
	w := start(t, merge(managed(stores), settings{"redis.url": "redis://" + redis.address() + "/0"}))
	redis.cut()
	w.wantProblem("a login", w.send(http.MethodPost, "/api/v1/authenticate?username=alice&password=cheap", ""), http.StatusServiceUnavailable, "unavailable")
	w.wantProblem("a change", w.manage(http.MethodDelete, "sessions?all=true", ""), http.StatusServiceUnavailable, "unavailable")
	w.wantProblem("a look", w.manage(http.MethodGet, "sessions", ""), http.StatusServiceUnavailable, "unavailable")
	want := []string{
		"login failed fault - 4 - -" + operator,
		"admin failed unavailable admin 0 - DELETE /admin/v1/sessions" + operator,
	}
	entries := w.awaitEntries(4)
	for i, e := range entries[min(2, len(entries)):] {
		if i >= len(want) || sentence(e) != want[i] {
			t.Errorf("entry %d is %q, want %q", e.Sequence, sentence(e), want)
		}
	}
	w.wantProved(4)
}

// TestFailedChangeIsInTheTrail, with whom it was about: nobody knows how far it went.
func TestFailedChangeIsInTheTrail(t *testing.T) {
	over, _, redis := behindSwitches(t, "0s")
	w := start(t, managed(over))
	id := strings.Repeat("A", 22)
	redis.cut()
	for _, path := range []string{"sessions?user=4", "sessions/" + id + "?user=5"} {
		if got := w.manage(http.MethodDelete, path, ""); got.status != http.StatusServiceUnavailable {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
	var got []string
	for _, e := range w.awaitEntries(3) {
		if e.Kind == "admin" {
			got = append(got, fmt.Sprint(e.Outcome, " ", e.Detail, " ", e.UserID, " ", e.Subject))
		}
	}
	want := []string{"failed DELETE /admin/v1/sessions 4 ", "failed DELETE /admin/v1/sessions/:session_id 5 " + id}
	if !slices.Equal(got, want) {
		t.Errorf("the trail has %q, want %q", got, want)
	}
}
