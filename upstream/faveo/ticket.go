package faveo

import (
	"context"
	"database/sql"
	"errors"
	"math"
	"strings"
)

// MaxTickets is how many ids one lookup of tickets takes.
const MaxTickets = 100

// ErrTooManyIDs says that more than MaxTickets ids were asked for at once; nothing was read. Test with errors.Is.
var ErrTooManyIDs = errors.New("too many ids")

// Ticket is what decides who may see a ticket: the persons, the department and the team that its row names. 0 stands
// for NULL, and so is no id of anybody: never compare it with another 0.
//
// A trashed ticket is a ticket like others. Organisations are left out on purpose: their managers see the tickets of
// their members nowhere in Faveo's API.
type Ticket struct {
	ID                                uint64
	Owner, Department, Assignee, Team uint64
	// Collaborators are the users who follow the ticket, in no order, nil for none. The column isactive is not looked
	// at, because Faveo never does: it writes 1 into every row, reads it nowhere, ends a collaboration by deleting the
	// row, and lists and mails also a row with 0 (recording collaborator-get-ticket-user).
	Collaborators []uint64
}

// Tickets reads these tickets. The result has an entry for each that exists, and is empty, not nil, when none does.
// ErrTooManyIDs when there are more than MaxTickets ids; any other error is an infrastructure fault.
//
// One statement reads it all, whatever the ids are: tickets and collaborators are of one moment, and a missing ticket
// costs the database the same work as one that belongs to somebody else.
func (db *DB) Tickets(ctx context.Context, ids []uint64) (map[uint64]Ticket, error) {
	if len(ids) > MaxTickets {
		return nil, ErrTooManyIDs
	}
	keys := storable(ids)
	if len(keys) == 0 {
		return map[uint64]Ticket{}, nil
	}
	var found map[uint64]Ticket
	err := db.ask(ctx, "tickets", func(ctx context.Context) error {
		rows, err := db.pool.QueryContext(ctx, ticketsStatement(len(keys)), append(keys, keys...)...)
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }()
		found, err = scanTickets(rows)
		return err
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

// storable leaves out what no column can hold and no driver can bind.
func storable(ids []uint64) []any {
	keys := make([]any, 0, 2*len(ids))
	for _, id := range ids {
		if id <= math.MaxInt64 {
			keys = append(keys, int64(id))
		}
	}
	return keys
}

func ticketsStatement(n int) string {
	marks := strings.Repeat(",?", n)[1:]
	return "SELECT 0, id, user_id, dept_id, assigned_to, team_id FROM tickets WHERE id IN (" + marks + ")" +
		" UNION ALL SELECT 1, ticket_id, user_id, NULL, NULL, NULL FROM ticket_collaborator WHERE ticket_id IN (" + marks + ")"
}

func scanTickets(rows *sql.Rows) (map[uint64]Ticket, error) {
	found, followers := map[uint64]Ticket{}, map[uint64][]uint64{}
	for rows.Next() {
		var (
			follows                     bool
			id                          uint64
			user, dept, assignee, group sql.Null[uint64]
		)
		if err := rows.Scan(&follows, &id, &user, &dept, &assignee, &group); err != nil {
			return nil, err
		}
		if !follows {
			found[id] = Ticket{ID: id, Owner: user.V, Department: dept.V, Assignee: assignee.V, Team: group.V}
		} else if user.V != 0 {
			followers[id] = append(followers[id], user.V)
		}
	}
	// Rows of ticket_collaborator may have outlived their ticket.
	for id, ticket := range found {
		ticket.Collaborators = followers[id]
		found[id] = ticket
	}
	return found, rows.Err()
}
