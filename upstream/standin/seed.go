package standin

import (
	"fmt"
	"time"
)

// seed is the data set that every Faveo and every database of CreateDatabase begin with. All of it is invented.
func seed() *dataset {
	d := &dataset{
		apiKey:        "DemoInstallationKey0123456789abc",
		users:         seedUsers(),
		collaborators: []collaborator{{1, 1, 5}}, lastCollaborator: 1,
		organizations: []organization{{named{1, "Northwind Cranes"}, 3}},
		members:       []member{{1, 3}, {1, 6}},
		departments:   list("Support", "Sales", "Operation"),
		teams:         list("Level 1 Support", "Level 2 Support", "Developer"),
		priorities:    list("Low", "Normal", "High", "Emergency"),
		topics:        list("Support query", "Sales query", "Operational query"),
		installed:     seedTime(0),
	}
	for i, name := range []string{"Sla 1", "Sla 2", "Sla 3"} {
		d.slaPlans = append(d.slaPlans, slaPlan{named{i + 1, name}, 6 << i * time.Hour})
	}
	seedTickets(d)
	return d
}

// seedTime is noon of the first day of the invented helpdesk, some hours later.
func seedTime(hours int) time.Time {
	return time.Date(2026, time.April, 1, 12+hours, 0, 0, 0, time.UTC)
}

func seedUsers() []*user {
	users := []*user{
		{name: "demoadmin", first: "Ada", last: "Admin", role: "admin", department: 1},
		{name: "demoagent", first: "Arthur", last: "Agent", role: "agent", department: 1},
		{
			name: "democlient", first: "Clara", last: "Client", role: "user", company: "Northwind Cranes",
			ext: "12", phone: "5550100", mobile: "5550101", countryCode: 44, note: "pays late, do not mention",
		},
		{name: "otherclient", first: "Otto", last: "Other", role: "user"},
		{name: "helperclient", first: "Hanna", last: "Helper", role: "user"},
		{name: "colleague", first: "Colin", last: "Colleague", role: "user", company: "Northwind Cranes"},
		{name: "salesagent", first: "Sally", last: "Sales", role: "agent", department: 2},
		{name: "bannedclient", first: "Ben", last: "Banned", role: "user", ban: 1},
		{name: "deletedclient", first: "Dina", last: "Deleted", role: "user", deleted: 1},
		{name: "inactiveclient", first: "Ines", last: "Inactive", role: "user"},
	}
	for i, u := range users {
		u.id, u.email, u.active = i+1, u.name+"@example.test", 1
		u.created, u.updated = seedTime(0), seedTime(1)
	}
	users[len(users)-1].active = 0
	return users
}

// seedTickets files the tickets, each with its first message, a reply of the staff and an internal note.
func seedTickets(d *dataset) {
	for _, s := range []struct {
		owner, dept, status, assignee int
		subject, body                 string
	}{
		{3, 1, statusOpen, 2, "Crane 7 squeaks", "It squeaks when it turns left.\nCan <b>you</b> help?"},
		{3, 2, statusOpen, 0, "Quote for a second crane", "Please send a quote. Größe: 40 m."},
		{3, 1, statusClosed, 2, "Manual in French", "Where do I find the French manual?"},
		{4, 2, statusOpen, 7, "Refund for order 9001", "I would like my money back."},
		{4, 1, statusOpen, 0, "Cannot log in", "My password is not accepted any more."},
		{4, 3, statusResolved, 2, "Key to the yard", "Who has the key to the yard?"},
		{6, 1, statusOpen, 2, "Invoice to the wrong address", "We have moved last month."},
		{6, 1, statusDeleted, 2, "Thrown away by the staff", "This one is in the trash."},
		{5, 3, statusOpen, 7, "Delivery on Sunday", "Can you deliver on a Sunday?"},
		{8, 1, statusOpen, 0, "Ticket of a banned customer", "Why am I banned?"},
		{9, 2, statusOpen, 0, "Ticket of a deleted customer", "Am I still here?"},
	} {
		t := d.newTicket(s.owner, seedTime(len(d.tickets)+2))
		t.dept, t.topic, t.status, t.assignee = s.dept, s.dept, s.status, s.assignee
		d.newThread(&thread{ticket: t.id, user: s.owner, poster: "client", title: &s.subject, body: s.body, source: 1, created: t.created})
		staff, blank := 2, ""
		if t.assignee != 0 {
			staff = t.assignee
		}
		d.newThread(&thread{ticket: t.id, user: staff, poster: "support", title: &blank, body: fmt.Sprintf("We are looking into ticket %d.", t.id), created: t.created})
		d.newThread(&thread{ticket: t.id, user: staff, internal: true, body: fmt.Sprintf("INTERNAL NOTE on ticket %d, not for the customer.", t.id), created: t.created})
	}
}

// newTicket files a ticket with Faveo's defaults.
func (d *dataset) newTicket(owner int, at time.Time) *ticket {
	d.lastTicket++
	t := &ticket{
		id: d.lastTicket, number: fmt.Sprintf("AAAA-0000-%07d", d.lastTicket), owner: owner,
		dept: 1, priority: 2, sla: 1, topic: 1, status: statusOpen, source: 1,
		created: at, updated: at, due: at.Add(d.slaPlans[0].grace),
	}
	d.tickets = append(d.tickets, t)
	return t
}

// newThread files a message and gives it its id.
func (d *dataset) newThread(t *thread) *thread {
	d.lastThread++
	t.id = d.lastThread
	d.threads = append(d.threads, t)
	return t
}
