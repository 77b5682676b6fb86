package faveotest_test

import (
	"context"
	"encoding/json"
	"io"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"faveo-gateway/upstream/faveo"
	"faveo-gateway/upstream/faveo/faveotest"
)

// user prints an account of d as the room does.
func user(t *testing.T, d *faveotest.Database, id uint64) string {
	t.Helper()
	db, err := faveo.Open(t.Context(), faveo.Options{
		Database: d.URL, Timeout: 3 * time.Second, MaxConnections: 2, Version: "auto", PublicPath: d.PublicPath,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	u, err := db.FindByID(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	body, err := db.AppendUser(nil, u)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestApplyAndUndo(t *testing.T) {
	d := faveotest.New(t)
	for name, test := range map[string]struct {
		precondition map[string]any
		id           uint64
		want         string
	}{
		"a row":       {map[string]any{"users": map[string]any{"id": json.Number("5"), "first_name": "Bobby", "internal_note": "x"}}, 5, `"first_name":"Bobby"`},
		"NULL":        {map[string]any{"users": map[string]any{"id": 4, "company": nil}}, 4, `"company":null`},
		"a time zone": {map[string]any{"mariadb_global_time_zone": "+05:30"}, 4, `"created_at":"2026-01-02T08:34:05.000000Z"`},
		"zero dates":  {map[string]any{"mariadb_global_time_zone": "+05:30"}, 20, `"created_at":null,"updated_at":"-000001-11-30T`},
	} {
		t.Run(name, func(t *testing.T) {
			before := user(t, d, test.id)
			undo := d.Apply(t, test.precondition)
			if during := user(t, d, test.id); !strings.Contains(during, test.want) {
				t.Errorf("applied: %s\nlacks %s", during, test.want)
			}
			undo()
			if after := user(t, d, test.id); after != before {
				t.Errorf("undone: %s\nwant    %s", after, before)
			}
		})
	}
	d.Apply(t, nil)()
}

// failing records a Fatal instead of failing the test that expects it.
type failing struct {
	testing.TB
	failed bool
}

func (f *failing) Helper()               {}
func (f *failing) Fatal(...any)          { f.failed = true; runtime.Goexit() }
func (f *failing) Fatalf(string, ...any) { f.Fatal() }

func fails(t *testing.T, call func(testing.TB)) bool {
	t.Helper()
	f := &failing{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		call(f)
	}()
	<-done
	return f.failed
}

func TestEmptyFolderFails(t *testing.T) {
	if !fails(t, func(tb testing.TB) { faveotest.Recordings(tb, "no-such-folder") }) {
		t.Error("a folder without recordings passed")
	}
}

func TestUnknownPreconditionFails(t *testing.T) {
	d := faveotest.New(t)
	for _, precondition := range []map[string]any{
		{"moon_phase": "full"},
		{"tickets": map[string]any{"id": 1}},
		{"users": 4},
	} {
		if !fails(t, func(tb testing.TB) { d.Apply(tb, precondition) }) {
			t.Errorf("%v passed", precondition)
		}
	}
}

// TestRows: what the helpers arrange is what the room reads.
func TestRows(t *testing.T) {
	d := faveotest.New(t)
	d.AddTicket(t, 50, 4, 3, 0, 2)
	d.AddCollaborator(t, 50, 6)
	d.SetDepartment(t, 2, 2)
	d.AddDepartment(t, 2, 3)
	d.AddDepartment(t, 2, 1)
	d.AddToTeam(t, 2, 2)
	d.Insert(t, "ticket_thread", faveotest.Row{"ticket_id": 50, "user_id": 2, "is_internal": 1, "body": "a note"})
	db, err := faveo.Open(t.Context(), faveo.Options{Database: d.URL, Timeout: 3 * time.Second, MaxConnections: 4, Version: "auto"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	tickets, err := db.Tickets(t.Context(), []uint64{50})
	want := faveo.Ticket{ID: 50, Owner: 4, Department: 3, Team: 2, Collaborators: []uint64{6}}
	if err != nil || !reflect.DeepEqual(tickets[50], want) {
		t.Errorf("Tickets = %v, %v, want %v", tickets, err, want)
	}
	agent, err := db.Affiliation(t.Context(), 2)
	if err != nil || !slices.Equal(agent.Departments, []uint64{1, 2, 3}) || !slices.Equal(agent.Teams, []uint64{2}) {
		t.Errorf("Affiliation = %v, %v", agent, err)
	}
	if !fails(t, func(tb testing.TB) { d.Insert(tb, "no_such_table", faveotest.Row{"id": 1}) }) {
		t.Error("a row of no table passed")
	}
}

func TestRecordingsAreComplete(t *testing.T) {
	for _, folder := range []string{"authenticate", "token", "api-key", "rate-limit", "routes"} {
		for _, r := range faveotest.Recordings(t, folder) {
			if r.Name == "" || r.Time == 0 || r.Request.Method == "" || r.Request.Path == "" || r.Response.Status == 0 {
				t.Errorf("%s: %q lacks something", folder, r.Name)
			}
		}
	}
}

func TestRequestHTTP(t *testing.T) {
	r := faveotest.Request{
		Method: "POST", Path: "/api/v1/authenticate", Query: "a=b%20c", Body: []byte("x=y"),
		Headers: map[string][]string{"Host": {"helpdesk.example.test"}, "Content-Type": {"text/plain"}},
	}
	request, err := r.HTTP(context.Background(), "http://127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(request.Body)
	if request.Host != "helpdesk.example.test" || request.Header.Get("Host") != "" || request.URL.String() != "http://127.0.0.1:1/api/v1/authenticate?a=b%20c" ||
		string(body) != "x=y" || request.Header.Get("Content-Type") != "text/plain" || r.Headers.Get("Host") == "" {
		t.Errorf("got %+v with body %q", request, body)
	}
}

// TestSeedIsLoaded: the rows that ownership checks will need are there.
func TestSeedIsLoaded(t *testing.T) {
	d := faveotest.New(t)
	if len(d.Seed.Users) != 28 || len(d.Seed.Tickets) != 12 || d.Seed.JWTSecret == "" {
		t.Errorf("the seed has %d users and %d tickets", len(d.Seed.Users), len(d.Seed.Tickets))
	}
	// The CHECK refuses the row unless the expression is true.
	for _, check := range []string{
		"(SELECT COUNT(*) FROM users) = 28",
		"(SELECT assigned_to FROM tickets WHERE id = 3) = 3",
		"(SELECT user_id FROM ticket_collaborator WHERE ticket_id = 1) = 5",
		"(SELECT head FROM organization WHERE id = 1) = 4",
		"(SELECT COUNT(*) FROM user_assign_organization) = 2",
		"(SELECT name FROM department WHERE id = 2) = 'Sales'",
	} {
		d.Exec(t, "CREATE TABLE checked (ok INT NOT NULL CHECK (ok = 1))")
		d.Exec(t, "INSERT INTO checked SELECT COALESCE("+check+", 0)")
		d.Exec(t, "DROP TABLE checked")
	}
}
