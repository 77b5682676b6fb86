package config

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// Names of the sources of a value, as Fault.Source shows them. A file is named
// by its path as it was given.
const (
	sourceDefault     = "default"
	sourceOverride    = "command line"
	sourceFallback    = "stand-in"
	sourceEnvironment = "environment " // followed by the name of the variable
)

// Fault is one reason why a configuration is refused.
type Fault struct {
	// Source says who gave the value: the path of a file, "environment NAME",
	// "command line", "stand-in", or "default" for a key that nobody set.
	Source string
	// Line is the line in the file, counted from 1; 0 when Source has no lines.
	Line int
	// Path is the YAML path of the key, such as "tokens.ttl" or
	// "server.trusted_proxies[1]"; "" when the fault belongs to no key.
	Path string
	// Message is a sentence in lower case. It never shows the value of a Secret.
	Message string
}

// String returns `config.yaml:12: tokens.ttl: message`, without the parts that
// are empty.
func (f Fault) String() string {
	var b strings.Builder
	b.WriteString(f.Source)
	if f.Line > 0 {
		b.WriteString(":" + strconv.Itoa(f.Line))
	}
	if f.Path != "" {
		b.WriteString(": " + f.Path)
	}
	return b.String() + ": " + f.Message
}

// Faults is the error of Load: every fault of a configuration, those of the file
// first, by line. It is never empty; get it with errors.As.
type Faults []Fault

// Error returns one fault per line.
func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i, fault := range f {
		lines[i] = fault.String()
	}
	return strings.Join(lines, "\n")
}

// sort orders the faults as an operator mends them: the file from top to bottom,
// then the other sources, then what nobody set.
func (f Faults) sort(s Sources) {
	rank := func(source string) int {
		switch {
		case source == sourceDefault || source == sourceFallback:
			return 4
		case source == sourceOverride:
			return 2
		case strings.HasPrefix(source, sourceEnvironment):
			return 1
		case source == s.FaveoEnv && source != s.File:
			return 3
		default:
			return 0
		}
	}
	slices.SortStableFunc(f, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(rank(a.Source), rank(b.Source)), cmp.Compare(a.Source, b.Source),
			cmp.Compare(a.Line, b.Line))
	})
}
