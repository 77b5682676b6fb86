package policy

import "go.yaml.in/yaml/v4"

// caller reads one of the callers.
func (d *tableDocument) caller(key, n *yaml.Node) {
	name, ok := d.text(key, "caller")
	fields := d.mapping(n, "role", "user", "email", "departments", "teams", "key")
	if !ok || fields == nil {
		return
	}
	if _, twice := d.callers[name]; twice {
		d.fault(key, "caller %s is given twice, or stands for no token", name)
	}
	var c Case
	if k := fields["key"]; k != nil {
		c.Subject.Key = d.key(k)
	}
	// With nothing but a key that is bound to nobody, a caller has no token.
	if len(fields) > 1 || fields["key"] == nil {
		d.account(n, name, fields, &c)
	}
	d.callers[name] = c
}

// account reads who a caller with a token is.
func (d *tableDocument) account(n *yaml.Node, name string, fields map[string]*yaml.Node, c *Case) {
	c.Subject.Authenticated = true
	if role := fields["role"]; role == nil {
		d.fault(n, "caller %s: role is missing", name)
	} else {
		c.Subject.Role = closed(&d.document, role, "role", []string{"admin", "agent", "user"})
	}
	if fields["user"] == nil {
		d.fault(n, "caller %s: user is missing", name)
	}
	c.Subject.UserID = d.id(fields["user"], "user")
	if email := fields["email"]; email != nil {
		c.affiliation.Email, _ = d.text(email, "email")
	}
	c.affiliation.Departments = d.ids(fields["departments"], "departments")
	c.affiliation.Teams = d.ids(fields["teams"], "teams")
}

// key reads a caller's API key.
func (d *tableDocument) key(n *yaml.Node) *Key {
	k := &Key{}
	fields := d.mapping(n, "id", "name", "scopes")
	if fields == nil {
		return k
	}
	if v := fields["id"]; v != nil {
		k.ID, _ = d.text(v, "id")
	}
	if v := fields["name"]; v != nil {
		k.Name, _ = d.text(v, "name")
	}
	list := fields["scopes"]
	if list == nil {
		d.fault(n, "scopes is missing: a key says what it is good for")
		return k
	}
	for _, item := range d.sequence(list, "scopes") {
		text, ok := d.text(item, "scope")
		if !ok {
			continue
		}
		s, err := ParseScope(text)
		if err != nil {
			d.fault(item, "%s", err)
		}
		k.Scopes = append(k.Scopes, s)
	}
	return k
}
