package config

import (
	"fmt"
	"reflect"
	"strings"
)

// Sources are the places that a configuration is read from. Overrides win over
// Environ, that over File, that over FaveoEnv, that over Fallbacks, and those over
// the defaults.
type Sources struct {
	// File is the path of the YAML document; "" reads none.
	File string
	// FaveoEnv is the path of Faveo's own .env; "" reads none.
	FaveoEnv string
	// Environ are entries "NAME=value" as os.Environ returns them. Names that do
	// not begin with FAVEO_GATEWAY_ are ignored.
	Environ []string
	// Overrides are the flags of the command line: texts, as in the
	// environment, by path.
	Overrides map[string]string
	// Fallbacks replace defaults, in the form of Overrides: the stand-ins of the
	// demo for what is not configured.
	Fallbacks map[string]string
}

// Load reads, composes and validates a configuration. Its error is Faults, all
// of them at once; the Config is nil then.
func Load(s Sources) (*Config, error) {
	l := &loader{
		schema:  newSchema(reflect.TypeFor[Config]()),
		sources: s,
		origins: map[string]origin{},
		refused: map[string]bool{},
	}
	file, fileRead := l.readFile(s.File)
	faveo, faveoRead := l.readFaveoEnv(s.FaveoEnv)
	layers := []layer{
		{l.readTexts(s.Fallbacks, sourceFallback), true},
		{faveo, true},
		{file, false},
		{l.readEnviron(s.Environ), false},
		{l.readTexts(s.Overrides, sourceOverride), false},
	}

	c := Default()
	for _, k := range l.schema.keys {
		l.apply(k, layers, reflect.ValueOf(c).Elem().FieldByIndex(k.index))
	}
	// Without one of the files the rest would be judged for what nobody wrote.
	if fileRead && faveoRead {
		l.validate(c)
	}
	if len(l.faults) > 0 {
		l.faults.sort(s)
		return nil, l.faults
	}
	return c, nil
}

// layer is what one source gives. A value that is implied was not written for the
// gateway, and is judged only when no stronger source replaces it.
type layer struct {
	given   settings
	implied bool
}

// loader collects what one Load finds.
type loader struct {
	schema  *schema
	sources Sources
	faults  Faults
	origins map[string]origin // by path, of keys and of the elements of lists
	refused map[string]bool   // paths of keys that already have a fault
}

func (l *loader) fault(f Fault) { l.faults = append(l.faults, f) }

// broken reports a fault of a setting and keeps its key from being judged again.
func (l *loader) broken(s setting, line int, path, message string) {
	l.refused[s.key.path] = true
	l.fault(Fault{Source: s.origin.source, Line: line, Path: path, Message: message})
}

// apply writes the settings of one key into v, weakest first. A value that a
// stronger source replaces is still checked unless it is implied, but a secret's
// file that is replaced is not read.
func (l *loader) apply(k *key, layers []layer, v reflect.Value) {
	strongest := -1
	for i, layer := range layers {
		if len(layer.given[k]) > 0 {
			strongest = i
		}
	}
	for i, layer := range layers {
		given := layer.given[k]
		if len(given) == 0 || layer.implied && i < strongest {
			continue
		}
		if len(given) > 1 {
			l.broken(given[1], given[1].origin.line, given[1].path,
				fmt.Sprintf("%s and %s%s are both given", k.path, k.path, fileSuffix))
			continue
		}
		if s := given[0]; !s.file || i == strongest {
			l.set(s, v)
		}
	}
}

func (l *loader) set(s setting, v reflect.Value) {
	if s.problem != "" {
		l.broken(s, s.origin.line, s.path, s.problem)
		return
	}
	if s.file {
		items, err := readSecretItems(s)
		if err != nil {
			l.broken(s, s.origin.line, s.path, err.Error())
			return
		}
		s.items = items
	}
	l.origins[s.key.path] = s.origin
	for i, it := range s.items {
		path, line := s.key.path, s.origin.line
		if s.key.list {
			path = fmt.Sprintf("%s[%d]", path, i)
		}
		if it.line > 0 && !s.file {
			line = it.line
		}
		l.origins[path] = origin{s.origin.source, line}
	}
	s.decode(v, func(i int, message string) {
		path := s.path
		if s.key.list && !s.file {
			path = fmt.Sprintf("%s[%d]", path, i)
		}
		l.broken(s, l.line(s, i), path, message)
	})
}

// line returns the line of an item, that of the key when it has none.
func (l *loader) line(s setting, i int) int {
	if s.items[i].line > 0 {
		return s.items[i].line
	}
	return s.origin.line
}

// reporter returns the report function of a section's Validate. The fault is
// located where the key was given, by its own path or by that of the list or
// section around it.
func (l *loader) reporter(section string) func(path, message string) {
	return func(path, message string) {
		path = join(section, path)
		if base, _, _ := strings.Cut(path, "["); l.refused[base] {
			return
		}
		at := l.locate(path)
		l.fault(Fault{Source: at.source, Line: at.line, Path: path, Message: message})
	}
}

func (l *loader) locate(path string) origin {
	if at, ok := l.origins[path]; ok {
		return at
	}
	base, _, _ := strings.Cut(path, "[")
	if at, ok := l.origins[base]; ok {
		return at
	}
	return origin{source: sourceDefault}
}
