package config

import (
	"fmt"

	"go.yaml.in/yaml/v4"
)

// walker turns a YAML tree into settings and reports what the schema does not
// know. It never shows a value, only names of keys.
type walker struct {
	*loader
	source string
	into   settings
}

func (w *walker) report(n *yaml.Node, path, message string) {
	w.fault(Fault{Source: w.source, Line: n.Line, Path: path, Message: message})
}

// section reads the mapping of one section; path is "" for the document.
func (w *walker) section(n *yaml.Node, path string) {
	if n.Kind != yaml.MappingNode {
		w.report(n, path, "must be a section with keys below it, not "+describe(n))
		return
	}
	lines := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, value := n.Content[i], n.Content[i+1]
		if first, seen := lines[name.Value]; seen {
			w.report(name, w.known(path, name.Value), fmt.Sprintf("is given twice, first on line %d", first))
			continue
		}
		lines[name.Value] = name.Line
		w.entry(path, name, value, n.Style&yaml.FlowStyle != 0)
	}
}

// known returns the path of name when it may be shown, else that of the section.
func (w *walker) known(section, name string) string {
	if plainName.MatchString(name) {
		return join(section, name)
	}
	return section
}

func (w *walker) entry(section string, name, value *yaml.Node, flow bool) {
	path := join(section, name.Value)
	switch {
	case name.ShortTag() == "!!merge":
		w.report(name, section, "merge keys are not supported")
		return
	case name.Kind != yaml.ScalarNode || name.ShortTag() != "!!str":
		w.report(name, section, "the name of a key must be a plain text")
		return
	}
	if _, ok := w.schema.sections[path]; ok {
		if !isNull(value) { // a section whose keys are all commented out
			w.section(value, path)
		}
		return
	}
	k, file := w.schema.find(path)
	if k == nil {
		// In {a: x,y} the y is a key: the second half of a value that should
		// have been quoted.
		if flow && isNull(value) {
			w.report(name, section, "unknown key; put a value that contains a comma in quotes")
			return
		}
		w.unknown(name, section)
		return
	}
	w.leaf(setting{key: k, path: path, file: file, origin: origin{w.source, name.Line}}, value)
}

// unknown looks for the key among its neighbours, then for the same name in
// another section.
func (w *walker) unknown(name *yaml.Node, section string) {
	if !plainName.MatchString(name.Value) {
		w.report(name, section, "unknown key")
		return
	}
	suggestion := nearest(name.Value, w.schema.sections[section])
	if suggestion != "" {
		suggestion = join(section, suggestion)
	} else {
		for _, path := range w.schema.paths() {
			if _, last := split(path); last == name.Value {
				suggestion = path
				break
			}
		}
	}
	w.report(name, join(section, name.Value), "unknown key"+didYouMean(suggestion))
}

// leaf reads the value of one key, which is a scalar or a list of scalars.
func (w *walker) leaf(s setting, n *yaml.Node) {
	switch {
	case isNull(n) && s.file:
		w.broken(s, n.Line, s.path, "names no file")
		return
	case isNull(n) && s.key.kind == kindSecret:
		w.broken(s, n.Line, s.path, "is empty; a secret that is not wanted is left out")
		return
	case isNull(n):
		w.broken(s, n.Line, s.path, "has no value; leave the key out for its default")
		return
	}
	scalars := []*yaml.Node{n}
	if s.key.list && !s.file {
		if n.Kind != yaml.SequenceNode {
			w.broken(s, n.Line, s.path, "must be a list, not "+describe(n))
			return
		}
		scalars = n.Content
	}
	for i, scalar := range scalars {
		path := s.path
		if s.key.list && !s.file {
			path = fmt.Sprintf("%s[%d]", s.path, i)
		}
		if message := s.refuseNode(scalar); message != "" {
			w.broken(s, scalar.Line, path, message)
			return
		}
		s.items = append(s.items, item{text: scalar.Value, line: scalar.Line})
	}
	w.into[s.key] = append(w.into[s.key], s)
}

// refuseNode compares the type that YAML sees with the type of the key; the text
// itself is judged by decode. It returns "" when they agree.
//
// A number is taken for a text as it is written, so that `version: 1.10` does not
// become 1.1; true, false and null are not, for they are never meant as texts.
func (s setting) refuseNode(n *yaml.Node) string {
	if n.Kind != yaml.ScalarNode {
		return "must be " + s.wants() + ", not " + describe(n)
	}
	tag := n.ShortTag()
	switch {
	case n.Style&yaml.TaggedStyle != 0 && tag != "!!str":
		return "tags are not supported; put a text that begins with ! in quotes"
	case s.file:
		if tag != "!!str" {
			return "must be the name of a file"
		}
	case s.key.kind == kindTime && tag != "!!timestamp" && tag != "!!str", s.key.kind == kindBool && tag != "!!bool", (s.key.kind == kindInteger || s.key.kind == kindRatio) && tag != "!!int" && tag != "!!float":
		return "must be " + s.wants() + ", not " + describe(n)
	case s.key.kind != kindBool && (tag == "!!bool" || tag == "!!null"):
		return "must be " + s.wants() + ", not " + describe(n)
	}
	return ""
}

// describe names the kind of a node and nothing of its content.
func describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias (anchors and aliases are not supported)"
	}
	switch n.ShortTag() {
	case "!!bool":
		return "true or false"
	case "!!int", "!!float":
		return "a number"
	case "!!null":
		return "nothing"
	default:
		return "a text"
	}
}
