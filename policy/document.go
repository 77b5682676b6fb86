package policy

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// document reads the rules of one YAML document,
//
//	mode: shadow        # of the rules that have none of their own; may be absent
//	rules:
//	  - name: ticket-edit
//	    methods: [POST]
//	    path: /api/v1/helpdesk/edit
//	    class: staff
//
// It reads nodes, not structs, so that every fault knows its line and one
// fault does not hide the next.
func (l *loader) document(s Source, at layer) {
	fmt.Fprintf(l.read, "%d\n%s", len(s.Data), s.Data)
	d := &document{loader: l, source: s.Name, layer: at}
	var root yaml.Node
	if err := yaml.Load(s.Data, &root); err != nil {
		d.syntax(err)
		return
	}
	if root.Kind != yaml.DocumentNode || len(root.Content) != 1 {
		d.fault(&root, "want one document with the key rules")
		return
	}
	fields := d.mapping(root.Content[0], "mode", "rules")
	if fields == nil {
		return
	}
	if n := fields["mode"]; n != nil {
		d.mode = closed(d, n, "mode", modes())
	}
	list, found := fields["rules"]
	if !found {
		d.fault(root.Content[0], "the key rules is missing")
		return
	}
	for _, item := range d.sequence(list, "rules") {
		if r := d.rule(item); r != nil {
			r.layer = at
			l.rules = append(l.rules, r)
		}
	}
}

// document is one document while it is read.
type document struct {
	*loader
	source string
	layer  layer
	mode   Mode   // of rules that have none of their own; "" is the engine's
	name   string // of the rule being read
}

// fault records a fault at a node.
func (d *document) fault(n *yaml.Node, format string, args ...any) {
	d.faultAt(n.Line, format, args...)
}

func (d *document) faultAt(line int, format string, args ...any) {
	d.loader.fault(Fault{Source: d.source, Line: line, Rule: d.name, Message: fmt.Sprintf(format, args...)})
}

// syntax records what the YAML reader refuses.
func (d *document) syntax(err error) {
	var bad *yaml.LoadError
	if errors.As(err, &bad) {
		d.faultAt(bad.Mark.Line, "not YAML: %s", bad.Message)
		return
	}
	d.faultAt(0, "not YAML: %s", err)
}

// mapping returns the values of a mapping by key, and nil when n is none. A
// key that is unknown, no text or given twice is a fault.
func (d *document) mapping(n *yaml.Node, known ...string) map[string]*yaml.Node {
	if n.Kind != yaml.MappingNode {
		d.fault(n, "want a mapping with the keys %s, not %s", strings.Join(known, ", "), kindName(n))
		return nil
	}
	fields := map[string]*yaml.Node{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		switch _, twice := fields[key.Value]; {
		case key.Kind != yaml.ScalarNode || !slices.Contains(known, key.Value):
			d.fault(key, "unknown key %q, want %s", key.Value, strings.Join(known, ", "))
		case twice:
			d.fault(key, "key %s is given twice", key.Value)
		default:
			fields[key.Value] = value
		}
	}
	return fields
}

// sequence returns the items of a list, none when n is no list.
func (d *document) sequence(n *yaml.Node, what string) []*yaml.Node {
	if n.Kind != yaml.SequenceNode {
		d.fault(n, "%s: want a list, not %s", what, kindName(n))
		return nil
	}
	return n.Content
}

// text returns the value of a scalar of type string; ok is false after a fault.
func (d *document) text(n *yaml.Node, what string) (text string, ok bool) {
	switch {
	case n.Kind != yaml.ScalarNode || n.ShortTag() != "!!str":
		d.fault(n, "%s: want text, not %s", what, kindName(n))
		return "", false
	case strings.TrimSpace(n.Value) == "":
		d.fault(n, "%s is empty", what)
		return "", false
	}
	return n.Value, true
}

// kindName says what a node is, for a fault.
func kindName(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias"
	default:
		return fmt.Sprintf("%q (%s)", n.Value, n.ShortTag())
	}
}
