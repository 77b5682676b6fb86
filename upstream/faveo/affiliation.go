package faveo

import (
	"context"
	"database/sql"
	"math"
	"slices"
)

// Affiliation is what the database says of a person beyond the role, which decides whether any of it counts.
type Affiliation struct {
	// Email is the address as it is stored, "" for NULL: an empty address is nobody's. A customer's is "" as well when
	// it is also the user_name or the mobile of somebody else: Faveo looks an address up in all three columns and takes
	// the first row (CoreTicketController::checkEmail), so that it names nobody for certain.
	Email string
	// Departments are users.primary_dpt, by which all of Faveo from v1.9 to v2.0 decides what an agent sees, and the
	// rows of department_assign_agents where that table exists: the paid editions and v1.10's API know further
	// departments. Ascending, without 0, nil for none.
	Departments []uint64
	// Teams are the rows of team_assign_agent, likewise.
	Teams []uint64
}

// Kinds of rows in the statement of Affiliation.
const (
	affiliationUser = iota
	affiliationTeam
	affiliationDepartment
)

const (
	// The staff is left out of the look at the other columns: it reads the whole table, and nothing rests on it.
	affiliationStatement = "SELECT 0, CASE WHEN COALESCE(u.role, '') IN ('admin', 'agent') OR NOT EXISTS" +
		" (SELECT 1 FROM users o WHERE o.id <> u.id AND (o.user_name = u.email OR o.mobile = u.email)) THEN u.email END," +
		" u.primary_dpt FROM users u WHERE u.id = ?" +
		" UNION ALL SELECT 1, NULL, team_id FROM team_assign_agent WHERE agent_id = ?"
	departmentsStatement = affiliationStatement +
		" UNION ALL SELECT 2, NULL, department_id FROM department_assign_agents WHERE agent_id = ?"
)

// Affiliation reads address, departments and teams of a user in one statement. ErrNotFound when there is no such user;
// any other error is an infrastructure fault.
func (db *DB) Affiliation(ctx context.Context, userID uint64) (Affiliation, error) {
	if userID > math.MaxInt64 {
		return Affiliation{}, ErrNotFound
	}
	statement, arguments := affiliationStatement, []any{int64(userID), int64(userID)}
	extended, err := db.hasDepartmentTable(ctx)
	if err != nil {
		return Affiliation{}, err
	}
	if extended {
		statement, arguments = departmentsStatement, append(arguments, int64(userID))
	}
	var a Affiliation
	err = db.ask(ctx, "affiliation", func(ctx context.Context) error {
		rows, err := db.pool.QueryContext(ctx, statement, arguments...)
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }()
		a, err = scanAffiliation(rows)
		return err
	})
	return a, err
}

func scanAffiliation(rows *sql.Rows) (Affiliation, error) {
	var a Affiliation
	exists := false
	for rows.Next() {
		var (
			kind  int
			email sql.NullString
			id    sql.Null[uint64]
		)
		if err := rows.Scan(&kind, &email, &id); err != nil {
			return Affiliation{}, err
		}
		switch kind {
		case affiliationUser:
			exists, a.Email = true, email.String
			a.Departments = append(a.Departments, id.V)
		case affiliationTeam:
			a.Teams = append(a.Teams, id.V)
		case affiliationDepartment:
			a.Departments = append(a.Departments, id.V)
		}
	}
	if err := rows.Err(); err != nil {
		return Affiliation{}, err
	}
	if !exists {
		return Affiliation{}, ErrNotFound
	}
	a.Departments, a.Teams = distinct(a.Departments), distinct(a.Teams)
	return a, nil
}

// distinct sorts ids and drops repetitions and the 0 of NULL.
func distinct(ids []uint64) []uint64 {
	slices.Sort(ids)
	ids = slices.Compact(ids)
	if len(ids) > 0 && ids[0] == 0 {
		ids = ids[1:]
	}
	if len(ids) == 0 {
		return nil
	}
	return ids
}

// hasDepartmentTable says whether this Faveo has department_assign_agents. The answer is asked for as seldom as the
// version: only an upgrade of Faveo changes it.
func (db *DB) hasDepartmentTable(ctx context.Context) (bool, error) {
	bounded, cancel := context.WithTimeout(ctx, db.options.Timeout)
	defer cancel()
	return db.departments.get(bounded)
}

// readDepartmentTable asks for the two columns, so that a table of another make is as good as none.
func (db *DB) readDepartmentTable(ctx context.Context) (bool, error) {
	var columns int
	err := db.ask(ctx, "department_table", func(ctx context.Context) error {
		return db.pool.QueryRowContext(ctx, db.lookup.departmentColumns).Scan(&columns)
	})
	return columns == 2, err
}
