package policy

import (
	"math"
	"strconv"
	"strings"

	"cel.dev/cel-go/cel"
)

// activation gives a condition its variables, each only when it is asked for.
type activation struct {
	subject Subject
	request Request
	input   map[string]any
	pattern pattern
	held    bool
	object  Object
	about   bool // whether there is an object
	unknown bool // whether something was asked for that was not looked up
}

// Parent says that there are no other variables.
func (*activation) Parent() cel.Activation { return nil }

// ResolveName returns the value of a variable.
func (a *activation) ResolveName(name string) (any, bool) {
	switch name {
	case "subject.authenticated":
		return a.subject.Authenticated, true
	case "subject.id":
		return int64(a.subject.UserID), a.subject.UserID <= math.MaxInt64
	case "subject.role":
		return a.subject.Role, true
	case "subject.held":
		return a.held, true
	case "request.method":
		return a.request.Method, true
	case "request.path":
		return a.request.Path, true
	case "request.time":
		return a.request.Time, !a.request.Time.IsZero()
	case "params":
		return a.params(), true
	}
	switch kind, name, _ := strings.Cut(name, "."); kind {
	case "captures":
		return a.capture(name)
	case "subject":
		if field, found := strings.CutPrefix(name, "key."); found {
			return a.keyField(field)
		}
		return a.affiliation(name)
	case "object":
		return a.objectField(name)
	default:
		return nil, false
	}
}

func (a *activation) params() map[string]any {
	if a.input == nil && a.request.Params != nil {
		a.input = a.request.Params.Map()
	}
	if a.input == nil {
		return map[string]any{}
	}
	return a.input
}

// keyField returns what there is of an API key, and of none what is empty.
func (a *activation) keyField(name string) (any, bool) {
	key := a.subject.Key
	if key == nil {
		key = &Key{}
	}
	switch name {
	case "present":
		return a.subject.Key != nil, true
	case "id":
		return key.ID, true
	case "name":
		return key.Name, true
	case "scopes":
		texts := make([]string, len(key.Scopes))
		for i, s := range key.Scopes {
			texts[i] = s.text
		}
		return texts, true
	default:
		return nil, false
	}
}

func (a *activation) affiliation(name string) (any, bool) {
	known := a.subject.Affiliation
	if known == nil {
		a.unknown = true
		return nil, false
	}
	switch name {
	case "email":
		return known.Email, true
	case "departments":
		return integers(known.Departments), true
	case "teams":
		return integers(known.Teams), true
	default:
		return nil, false
	}
}

func (a *activation) objectField(name string) (any, bool) {
	if !a.about {
		a.unknown = true
		return nil, false
	}
	switch name {
	case "kind":
		return string(a.object.Kind), true
	case "id":
		return int64(a.object.ID), true
	case "owner":
		return int64(a.object.Owner), true
	case "collaborators":
		return integers(a.object.Collaborators), true
	case "department":
		return int64(a.object.Department), true
	case "assignee":
		return int64(a.object.Assignee), true
	case "team":
		return int64(a.object.Team), true
	default:
		return nil, false
	}
}

// integers turns ids, which fit 32 bits, into what CEL calls int.
func integers(ids []uint64) []int64 {
	list := make([]int64, len(ids))
	for i, id := range ids {
		list[i] = int64(id)
	}
	return list
}

func (a *activation) capture(name string) (any, bool) {
	text, kind, found := a.pattern.capture(a.request.Path, name)
	if !found || kind != captureInt {
		return text, found
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil
}

var _ cel.Activation = (*activation)(nil)
