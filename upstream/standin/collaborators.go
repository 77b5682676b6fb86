package standin

import (
	"net/http"
	"slices"
)

func searchCollaborators(d *dataset, c call) answer {
	if missing := c.in.missing("term"); len(missing) > 0 {
		return fail(http.StatusUnprocessableEntity, object{{"success", false}, {"errors", requiredErrors(missing)}})
	}
	return ok(object{{"users", each(d.named(c.in.text("term")), func(u *user) object {
		return object{{"name", u.first + " " + u.last}, {"email", u.email}, {"avatar", avatar(u.email)}}
	})}})
}

func collaborators(d *dataset, c call) answer {
	if missing := c.in.missing("ticket_id"); len(missing) > 0 {
		return required(missing...)
	}
	return ok(object{{"collaborator", each(d.collaboratorsOf(c.in.id("ticket_id")), func(u *user) object {
		return object{{"email", u.email}, {"user_name", u.name}, {"avatar", avatar(u.email)}}
	})}})
}

func (d *dataset) collaboratorsOf(ticketID int) []*user {
	var found []*user
	for _, c := range d.collaborators {
		if c.ticket == ticketID {
			found = append(found, d.user(c.user))
		}
	}
	return found
}

// addCollaborator creates an active account for the address and lets it follow any ticket. An address that has an
// account already is refused, as the validator of Faveo does.
func addCollaborator(d *dataset, c call) answer {
	if missing := c.in.missing("email", "ticket_id"); len(missing) > 0 {
		return required(missing...)
	}
	email := c.in.text("email")
	if d.userByEmail(email) != nil {
		return ok(object{{"error", object{{"email", []string{"The email has already been taken."}}}}})
	}
	u := d.newUser(&user{name: email, first: email, email: email, active: 1}, c.now)
	d.lastCollaborator++
	d.collaborators = append(d.collaborators, collaborator{d.lastCollaborator, c.in.id("ticket_id"), u.id})
	return ok(object{{"collaborator", object{{email, email}}}})
}

// removeCollaborator names its ticket ticketid, unlike every other route.
func removeCollaborator(d *dataset, c call) answer {
	if missing := c.in.missing("ticketid", "email"); len(missing) > 0 {
		return result(requiredErrors(missing))
	}
	u := d.userByEmail(c.in.text("email"))
	if u == nil {
		return thrown(`Attempt to read property "id" on null`, lineRemoveCollaborator)
	}
	d.collaborators = slices.DeleteFunc(d.collaborators, func(row collaborator) bool {
		return row.ticket == c.in.id("ticketid") && row.user == u.id
	})
	return ok(object{{"collaborator", "deleted successfully"}})
}
