package gateway_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// TestOnlyAValidTokenReachesPHP walks the main road: log in, use the token from
// each of the three places, log out.
func TestOnlyAValidTokenReachesPHP(t *testing.T) {
	stores, _ := onMariaDB(t)
	w := start(t, stores)
	before := len(w.faveo.Violations())
	token := w.login("demo_admin", "AdminPass1!")

	const form = "Content-Type: application/x-www-form-urlencoded"
	for _, try := range []struct{ name, method, path, body, header string }{
		{"header", http.MethodGet, "/api/v1/helpdesk/tickets", "", "Authorization: Bearer " + token},
		{"header, scheme in lower case", http.MethodGet, "/api/v1/helpdesk/tickets", "", "Authorization: bearer " + token},
		{"query", http.MethodGet, "/api/v1/helpdesk/tickets?api_key=k&ip=null&token=" + token, "", ""},
		{"form", http.MethodPost, "/api/v1/helpdesk/collaborator/get-ticket", "ticket_id=1&api_key=k&token=" + token, form},
		{"JSON", http.MethodPost, "/api/v1/helpdesk/collaborator/get-ticket", `{"ticket_id":1,"token":"` + token + `"}`, "Content-Type: application/json"},
		{"query of a POST", http.MethodPost, "/api/v1/helpdesk/collaborator/get-ticket?token=" + token, "ticket_id=1", form},
	} {
		got := w.send(try.method, try.path, try.body, headers(try.header)...)
		if got.status != http.StatusOK {
			t.Errorf("%s: %d %s", try.name, got.status, got.body)
		}
		seen, _ := w.faveo.LastRequest()
		if strings.Contains(seen.URI+string(seen.Body), token) || strings.Contains(seen.URI+string(seen.Body), "api_key") {
			t.Errorf("%s: PHP got %s %s", try.name, seen.URI, seen.Body)
		}
		if seen.Header.Get("Authorization") == "Bearer "+token {
			t.Errorf("%s: PHP got the client's token", try.name)
		}
	}
	if extra := w.faveo.Violations()[before:]; len(extra) > 0 {
		t.Errorf("PHP saw what it must not see: %v", extra)
	}

	bearer := "Authorization: Bearer " + token
	if got := w.send(http.MethodPost, "/api/v1/authenticate/logout", "", bearer); got.status != http.StatusOK {
		t.Fatalf("logout: %d %s", got.status, got.body)
	}
	w.wantProblem("after logout", w.send(http.MethodGet, "/api/v1/helpdesk/tickets", "", bearer), 401, "token_revoked")
	if got := w.send(http.MethodPost, "/api/v1/authenticate/logout", "", bearer); got.status != http.StatusOK {
		t.Errorf("a second logout: %d %s, want it idempotent", got.status, got.body)
	}
	all := w.send(http.MethodPost, "/api/v1/authenticate/logout", `{"all":true}`, bearer, "Content-Type: application/json")
	w.wantProblem("all sessions by an ended one", all, 401, "token_revoked")
}

// TestLogoutAll ends every session of the user and nobody else's.
func TestLogoutAll(t *testing.T) {
	stores, _ := onMariaDB(t)
	w := start(t, stores)
	first, second, other := w.login("alice", "AlicePass1!"), w.login("alice", "AlicePass1!"), w.login("bob", "BobPass1!")
	got := w.send(http.MethodPost, "/api/v1/authenticate/logout", `{"all":true}`, "Authorization: Bearer "+first, "Content-Type: application/json")
	if got.status != http.StatusOK {
		t.Fatalf("logout: %d %s", got.status, got.body)
	}
	for _, token := range []string{first, second} {
		w.wantProblem("a session of the user", w.send(http.MethodGet, "/api/v1/authenticate/user?token="+token, ""), 401, "token_revoked")
	}
	if got := w.send(http.MethodGet, "/api/v1/authenticate/user?token="+other, ""); got.status != http.StatusOK {
		t.Errorf("a session of another user: %d %s", got.status, got.body)
	}
}

// TestRefusals are requests that must not reach PHP, each with its answer and
// its metric.
func TestRefusals(t *testing.T) {
	stores, _ := onMariaDB(t)
	w := start(t, stores)
	admin, agent, customer := w.login("demo_admin", "AdminPass1!"), w.login("agent_support", "AgentSupport1!"), w.login("alice", "AlicePass1!")
	as := func(token string) string { return "Authorization: Bearer " + token }
	const tickets = "/api/v1/helpdesk/tickets"
	faveoToken := "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

	for _, try := range []struct {
		name, method, path, header string
		status                     int
		code, metric               string
	}{
		{"no token", "GET", tickets, "", 401, "token_not_provided", `policy_decisions_total{effect="deny",mode="enforce",rule="tickets"}`},
		{"token in a cookie", "GET", tickets, "Cookie: token=" + admin, 401, "token_not_provided", ""},
		{"no token on an unknown route", "GET", "/api/v1/nothing", "", 401, "token_not_provided", `policy_decisions_total{effect="deny",mode="enforce",rule="none"}`},
		{"garbage", "GET", tickets, as("a.b.c"), 401, "token_invalid", `tokens_checked_total`},
		{"token of Faveo", "GET", tickets, as(faveoToken), 401, "token_invalid", ""},
		{"two tokens", "GET", tickets + "?token=" + admin, as(admin), 400, "ambiguous_request", `ambiguous_requests_total{reason="two_tokens"}`},
		{"token as list", "GET", tickets + "?token[]=" + admin, "", 400, "ambiguous_request", `ambiguous_requests_total{reason="token_kind"}`},
		{"bearer inside another scheme", "GET", tickets, "Authorization: Basic x, Bearer " + admin, 400, "ambiguous_request", `ambiguous_requests_total{reason="authorization_header"}`},
		{"customer on a staff route", "GET", tickets, as(customer), 403, "forbidden", ""},
		{"customer asks for the API key", "GET", "/api/v1/helpdesk/api_key", as(customer), 403, "forbidden", ""},
		{"agent asks for the API key", "GET", "/api/v1/helpdesk/api_key", as(agent), 403, "forbidden", ""},
		{"file reading hole", "GET", "/api/v1/helpdesk/url?url=file:///etc/passwd", as(admin), 403, "forbidden", ""},
		{"file reading hole without token", "GET", "/api/v1/helpdesk/url?url=file:///etc/passwd", "", 403, "forbidden", ""},
		{"installer", "GET", "/api/v1/database-config", "", 403, "forbidden", ""},
		{"installer", "GET", "/api/v1/system-config", as(admin), 403, "forbidden", ""},
		{"unknown route", "GET", "/api/v1/nothing", as(admin), 403, "forbidden", ""},
		{"other method", "DELETE", tickets, as(admin), 405, "method_not_allowed", ""},
		{"other method without token", "POST", tickets, "", 405, "method_not_allowed", ""},
		{"double slash", "GET", "/api//v1/helpdesk/tickets", as(admin), 400, "ambiguous_request", `ambiguous_requests_total{reason="path_slashes"}`},
		{"encoded letter", "GET", "/api/v1/helpdesk/ticket%73", as(admin), 400, "ambiguous_request", ""},
		{"front controller", "GET", "/index.php/api/v1/helpdesk/tickets", "", 400, "ambiguous_request", ""},
		{"method override", "POST", "/api/v1/helpdesk/reply?_method=GET", as(admin), 400, "ambiguous_request", ""},
	} {
		before := len(w.faveo.Requests())
		got := w.send(try.method, try.path, "", headers(try.header)...)
		w.wantProblem(try.name, got, try.status, try.code)
		if len(w.faveo.Requests()) != before {
			t.Errorf("%s: the request reached PHP", try.name)
		}
		if challenge := got.header.Get("WWW-Authenticate"); (try.status == 401) != strings.HasPrefix(challenge, "Bearer") {
			t.Errorf("%s: WWW-Authenticate is %q", try.name, challenge)
		}
		if try.metric != "" && !strings.Contains(w.metrics(), "faveo_gateway_"+try.metric) {
			t.Errorf("%s: no metric %s", try.name, try.metric)
		}
	}
}

// TestRoles lets each role do what ROUTES.md's last column grants it.
func TestRoles(t *testing.T) {
	stores, _ := onMariaDB(t)
	w := start(t, stores)
	admin, agent, customer := w.login("demo_admin", "AdminPass1!"), w.login("agent_support", "AgentSupport1!"), w.login("alice", "AlicePass1!")
	for _, try := range []struct {
		path                   string
		admin, agent, customer int
	}{
		{"/api/v1/helpdesk/tickets", 200, 200, 403},
		{"/api/v2/helpdesk/tickets?api=1&show=inbox&departments=All", 200, 200, 403},
		{"/api/v1/helpdesk/agents", 200, 200, 403},
		{"/api/v1/helpdesk/priority", 200, 200, 200},
		{"/api/v1/helpdesk/check-url", 200, 200, 200},
		{"/api/v1/authenticate/user", 200, 200, 200},
		{"/api/v1/helpdesk/api_key", 200, 403, 403},
	} {
		for token, want := range map[string]int{admin: try.admin, agent: try.agent, customer: try.customer} {
			got := w.send(http.MethodGet, try.path, "", "Authorization: Bearer "+token)
			if got.status != want {
				t.Errorf("%s: %d %s, want %d", try.path, got.status, got.body, want)
			}
		}
	}
}

// TestUser answers who the caller is from the database, without PHP and without
// the staff's note.
func TestUser(t *testing.T) {
	stores, _ := onMariaDB(t)
	w := start(t, stores)
	token := w.login("alice", "AlicePass1!")
	before := len(w.faveo.Requests())
	got := w.send(http.MethodGet, "/api/v1/authenticate/user", "", "Authorization: Bearer "+token)
	var body struct {
		User struct {
			ID           int     `json:"id"`
			InternalNote *string `json:"internal_note"`
		} `json:"user"`
	}
	if err := json.Unmarshal([]byte(got.body), &body); err != nil || body.User.ID != 4 || body.User.InternalNote != nil {
		t.Errorf("answer is %d %s", got.status, got.body)
	}
	if len(w.faveo.Requests()) != before {
		t.Error("the request reached PHP")
	}
}

// TestAccountChangesEndSessions bans, demotes and re-passwords accounts behind
// the gateway's back.
func TestAccountChangesEndSessions(t *testing.T) {
	stores, db := onMariaDB(t)
	w := start(t, merge(stores, settings{"sessions.account_ttl": "0s"}))
	for _, change := range []string{
		"UPDATE users SET ban = 1 WHERE id = 5",
		"UPDATE users SET active = 0 WHERE id = 5",
		"UPDATE users SET is_delete = 1 WHERE id = 5",
		"UPDATE users SET password = '$2y$10$l3ez1BTga.zfZ77veEvEtOfp/EVWrH8sjnzjT6XQ2FLd2V26pWliK' WHERE id = 5",
	} {
		token := w.login("bob", "BobPass1!")
		db.Exec(t, change)
		got := w.send(http.MethodGet, "/api/v1/helpdesk/priority", "", "Authorization: Bearer "+token)
		w.wantProblem(change, got, 401, "token_revoked")
		db.Exec(t, `UPDATE users SET ban = 0, active = 1, is_delete = 0,
			password = '$2y$10$5eyqe96H6YtjTUsN0SYdquuDk/24eyusoQJ9DhSLbWbJ.Onhcqhfu' WHERE id = 5`)
		// Mending the account does not bring the session back.
		got = w.send(http.MethodGet, "/api/v1/helpdesk/priority", "", "Authorization: Bearer "+token)
		w.wantProblem(change+", mended", got, 401, "token_revoked")
	}
	token := w.login("agent_support", "AgentSupport1!")
	db.Exec(t, "UPDATE users SET role = 'user' WHERE id = 2")
	got := w.send(http.MethodGet, "/api/v1/helpdesk/tickets", "", "Authorization: Bearer "+token)
	w.wantProblem("a demoted agent", got, 403, "forbidden")
}

// TestKeySurvivesRestart starts a second gateway on the same stores: the first
// one's tokens and key are its own.
func TestKeySurvivesRestart(t *testing.T) {
	stores, _ := onMariaDB(t)
	first := start(t, stores)
	token := first.login("alice", "AlicePass1!")
	second := start(t, stores)
	if a, b := first.send("GET", "/.well-known/jwks.json", ""), second.send("GET", "/.well-known/jwks.json", ""); a.body != b.body || !strings.Contains(a.body, `"kty":"EC"`) || strings.Contains(a.body, `"d"`) {
		t.Errorf("key sets are\n%s\n%s", a.body, b.body)
	}
	if got := second.send("GET", "/api/v1/helpdesk/priority", "", "Authorization: Bearer "+token); got.status != http.StatusOK {
		t.Errorf("a token of before: %d %s", got.status, got.body)
	}
}

// TestWebUIPassesThrough needs no token and lends no identity.
func TestWebUIPassesThrough(t *testing.T) {
	stores, _ := onMariaDB(t)
	w := start(t, stores)
	got := w.send("GET", "/", "", "Cookie: laravel_session=abc", "X-Forwarded-For: 6.6.6.6", "X_Forwarded_For: 6.6.6.6")
	if got.status != http.StatusOK {
		t.Fatalf("web UI: %d %s", got.status, got.body)
	}
	seen, _ := w.faveo.LastRequest()
	if seen.Header.Get("Cookie") != "laravel_session=abc" || seen.Header.Get("Authorization") != "" {
		t.Errorf("PHP got cookie %q, authorization %q", seen.Header.Get("Cookie"), seen.Header.Get("Authorization"))
	}
	if seen.Header.Get("X-Forwarded-For") != "127.0.0.1" || len(seen.Header.Values("X_forwarded_for")) > 0 {
		t.Errorf("PHP got forwarding headers %v", seen.Header)
	}

	closed := start(t, merge(stores, settings{"policy.passthrough": "false"}))
	closed.wantProblem("closed web UI", closed.send("GET", "/", ""), 404, "not_found")
}

// TestSecretsStayOut drives refusals and successes with marked secrets and looks
// for them in the log and the metrics.
func TestSecretsStayOut(t *testing.T) {
	stores, _ := onMariaDB(t)
	w := start(t, merge(stores, settings{"observability.log.level": "debug"}))
	token := w.login("alice", "AlicePass1!")
	w.send("GET", "/api/v1/helpdesk/priority?token="+token+"&api_key=MARKED-API-KEY", "")
	w.send("GET", "/api/v1/helpdesk/priority?token=MARKED.TO.KEN", "")
	w.send("POST", "/api/v1/authenticate?username=alice&password=MARKED-PASSWORD", "")
	w.send("POST", "/api/v1/authenticate?username=alice&password=MARKED-PASSWORD&password=2", "")
	told := w.log.String() + w.metrics()
	for _, mark := range []string{token, strings.Split(token, ".")[2], "MARKED", "AlicePass1!", secret} {
		if strings.Contains(told, mark) {
			t.Errorf("%q is in the log or the metrics", mark)
		}
	}
	if !strings.Contains(told, `"msg":"request"`) {
		t.Error("no request was logged")
	}
}

// wantProblem checks an error of the gateway in all its parts.
func (w *world) wantProblem(name string, got answer, status int, code string) {
	w.t.Helper()
	var body struct {
		Success    *bool  `json:"success"`
		Error      string `json:"error"`
		Message    string `json:"message"`
		StatusCode int    `json:"status_code"`
		RequestID  string `json:"request_id"`
	}
	err := json.Unmarshal([]byte(got.body), &body)
	if err != nil || got.status != status || body.Error != code || body.StatusCode != status ||
		body.Success == nil || *body.Success || body.Message == "" || body.RequestID == "" {
		w.t.Errorf("%s: answer is %d %s, want %d %s", name, got.status, got.body, status, code)
	}
	if got.header.Get("Content-Type") != "application/json" {
		w.t.Errorf("%s: Content-Type is %q", name, got.header.Get("Content-Type"))
	}
}

func headers(one string) []string {
	if one == "" {
		return nil
	}
	return []string{one}
}
