package gateway_test

import (
	"bufio"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"
)

// TestOwnership calls every route of ROUTES.md as each of seven callers. The
// ticket named is the first of the seed: alice owns it, bob collaborates on it,
// it lies in department 1 and is assigned to agent_support.
//
// The columns are: administrator, agent of the department, agent of another
// department, owner, collaborator, another customer, nobody.
func TestOwnership(t *testing.T) {
	inOrder(t)
	stores, _ := onMariaDB(t)
	w := start(t, stores)
	callers := []struct{ name, token string }{
		{"admin", w.login("demo_admin", "AdminPass1!")},
		{"agent of the department", w.login("agent_support", "AgentSupport1!")},
		{"agent of another department", w.login("agent_sales", "AgentSales1!")},
		{"owner", w.login("alice", "AlicePass1!")},
		{"collaborator", w.login("bob", "BobPass1!")},
		{"another customer", w.login("carol", "CarolPass1!")},
		{"nobody", ""},
	}
	const edit = "subject=S&sla_plan=1&help_topic=1&ticket_source=1&ticket_priority=1&status=1"
	const create = "first_name=A&last_name=B&helptopic=1&sla=1&priority=1&subject=A+new+ticket&body=Hello+this+is+the+body"
	tested := map[string]bool{}
	for _, row := range []struct{ method, path, query, want string }{
		// Everybody's, and nobody's.
		{"POST", "/api/v1/authenticate", "username=nobody&password=x", "401 401 401 401 401 401 401"},
		{"GET", "/api/v1/helpdesk/check-url", "", "200 200 200 200 200 200 200"},
		{"GET", "/api/v1/helpdesk/url", "", "200 200 200 200 200 200 200"},
		{"GET", "/api/v1/helpdesk/url", "url=file:///etc/passwd", "403 403 403 403 403 403 403"},
		{"GET", "/api/v1/helpdesk/url", "url=http://127.0.0.1:9/", "403 403 403 403 403 403 403"},
		{"GET", "/api/v1/database-config", "", "403 403 403 403 403 403 403"},
		{"GET", "/api/v1/system-config", "", "403 403 403 403 403 403 403"},
		{"GET", "/api/user/test", "", "403 403 403 403 403 403 401"},

		// The caller's own.
		{"GET", "/api/v1/authenticate/user", "", "200 200 200 200 200 200 401"},

		// One ticket.
		{"GET", "/api/v1/helpdesk/ticket", "ticket_id=1", "200 200 404 200 200 404 401"},
		{"GET", "/api/v1/helpdesk/ticket-thread", "id=1", "200 200 404 200 200 404 401"},
		{"POST", "/api/v1/helpdesk/reply", "ticket_id=1&reply_content=r", "200 200 404 200 200 404 401"},
		{"POST", "/api/v1/helpdesk/collaborator/get-ticket", "ticket_id=1", "200 200 404 200 200 404 401"},
		{"POST", "/api/v1/helpdesk/edit", "ticket_id=1&" + edit, "200 200 404 403 403 403 401"},
		{"POST", "/api/v1/helpdesk/assign", "ticket_id=1&user=demoagent@example.test", "200 200 404 403 403 403 401"},
		{"POST", "/api/v1/helpdesk/internal-note", "ticket_id=1&user_id=2&body=n", "200 200 404 403 403 403 401"},
		{"POST", "/api/v1/helpdesk/collaborator/create", "ticket_id=1&email=new@example.test", "200 200 404 403 403 403 401"},
		{"POST", "/api/v1/helpdesk/collaborator/remove", "ticketid=1&email=new@example.test", "200 200 404 403 403 403 401"},
		{"POST", "/api/v1/helpdesk/delete", "ticket_id=1", "200 200 404 403 403 403 401"},
		{"POST", "/api/v1/helpdesk/delete", "ticket_id=1,4", "200 404 404 403 403 403 401"},

		// One customer: alice.
		{"GET", "/api/v1/helpdesk/customer", "user_id=4", "200 200 200 200 404 404 401"},
		{"GET", "/api/v1/helpdesk/my-tickets-user", "user_id=4", "200 200 200 200 404 404 401"},

		// A new ticket, in the name of alice.
		{"POST", "/api/v1/helpdesk/create", create + "&email=alice@example.test", "200 200 200 200 403 403 401"},
		{"POST", "/api/v1/helpdesk/create", create + "&email=alice@example.test&assignto=2", "200 200 200 403 403 403 401"},

		// Lists.
		{"GET", "/api/v1/helpdesk/help-topic", "", "200 200 200 200 200 200 401"},
		{"GET", "/api/v1/helpdesk/priority", "", "200 200 200 200 200 200 401"},
		{"GET", "/api/v1/helpdesk/department", "", "200 200 200 200 200 200 401"},
		{"GET", "/api/v1/helpdesk/open", "", "200 200 200 403 403 403 401"},
		{"GET", "/api/v1/helpdesk/unassigned", "", "200 200 200 403 403 403 401"},
		{"GET", "/api/v1/helpdesk/closed", "", "200 200 200 403 403 403 401"},
		{"GET", "/api/v1/helpdesk/inbox", "", "200 200 200 403 403 403 401"},
		{"GET", "/api/v1/helpdesk/trash", "", "200 200 200 403 403 403 401"},
		{"GET", "/api/v1/helpdesk/tickets", "", "200 200 200 403 403 403 401"},
		{"GET", "/api/v2/helpdesk/tickets", "api=1&show=inbox&departments=All", "200 200 200 403 403 403 401"},
		{"GET", "/api/v1/helpdesk/ticket-search", "search=crane", "200 200 200 403 403 403 401"},
		{"GET", "/api/v1/helpdesk/agents", "", "200 200 200 403 403 403 401"},
		{"GET", "/api/v1/helpdesk/teams", "", "200 200 200 403 403 403 401"},
		{"GET", "/api/v1/helpdesk/customers", "search=demo", "200 200 200 403 403 403 401"},
		{"GET", "/api/v1/helpdesk/customers-custom", "", "200 200 200 403 403 403 401"},
		{"GET", "/api/v1/helpdesk/my-tickets-agent", "user_id=2", "200 200 200 403 403 403 401"},
		{"GET", "/api/v1/helpdesk/collaborator/search", "term=demo", "200 200 200 403 403 403 401"},
		{"GET", "/api/v1/helpdesk/dependency", "", "200 200 200 403 403 403 401"},
		{"GET", "/api/v1/helpdesk/sla-plan", "", "200 200 200 403 403 403 401"},
		{"POST", "/api/v1/helpdesk/register", "user_name=u&email=u@example.test", "200 200 200 403 403 403 401"},
		{"GET", "/api/v1/helpdesk/api_key", "", "200 403 403 403 403 403 401"},
		{"HEAD", "/api/v1/helpdesk/api_key", "", "403 403 403 403 403 403 403"},
	} {
		tested[row.path] = true
		for i, want := range strings.Fields(row.want) {
			got := w.call(row.method, row.path, row.query, callers[i].token)
			if strconv.Itoa(got.status) != want {
				t.Errorf("%s %s?%s as %s: %d %s, want %s", row.method, row.path, row.query, callers[i].name, got.status, got.body, want)
			}
		}
	}
	for _, path := range contractRoutes(t) {
		if !tested[path] {
			t.Errorf("%s of ROUTES.md has no row", path)
		}
	}
}

// call sends the parameters where a client of that method has them.
func (w *world) call(method, path, parameters, token string) answer {
	w.t.Helper()
	var headers []string
	if token != "" {
		headers = append(headers, "Authorization: Bearer "+token)
	}
	if method == http.MethodPost {
		return w.send(method, path, parameters, append(headers, "Content-Type: application/x-www-form-urlencoded")...)
	}
	return w.send(method, path+"?"+parameters, "", headers...)
}

// contractRoutes reads the paths of the table in ROUTES.md.
func contractRoutes(t *testing.T) []string {
	t.Helper()
	file, err := os.Open("../testdata/faveo-contract/ROUTES.md")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var paths []string
	for lines := bufio.NewScanner(file); lines.Scan(); {
		cells := strings.Split(lines.Text(), "|")
		if len(cells) < 6 {
			continue
		}
		if path := strings.TrimSpace(cells[2]); strings.HasPrefix(path, "api/v") || strings.HasPrefix(path, "api/user") {
			paths = append(paths, "/"+path)
		}
	}
	if len(paths) < 40 {
		t.Fatalf("ROUTES.md names %d routes, want them all", len(paths))
	}
	return paths
}

// TestForeignAndMissingAreAlike compares the answers to somebody else's ticket
// and to one that does not exist.
func TestForeignAndMissingAreAlike(t *testing.T) {
	stores, _ := onMariaDB(t)
	w := start(t, stores)
	token := w.login("carol", "CarolPass1!")
	foreign := w.call("GET", "/api/v1/helpdesk/ticket", "ticket_id=1", token)
	missing := w.call("GET", "/api/v1/helpdesk/ticket", "ticket_id=4000000000", token)
	w.wantProblem("foreign", foreign, 404, "not_found")
	if foreign.status != missing.status || normal(foreign.body) != normal(missing.body) {
		t.Errorf("foreign: %d %s, missing: %d %s", foreign.status, foreign.body, missing.status, missing.body)
	}
}

// TestIDsHaveOneReading refuses what PHP and the database would coerce.
func TestIDsHaveOneReading(t *testing.T) {
	stores, _ := onMariaDB(t)
	w := start(t, stores)
	token := w.login("alice", "AlicePass1!")
	before := len(w.faveo.Requests())
	for _, id := range []string{"1abc", "01", "+1", "%201", "1.0", "1e0", "0x1", "-1", "0", "4294967296", "１"} {
		w.wantProblem(id, w.call("GET", "/api/v1/helpdesk/ticket", "ticket_id="+id, token), 400, "ambiguous_request")
	}
	w.wantProblem("list", w.call("GET", "/api/v1/helpdesk/ticket", "ticket_id[]=1", token), 400, "ambiguous_request")
	for _, body := range []string{`{"ticket_id":1.0,"reply_content":"r"}`, `{"ticket_id":true,"reply_content":"r"}`, `{"ticket_id":{"a":1},"reply_content":"r"}`} {
		got := w.send("POST", "/api/v1/helpdesk/reply", body, "Content-Type: application/json", "Authorization: Bearer "+token)
		w.wantProblem(body, got, 400, "ambiguous_request")
	}
	if len(w.faveo.Requests()) != before {
		t.Error("a request reached PHP")
	}
}

// TestCustomersSeeNoNotes reads a conversation and the own row: the staff's notes
// are gone, the rest is there.
func TestCustomersSeeNoNotes(t *testing.T) {
	stores, _ := onMariaDB(t)
	w := start(t, stores)
	admin, owner := w.login("demo_admin", "AdminPass1!"), w.login("alice", "AlicePass1!")
	const note = "INTERNAL NOTE"
	if got := w.call("GET", "/api/v1/helpdesk/ticket-thread", "id=1", admin); !strings.Contains(got.body, note) {
		t.Fatalf("the staff does not see the note: %d %s", got.status, got.body)
	}
	got := w.call("GET", "/api/v1/helpdesk/ticket-thread", "id=1", owner)
	if got.status != http.StatusOK || strings.Contains(got.body, note) || !strings.Contains(got.body, `"is_internal":0`) {
		t.Errorf("the customer reads %d %s", got.status, got.body)
	}
	if got.header.Get("Content-Type") != "application/json" || got.header.Get("ETag") != "" {
		t.Errorf("headers are %v", got.header)
	}
	if got := w.call("GET", "/api/v1/helpdesk/customer", "user_id=4", owner); got.status != http.StatusOK || !strings.Contains(got.body, `"internal_note":null`) {
		t.Errorf("the own row is %d %s", got.status, got.body)
	}
}

// TestURLIsAnsweredWithoutFetching answers for the site's own address, for nobody
// else's, and never asks PHP.
func TestURLIsAnsweredWithoutFetching(t *testing.T) {
	stores, _ := onMariaDB(t)
	w := start(t, stores)
	before := len(w.faveo.Requests())
	own := "http://" + w.gateway.Address() + "/"
	for url, want := range map[string]string{
		"url=" + own:                    `{"result":"{\"status\":\"success\"}"}`,
		"":                              `{"error":{"url":["The url field is required."]}}`,
		"url=nonsense":                  `{"error":{"url":["The url must be a valid URL."]}}`,
		"url=http://127.0.0.1:8099/x?y": "",
		"url=" + own + "@evil.test":     "",
	} {
		got := w.call("GET", "/api/v1/helpdesk/url", url, "")
		if want == "" {
			w.wantProblem(url, got, 403, "forbidden")
		} else if got.status != http.StatusOK || got.body != want {
			t.Errorf("%s: %d %s, want %s", url, got.status, got.body, want)
		}
	}
	if len(w.faveo.Requests()) != before {
		t.Error("a request reached PHP")
	}
}

// TestReplyShowsNothingOfOthers: Faveo answers a reply with the newest thread of the
// whole installation, whosever that is.
func TestReplyShowsNothingOfOthers(t *testing.T) {
	stores, _ := onMariaDB(t)
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"result":{"ticket_id":4,"is_internal":1,"body":"INTERNAL NOTE on ticket 4"}}`)
	}))
	t.Cleanup(upstream.Close)
	w := &world{t: t, log: &safeBuffer{}}
	w.run(stores, settings{"faveo.urls": upstream.URL})
	got := w.call("POST", "/api/v1/helpdesk/reply", "ticket_id=1&reply_content=r", w.login("alice", "AlicePass1!"))
	if got.status != http.StatusOK || got.body != `{"result":null}` {
		t.Errorf("the customer reads %d %s", got.status, got.body)
	}
}

// TestCreateInADisputedName: Faveo looks an address up as user name and mobile too,
// and takes the first row. An address that is somebody's user name names nobody.
func TestCreateInADisputedName(t *testing.T) {
	stores, db := onMariaDB(t)
	w := start(t, stores)
	db.Exec(t, "UPDATE users SET user_name = 'alice@example.test' WHERE id = 5")
	const create = "first_name=A&last_name=B&helptopic=1&sla=1&priority=1&subject=A+new+ticket&body=Hello+this+is+the+body&email=alice@example.test"
	w.wantProblem("the owner of the address", w.call("POST", "/api/v1/helpdesk/create", create, w.login("alice", "AlicePass1!")), 403, "forbidden")
	db.Exec(t, "UPDATE users SET user_name = 'bob' WHERE id = 5")
	if got := w.call("POST", "/api/v1/helpdesk/create", create, w.login("alice", "AlicePass1!")); got.status != http.StatusOK {
		t.Errorf("after the dispute: %d %s", got.status, got.body)
	}
}

// TestRefusalsCostAlike counts what is asked of the database for a foreign ticket,
// remembered and not, and for a missing one.
func TestRefusalsCostAlike(t *testing.T) {
	stores, _ := onMariaDB(t)
	w := start(t, stores)
	owner := w.login("alice", "AlicePass1!")
	for role, token := range map[string]string{"customer": w.login("carol", "CarolPass1!"), "agent": w.login("agent_sales", "AgentSales1!")} {
		w.call("GET", "/api/v1/helpdesk/ticket", "ticket_id=1", token) // The agent's departments are remembered from here on.
		costs := map[string]float64{}
		for name, id := range map[string]string{"foreign, remembered": "1", "foreign": "2", "missing": "4000000000"} {
			w.call("GET", "/api/v1/helpdesk/ticket", "ticket_id=1", owner)
			before := w.asked("tickets")
			w.wantProblem(role+", "+name, w.call("GET", "/api/v1/helpdesk/ticket", "ticket_id="+id, token), 404, "not_found")
			costs[name] = w.asked("tickets") - before
		}
		if costs["foreign"] != 1 || costs["foreign, remembered"] != 1 || costs["missing"] != 1 {
			t.Errorf("%s: questions about tickets: %v, want one each", role, costs)
		}
	}
}

// asked is how often the database was asked for an operation.
func (w *world) asked(operation string) float64 {
	w.t.Helper()
	name := `faveo_gateway_dependency_duration_seconds_count{dependency="database",operation="` + operation + `"} `
	for line := range strings.Lines(w.metrics()) {
		if text, found := strings.CutPrefix(line, name); found {
			n, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
			if err != nil {
				w.t.Fatal(err)
			}
			return n
		}
	}
	return 0
}
