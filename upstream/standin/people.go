package standin

import "time"

func authenticatedUser(_ *dataset, c call) answer { return ok(object{{"user", c.user.row()}}) }

// agents lists the inactive ones too: Faveo's filter binds administrators only.
func agents(d *dataset, _ call) answer {
	staff := filter(d.users, func(u *user) bool { return u.role == "agent" || u.role == "admin" && u.active == 1 })
	return result(each(staff, (*user).row))
}

// customers searches everybody, staff included.
func customers(d *dataset, c call) answer {
	if missing := c.in.missing("search"); len(missing) > 0 {
		return required(missing...)
	}
	if c.in.isList("search") {
		return thrown("Array to string conversion", lineCustomers)
	}
	return result(each(d.named(c.in.text("search")), (*user).row))
}

// named are the users whose names or address contain the text.
func (d *dataset) named(text string) []*user {
	return filter(d.users, func(u *user) bool {
		return containsFold(u.first, text) || containsFold(u.last, text) || containsFold(u.name, text) ||
			containsFold(u.email, text)
	})
}

func customersCustom(d *dataset, c call) answer {
	clients := filter(d.users, func(u *user) bool { return u.role == "user" })
	return asHTML(page(c, clients, perPage, func(u *user) object {
		v := u.values()
		v["company"] = orNull(d.companyOf(u.id))
		v["telephone"], v["telephone_extension"], v["mobile_code"] = v["phone_number"], v["ext"], v["country_code"]
		return pick(v, "id user_name first_name last_name email phone_number profile_pic company active "+
			"telephone_extension mobile telephone mobile_code")
	}))
}

// customer is null for staff and for ids of nobody.
func customer(d *dataset, c call) answer {
	if missing := c.in.missing("user_id"); len(missing) > 0 {
		return required(missing...)
	}
	u := d.user(c.in.id("user_id"))
	if u == nil || u.role != "user" {
		return result(nil)
	}
	return result(u.row())
}

// register creates an account that waits for its activation; role and active in the request count for nothing.
func register(d *dataset, c call) answer {
	if missing := c.in.missing("username", "first_name"); len(missing) > 0 {
		return required(missing...)
	}
	name := c.in.text("username")
	if find(d.users, func(u *user) bool { return fold(u.name) == fold(name) }) != nil {
		return ok(object{{"error", object{{"username", []string{"The username has already been taken."}}}}})
	}
	u := d.newUser(&user{name: name, first: c.in.text("first_name"), email: c.in.text("email")}, c.now)
	return ok(object{{"register", object{
		{"message", "Activate your account! Click on the link that we've sent to your mail"},
		{"user", object{
			{"first_name", u.first},
			{"email", orNull(u.email)},
			{"mobile", nil},
			{"country_code", 0},
			{"user_name", u.name},
			{"role", u.role},
			{"updated_at", timestamp(u.updated)},
			{"created_at", timestamp(u.created)},
			{"id", u.id},
		}},
	}}})
}

// newUser adds a customer and gives it its id.
func (d *dataset) newUser(u *user, now time.Time) *user {
	u.id, u.role, u.created, u.updated = len(d.users)+1, "user", now, now
	d.users = append(d.users, u)
	return u
}
