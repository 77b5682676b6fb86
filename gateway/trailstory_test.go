package gateway_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// story is what happens to a gateway, and what the trail has to tell of it.
type story struct {
	*world
	// clients is how many came so far.
	clients int
	want    []string
	// tokens and sessions are those of users by name.
	tokens, sessions map[string]string
	// secrets are what must not be in the trail.
	secrets []string
}

// The operator's client in an entry.
const operator = " 127.0.0.1 Go-http-client/1.1 <minted>"

// client is what an entry tells of the client that came last, whose address, agent and
// request id nobody else has.
func (s *story) client() string {
	return fmt.Sprintf(" 192.0.2.%d Agent/%d request-%d", s.clients, s.clients, s.clients)
}

// asks sends a request as another client and expects these entries. Where the answer
// names the request, it does so as the entry.
func (s *story) asks(method, path, body string, headers []string, entries ...string) answer {
	s.t.Helper()
	s.clients++
	got := s.send(method, path, body, append([]string{
		fmt.Sprintf("X-Forwarded-For: 192.0.2.%d", s.clients), fmt.Sprintf("User-Agent: Agent/%d", s.clients),
		fmt.Sprintf("X-Request-Id: request-%d", s.clients),
	}, headers...)...)
	for _, entry := range entries {
		s.want = append(s.want, entry+s.client())
	}
	if _, id, found := strings.Cut(got.body, `"request_id":"`); found && !strings.HasPrefix(id, fmt.Sprintf(`request-%d"`, s.clients)) {
		s.t.Errorf("%s %s: the answer is %s, want request-%d", method, path, got.body, s.clients)
	}
	return got
}

// reads is asks of the API.
func (s *story) reads(path string, headers []string, entries ...string) {
	s.t.Helper()
	s.asks(http.MethodGet, path, "", headers, entries...)
}

// tries logs in, and expects entries.
func (s *story) tries(query string, entries ...string) answer {
	s.t.Helper()
	return s.asks(http.MethodPost, "/api/v1/authenticate?"+query, "", nil, entries...)
}

// begins logs a user in and keeps the token and the session's id by a name.
func (s *story) begins(name, username string, userID int) {
	s.t.Helper()
	token := s.wantToken("login", s.tries("username="+username+"&password=MARKED-RIGHT"))
	for _, session := range s.world.sessions(token) {
		if session.Current {
			s.sessions[name] = session.ID
		}
	}
	s.tokens[name] = token
	s.secrets = append(s.secrets, token, strings.Split(token, ".")[2])
	s.want = append(s.want, fmt.Sprintf("login success - user %d %s -", userID, s.sessions[name])+s.client())
}

// operates sends a request to the admin API, and expects these entries.
func (s *story) operates(method, path, body string, entries ...string) answer {
	s.t.Helper()
	got := s.manage(method, path, body)
	if got.status >= http.StatusBadRequest {
		s.t.Errorf("%s %s: %d %s", method, path, got.status, got.body)
	}
	for _, entry := range entries {
		s.want = append(s.want, entry+operator)
	}
	return got
}

// TestTrailTellsEverything has everything happen that the trail has a word for, and reads
// there what it was: nothing else and nothing twice, in its order, with the client as it
// was, and none of what people have typed or hold.
func TestTrailTellsEverything(t *testing.T) {
	inOrder(t)
	t.Parallel()
	stores, db := onMariaDB(t)
	passwords(t, db, "MARKED-RIGHT")
	stores = merge(managed(stores), settings{
		"server.trusted_proxies": "127.0.0.0/8", "login.lockout.per_account": "3/1h", "sessions.refresh_overlap": "1s", "sessions.cache_ttl": "1s",
		"state.encryption_keys": aKey, "limits.per_route": `["GET ` + public + ` 1/1h"]`,
	})
	s := &story{
		world: start(t, stores), tokens: map[string]string{}, sessions: map[string]string{},
		secrets: []string{"MARKED", "IvanPass1!", aKey, adminToken, secret},
	}
	kid := s.keys().in("active")[0]
	s.want = []string{
		"key_activated success - gateway 0 " + kid + " - - - -",
		"configuration success - gateway 0 - started tested, policy enforce with 49 rules - - -",
	}
	s.peopleLogIn()
	s.requestsAreRefused()
	s.apiKeysLive()
	s.sessionsEnd()
	s.signingKeysEnd(kid)
	s.adminIsRefused()

	entries := s.awaitEntries(len(s.want))
	for i, e := range entries {
		if e.Sequence != uint64(i+1) || e.Count != 1 {
			t.Errorf("entry %d has the number %d and counts for %d", i+1, e.Sequence, e.Count)
		}
		if i >= len(s.want) || sentence(e) != s.want[i] {
			t.Fatalf("entry %d is\n%q, want\n%q", i+1, sentence(e), s.want[min(i, len(s.want)-1)])
		}
	}
	if len(entries) < len(s.want) {
		t.Errorf("%q is missing", s.want[len(entries):])
	}
	s.wantProved(len(s.want))
	tables := trailTables(t, db)
	for _, hidden := range s.secrets {
		if strings.Contains(tables, hidden) {
			t.Errorf("%q is in the tables of the trail", hidden)
		}
	}
	if !strings.Contains(tables, "Agent/1\trequest-1\t") {
		t.Error("the tables were not read")
	}
}

// peopleLogIn, or do not, until one is locked out.
func (s *story) peopleLogIn() {
	s.begins("alice", "alice", 4)
	s.begins("alice's phone", "alice", 4)
	s.begins("alice's other phone", "alice", 4)
	s.begins("the administrator", "demo_admin", 1)
	s.tries("username=alice&password=MARKED-WRONG", "login refused wrong_password - 4 - -")
	s.tries("username=MARKED-NAME&password=MARKED-WRONG", "login refused unknown_name - 0 <digest> -")
	s.tries("username=ivan_inactive&password=IvanPass1!", "login refused unknown_name - 0 <digest> -")
	s.tries("username=bella_banned&password=MARKED-RIGHT", "login refused may_not_login - 8 - -")
	s.tries("username=MARKED%00&password=MARKED-RIGHT", "login refused nul - 0 <digest> -")
	s.tries("username=bob&password=MARKED-WRONG", "login refused wrong_password - 5 - -")
	s.tries("username=bob@example.test&password=MARKED-WRONG", "login refused wrong_password - 5 - -")
	s.tries("username=bob&password=MARKED-WRONG", "login refused wrong_password - 5 - -", "lockout refused account - 5 - -")
	s.tries("username=BOB&password=MARKED-RIGHT", "login refused locked_out_account - 5 - -")
	s.tries("username=MARKED-NAME&username=bob&password=MARKED-RIGHT", "request refused parameter_conflict - 0 - -")
	s.operates(http.MethodDelete, "lockouts?user=5", "", "lockout_cleared success - admin 5 - 1 cleared")
	s.begins("bob", "bob", 5)
}

// requestsAreRefused for who sends them and what they are, and others are not.
func (s *story) requestsAreRefused() {
	alice, bob := s.tokens["alice"], s.tokens["bob"]
	s.reads(priority, headers(bearer(alice)))
	s.reads(priority, nil, "request refused unauthenticated - 0 priority -")
	s.reads(priority, headers("Authorization: Bearer MARKED.TO.KEN"), "request refused token_invalid - 0 - -")
	s.reads(priority+"?token=MARKED.TO.KEN", nil, "request refused token_invalid - 0 - -")
	s.reads(priority, headers(bearer(alice[:len(alice)-8]+"AAAAAAAA")), "request refused token_invalid - 0 - -")
	s.reads("/api/v1/helpdesk/tickets", headers(bearer(alice)), "request refused forbidden_role user 4 tickets -")
	s.reads("/api/v1/nothing", headers(bearer(alice)), "request refused unknown_route user 4 none -")
	s.reads("/api/v1/helpdesk/ticket?ticket_id=4000000", headers(bearer(bob)), "request refused not_found user 5 ticket -")
	s.reads(priority+"?token="+alice, headers(bearer(alice)), "request refused two_tokens - 0 - -")
	s.reads("/API/v1/x", nil, "request refused path_alias - 0 - -")
	s.reads(public, nil)
	s.clients-- // It comes again, and has had its one.
	s.reads(public, nil, "request refused rate_limited - 0 route -")
	s.reads("/", nil)
	s.reads("/no/such/page", nil)
	s.reads("/.well-known/jwks.json", nil)
}

// apiKeysLive from their creation to their end. TestAuditOfAPIKeys has those that are
// refused.
func (s *story) apiKeysLive() {
	created := s.keySecret(s.operates(http.MethodPost, "apikeys", `{"name":"one","user":"4","scopes":"GET /api/v1/helpdesk/priority"}`))
	id := strings.Split(created, "_")[1]
	s.want = append(s.want, "apikey_created success - admin 4 "+id+" GET /api/v1/helpdesk/priority"+operator)
	s.reads(priority, headers("X-API-Key: "+created))
	s.reads("/api/v1/helpdesk/help-topic", headers("X-API-Key: "+created), "request refused key_scope api_key 4 help-topic API key "+id)
	rotated := s.keySecret(s.operates(http.MethodPost, "apikeys/"+id+"/rotate", `{"overlap":"1h"}`,
		"apikey_rotated success - admin 4 "+id+" the old secret goes on for 1h0m0s"))
	s.reads(priority, headers("X-API-Key: "+rotated))
	s.operates(http.MethodPost, "apikeys/"+id+"/revoke", "", "apikey_revoked success - admin 4 "+id+" -")
	s.secrets = append(s.secrets, created, rotated, strings.Split(created, "_")[2], strings.Split(rotated, "_")[2])
}

// sessionsEnd by their owners, by a thief and by the operator.
func (s *story) sessionsEnd() {
	alice := s.tokens["alice"]
	successor := s.wantToken("refresh", s.asks(http.MethodPost, "/api/v1/authenticate/refresh", "", headers(bearer(alice)),
		"refresh success - user 4 "+s.sessions["alice"]+" -"))
	s.secrets = append(s.secrets, successor)
	s.asks(http.MethodPost, "/api/v1/authenticate/logout", "", headers(bearer(s.tokens["alice's phone"])),
		"session_ended success - user 4 "+s.sessions["alice's phone"]+" logout")
	s.reads(priority, headers(bearer(s.tokens["alice's phone"])), "request refused token_revoked user 4 - -")
	s.asks(http.MethodDelete, "/api/v1/authenticate/sessions/"+s.sessions["alice's other phone"], "", headers(bearer(successor)),
		"session_ended success - user 4 "+s.sessions["alice's other phone"]+" session_ended")
	s.begins("alice's tablet", "alice", 4)

	eventually(s.t, "the end of the overlap", func() bool {
		return s.get(priority, alice, "X-Forwarded-For: 192.0.2.200").status == http.StatusUnauthorized
	})
	s.want = append(s.want, "request refused token_revoked user 4 - - 192.0.2.200 Go-http-client/1.1 <minted>")
	s.asks(http.MethodPost, "/api/v1/authenticate/refresh", "", headers(bearer(alice)),
		"reuse refused - - 4 "+s.sessions["alice"]+" -", "request refused token_revoked user 4 - -")

	s.asks(http.MethodPost, "/api/v1/authenticate/logout", `{"all":true}`, []string{bearer(s.tokens["alice's tablet"]), "Content-Type: application/json"},
		"session_ended success - user 4 - logout_all")
	s.operates(http.MethodDelete, "sessions/"+s.sessions["bob"], "", "session_ended success - admin 5 "+s.sessions["bob"]+" -")
	s.operates(http.MethodDelete, "sessions?user=1", "", "session_ended success - admin 1 - all 1 of the user")
	s.reads(priority, headers(bearer(s.tokens["the administrator"])), "request refused token_revoked user 1 - -")
	s.operates(http.MethodDelete, "sessions?all=true", "", "session_ended success - admin 0 - 0 of everybody")
}

// signingKeysEnd has the one that signs revoked, while another waits and then does not.
func (s *story) signingKeysEnd(kid string) {
	s.operates(http.MethodPost, "keys/reseal", "", "keys_resealed success - admin 0 - 0 secrets")
	s.begins("alice at last", "alice", 4)
	pending := s.rotate("EdDSA")
	s.want = append(s.want, "key_created success - admin 0 "+pending+" -"+operator)
	revoke := func(kid string) {
		s.operates(http.MethodPost, "keys/"+kid+"/revoke", "", "key_revoked success - admin 0 "+kid+" was active")
		s.want = append(s.want, "key_activated success - admin 0 "+s.keys().in("active")[0]+" -"+operator)
	}
	revoke(kid)
	s.want = append(s.want, "session_ended success - admin 0 - 1 of the revoked key "+kid+operator)
	revoke(pending) // Nobody has a token of it.
}

// adminIsRefused without the operator's token.
func (s *story) adminIsRefused() {
	s.wantProblem("without a token", s.admin("/admin/v1/keys"), http.StatusUnauthorized, "token_not_provided")
	s.want = append(s.want, "admin refused token_not_provided - 0 - -"+operator)
	s.admin("/metrics")
	s.admin("/readyz")
}

// keySecret takes the secret of an API key out of the answer that shows it.
func (w *world) keySecret(got answer) string {
	w.t.Helper()
	_, rest, _ := strings.Cut(got.body, `"secret":"`)
	key, _, found := strings.Cut(rest, `"`)
	if !found {
		w.t.Fatalf("no secret of an API key: %d %s", got.status, got.body)
	}
	return key
}
