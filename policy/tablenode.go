package policy

import (
	"path/filepath"
	"slices"
	"time"

	"go.yaml.in/yaml/v4"
)

// tableDocument is a table while it is read.
type tableDocument struct {
	document
	callers map[string]Case
}

func (d *tableDocument) table(data []byte) *Table {
	var root yaml.Node
	if err := yaml.Load(data, &root); err != nil {
		d.syntax(err)
		return nil
	}
	if root.Kind != yaml.DocumentNode || len(root.Content) != 1 {
		d.fault(&root, "want one document with the key tests")
		return nil
	}
	fields := d.mapping(root.Content[0], "policy", "callers", "tickets", "tests")
	if fields == nil {
		return nil
	}
	t := &Table{tickets: map[uint64]Object{}}
	if n := fields["policy"]; n != nil {
		t.policy = d.config(n)
	}
	for name, n := range d.entries(fields["callers"]) {
		d.caller(name, n)
	}
	for id, n := range d.entries(fields["tickets"]) {
		d.ticket(t, id, n)
	}
	list := fields["tests"]
	if list == nil {
		d.fault(root.Content[0], "the key tests is missing")
		return nil
	}
	items := d.sequence(list, "tests")
	if list.Kind == yaml.SequenceNode && len(items) == 0 {
		d.fault(list, "tests is empty")
	}
	for _, item := range items {
		if c, ok := d.test(item); ok {
			t.Cases = append(t.Cases, c)
		}
	}
	return t
}

// config reads the section policy.
func (d *tableDocument) config(n *yaml.Node) *Config {
	c := DefaultConfig()
	fields := d.mapping(n, "mode", "files", "unknown_routes", "editions", "agents_see_all")
	if v := fields["mode"]; v != nil {
		c.Mode = closed(&d.document, v, "mode", modes())
	}
	if v := fields["unknown_routes"]; v != nil {
		c.UnknownRoutes = closed(&d.document, v, "unknown_routes", unknownRoutes())
	}
	if v := fields["files"]; v != nil {
		for _, item := range d.sequence(v, "files") {
			if name, ok := d.text(item, "file"); ok {
				c.Files = append(c.Files, d.beside(name))
			}
		}
	}
	if v := fields["editions"]; v != nil {
		for _, item := range d.sequence(v, "editions") {
			c.Editions = append(c.Editions, closed(&d.document, item, "edition", editions()))
		}
	}
	if v := fields["agents_see_all"]; v != nil {
		if err := v.Load(&c.AgentsSeeAll); err != nil || v.ShortTag() != "!!bool" {
			d.fault(v, "agents_see_all: want true or false, not %s", kindName(v))
		}
	}
	return &c
}

// beside is a file named relative to the table.
func (d *tableDocument) beside(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(filepath.Dir(d.source), name)
}

func (d *tableDocument) ticket(t *Table, key, n *yaml.Node) {
	id := d.id(key, "ticket")
	fields := d.mapping(n, "owner", "collaborators", "department", "assignee", "team")
	if fields == nil {
		return
	}
	if _, twice := t.tickets[id]; twice {
		d.fault(key, "ticket %d is given twice", id)
	}
	t.tickets[id] = Object{
		Kind: ObjectTicket, ID: id, Found: true,
		Owner:         d.id(fields["owner"], "owner"),
		Collaborators: d.ids(fields["collaborators"], "collaborators"),
		Department:    d.id(fields["department"], "department"),
		Assignee:      d.id(fields["assignee"], "assignee"),
		Team:          d.id(fields["team"], "team"),
	}
}

// test reads one case.
func (d *tableDocument) test(n *yaml.Node) (Case, bool) {
	before := len(d.faults)
	fields := d.mapping(n, "name", "caller", "request", "params", "at", "want", "rule", "filters")
	if fields == nil {
		return Case{}, false
	}
	caller, _ := d.need(n, fields, "caller")
	request, _ := d.need(n, fields, "request")
	want, _ := d.need(n, fields, "want")
	c, known := d.callers[caller]
	if caller != "" && !known {
		d.fault(fields["caller"], "caller %q is not among the callers, nor %s", caller, NoCaller)
	}
	c.Line, c.Want, c.Name = n.Line, want, request+" by "+caller
	if want != "" && want != OutcomeObjectID && !slices.Contains(Reasons(), Reason(want)) {
		d.fault(fields["want"], "unknown outcome %q, want %s, %s", want, joined(Reasons()), OutcomeObjectID)
	}
	if v := fields["name"]; v != nil {
		c.Name, _ = d.text(v, "name")
	}
	if v := fields["rule"]; v != nil {
		c.rule, _ = d.text(v, "rule")
	}
	if v := fields["filters"]; v != nil {
		c.hasFilters = true
		for _, item := range d.sequence(v, "filters") {
			c.filters = append(c.filters, closed(&d.document, item, "filter", Filters()))
		}
	}
	if request != "" {
		var err error
		if c.Request, err = ParseRequest(request); err != nil {
			d.fault(fields["request"], "%s", err)
		}
	}
	if v := fields["params"]; v != nil {
		d.params(v, &c)
	}
	if v := fields["at"]; v != nil {
		at, err := time.Parse(time.RFC3339, v.Value)
		if err != nil {
			d.fault(v, "at: want a time such as 2026-07-01T12:00:00+02:00, not %s", kindName(v))
		}
		c.Request.Time = at
	}
	return c, len(d.faults) == before
}

// need reads a text that must be there.
func (d *tableDocument) need(test *yaml.Node, fields map[string]*yaml.Node, key string) (string, bool) {
	if fields[key] == nil {
		d.fault(test, "%s is missing", key)
		return "", false
	}
	return d.text(fields[key], key)
}

// id reads a number of the range of ids; absent is 0.
func (d *tableDocument) id(n *yaml.Node, what string) uint64 {
	if n == nil {
		return 0
	}
	found, err := (&ObjectClause{}).text(nil, what, n.Value)
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!int" || err != nil {
		d.fault(n, "%s: want an id, not %s", what, kindName(n))
		return 0
	}
	return found[0].ID
}

func (d *tableDocument) ids(n *yaml.Node, what string) []uint64 {
	if n == nil {
		return nil
	}
	var ids []uint64
	for _, item := range d.sequence(n, what) {
		ids = append(ids, d.id(item, what))
	}
	return ids
}
