package policy

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Scope is one thing that an API key is good for. It allows nothing by itself: what
// the rules allow must lie in one of the key's scopes too. It is a class or a route.
//
//	customer                            the rules of this class, and of those below it
//	GET,POST /api/v1/helpdesk/tickets   a route; GET includes HEAD
//	GET /api/v1/plugin/**               paths are written as in rules
//	/api/v1/stock/{item:int}            with every method; so does * before the path
//
// The classes, each with all that is before it:
//
//	public         what needs no token, but in the caller's own name
//	authenticated  what is about the caller alone, his sessions at the gateway among it
//	customer       what customers may do, and the staff too
//	staff          what is for agents and administrators
//	admin          everything
//
// A rule that lists its roles belongs where the least of them does: one for agents to
// staff. What no rule allows and yet goes through, by unknown_routes or in shadow mode,
// belongs to staff with unknown_routes: staff, and to admin without.
//
// The zero Scope is good for nothing. A Scope is immutable, and safe to share.
type Scope struct {
	text string
	// rank is that of a class, and rankNone for a route.
	rank    rank
	methods methods // of a route
	pattern pattern // of a route
}

// rank is how far up a class stands among those that a scope can name.
type rank int

const (
	rankNone rank = iota
	rankPublic
	rankAuthenticated
	rankCustomer
	rankStaff
	rankAdmin
)

// scopeClasses are the classes that a scope may name, in the order of their ranks.
func scopeClasses() []Class {
	return []Class{ClassPublic, ClassAuthenticated, ClassCustomer, ClassStaff, ClassAdmin}
}

// rank is where the class stands, and rankNone for one that no scope names.
func (c Class) rank() rank { return rank(slices.Index(scopeClasses(), c) + 1) }

// scopeRank is where an allow rule stands.
func (r *rule) scopeRank() rank {
	switch {
	case r.open():
		return rankPublic
	case r.class == ClassGateway:
		return rankAuthenticated // Its routes are about the caller's own session.
	case r.class != ClassRoles:
		return r.class.rank()
	case r.roles&roleUser != 0:
		return rankCustomer
	case r.roles&roleAgent != 0:
		return rankStaff
	default:
		return rankAdmin
	}
}

// ParseScope reads a scope. The error says what is wrong with the text, which it
// quotes.
func ParseScope(text string) (Scope, error) {
	s, err := parseScope(text)
	if err != nil {
		return Scope{}, fmt.Errorf("scope %q: %w", text, err)
	}
	return s, nil
}

func parseScope(text string) (s Scope, err error) {
	text = strings.Trim(text, " ")
	slash := strings.IndexByte(text, '/')
	if slash < 0 {
		return parseScopeClass(text)
	}
	before, path := text[:slash], text[slash:]
	if before != "" && !strings.HasSuffix(before, " ") {
		return Scope{}, errors.New("want a blank between the methods and the path, which begins with /")
	}
	if s.methods, err = parseScopeMethods(strings.TrimRight(before, " ")); err != nil {
		return Scope{}, err
	}
	if s.pattern, err = parsePattern(path); err != nil {
		return Scope{}, err
	}
	s.text = path
	if s.methods != allMethods {
		s.text = s.methods.list() + " " + path
	}
	return s, nil
}

func parseScopeClass(text string) (Scope, error) {
	if text == "" {
		return Scope{}, errors.New("it is empty")
	}
	r := Class(text).rank()
	if r == rankNone {
		return Scope{}, fmt.Errorf("want a class (%s) or a route such as GET /api/v1/helpdesk/tickets", joined(scopeClasses()))
	}
	return Scope{text: text, rank: r}, nil
}

// parseScopeMethods reads what stands before a path.
func parseScopeMethods(text string) (methods, error) {
	if text == "" || text == "*" {
		return allMethods, nil
	}
	var all methods
	for name := range strings.SplitSeq(text, ",") {
		name = strings.Trim(name, " ")
		switch {
		case !slices.Contains(methodNames(), name):
			return 0, fmt.Errorf("unknown method %q, want %s, or * for every method", name, joined(methodNames()))
		case all&methodBit(name) != 0:
			return 0, fmt.Errorf("method %s is given twice", name)
		}
		all |= methodBit(name)
	}
	return all.withHead(), nil
}

// ParseScopes reads scopes that commas separate: "staff, GET,POST /api/v1/plugin/**" is
// two, since a method belongs to the path that follows it. The error names every
// fault, one on each line.
func ParseScopes(list string) ([]Scope, error) {
	var (
		scopes  []Scope
		faults  []error
		methods string // of the scope whose path is still to come
	)
	parts := strings.Split(list, ",")
	for i, part := range parts {
		if last := i == len(parts)-1; !last && slices.Contains(methodNames(), strings.Trim(part, " ")) {
			methods += part + ","
			continue
		}
		s, err := ParseScope(strings.Trim(methods+part, " "))
		scopes, faults, methods = append(scopes, s), append(faults, err), ""
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	return scopes, nil
}

// String is the canonical text: ParseScope reads it as the same Scope.
func (s Scope) String() string { return s.text }

// covers reports whether a request for which a rule of rank need is asked lies in the
// scope.
func (s *Scope) covers(need rank, bit methods, path string) bool {
	if s.rank != rankNone {
		return need <= s.rank
	}
	return s.methods&bit != 0 && s.pattern.matches(path)
}

// covers reports whether one of the key's scopes covers a request.
func (k *Key) covers(need rank, bit methods, path string) bool {
	for n := range k.Scopes {
		if k.Scopes[n].covers(need, bit, path) {
			return true
		}
	}
	return false
}
