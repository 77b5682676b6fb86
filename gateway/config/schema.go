package config

import (
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"time"

	"faveo-gateway/gateway/limit"
)

// kind is how the text of a key is read.
type kind int

// The closed set of kinds. A list is a list of one of them.
const (
	kindText     kind = iota // any text without control characters
	kindBool                 // true or false
	kindInteger              // decimal digits with an optional minus sign
	kindRatio                // a decimal fraction
	kindDuration             // time.ParseDuration
	kindTime                 // RFC 3339, or a date for the moment it begins in UTC
	kindPrefix               // a CIDR, or an address for the network of only itself
	kindRate                 // limit.ParseRate
	kindRoute                // limit.ParseRoute
	kindSecret               // as kindText, never empty and never shown
)

// key is one leaf of the configuration.
type key struct {
	path  string // dotted: "server.timeouts.read"
	index []int  // for reflect.Value.FieldByIndex on a Config
	kind  kind
	list  bool
}

// fileSuffix makes the name of a Secret's key into that of the key which names
// the file to read it from.
const fileSuffix = "_file"

// schema is the set of keys that a struct with yaml tags declares. It is built
// from the types alone, so that the file, the environment and the reference
// configuration cannot know different keys.
type schema struct {
	keys     []*key // in the order of the fields
	byPath   map[string]*key
	sections map[string][]string // "" and the path of each section, to the names in it
}

func newSchema(t reflect.Type) *schema {
	s := &schema{byPath: map[string]*key{}, sections: map[string][]string{}}
	s.addStruct(t, "", nil)
	return s
}

func (s *schema) addStruct(t reflect.Type, section string, index []int) {
	for i := range t.NumField() {
		field := t.Field(i)
		at := append(slices.Clone(index), i)
		name := field.Tag.Get("yaml")
		if name == "" || name == "-" || strings.Contains(name, ",") {
			// A field without a name would be a key that no operator can set.
			panic(fmt.Sprintf("config: %s.%s has no plain yaml name", t, field.Name))
		}
		s.sections[section] = append(s.sections[section], name)
		s.addField(field.Type, join(section, name), at)
	}
}

func (s *schema) addField(t reflect.Type, path string, index []int) {
	if t.Kind() == reflect.Struct && !slices.Contains(structValues(), t) {
		s.addStruct(t, path, index)
		return
	}
	k := &key{path: path, index: index}
	if t.Kind() == reflect.Slice {
		k.list, t = true, t.Elem()
	}
	k.kind = kindOf(t, path)
	s.keys = append(s.keys, k)
	s.byPath[path] = k
	if k.kind == kindSecret {
		section, name := split(path)
		s.sections[section] = append(s.sections[section], name+fileSuffix)
	}
}

// structValues returns the structs that are values, not sections.
func structValues() []reflect.Type {
	return []reflect.Type{
		reflect.TypeFor[Secret](), reflect.TypeFor[time.Time](), reflect.TypeFor[netip.Prefix](),
		reflect.TypeFor[limit.Rate](), reflect.TypeFor[limit.Route](),
	}
}

// kindOf panics for a type that no key has yet: that is the mistake of whoever
// adds the field, and every test of this package meets it.
func kindOf(t reflect.Type, path string) kind {
	switch {
	case t == reflect.TypeFor[Secret]():
		return kindSecret
	case t == reflect.TypeFor[time.Duration]():
		return kindDuration
	case t == reflect.TypeFor[time.Time]():
		return kindTime
	case t == reflect.TypeFor[netip.Prefix]():
		return kindPrefix
	case t == reflect.TypeFor[limit.Rate]():
		return kindRate
	case t == reflect.TypeFor[limit.Route]():
		return kindRoute
	case t.Kind() == reflect.String:
		return kindText
	case t.Kind() == reflect.Float64:
		return kindRatio
	case t.Kind() == reflect.Bool:
		return kindBool
	case t.Kind() == reflect.Int || t.Kind() == reflect.Int64:
		return kindInteger
	default:
		panic(fmt.Sprintf("config: %s has the unsupported type %s", path, t))
	}
}

// find returns the key that path sets, and whether path is the `_file` form of
// a Secret; nil when there is none.
func (s *schema) find(path string) (k *key, file bool) {
	if k := s.byPath[path]; k != nil {
		return k, false
	}
	if base, ok := strings.CutSuffix(path, fileSuffix); ok {
		if k := s.byPath[base]; k != nil && k.kind == kindSecret {
			return k, true
		}
	}
	return nil, false
}

// paths returns every path that can be set, the `_file` forms included.
func (s *schema) paths() []string {
	var all []string
	for _, k := range s.keys {
		all = append(all, k.path)
		if k.kind == kindSecret {
			all = append(all, k.path+fileSuffix)
		}
	}
	return all
}

func join(section, name string) string {
	if section == "" {
		return name
	}
	return section + "." + name
}

func split(path string) (section, name string) {
	if i := strings.LastIndexByte(path, '.'); i >= 0 {
		return path[:i], path[i+1:]
	}
	return "", path
}
