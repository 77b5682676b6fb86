package policy

import (
	"cmp"
	"slices"
	"strings"
)

// index finds the rules whose pattern matches a path, in their order. Paths
// that a rule spells out are found by one map lookup, with all the rules that
// match them worked out beforehand; the other paths walk a tree of segments.
type index struct {
	literal map[string]match
	root    *node
}

// match is what is known of a path.
type match struct {
	// rules are those that match, in their order.
	rules []*rule
	// needy is whether one of them may need a lookup.
	needy bool
	// shadow is whether one of them is in shadow mode.
	shadow bool
	// gateway is whether one of them is of class gateway.
	gateway bool
}

func matchOf(rules []*rule) match {
	m := match{rules: rules}
	for _, r := range rules {
		m.needy = m.needy || len(r.objects) > 0 || r.when.wantsAffiliation()
		m.shadow = m.shadow || r.mode == ModeShadow
		m.gateway = m.gateway || r.class == ClassGateway
	}
	return m
}

// node is a place in the tree of patterns that have a capture or a **.
type node struct {
	literal map[string]*node
	capture map[captureKind]*node
	here    []*rule // patterns that end here
	rest    []*rule // patterns that end here in **
}

// newIndex indexes rules, which are in their order.
func newIndex(rules []*rule) *index {
	x := &index{literal: map[string]match{}, root: &node{}}
	for _, r := range rules {
		if r.pattern.literal() {
			x.literal[r.pattern.text] = match{}
		} else {
			x.root.add(r)
		}
	}
	for path := range x.literal {
		var found []*rule
		for _, r := range rules {
			if r.pattern.matches(path) {
				found = append(found, r)
			}
		}
		x.literal[path] = matchOf(found)
	}
	return x
}

// add places a rule below n.
func (n *node) add(r *rule) {
	for _, s := range r.pattern.segments {
		n = n.child(s)
	}
	if r.pattern.rest {
		n.rest = append(n.rest, r)
	} else {
		n.here = append(n.here, r)
	}
}

// child returns the node below n for a segment of a pattern, made if need be.
func (n *node) child(s segment) *node {
	if s.name != "" {
		return childAt(&n.capture, s.kind)
	}
	return childAt(&n.literal, s.literal)
}

func childAt[K comparable](children *map[K]*node, key K) *node {
	if *children == nil {
		*children = map[K]*node{}
	}
	if (*children)[key] == nil {
		(*children)[key] = &node{}
	}
	return (*children)[key]
}

// find returns what is known of path, and whether a rule spells it out.
func (x *index) find(path string) (m match, literal bool) {
	if m, literal = x.literal[path]; literal {
		return m, true
	}
	rest, slash := strings.CutPrefix(path, "/")
	if !slash {
		return match{}, false
	}
	rules := x.root.collect(rest, true, nil)
	slices.SortFunc(rules, func(a, b *rule) int { return cmp.Compare(a.order, b.order) })
	return matchOf(rules), false
}

// collect appends the rules of the patterns that match what is left of a path
// below n. Each segment is tried as a literal and as a capture, at most three
// ways; patterns that share a prefix share its walk.
func (n *node) collect(path string, more bool, found []*rule) []*rule {
	found = append(found, n.rest...)
	if !more {
		return append(found, n.here...)
	}
	part, rest, more := strings.Cut(path, "/")
	if child := n.literal[part]; child != nil {
		found = child.collect(rest, more, found)
	}
	for kind, child := range n.capture {
		if kind.matches(part) {
			found = child.collect(rest, more, found)
		}
	}
	return found
}
