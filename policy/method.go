package policy

import "strings"

// methods is a set of request methods.
type methods uint8

const (
	methodGet methods = 1 << iota
	methodHead
	methodPost
	methodPut
	methodPatch
	methodDelete
	// otherMethods stands for OPTIONS and all that Laravel routes to nothing.
	// Only a rule for all methods has it, and such a rule denies.
	otherMethods

	allMethods = otherMethods<<1 - 1
)

// methodNames are the methods that a rule may list.
func methodNames() []string {
	return []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}
}

// methodBit is the set of one method. Methods are case sensitive (RFC 9110
// section 9.1), so "get" is one of the others.
func methodBit(name string) methods {
	switch name {
	case "GET":
		return methodGet
	case "HEAD":
		return methodHead
	case "POST":
		return methodPost
	case "PUT":
		return methodPut
	case "PATCH":
		return methodPatch
	case "DELETE":
		return methodDelete
	default:
		return otherMethods
	}
}

// withHead is the set with HEAD in it where GET is, as in Laravel's router.
func (m methods) withHead() methods {
	if m&methodGet != 0 {
		m |= methodHead
	}
	return m
}

// list writes the set as it is read, without the HEAD that GET includes.
func (m methods) list() string {
	if m&methodGet != 0 {
		m &^= methodHead
	}
	return strings.Join(m.names(), ",")
}

// names lists the methods of the set, without the others.
func (m methods) names() []string {
	var names []string
	for _, name := range methodNames() {
		if m&methodBit(name) != 0 {
			names = append(names, name)
		}
	}
	return names
}
