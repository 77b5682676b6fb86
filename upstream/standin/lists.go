package standin

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Columns of the lists, in the recorded order.
const (
	listColumns = "updated_at user_name first_name last_name email profile_pic ticket_number id created_at " +
		"department_name priotity_name sla_plan_name help_topic_name ticket_status_name"
	openColumns = "first_name last_name email profile_pic ticket_number id title created_at department_name " +
		"priotity_name sla_plan_name help_topic_name ticket_status_name"
	inboxColumns = "updated_at user_name first_name last_name email profile_pic ticket_number id title created_at " +
		"department_name priotity_name priority_color sla_plan_name help_topic_name ticket_status_name department_id " +
		"user_dpt attachment overdue_date"
	tableColumns = "id ticket_number user_id dept_id team_id priority_id sla help_topic_id status rating ratingreply " +
		"flags ip_address assigned_to lock_by lock_at source isoverdue reopened isanswered html is_deleted closed " +
		"is_transferred transferred_at reopened_at duedate closed_at last_message_at last_response_at approval " +
		"follow_up created_at updated_at"
)

const perPage = 10

// page is Laravel's paginator over all rows.
func page[T any](c call, rows []T, size int, show func(T) object) object {
	number := max(c.in.id("page"), 1)
	last := max((len(rows)+size-1)/size, 1)
	start := min((number-1)*size, len(rows))
	shown := rows[start:min(start+size, len(rows))]
	at := func(n int) any {
		if n < 1 || n > last {
			return nil
		}
		return c.url + "?page=" + strconv.Itoa(n)
	}
	links := []object{{{"url", at(number - 1)}, {"label", "&laquo; Previous"}, {"active", false}}}
	for n := 1; n <= last; n++ {
		links = append(links, object{{"url", at(n)}, {"label", strconv.Itoa(n)}, {"active", n == number}})
	}
	links = append(links, object{{"url", at(number + 1)}, {"label", "Next &raquo;"}, {"active", false}})
	var from, to any
	if len(shown) > 0 {
		from, to = start+1, start+len(shown)
	}
	return object{
		{"current_page", number},
		{"data", each(shown, show)},
		{"first_page_url", at(1)},
		{"from", from},
		{"last_page", last},
		{"last_page_url", at(last)},
		{"links", links},
		{"next_page_url", at(number + 1)},
		{"path", c.url},
		{"per_page", size},
		{"prev_page_url", at(number - 1)},
		{"to", to},
		{"total", len(rows)},
	}
}

// ticketsWhere are the matching tickets, newest first.
func (d *dataset) ticketsWhere(match func(*ticket) bool) []*ticket {
	found := filter(d.tickets, match)
	slices.Reverse(found)
	return found
}

// listed answers a page of the matching tickets with these columns.
func (d *dataset) listed(c call, columns string, match func(*ticket) bool) answer {
	show := func(t *ticket) object { return pick(d.values(t), columns) }
	return ok(page(c, d.ticketsWhere(match), perPage, show))
}

// mayList is the only filter that Faveo has: an agent sees his department and his assignments. An ordinary user is not
// held to anything.
func mayList(who *user, t *ticket) bool {
	return who.role != "agent" || t.dept == who.department || t.assignee == who.id
}

func openTickets(d *dataset, c call) answer {
	return d.listed(c, openColumns, func(t *ticket) bool { return t.status == statusOpen && t.assignee == 0 })
}

func unassignedTickets(d *dataset, c call) answer {
	return d.listed(c, "priority_color title overdue_date attachment "+listColumns, func(t *ticket) bool {
		return t.status == statusOpen && t.assignee == 0 && mayList(c.user, t)
	})
}

func closedTickets(d *dataset, c call) answer {
	return d.listed(c, "overdue_date priority_color title attachment "+listColumns, func(t *ticket) bool {
		return (t.status == statusResolved || t.status == statusClosed) && mayList(c.user, t)
	})
}

func inbox(d *dataset, c call) answer {
	return d.listed(c, inboxColumns, func(t *ticket) bool { return t.status == statusOpen && mayList(c.user, t) })
}

func trash(d *dataset, c call) answer {
	return d.listed(c, "priority_color title overdue_date attachment "+listColumns, func(t *ticket) bool {
		return t.status == statusDeleted && mayList(c.user, t)
	})
}

func allTickets(d *dataset, c call) answer {
	return d.listed(c, tableColumns, func(*ticket) bool { return true })
}

func ticketsOfAgent(d *dataset, c call) answer {
	agent := d.user(c.in.id("user_id"))
	switch {
	case agent == nil:
		return invalid(c.in, "user_id")
	case !agent.isStaff():
		return ok(object{{"error", "This user is not an Agent or Admin"}})
	}
	return d.listed(c, "priority_color title overdue_date attachment "+listColumns, func(t *ticket) bool {
		return t.status == statusOpen && t.assignee == agent.id
	})
}

func ticketsOfUser(d *dataset, c call) answer {
	client := d.user(c.in.id("user_id"))
	switch {
	case client == nil:
		return invalid(c.in, "user_id")
	case client.isStaff():
		return ok(object{{"error", "This is not a client"}})
	}
	owned := d.ticketsWhere(func(t *ticket) bool { return t.owner == client.id })
	requester := client.values()
	requester["company"] = orNull(d.companyOf(client.id))
	return ok(object{
		{"tickets", each(owned, func(t *ticket) object {
			return pick(d.values(t), "ticket_number id title ticket_status_name")
		})},
		{"requester", pick(requester, "first_name last_name user_name email id profile_pic ban active is_delete "+
			"phone_number ext country_code mobile company")},
	})
}

// companyOf is the name of the organisation that a user belongs to.
func (d *dataset) companyOf(userID int) string {
	m := find(d.members, func(m member) bool { return m.user == userID })
	return find(d.organizations, func(o organization) bool { return o.id == m.organization }).name
}

// ticketsV2 is the list of the second API, which wants three parameters to be there and, except for show, ignores them.
func ticketsV2(d *dataset, c call) answer {
	if len(c.in.missing("api", "show", "departments")) > 0 {
		return fail(http.StatusBadRequest, object{{"success", false}, {"message", "lang.missing_requre_parameters"}})
	}
	wanted := statusOpen
	switch c.in.text("show") {
	case "closed":
		wanted = statusClosed
	case "trash":
		wanted = statusDeleted
	}
	size := perPage
	if asked := c.in.id("limit"); asked > 0 {
		size = min(asked, 500)
	}
	found := d.ticketsWhere(func(t *ticket) bool { return t.status == wanted && mayList(c.user, t) })
	return ok(object{{"success", true}, {"data", page(c, found, size, d.ticketV2)}})
}

func (d *dataset) ticketV2(t *ticket) object {
	v := d.values(t)
	v["priority"] = object{{"name", v["priority_name"]}, {"color", v["priority_color"]}}
	v["source"], v["status"], v["last_replier"], v["verified"] = v["source_name"], nil, "support", 1
	v["countcollaborator"] = len(d.collaboratorsOf(t.id))
	v["thread_count"] = len(d.threadsOf(t.id))
	v["from"] = append(d.user(t.owner).brief(), field{"profile_pic", gravatar("")})
	v["assignee"] = nil
	if staff := d.user(t.assignee); staff != nil {
		v["assignee"] = staff.brief()
	}
	return pick(v, "id title ticket_number duedate updated_at created_at priority verified countcollaborator "+
		"last_replier source from assignee thread_count status")
}

// brief is a person in the second API, which never shows the address.
func (u *user) brief() object {
	return object{{"id", u.id}, {"first_name", u.first}, {"last_name", u.last}, {"user_name", u.name}, {"email", nil}}
}

// invalid is the answer of a validator to a parameter that is missing or names nothing.
func invalid(in params, name string) answer {
	if len(in.missing(name)) > 0 {
		return required(name)
	}
	return ok(object{{"error", object{{name, []string{fmt.Sprintf("The selected %s is invalid.", spoken(name))}}}}})
}

// required is the answer of a validator to parameters that are missing.
func required(names ...string) answer { return ok(object{{"error", requiredErrors(names)}}) }

func requiredErrors(names []string) object {
	var errors object
	for _, name := range names {
		errors = append(errors, field{name, []string{fmt.Sprintf("The %s field is required.", spoken(name))}})
	}
	return errors
}

// spoken is a parameter's name as Laravel writes it into a sentence.
func spoken(name string) string { return strings.ReplaceAll(name, "_", " ") }
