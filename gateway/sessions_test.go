package gateway_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// bearer is the header of a token.
func bearer(token string) string { return "Authorization: Bearer " + token }

// refresh returns the successor of a token.
func (w *world) refresh(token string) string {
	w.t.Helper()
	return w.wantToken("refresh", w.send(http.MethodPost, "/api/v1/authenticate/refresh", "", bearer(token)))
}

// wantToken takes the token out of an answer.
func (w *world) wantToken(name string, got answer) string {
	w.t.Helper()
	var success struct{ Token string }
	if err := json.Unmarshal([]byte(got.body), &success); err != nil || got.status != http.StatusOK || success.Token == "" {
		w.t.Fatalf("%s: %d %s", name, got.status, got.body)
	}
	return success.Token
}

// wantServed makes sure that a token opens a route.
func (w *world) wantServed(name, token string) {
	w.t.Helper()
	if got := w.send(http.MethodGet, priority, "", bearer(token)); got.status != http.StatusOK {
		w.t.Errorf("%s: %d %s", name, got.status, got.body)
	}
}

// wantRefused makes sure that it opens none any more.
func (w *world) wantRefused(name, token string) {
	w.t.Helper()
	w.wantProblem(name, w.send(http.MethodGet, priority, "", bearer(token)), http.StatusUnauthorized, "token_revoked")
}

// TestRefresh prolongs one session: the successor and, for the overlap, its
// predecessor are good, on both of two replicas.
func TestRefresh(t *testing.T) {
	stores, _ := onMariaDB(t)
	here, there := start(t, stores), start(t, stores)
	old := here.login("alice", "AlicePass1!")
	there.wantServed("the first token, which the other replica now remembers", old)
	successor := here.refresh(old)
	if successor == old {
		t.Fatal("the successor is the same token")
	}
	there.wantServed("the successor", successor)
	there.wantServed("the old token within the overlap", old)
	if again := there.refresh(old); again != successor {
		t.Error("a second refresh within the overlap gave another successor")
	}
	got := here.send(http.MethodPost, "/api/v1/authenticate/refresh?token="+successor, "")
	third := here.wantToken("refresh by the query", got)
	if got.header.Get("Cache-Control") != "no-store" || got.header.Get("Content-Type") != "application/json" {
		t.Errorf("headers %v", got.header)
	}
	here.wantServed("the third token", third)
	there.wantServed("the first token, still within its overlap", old)
	if again := there.refresh(old); again != successor {
		t.Error("a repetition that comes after the next refresh gave another successor")
	}
	if n := len(here.sessions(third)); n != 1 {
		t.Errorf("%d sessions after two refreshes, want the one", n)
	}
}

// TestParallelRefreshesAgree refreshes one token many times at once on two
// replicas.
func TestParallelRefreshesAgree(t *testing.T) {
	stores, _ := onMariaDB(t)
	replicas := []*world{start(t, stores), start(t, stores)}
	token := replicas[0].login("alice", "AlicePass1!")
	successors := make([]string, 20)
	var all sync.WaitGroup
	for i := range successors {
		all.Go(func() { successors[i] = replicas[i%2].refresh(token) })
	}
	all.Wait()
	for _, s := range successors {
		if s != successors[0] {
			t.Fatal("two refreshes of one token gave two successors")
		}
	}
	replicas[1].wantServed("the successor", successors[0])
}

// TestStolenTokenEndsTheFamily has a thief refresh a token that its owner refreshed
// before, when the overlap is over: neither of them goes on.
func TestStolenTokenEndsTheFamily(t *testing.T) {
	stores, _ := onMariaDB(t)
	w := start(t, merge(stores, settings{"sessions.refresh_overlap": "1s", "sessions.cache_ttl": "1s"}))
	stolen := w.login("alice", "AlicePass1!")
	other := w.login("alice", "AlicePass1!")
	newest := w.refresh(stolen)
	w.wantServed("the owner", newest)
	eventually(t, "the end of the overlap", func() bool {
		return w.send(http.MethodGet, priority, "", bearer(stolen)).status == http.StatusUnauthorized
	})
	w.wantRefused("the thief who only uses it", stolen)
	w.wantServed("the owner, whom that does not hurt", newest)
	w.wantProblem("the thief", w.send(http.MethodPost, "/api/v1/authenticate/refresh", "", bearer(stolen)), 401, "token_revoked")
	w.wantRefused("the owner afterwards", newest)
	w.wantServed("another session of the owner", other)
	if metrics := w.metrics(); !strings.Contains(metrics, `faveo_gateway_session_refreshes_total{result="reused"} 1`) {
		t.Error("the reuse is not counted")
	}
}

// TestRefreshRefusals are tokens that have no successor.
func TestRefreshRefusals(t *testing.T) {
	stores, db := onMariaDB(t)
	w := start(t, stores)
	const path = "/api/v1/authenticate/refresh"
	w.wantProblem("no token", w.send(http.MethodPost, path, ""), 401, "token_not_provided")
	w.wantProblem("garbage", w.send(http.MethodPost, path, "", bearer("a.b.c")), 401, "token_invalid")
	token := w.login("alice", "AlicePass1!")
	w.wantProblem("GET", w.send(http.MethodGet, path, "", bearer(token)), 405, "method_not_allowed")
	w.wantProblem("two tokens", w.send(http.MethodPost, path+"?token="+token, "", bearer(token)), 400, "ambiguous_request")
	w.send(http.MethodPost, "/api/v1/authenticate/logout", "", bearer(token))
	w.wantProblem("after logout", w.send(http.MethodPost, path, "", bearer(token)), 401, "token_revoked")
	token = w.login("alice", "AlicePass1!")
	db.Exec(t, "UPDATE users SET ban = 1 WHERE user_name = 'alice'")
	impatient := start(t, merge(stores, settings{"sessions.account_ttl": "0s"}))
	impatient.wantProblem("banned", impatient.send(http.MethodPost, path, "", bearer(token)), 401, "token_revoked")
}

// ownSession is one of the answer's sessions.
type ownSession struct {
	ID        string `json:"id"`
	Current   bool   `json:"current"`
	CreatedAt string `json:"created_at"`
	SeenAt    string `json:"last_seen_at"`
	ExpiresAt string `json:"expires_at"`
	Address   string `json:"address"`
	Agent     string `json:"agent"`
}

// sessions lists the sessions of a token's user.
func (w *world) sessions(token string) []ownSession {
	w.t.Helper()
	got := w.send(http.MethodGet, "/api/v1/authenticate/sessions", "", bearer(token))
	var list struct{ Sessions []ownSession }
	if err := json.Unmarshal([]byte(got.body), &list); err != nil || got.status != http.StatusOK {
		w.t.Fatalf("sessions: %d %s", got.status, got.body)
	}
	return list.Sessions
}

// TestOwnSessions lists and ends the caller's sessions, and nobody else's.
func TestOwnSessions(t *testing.T) {
	inOrder(t)
	stores, _ := onMariaDB(t)
	w := start(t, stores)
	const path = "/api/v1/authenticate/sessions"
	w.wantProblem("no token", w.send(http.MethodGet, path, ""), 401, "token_not_provided")
	first, second, bob := w.login("alice", "AlicePass1!"), w.login("alice", "AlicePass1!"), w.login("bob", "BobPass1!")
	list, bobs := w.sessions(second), w.sessions(bob)
	if len(list) != 2 || list[0].Current || !list[1].Current || len(bobs) != 1 {
		t.Fatalf("alice has %+v, bob has %+v", list, bobs)
	}
	if s := list[0]; s.Address != "127.0.0.1" || s.Agent != "Go-http-client/1.1" || !strings.HasSuffix(s.CreatedAt, "Z") || s.SeenAt == "" || s.ExpiresAt <= s.CreatedAt {
		t.Errorf("a session is %+v", s)
	}
	w.wantProblem("somebody else's session", w.send(http.MethodDelete, path+"/"+bobs[0].ID, "", bearer(second)), 404, "not_found")
	w.wantServed("bob", bob)
	w.wantProblem("no such session", w.send(http.MethodDelete, path+"/AAAAAAAAAAAAAAAAAAAAAA", "", bearer(second)), 404, "not_found")
	if got := w.send(http.MethodDelete, path+"/"+list[0].ID, "", bearer(second)); got.status != http.StatusOK || got.body != `{"success":true}` {
		t.Errorf("end one: %d %s", got.status, got.body)
	}
	w.wantRefused("the session that was ended", first)
	w.wantServed("the one that ended it", second)
	w.wantProblem("end it again", w.send(http.MethodDelete, path+"/"+list[0].ID, "", bearer(second)), 404, "not_found")
	w.wantProblem("a name that is no id", w.send(http.MethodDelete, path+"/a.b", "", bearer(second)), 403, "forbidden")
}
