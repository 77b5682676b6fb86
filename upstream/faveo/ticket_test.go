package faveo_test

import (
	"context"
	"errors"
	"math"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"faveo-gateway/upstream/faveo"
	"faveo-gateway/upstream/faveo/faveotest"
	"faveo-gateway/upstream/standin"
)

// demoDatabase opens the demo's SQLite database.
func demoDatabase(t *testing.T) *faveo.DB {
	t.Helper()
	address, err := standin.CreateDatabase(t.Context(), filepath.Join(t.TempDir(), "demo.sqlite"))
	if err != nil {
		t.Fatal(err)
	}
	return openURL(t, address, faveo.Options{})
}

// sorted makes results comparable: collaborators come in no order.
func sorted(found map[uint64]faveo.Ticket) map[uint64]faveo.Ticket {
	for _, ticket := range found {
		slices.Sort(ticket.Collaborators)
	}
	return found
}

func TestTickets(t *testing.T) {
	d := faveotest.New(t)
	db := open(t, d, faveo.Options{})
	d.AddTicket(t, 50, 0, 0, 0, 0)
	d.AddTicket(t, 51, 6, 3, 2, 1)
	d.AddCollaborator(t, 51, 4)
	d.AddCollaborator(t, 51, 5)
	d.AddCollaborator(t, 999, 4) // Its ticket is gone.
	d.Insert(t, "ticket_collaborator", faveotest.Row{"ticket_id": 51, "user_id": nil})
	d.Insert(t, "ticket_collaborator", faveotest.Row{"ticket_id": nil, "user_id": 4})
	full := map[uint64]faveo.Ticket{51: {ID: 51, Owner: 6, Department: 3, Assignee: 2, Team: 1, Collaborators: []uint64{4, 5}}}
	none := map[uint64]faveo.Ticket{}
	for name, test := range map[string]struct {
		ids  []uint64
		want map[uint64]faveo.Ticket
	}{
		"every column":                        {[]uint64{51}, full},
		"NULL is 0":                           {[]uint64{50}, map[uint64]faveo.Ticket{50: {ID: 50}}},
		"an inactive collaborator, as in PHP": {[]uint64{1}, map[uint64]faveo.Ticket{1: {ID: 1, Owner: 4, Department: 1, Assignee: 2, Collaborators: []uint64{5}}}},
		"in the trash":                        {[]uint64{8}, map[uint64]faveo.Ticket{8: {ID: 8, Owner: 6, Department: 1, Assignee: 2}}},
		"missing":                             {[]uint64{998}, none},
		"missing, but somebody follows it":    {[]uint64{999}, none},
		"no id":                               {nil, none},
		"0":                                   {[]uint64{0}, none},
		"beyond the column":                   {[]uint64{1<<32 + 51}, none},
		"beyond every column":                 {[]uint64{math.MaxUint64}, none},
		"a list, repeated, with strange ones": {[]uint64{51, 999, 51, math.MaxUint64, 0}, full},
		"the largest that is asked for":       {[]uint64{math.MaxInt64, 51}, full},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := db.Tickets(t.Context(), test.ids)
			if err != nil || !reflect.DeepEqual(sorted(got), test.want) {
				t.Errorf("got %v, %v, want %v", got, err, test.want)
			}
		})
	}
}

func TestTicketsAreBounded(t *testing.T) {
	d := faveotest.New(t)
	db := open(t, d, faveo.Options{})
	ids := make([]uint64, faveo.MaxTickets+1)
	for i := range ids {
		ids[i] = uint64(i)
	}
	if got, err := db.Tickets(t.Context(), ids[:faveo.MaxTickets]); err != nil || len(got) != 12 {
		t.Errorf("%d ids: %d tickets, %v, want the 12 of the seed", faveo.MaxTickets, len(got), err)
	}
	if got, err := db.Tickets(t.Context(), ids); !errors.Is(err, faveo.ErrTooManyIDs) || got != nil {
		t.Errorf("%d ids: %v, %v, want ErrTooManyIDs", len(ids), got, err)
	}
}

// TestOneStatement: a missing and a foreign ticket, and any list, cost one statement.
func TestOneStatement(t *testing.T) {
	d := faveotest.New(t)
	var operations []string
	db := open(t, d, faveo.Options{Observe: func(_ context.Context, operation string, _ time.Duration, _ error) {
		operations = append(operations, operation)
	}})
	if _, err := db.Affiliation(t.Context(), 2); err != nil { // The answer about the table of departments is kept.
		t.Fatal(err)
	}
	tickets := func(ids ...uint64) func() error {
		return func() error { _, err := db.Tickets(t.Context(), ids); return err }
	}
	affiliation := func(id uint64) func() error {
		return func() error { _, err := db.Affiliation(t.Context(), id); return err }
	}
	for name, call := range map[string]struct {
		do        func() error
		operation string
	}{
		"a ticket":         {tickets(1), "tickets"},
		"a missing ticket": {tickets(12345), "tickets"},
		"a list":           {tickets(1, 2, 12345), "tickets"},
		"an agent":         {affiliation(2), "affiliation"},
		"nobody":           {affiliation(12345), "affiliation"},
	} {
		operations = nil
		err := call.do()
		if !slices.Equal(operations, []string{call.operation}) {
			t.Errorf("%s (%v): %v, want one %s", name, err, operations, call.operation)
		}
	}
}

func TestAffiliation(t *testing.T) {
	d := faveotest.New(t)
	d.AddToTeam(t, 2, 3)
	d.AddToTeam(t, 2, 1)
	d.AddToTeam(t, 2, 3)
	d.Insert(t, "team_assign_agent", faveotest.Row{"agent_id": 2, "team_id": nil})
	d.AddToTeam(t, 3, 2)
	db := open(t, d, faveo.Options{})
	expectAffiliation(t, db, 2, faveo.Affiliation{Email: "sam@example.test", Departments: []uint64{1}, Teams: []uint64{1, 3}})
	expectAffiliation(t, db, 3, faveo.Affiliation{Email: "sue@example.test", Departments: []uint64{2}, Teams: []uint64{2}})
	expectAffiliation(t, db, 6, faveo.Affiliation{Email: "Carol.Case@Example.Test"})
	expectAffiliation(t, db, 12, faveo.Affiliation{}) // email is NULL.
	for _, id := range []uint64{0, 12345, 1<<32 + 2, math.MaxInt64, math.MaxUint64} {
		if a, err := db.Affiliation(t.Context(), id); !errors.Is(err, faveo.ErrNotFound) {
			t.Errorf("Affiliation(%d) = %v, %v, want ErrNotFound", id, a, err)
		}
	}
}

func expectAffiliation(t *testing.T, db interface {
	Affiliation(ctx context.Context, userID uint64) (faveo.Affiliation, error)
}, id uint64, want faveo.Affiliation,
) {
	t.Helper()
	if got, err := db.Affiliation(t.Context(), id); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("Affiliation(%d) = %+v, %v, want %+v", id, got, err, want)
	}
}

// TestFurtherDepartments: the table of the paid editions counts where it is, and is looked for again now and then.
func TestFurtherDepartments(t *testing.T) {
	d := faveotest.New(t)
	c := &clock{now: time.Unix(1795422695, 0)}
	db := open(t, d, faveo.Options{Now: c.Now})
	one := faveo.Affiliation{Email: "sam@example.test", Departments: []uint64{1}}
	expectAffiliation(t, db, 2, one)
	d.AddDepartment(t, 2, 3)
	d.AddDepartment(t, 2, 1)
	d.AddDepartment(t, 3, 2)
	expectAffiliation(t, db, 2, one)
	c.advance(31 * time.Second)
	expectAffiliation(t, db, 2, faveo.Affiliation{Email: "sam@example.test", Departments: []uint64{1, 3}})
	d.SetDepartment(t, 2, 0)
	expectAffiliation(t, db, 2, faveo.Affiliation{Email: "sam@example.test", Departments: []uint64{1, 3}})
	d.Exec(t, "ALTER TABLE department_assign_agents CHANGE agent_id user_id INT UNSIGNED NULL")
	if a, err := db.Affiliation(t.Context(), 2); err == nil || errors.Is(err, faveo.ErrNotFound) {
		t.Errorf("a table that changed under us: %v, %v, want a fault", a, err)
	}
	c.advance(31 * time.Second)
	expectAffiliation(t, db, 2, faveo.Affiliation{Email: "sam@example.test"})
}

// TestMissingTables: a table that Faveo always had is a fault, not an agent without teams or a ticket without
// collaborators.
func TestMissingTables(t *testing.T) {
	d := faveotest.New(t)
	db := open(t, d, faveo.Options{})
	d.Exec(t, "DROP TABLE team_assign_agent")
	d.Exec(t, "DROP TABLE ticket_collaborator")
	if a, err := db.Affiliation(t.Context(), 2); err == nil || errors.Is(err, faveo.ErrNotFound) {
		t.Errorf("Affiliation = %v, %v, want a fault", a, err)
	}
	if found, err := db.Tickets(t.Context(), []uint64{1}); err == nil || found != nil {
		t.Errorf("Tickets = %v, %v, want a fault", found, err)
	}
}

// TestDemoObjects: the same on SQLite.
func TestDemoObjects(t *testing.T) {
	db := demoDatabase(t)
	found, err := db.Tickets(t.Context(), []uint64{1, 2, 4, 12345, math.MaxUint64})
	want := map[uint64]faveo.Ticket{
		1: {ID: 1, Owner: 3, Department: 1, Assignee: 2, Collaborators: []uint64{5}},
		2: {ID: 2, Owner: 3, Department: 2},
		4: {ID: 4, Owner: 4, Department: 2, Assignee: 7},
	}
	if err != nil || !reflect.DeepEqual(found, want) {
		t.Errorf("Tickets = %v, %v, want %v", found, err, want)
	}
	expectAffiliation(t, db, 2, faveo.Affiliation{Email: "demoagent@example.test", Departments: []uint64{1}})
	expectAffiliation(t, db, 3, faveo.Affiliation{Email: "democlient@example.test"})
	if _, err := db.Affiliation(t.Context(), math.MaxUint64); !errors.Is(err, faveo.ErrNotFound) {
		t.Errorf("nobody: %v, want ErrNotFound", err)
	}
	if url, err := db.SiteURL(t.Context()); err != nil || url != "http://helpdesk.example.test" {
		t.Errorf("SiteURL = %q, %v", url, err)
	}
}

// TestSQLiteFurtherDepartments: SQLite finds the table, too.
func TestSQLiteFurtherDepartments(t *testing.T) {
	db := demoDatabase(t)
	err := db.Exec(t.Context(), "CREATE TABLE department_assign_agents (id INTEGER, department_id INTEGER, agent_id INTEGER);"+
		"INSERT INTO department_assign_agents VALUES (1, 2, 2), (2, 3, 7);"+
		"INSERT INTO team_assign_agent (id, team_id, agent_id) VALUES (1, 3, 2)")
	if err != nil {
		t.Fatal(err)
	}
	expectAffiliation(t, db, 2, faveo.Affiliation{Email: "demoagent@example.test", Departments: []uint64{1, 2}, Teams: []uint64{3}})
}
