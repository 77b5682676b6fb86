package standin

import "strings"

// authenticate is Faveo's own login. A gateway answers this route itself, so nothing should ever arrive here through
// one; it is kept as unsafe as it is (banned and deleted accounts log in), because the migration of a site begins with
// tokens that this route has issued.
func authenticate(d *dataset, c call) answer {
	u := d.login(c.in.text("username"))
	if u == nil || c.in.text("password") != Password {
		return ok(object{{"error", "invalid_credentials"}, {"status_code", 401}})
	}
	return ok(object{{"token", c.issue(u.id, c.url, c.random[:16])}, {"user_id", u.row()}})
}

// login looks the account up by address when the name looks like one, else by user name, and among the active only.
func (d *dataset) login(name string) *user {
	return find(d.users, func(u *user) bool {
		column := u.name
		if strings.Contains(name, "@") {
			column = u.email
		}
		return name != "" && u.active == 1 && fold(column) == fold(name)
	})
}
