package standin

import (
	"slices"
	"time"
)

// dataset is what the stand-in's PHP would have in its database. Faveo.mu guards it.
type dataset struct {
	apiKey        string
	users         []*user
	tickets       []*ticket
	threads       []*thread
	collaborators []collaborator
	organizations []organization
	members       []member
	departments   []named
	teams         []named
	priorities    []named
	topics        []named
	slaPlans      []slaPlan
	installed     time.Time // created_at of the rows that the installer writes

	// The highest ids ever given, so that a removed one does not come back.
	lastTicket, lastThread, lastCollaborator int
}

// clone is a data set that a handler may change without a trace in d. Only what no handler changes is shared.
func (d *dataset) clone() *dataset {
	c := *d
	c.users, c.tickets, c.threads = cloneRows(d.users), cloneRows(d.tickets), cloneRows(d.threads)
	c.collaborators = slices.Clone(d.collaborators)
	return &c
}

func cloneRows[T any](rows []*T) []*T {
	all := make([]*T, len(rows))
	for i, row := range rows {
		same := *row
		all[i] = &same
	}
	return all
}

// named is a row of one of the small tables that every installation has.
type named struct {
	id   int
	name string
}

type slaPlan struct {
	named
	grace time.Duration
}

// user is a row of users. Zero values of the columns that may be NULL mean NULL.
type user struct {
	id                                int
	name, first, last, email, role    string
	active, ban, deleted              int
	department                        int // primary_dpt of staff
	ext, phone, mobile, company, note string
	countryCode                       int
	created, updated                  time.Time
}

// ticket is a row of tickets. 0 means NULL in assignee.
type ticket struct {
	id               int
	number           string
	owner, dept      int
	priority, sla    int
	topic, status    int
	assignee, source int
	created, updated time.Time
	due              time.Time
}

// thread is a row of ticket_thread: a message of a ticket, or an internal note of the staff.
type thread struct {
	id, ticket, user int
	poster           string  // client or support; "" is NULL
	title            *string // the subject, on the first row of a ticket
	body             string
	internal         bool
	source           int // 0 is NULL
	created          time.Time
}

type collaborator struct{ id, ticket, user int }

type organization struct {
	named
	head int // users.id
}

type member struct{ organization, user int }

// Ids of ticket_status (SCHEMA.md, table tickets).
const (
	statusOpen     = 1
	statusResolved = 2
	statusClosed   = 3
	statusDeleted  = 5
)

func statuses() []named {
	return list("Open", "Resolved", "Closed", "Archived", "Deleted", "Unverified", "Request Approval")
}

func sources() []named {
	return list("Web", "Email", "Agent", "Facebook", "Twitter", "Call", "Chat")
}

// list numbers names from 1.
func list(names ...string) []named {
	rows := make([]named, len(names))
	for i, name := range names {
		rows[i] = named{i + 1, name}
	}
	return rows
}

// nameOf is the name of a row; "" when there is none of that id.
func nameOf(rows []named, id int) string {
	if id < 1 || id > len(rows) {
		return ""
	}
	return rows[id-1].name
}

// user is the row of that id, nil when there is none.
func (d *dataset) user(id int) *user {
	return find(d.users, func(u *user) bool { return u.id == id })
}

// userByEmail compares as the column does, without regard to case. An empty address is nobody's.
func (d *dataset) userByEmail(email string) *user {
	return find(d.users, func(u *user) bool { return email != "" && fold(u.email) == fold(email) })
}

func (d *dataset) ticket(id int) *ticket {
	return find(d.tickets, func(t *ticket) bool { return t.id == id })
}

// threadsOf are the messages of a ticket, oldest first.
func (d *dataset) threadsOf(ticketID int) []*thread {
	return filter(d.threads, func(t *thread) bool { return t.ticket == ticketID })
}

// title is the subject of a ticket: that of its first message.
func (d *dataset) title(ticketID int) string {
	for _, t := range d.threadsOf(ticketID) {
		if t.title != nil {
			return *t.title
		}
	}
	return ""
}

// find returns the first row that matches, or the zero value.
func find[T any](rows []T, match func(T) bool) T {
	var none T
	if i := slices.IndexFunc(rows, match); i >= 0 {
		return rows[i]
	}
	return none
}

// filter returns the rows that match, in a slice of their own.
func filter[T any](rows []T, match func(T) bool) []T {
	kept := []T{}
	for _, row := range rows {
		if match(row) {
			kept = append(kept, row)
		}
	}
	return kept
}

// each turns rows into what an answer shows of them; no rows are an empty list, never null.
func each[T any](rows []T, show func(T) object) []any {
	shown := []any{}
	for _, row := range rows {
		shown = append(shown, show(row))
	}
	return shown
}
