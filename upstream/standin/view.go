package standin

import (
	"crypto/md5" // Gravatar names pictures by the MD5 of the address
	"encoding/hex"
	"strings"
	"time"
)

// Columns of users as Faveo shows them: table order without password and remember_token.
const userColumns = "id user_name first_name last_name gender email ban active is_delete ext country_code phone_number " +
	"mobile agent_sign account_type account_status assign_group primary_dpt agent_tzone daylight_save limit_access " +
	"directory_listing vacation_mode company role internal_note profile_pic created_at updated_at user_language"

// timestamp is a model's date as Laravel writes it.
func timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z") }

// datetime is a date as the database shows it.
func datetime(t time.Time) string { return t.UTC().Format(time.DateTime) }

// fold makes texts comparable as a case insensitive column compares them, nearly enough for a stand-in.
func fold(s string) string { return strings.ToLower(strings.TrimRight(s, " ")) }

// gravatar is the address of a user's picture (contract section 1, profile_pic).
func gravatar(email string) string {
	if email == "" {
		return "https://secure.gravatar.com/avatar/" + strings.Repeat("0", 32) + "?s=80&r=g&d=identicon&f=y"
	}
	sum := md5.Sum([]byte(strings.ToLower(strings.TrimSpace(email))))
	return "https://secure.gravatar.com/avatar/" + hex.EncodeToString(sum[:]) + "?s=80&r=g&d=identicon"
}

// avatar is the picture as the collaborator routes give it: a path of the site glued before the address of the picture.
func avatar(email string) string {
	picture, _, _ := strings.Cut(gravatar(email), "&")
	return "https://helpdesk.example.test/uploads/profilepic/" + picture + "&r=g&d=identicon"
}

// values are the columns of a user by name. Those that are not there are NULL.
func (u *user) values() map[string]any {
	email := u.email
	if email == "" {
		email = "Not available"
	}
	return map[string]any{
		"id": u.id, "user_name": u.name, "first_name": u.first, "last_name": u.last, "gender": 0, "email": email,
		"ban": u.ban, "active": u.active, "is_delete": u.deleted, "ext": orNull(u.ext),
		"country_code": orNull(u.countryCode), "phone_number": orNull(u.phone), "mobile": orNull(u.mobile),
		"assign_group": orNull(u.group()), "primary_dpt": orNull(u.department), "company": orNull(u.company),
		"role": u.role, "internal_note": orNull(u.note), "profile_pic": gravatar(u.email),
		"created_at": timestamp(u.created), "updated_at": timestamp(u.updated),
	}
}

// group is the permission group of staff, of which every department has one here.
func (u *user) group() int { return u.department }

// row is the whole user as JSON.
func (u *user) row() object { return pick(u.values(), userColumns) }

// isStaff says whether the user works for the helpdesk.
func (u *user) isStaff() bool { return u.role == "admin" || u.role == "agent" }

// values are the columns of tickets and what the lists of Faveo join to them, by name. A handler picks its columns.
func (d *dataset) values(t *ticket) map[string]any {
	v := d.user(t.owner).values()
	for name, value := range map[string]any{
		"id": t.id, "ticket_number": t.number, "user_id": t.owner, "dept_id": t.dept, "priority_id": t.priority,
		"sla": t.sla, "help_topic_id": t.topic, "status": t.status, "assigned_to": orNull(t.assignee), "source": t.source,
		"rating": 0, "ratingreply": 0, "flags": 0, "ip_address": 0, "lock_by": 0, "isoverdue": 0, "reopened": 0,
		"isanswered": 0, "html": 0, "is_deleted": 0, "closed": 0, "is_transferred": 0, "approval": 0, "follow_up": 0,
		"transferred_at": datetime(t.created), "duedate": datetime(t.due), "overdue_date": datetime(t.due),
		"created_at": timestamp(t.created), "updated_at": timestamp(t.updated),

		"title": d.title(t.id), "attachment": 0, "priority_color": priorityColor(t.priority),
		"department_name": nameOf(d.departments, t.dept), "dept_name": nameOf(d.departments, t.dept),
		"department_id": t.dept, "user_dpt": v["primary_dpt"],
		// Faveo misspells the one and not the other.
		"priotity_name": nameOf(d.priorities, t.priority), "priority_name": nameOf(d.priorities, t.priority),
		"sla_plan_name": d.sla(t.sla).name, "sla_name": d.sla(t.sla).name, "grace_period": d.sla(t.sla).period(),
		"help_topic_name": nameOf(d.topics, t.topic), "helptopic_name": nameOf(d.topics, t.topic), "helptopic_id": t.topic,
		"ticket_status_name": nameOf(statuses(), t.status), "status_name": nameOf(statuses(), t.status),
		"source_name": nameOf(sources(), t.source), "assignee": orNull(d.fullName(t.assignee)),
	} {
		v[name] = value
	}
	return v
}

func priorityColor(id int) string {
	return []string{"#00a65a", "#00bfef", "#f39c12", "#dd4b39"}[min(max(id, 1), 4)-1]
}

// fullName is "First Last"; "" when there is no such user.
func (d *dataset) fullName(userID int) string {
	if u := d.user(userID); u != nil {
		return u.first + " " + u.last
	}
	return ""
}

// sla is the plan of that id, the first one when there is none.
func (d *dataset) sla(id int) slaPlan {
	if id < 1 || id > len(d.slaPlans) {
		id = 1
	}
	return d.slaPlans[id-1]
}
