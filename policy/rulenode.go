package policy

import (
	"slices"

	"go.yaml.in/yaml/v4"
)

// maxName bounds a rule's name, which is a metric label.
const maxName = 64

// ruleKeys are the keys of a rule.
func ruleKeys() []string {
	return []string{"name", "methods", "path", "class", "roles", "effect", "object", "when", "filters", "mode", "reason"}
}

// rule reads one rule. It returns nil when the rule is too broken to be
// compared with others; its faults are recorded in any case.
func (d *document) rule(n *yaml.Node) *rule {
	d.name = ""
	defer func() { d.name = "" }()
	fields := d.mapping(n, ruleKeys()...)
	if fields == nil {
		return nil
	}
	before := len(d.faults)
	r := &rule{source: d.source, line: n.Line}
	r.name = d.ruleName(n, fields["name"], r)
	r.class = d.class(fields["class"])
	r.pattern = d.path(n, fields["path"], r)
	r.effect = d.effect(n, fields, r.class)
	r.roles = d.roles(n, fields, r)
	r.methods = d.methods(n, fields["methods"], r.effect)
	r.mode = d.ruleMode(fields["mode"], r)
	r.explanation = d.reason(n, fields["reason"], r.effect)
	r.objects = d.objects(fields["object"], r)
	r.when = d.when(fields["when"], r, fields["object"] != nil)
	r.filters = d.filters(fields["filters"], r.effect)
	if r.class == "" {
		r.class = ClassRoles
	}
	r.rank = r.scopeRank()
	if len(d.faults) > before {
		return nil
	}
	return r
}

func (d *document) ruleName(rule, n *yaml.Node, r *rule) string {
	if n == nil {
		d.fault(rule, "name is missing")
		return ""
	}
	name, ok := d.text(n, "name")
	if !ok {
		return ""
	}
	d.name = name
	switch taken := d.names[name]; {
	case taken != nil:
		d.fault(n, "name %q is taken by the rule at %s:%d", name, taken.source, taken.line)
	case !isRuleName(name):
		d.fault(n, `name %q: want lower case letters, digits and "-", a letter first, at most %d`, name, maxName)
	case name == NoRule:
		d.fault(n, "name %q stands for no rule", name)
	default:
		d.names[name] = r
	}
	return name
}

func isRuleName(name string) bool {
	if len(name) > maxName || name[0] < 'a' || name[0] > 'z' {
		return false
	}
	for _, c := range name {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}

func (d *document) path(rule, n *yaml.Node, r *rule) pattern {
	if n == nil {
		d.fault(rule, "path is missing")
		return pattern{}
	}
	text, ok := d.text(n, "path")
	if !ok {
		return pattern{}
	}
	p, err := parsePattern(text)
	switch {
	case err != nil:
		d.fault(n, "%s", err)
	case p.rest && r.open():
		d.fault(n, "class %s opens single routes only, without **", r.class)
	}
	return p
}

func (d *document) class(n *yaml.Node) Class {
	if n == nil {
		return ""
	}
	if n.Value == string(ClassGateway) {
		if d.layer != layerBuiltin {
			d.fault(n, "class gateway is for what the gateway answers itself, which is built in")
		}
		return ClassGateway
	}
	return closed(d, n, "class", classes())
}

// effect reads the effect. A class has its own; a rule without a class says
// what it does.
func (d *document) effect(rule *yaml.Node, fields map[string]*yaml.Node, class Class) Effect {
	n := fields["effect"]
	if n == nil {
		if fields["class"] == nil {
			d.fault(rule, "want a class, or an effect and the roles that it is for")
			return ""
		}
		return class.effect()
	}
	effect := closed(d, n, "effect", []Effect{Allow, Deny})
	if class != "" && effect != "" && effect != class.effect() {
		d.fault(n, "class %s means %s; to deny some roles, list them under roles", class, class.effect())
	}
	return effect
}

// roles reads whom the rule is for.
func (d *document) roles(rule *yaml.Node, fields map[string]*yaml.Node, r *rule) roles {
	n := fields["roles"]
	switch {
	case n != nil && fields["class"] != nil && r.class != ClassGateway:
		d.fault(n, "want class or roles, not both")
		return 0
	case n == nil && fields["class"] == nil && r.effect == Allow:
		d.fault(rule, "an allow rule needs a class or roles")
		return 0
	case n == nil:
		return r.class.roles()
	}
	var all roles
	items := d.sequence(n, "roles")
	if n.Kind == yaml.SequenceNode && len(items) == 0 {
		d.fault(n, "roles is empty")
	}
	for _, item := range items {
		switch name, ok := d.text(item, "role"); {
		case !ok:
		case rolesOf(name) == 0:
			d.fault(item, "unknown role %q, want admin, agent, user", name)
		case all&rolesOf(name) != 0:
			d.fault(item, "role %s is given twice", name)
		default:
			all |= rolesOf(name)
		}
	}
	return all
}

// methods reads the methods. None means all, which only a denial may have.
func (d *document) methods(rule, n *yaml.Node, effect Effect) methods {
	if n == nil {
		if effect == Allow {
			d.fault(rule, "methods is missing: an allow rule lists its methods")
		}
		return allMethods
	}
	var all methods
	items := d.sequence(n, "methods")
	if n.Kind == yaml.SequenceNode && len(items) == 0 {
		d.fault(n, "methods is empty")
	}
	for _, item := range items {
		switch name, ok := d.text(item, "method"); {
		case !ok:
		case !slices.Contains(methodNames(), name):
			d.fault(item, "unknown method %q, want GET, HEAD, POST, PUT, PATCH, DELETE", name)
		case all&methodBit(name) != 0:
			d.fault(item, "method %s is given twice", name)
		default:
			all |= methodBit(name)
		}
	}
	return all.withHead()
}

// ruleMode reads the rule's own mode, else it is the document's.
func (d *document) ruleMode(n *yaml.Node, r *rule) Mode {
	if n == nil {
		if r.class == ClassBlocked {
			return "" // A document may be in shadow mode, a blocked route in it never is.
		}
		return d.mode
	}
	mode := closed(d, n, "mode", modes())
	if mode == ModeShadow && r.class == ClassBlocked {
		d.fault(n, "a blocked route is never in shadow mode: one request is enough to lose the server")
	}
	return mode
}

// reason reads the text for operators. A denial without one would puzzle those
// who meet it in the log.
func (d *document) reason(rule, n *yaml.Node, effect Effect) string {
	if n == nil {
		if effect == Deny {
			d.fault(rule, "reason is missing: a denial says why")
		}
		return ""
	}
	text, _ := d.text(n, "reason")
	return text
}

// when reads and compiles the condition.
func (d *document) when(n *yaml.Node, r *rule, object bool) *condition {
	if n == nil {
		return nil
	}
	if r.class == ClassBlocked || r.class == ClassDead {
		d.fault(n, "class %s has no condition: use effect deny", r.class)
		return nil
	}
	expression, ok := d.text(n, "when")
	if !ok {
		return nil
	}
	c, faults := compileCondition(d.env, expression, r.pattern, object)
	for _, f := range faults {
		line := n.Line + f.line - 1
		if n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
			line++ // the text of a block begins on the line after its | or >
		}
		d.faultAt(line, "when, at %d:%d: %s", f.line, f.column, f.message)
	}
	return c
}

// closed reads a value of a closed set, and "" after a fault.
func closed[S ~string](d *document, n *yaml.Node, what string, set []S) S {
	text, ok := d.text(n, what)
	if !ok {
		return ""
	}
	if !slices.Contains(set, S(text)) {
		d.fault(n, "unknown %s %q, want %s", what, text, joined(set))
		return ""
	}
	return S(text)
}
