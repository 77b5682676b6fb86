package faveotest

import "testing"

// Row is a row by column, as Insert takes it.
type Row map[string]any

// Insert adds a row; columns that are not named get their default.
func (d *Database) Insert(t testing.TB, table string, row Row) {
	t.Helper()
	d.insert(t, table, row)
}

// AddTicket adds a ticket with what decides who may see it, NULL for 0.
func (d *Database) AddTicket(t testing.TB, id, owner, department, assignee, team uint64) {
	t.Helper()
	d.insert(t, "tickets", Row{
		"id": id, "user_id": orNull(owner), "dept_id": orNull(department), "assigned_to": orNull(assignee), "team_id": orNull(team),
		"status": 1,
	})
}

// AddCollaborator lets a user follow a ticket, as Faveo does.
func (d *Database) AddCollaborator(t testing.TB, ticket, user uint64) {
	t.Helper()
	d.insert(t, "ticket_collaborator", Row{"ticket_id": ticket, "user_id": user, "isactive": 1, "role": "ccc"})
}

// AddToTeam makes an agent a member of a team; there are the teams 1, 2 and 3, all empty.
func (d *Database) AddToTeam(t testing.TB, agent, team uint64) {
	t.Helper()
	d.insert(t, "team_assign_agent", Row{"agent_id": agent, "team_id": team})
}

// SetDepartment is users.primary_dpt; 0 is NULL. There are the departments 1 Support, 2 Sales and 3 Operation.
func (d *Database) SetDepartment(t testing.TB, agent, department uint64) {
	t.Helper()
	d.Exec(t, "UPDATE users SET primary_dpt = ? WHERE id = ?", orNull(department), agent)
}

// AddDepartment gives an agent a further department, as the paid editions do, in a table that the free one lacks: the
// first call makes it. A faveo.DB that was in use before may take 30 seconds of its clock to notice that.
func (d *Database) AddDepartment(t testing.TB, agent, department uint64) {
	t.Helper()
	d.Exec(t, "CREATE TABLE IF NOT EXISTS department_assign_agents (id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,"+
		" department_id INT UNSIGNED NULL, agent_id INT UNSIGNED NULL, created_at TIMESTAMP NULL, updated_at TIMESTAMP NULL)")
	d.insert(t, "department_assign_agents", Row{"agent_id": agent, "department_id": department})
}

func orNull(id uint64) any {
	if id == 0 {
		return nil
	}
	return id
}
