package policy

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// maxParameter bounds the name of a parameter.
const maxParameter = 64

// listing is how a parameter names several objects.
type listing string

// listComma is a list, or text that PHP cuts at each comma.
const listComma listing = "comma"

// objects reads by what a request names objects:
//
//	object: {kind: ticket, parameter: ticket_id}
//	object: {kind: ticket, parameter: [ticket_id, id], list: comma}
//	object: {kind: ticket, capture: id}
//
// or a list of such clauses, at most one of each kind.
func (d *document) objects(n *yaml.Node, r *rule) []ObjectClause {
	if n == nil {
		return nil
	}
	if r.effect == Deny || r.open() {
		d.fault(n, "object is for rules that let roles in: allow rules that need a token")
		return nil
	}
	items := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		items = n.Content
	}
	if len(items) == 0 {
		d.fault(n, "object is empty")
	}
	var clauses []ObjectClause
	for _, item := range items {
		c, ok := d.object(item, r)
		if !ok {
			continue
		}
		if slices.ContainsFunc(clauses, func(other ObjectClause) bool { return other.Kind == c.Kind }) {
			d.fault(item, "kind %s has a clause already: list its parameters there", c.Kind)
			continue
		}
		clauses = append(clauses, c)
	}
	return clauses
}

// object reads one clause.
func (d *document) object(n *yaml.Node, r *rule) (c ObjectClause, ok bool) {
	before := len(d.faults)
	fields := d.mapping(n, "kind", "parameter", "capture", "list")
	if fields == nil {
		return c, false
	}
	if kind := fields["kind"]; kind == nil {
		d.fault(n, "object: kind is missing, want %s", joined(objectKinds()))
	} else {
		c.Kind = closed(d, kind, "kind", objectKinds())
	}
	switch parameter, capture := fields["parameter"], fields["capture"]; {
	case (parameter == nil) == (capture == nil):
		d.fault(n, "object: want a parameter or a capture")
	case parameter != nil:
		c.Parameters = d.parameters(parameter)
	default:
		c.Capture = d.intCapture(capture, r)
	}
	if list := fields["list"]; list != nil {
		c.List = closed(d, list, "list", []listing{listComma}) != ""
		if fields["capture"] != nil {
			d.fault(list, "object: a capture is no list")
		}
	}
	return c, len(d.faults) == before
}

// parameters reads a name or a list of names.
func (d *document) parameters(n *yaml.Node) []string {
	items := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		items = n.Content
	}
	if len(items) == 0 {
		d.fault(n, "parameter is empty")
	}
	var names []string
	for _, item := range items {
		name, ok := d.text(item, "parameter")
		switch {
		case !ok:
		case !isParameterName(name):
			d.fault(item, `parameter %q: want letters, digits, "-" and "_", at most %d`, name, maxParameter)
		case slices.Contains(names, name):
			d.fault(item, "parameter %s is given twice", name)
		default:
			names = append(names, name)
		}
	}
	return names
}

// isParameterName refuses the names that PHP would rewrite or take for a list.
func isParameterName(name string) bool {
	return len(name) <= maxParameter && !strings.ContainsFunc(name, func(r rune) bool {
		return !isAlphanumeric(r) && r != '-' && r != '_'
	})
}

// intCapture reads the name of a capture of the rule's path.
func (d *document) intCapture(n *yaml.Node, r *rule) string {
	name, ok := d.text(n, "capture")
	if !ok {
		return ""
	}
	for _, s := range r.pattern.segments {
		if s.name == name && s.kind == captureInt {
			return name
		}
	}
	d.fault(n, "capture %q: the path has no {%s:int}", name, name)
	return ""
}

// filters reads what is removed from the answers that customers get.
func (d *document) filters(n *yaml.Node, effect Effect) []Filter {
	if n == nil {
		return nil
	}
	if effect == Deny {
		d.fault(n, "a denial has no answer to filter")
		return nil
	}
	items := d.sequence(n, "filters")
	if n.Kind == yaml.SequenceNode && len(items) == 0 {
		d.fault(n, "filters is empty")
	}
	var filters []Filter
	for _, item := range items {
		switch f := closed(d, item, "filter", Filters()); {
		case f == "":
		case slices.Contains(filters, f):
			d.fault(item, "filter %s is given twice", f)
		default:
			filters = append(filters, f)
		}
	}
	return filters
}
