package standin

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// createTicket files a ticket in the name of whatever address the request gives. An unknown one gets an active account.
func createTicket(d *dataset, c call) answer {
	missing := c.in.missing("email", "first_name", "helptopic", "sla", "subject", "body", "priority")
	if len(missing) > 0 {
		return fail(http.StatusUnprocessableEntity, object{{"success", false}, {"errors", requiredErrors(missing)}})
	}
	email := c.in.text("email")
	owner := d.userByEmail(email)
	if owner == nil {
		owner = d.newUser(&user{
			name: email, email: email, first: c.in.text("first_name"), last: c.in.text("last_name"), active: 1,
		}, c.now)
	}
	t := d.newTicket(owner.id, c.now)
	t.topic = idOf(d.topics, c.in.id("helptopic"))
	t.dept = t.topic // each of the three topics belongs to the department of its number
	t.priority = idOf(d.priorities, c.in.id("priority"))
	t.sla = d.sla(c.in.id("sla")).id
	if staff := d.user(c.in.id("assignto")); staff != nil {
		t.assignee = staff.id
	}
	subject := c.in.text("subject")
	d.newThread(&thread{
		ticket: t.id, user: owner.id, poster: "client", title: &subject, source: 1, created: c.now,
		body: spaced(c.in.text("body")),
	})
	return ok(object{{"response", object{{"ticket_id", t.id}, {"message", "Ticket created successfully!"}}}})
}

// idOf is the id when there is such a row, else the first.
func idOf(rows []named, id int) int {
	if nameOf(rows, id) == "" {
		return 1
	}
	return id
}

// spaced is what Faveo makes of a text's blanks.
func spaced(text string) string { return strings.ReplaceAll(text, " ", "&nbsp;") }

// reply is stored as an answer of the staff, whoever sends it.
func reply(d *dataset, c call) answer {
	if missing := c.in.missing("ticket_id", "reply_content"); len(missing) > 0 {
		return required(missing...)
	}
	t := d.ticket(c.in.id("ticket_id"))
	if t == nil {
		return invalid(c.in, "ticket_id")
	}
	blank := ""
	added := d.newThread(&thread{
		ticket: t.id, user: c.user.id, poster: "support", title: &blank, body: c.in.text("reply_content"), created: c.now,
	})
	t.updated = c.now
	return result(pick(d.threadValues(added), "id ticket_id user_id poster source reply_rating rating_count is_internal "+
		"title body format ip_address created_at updated_at first_name"))
}

func edit(d *dataset, c call) answer {
	missing := c.in.missing("ticket_id", "subject", "sla_plan", "help_topic", "ticket_source", "ticket_priority")
	if len(missing) > 0 {
		return required(missing...)
	}
	t := d.ticket(c.in.id("ticket_id"))
	if t == nil {
		return invalid(c.in, "ticket_id")
	}
	status := c.in.id("status")
	if c.in.text("status") != "" && nameOf(statuses(), status) == "" {
		return brokenConstraint(t.id, status)
	}
	t.sla, t.topic = d.sla(c.in.id("sla_plan")).id, idOf(d.topics, c.in.id("help_topic"))
	t.source, t.priority = idOf(sources(), c.in.id("ticket_source")), idOf(d.priorities, c.in.id("ticket_priority"))
	t.status, t.updated = status, c.now
	if first := d.threadsOf(t.id); len(first) > 0 {
		subject := c.in.text("subject")
		first[0].title = &subject
	}
	return result(object{{"success", "Edited successfully"}})
}

// brokenConstraint is how Faveo answers a status that does not exist: 500 with the database's own words.
func brokenConstraint(ticketID, status int) answer {
	return fail(http.StatusInternalServerError, object{{"result", fmt.Sprintf(
		"SQLSTATE[23000]: Integrity constraint violation: 1452 Cannot add or update a child row: a foreign key "+
			"constraint fails (`faveo`.`tickets`, CONSTRAINT `tickets_ibfk_7` FOREIGN KEY (`status`) REFERENCES "+
			"`ticket_status` (`id`)) (SQL: update `tickets` set `status` = %d where `id` = %d)", status, ticketID)}})
}

// remove trashes tickets, given as one text with commas, and removes for good those that are in the trash already.
func remove(d *dataset, c call) answer {
	if d.ticket(c.in.id("ticket_id")) == nil {
		return invalid(c.in, "ticket_id")
	}
	if c.in.isList("ticket_id") {
		return fail(http.StatusInternalServerError, object{
			{"error", "explode(): Argument #2 ($string) must be of type string, array given"},
		})
	}
	for text := range strings.SplitSeq(c.in.text("ticket_id"), ",") {
		t := d.ticket(leadingInt(text))
		switch {
		case t == nil:
			return result("ticket not found")
		case t.status == statusDeleted:
			d.forget(t.id)
		default:
			t.status = statusDeleted
			d.note(t, c, "Ticket has been Deleted by "+d.fullName(c.user.id))
		}
	}
	return result("your tickets has been deleted")
}

// forget removes a ticket with its messages and collaborators.
func (d *dataset) forget(ticketID int) {
	d.tickets = slices.DeleteFunc(d.tickets, func(t *ticket) bool { return t.id == ticketID })
	d.threads = slices.DeleteFunc(d.threads, func(t *thread) bool { return t.ticket == ticketID })
	d.collaborators = slices.DeleteFunc(d.collaborators, func(c collaborator) bool { return c.ticket == ticketID })
}

// note files an internal note of the caller.
func (d *dataset) note(t *ticket, c call, text string) {
	d.newThread(&thread{ticket: t.id, user: c.user.id, internal: true, body: text, created: c.now})
	t.updated = c.now
}

// assign takes any address for an agent's, customers' too.
func assign(d *dataset, c call) answer {
	if missing := c.in.missing("ticket_id", "user"); len(missing) > 0 {
		return required(missing...)
	}
	staff, t := d.userByEmail(c.in.text("user")), d.ticket(c.in.id("ticket_id"))
	switch {
	case staff == nil:
		return ok(object{{"response", object{{"error", "No agent not found"}}}})
	case t == nil:
		return ok(object{{"response", object{{"error", "No ticket not found"}}}})
	}
	t.assignee = staff.id
	d.note(t, c, "This Ticket has been assigned to "+d.fullName(staff.id))
	return result("success")
}

// internalNote writes a note in the name of the user that the request gives. Ids come back as the text they were.
func internalNote(d *dataset, c call) answer {
	if missing := c.in.missing("user_id", "ticket_id", "body"); len(missing) > 0 {
		return required(missing...)
	}
	author, t := d.user(c.in.id("user_id")), d.ticket(c.in.id("ticket_id"))
	switch {
	case author == nil:
		return invalid(c.in, "user_id")
	case t == nil:
		return invalid(c.in, "ticket_id")
	}
	added := d.newThread(&thread{
		ticket: t.id, user: author.id, internal: true, body: spaced(c.in.text("body")), created: c.now,
	})
	return ok(object{{"thread", object{
		{"ticket_id", c.in.text("ticket_id")},
		{"user_id", c.in.text("user_id")},
		{"is_internal", 1},
		{"body", added.body},
		{"updated_at", timestamp(c.now)},
		{"created_at", timestamp(c.now)},
		{"id", added.id},
	}}})
}
