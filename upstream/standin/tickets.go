package standin

import "strings"

const ticketColumns = "dept_id email user_name first_name last_name id ticket_number user_id priority_id priority_name " +
	"dept_name status_name sla_name source_name sla status lock_by lock_at source isoverdue reopened isanswered " +
	"is_deleted closed reopened_at duedate closed_at created_at updated_at priority_color helptopic_id helptopic_name " +
	"grace_period title assignee"

const threadColumns = "id ticket_id user_id poster source title body is_internal format ip_address created_at " +
	"updated_at first_name last_name user_name email profile_pic"

// Lines of ApiController.php on which Faveo throws when it gets a list instead of text, as recorded.
const (
	lineCustomers    = 566
	lineTicketSearch = 666
)

func oneTicket(d *dataset, c call) answer {
	t := d.ticket(c.in.id("ticket_id"))
	if t == nil {
		return invalid(c.in, "ticket_id")
	}
	v := d.values(t)
	// This handler computes the date itself, and writes it with colons.
	v["duedate"] = t.created.Add(d.sla(t.sla).grace).Format("2006:01:02 15:04:05")
	return result(pick(v, ticketColumns))
}

// ticketThread is the whole conversation, newest first, with the internal notes.
func ticketThread(d *dataset, c call) answer {
	if missing := c.in.missing("id"); len(missing) > 0 {
		return required(missing...)
	}
	var shown []*thread
	for _, t := range d.threadsOf(c.in.id("id")) {
		shown = append([]*thread{t}, shown...)
	}
	return asHTML(each(shown, func(t *thread) object { return pick(d.threadValues(t), threadColumns) }))
}

// threadValues are the columns of a message and of its author, by name.
func (d *dataset) threadValues(t *thread) map[string]any {
	v := map[string]any{}
	if author := d.user(t.user); author != nil {
		v = author.values()
	}
	v["id"], v["ticket_id"], v["user_id"] = t.id, t.ticket, t.user
	v["poster"], v["source"], v["title"] = orNull(t.poster), orNull(t.source), nil
	if t.title != nil {
		v["title"] = *t.title
	}
	v["body"], v["is_internal"] = t.body, 0
	if t.internal {
		v["is_internal"] = 1
	}
	v["reply_rating"], v["rating_count"] = 0, 0
	v["created_at"], v["updated_at"] = timestamp(t.created), timestamp(t.created)
	return v
}

// searchTickets looks into every message, internal notes included, and names a ticket once for each that matches.
func searchTickets(d *dataset, c call) answer {
	if missing := c.in.missing("search"); len(missing) > 0 {
		return required(missing...)
	}
	if c.in.isList("search") {
		return thrown("Array to string conversion", lineTicketSearch)
	}
	text := c.in.text("search")
	found := filter(d.threads, func(t *thread) bool {
		return t.title != nil && containsFold(*t.title, text) || containsFold(t.body, text)
	})
	return result(each(found, func(t *thread) object { return object{{"ticket_id", t.ticket}} }))
}

func containsFold(s, part string) bool { return strings.Contains(fold(s), fold(part)) }
