package faveo

import (
	"context"
	"strings"

	"faveo-gateway/upstream/database"
)

// Table is what became of reading nothing of one of Faveo's tables.
type Table struct {
	Name string
	// Optional says that some versions do not have it.
	Optional bool
	// Denied, Absent and Lacks are why it cannot be read: a missing right, no such table, or the columns that are not
	// there. None of them: it can.
	Denied, Absent bool
	Lacks          []string
}

// tablesRead are the tables and columns that this room asks for.
var tablesRead = []struct {
	name, columns string
	// whole says that all columns are asked for besides.
	whole bool
	// optional says that some versions do not have the table.
	optional bool
}{
	{name: "users", columns: "id user_name email mobile role active ban is_delete password primary_dpt", whole: true},
	{name: "settings_system", columns: "id url version api_enable api_key_mandatory api_key"},
	{name: "settings_security", columns: "id backlist_threshold lockout_period", optional: true},
	{name: "tickets", columns: "id user_id dept_id assigned_to team_id"},
	{name: "ticket_collaborator", columns: "ticket_id user_id"},
	{name: "team_assign_agent", columns: "agent_id team_id"},
	{name: "department_assign_agents", columns: "agent_id department_id", optional: true},
}

// Readable asks each of the tables for no row. Its error is an infrastructure fault: what is missing is in the answer.
//
// A user with rights on single tables is denied department_assign_agents whether it exists or not; then it counts as
// absent, which is what the gateway takes it for.
func (db *DB) Readable(ctx context.Context) (tables []Table, err error) {
	err = db.ask(ctx, "readable", func(ctx context.Context) error {
		for _, t := range tablesRead {
			found := Table{Name: t.name, Optional: t.optional}
			columns := strings.Fields(t.columns)
			if err := db.read(ctx, &found, columns, t.whole); err != nil {
				return err
			}
			if found.Denied && t.name == "department_assign_agents" {
				found.Denied, found.Absent = false, true
			}
			tables = append(tables, found)
		}
		return nil
	})
	return tables, err
}

// read finds out what is the matter with a table; column by column when it lacks any.
func (db *DB) read(ctx context.Context, t *Table, columns []string, whole bool) error {
	lacks, err := db.readNothing(ctx, t, strings.Join(columns, ", "))
	if err != nil {
		return err
	}
	if lacks {
		for _, column := range columns {
			lacks, err := db.readNothing(ctx, t, column)
			if err != nil {
				return err
			}
			if lacks {
				t.Lacks = append(t.Lacks, column)
			}
		}
	}
	if whole && !t.Denied && !t.Absent {
		_, err = db.readNothing(ctx, t, "*")
	}
	return err
}

func (db *DB) readNothing(ctx context.Context, t *Table, what string) (lacks bool, err error) {
	rows, err := db.pool.QueryContext(ctx, "SELECT "+what+" FROM "+t.Name+" WHERE 1 = 0")
	if err == nil {
		defer rows.Close()
		return false, rows.Err()
	}
	switch {
	case database.IsDenied(err):
		t.Denied = true
	case database.IsMissingTable(err):
		t.Absent = true
	case database.IsMissingColumn(err):
		return true, nil
	default:
		return false, err
	}
	return false, nil
}
