package standin

import (
	"fmt"
	"net/url"
	"time"
)

// lineRemoveCollaborator is where Faveo throws for a collaborator that does not exist.
const lineRemoveCollaborator = 1506

// Fetched is the answer of helpdesk/url, which stands for what PHP would have fetched. A test that sees it knows that
// the gateway let the request through. Nothing is ever fetched.
const Fetched = "STANDIN-WOULD-HAVE-FETCHED-THIS"

func alreadyInstalled(*dataset, call) answer {
	return ok(object{{"response", "fail"}, {"reason", "this system is already installed"}, {"status", "0"}})
}

func checkURL(*dataset, call) answer { return ok(object{{"status", "success"}}) }

func fetchURL(_ *dataset, c call) answer {
	if missing := c.in.missing("url"); len(missing) > 0 {
		return required(missing...)
	}
	if u, err := url.Parse(c.in.text("url")); err != nil || u.Scheme == "" || u.Host == "" {
		return ok(object{{"error", object{{"url", []string{"The url must be a valid URL."}}}}})
	}
	return result(Fetched)
}

// newAPIKey replaces the key of the installation, for HEAD as well.
func newAPIKey(d *dataset, c call) answer {
	d.apiKey = (c.random + c.random)[:32]
	return result(d.apiKey)
}

// idName shows a row of a small table.
func idName(r named) object { return object{{"name", r.name}, {"id", r.id}} }

// period is the time of a plan in words.
func (s slaPlan) period() string { return fmt.Sprintf("%d Hours", s.grace/time.Hour) }

func priorities(d *dataset, _ call) answer { return result(each(d.priorities, idName)) }

func slaPlans(d *dataset, _ call) answer {
	return result(each(d.slaPlans, func(s slaPlan) object {
		return object{
			{"id", s.id},
			{"name", s.name},
			{"grace_period", s.period()},
			{"admin_note", nil},
			{"status", 1},
			{"transient", 0},
			{"ticket_overdue", 0},
			{"created_at", timestamp(d.installed)},
			{"updated_at", timestamp(d.installed)},
		}
	}))
}

func teams(d *dataset, _ call) answer {
	return result(each(d.teams, func(r named) object {
		status := 0
		if r.id == 1 {
			status = 1
		}
		return object{
			{"id", r.id},
			{"name", r.name},
			{"status", status},
			{"team_lead", nil},
			{"assign_alert", 0},
			{"admin_notes", nil},
			{"created_at", timestamp(d.installed)},
			{"updated_at", timestamp(d.installed)},
		}
	}))
}

func departments(d *dataset, _ call) answer {
	const columns = "id name type sla manager ticket_assignment outgoing_email template_set auto_ticket_response " +
		"auto_message_response auto_response_email recipient group_access department_sign created_at updated_at"
	return result(each(d.departments, func(r named) object {
		return pick(map[string]any{
			"id": r.id, "name": r.name, "type": "1", "sla": 1,
			"created_at": timestamp(d.installed), "updated_at": timestamp(d.installed),
		}, columns)
	}))
}

func helpTopics(d *dataset, _ call) answer {
	const columns = "id topic parent_topic custom_form department ticket_status priority sla_plan thank_page " +
		"ticket_num_format internal_notes status type auto_assign auto_response created_at updated_at"
	return result(each(d.topics, func(r named) object {
		return pick(map[string]any{
			"id": r.id, "topic": r.name, "department": r.id, "ticket_status": 1, "priority": 2, "sla_plan": 1,
			"ticket_num_format": "1", "status": 1, "type": 1, "auto_response": 0,
			"created_at": timestamp(d.installed), "updated_at": timestamp(d.installed),
		}, columns)
	}))
}

// dependency is everything that a form for tickets needs, and the addresses of all agents.
func dependency(d *dataset, c call) answer {
	staff := filter(d.users, func(u *user) bool { return u.role == "agent" })
	return result(object{
		{"departments", each(d.departments, idName)},
		{"sla", each(d.slaPlans, func(s slaPlan) object { return append(idName(s.named), field{"sla_duration", s.period()}) })},
		{"staffs", each(staff, func(u *user) object { return object{{"email", u.email}, {"id", u.id}} })},
		{"teams", each(d.teams, idName)},
		{"priorities", each(d.priorities, func(r named) object {
			return object{{"priority", r.name}, {"priority_id", r.id}}
		})},
		{"helptopics", each(d.topics, func(r named) object { return object{{"topic", r.name}, {"id", r.id}} })},
		{"status", each(statuses(), idName)},
		{"sources", each(sources(), idName)},
		{"tickets_count", d.counts(c.user)},
	})
}

// counts are the numbers beside the folders of the app.
func (d *dataset) counts(who *user) []object {
	count := func(match func(*ticket) bool) int { return len(d.ticketsWhere(match)) }
	var rows []object
	for _, s := range statuses() {
		if n := count(func(t *ticket) bool { return t.status == s.id }); n > 0 {
			rows = append(rows, object{{"name", s.name}, {"count", n}})
		}
	}
	isOpen := func(t *ticket) bool { return t.status == statusOpen }
	return append(rows,
		object{{"name", "unassigned"}, {"count", count(func(t *ticket) bool { return isOpen(t) && t.assignee == 0 })}},
		object{{"name", "mytickets"}, {"count", count(func(t *ticket) bool { return isOpen(t) && t.assignee == who.id })}},
	)
}
