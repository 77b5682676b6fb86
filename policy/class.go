package policy

import "strings"

// Class says in one word whom a rule concerns. The set is closed.
type Class string

const (
	// ClassPublic needs no token.
	ClassPublic Class = "public"
	// ClassWeb is a page of the web UI that lives below /api. It needs no token,
	// and PHP must be given no identity with it.
	ClassWeb Class = "web"
	// ClassGateway is a route that the gateway answers itself and never forwards.
	// Without roles it needs no token. Only a built-in pack may name it.
	ClassGateway Class = "gateway"
	// ClassAuthenticated is every account, for routes about the caller alone.
	ClassAuthenticated Class = "authenticated"
	// ClassCustomer is customers and the staff above them.
	ClassCustomer Class = "customer"
	// ClassStaff is agents and administrators.
	ClassStaff Class = "staff"
	// ClassAdmin is administrators.
	ClassAdmin Class = "admin"
	// ClassBlocked is nobody, in every mode and whoever asks.
	ClassBlocked Class = "blocked"
	// ClassDead is nobody: PHP has the route and does nothing useful with it.
	ClassDead Class = "dead"
	// ClassRoles is the class of a rule that lists its roles. It cannot be
	// written in a file.
	ClassRoles Class = "roles"
)

// classes are the classes that a file of the site may name.
func classes() []Class {
	return []Class{
		ClassPublic, ClassWeb, ClassAuthenticated, ClassCustomer, ClassStaff, ClassAdmin, ClassBlocked, ClassDead,
	}
}

// effect is what a class does to those whom it concerns.
func (c Class) effect() Effect {
	if c == ClassBlocked || c == ClassDead {
		return Deny
	}
	return Allow
}

// roles expands a class. Public, web, gateway, blocked and dead concern
// everybody, with or without a token, and so expand to no role.
func (c Class) roles() roles {
	switch c {
	case ClassAuthenticated, ClassCustomer:
		return roleAdmin | roleAgent | roleUser
	case ClassStaff:
		return roleAdmin | roleAgent
	case ClassAdmin:
		return roleAdmin
	default:
		return 0
	}
}

// roles is a set of the roles of Faveo (faveo-contract SCHEMA.md, users.role).
type roles uint8

const (
	roleAdmin roles = 1 << iota
	roleAgent
	roleUser
)

// rolesOf is the set of one role, and empty for an unknown one.
func rolesOf(name string) roles {
	switch name {
	case "admin":
		return roleAdmin
	case "agent":
		return roleAgent
	case "user":
		return roleUser
	default:
		return 0
	}
}

// names lists the roles of the set.
func (r roles) names() []string {
	var names []string
	for _, name := range []string{"admin", "agent", "user"} {
		if r&rolesOf(name) != 0 {
			names = append(names, name)
		}
	}
	return names
}

// joined lists the members of a closed set for a fault's text.
func joined[S ~string](set []S) string {
	names := make([]string, len(set))
	for i, s := range set {
		names[i] = string(s)
	}
	return strings.Join(names, ", ")
}
