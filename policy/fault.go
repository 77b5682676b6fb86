package policy

import (
	"fmt"
	"strings"
)

// Fault is one thing wrong with a policy.
type Fault struct {
	// Source is the file, as Config.Files or Source.Name name it,
	// "builtin:faveo.yaml" and the like for a built-in pack, or "policy" for a
	// value of the configuration.
	Source string
	// Line is counted from 1; 0 where no line is to blame.
	Line int
	// Rule is the name of the rule, empty where it has none.
	Rule string
	// Message says what is wrong and, where it can, what is wanted.
	Message string
}

// String is "file:line: rule "name": message".
func (f Fault) String() string {
	var b strings.Builder
	b.WriteString(f.Source)
	if f.Line > 0 {
		fmt.Fprintf(&b, ":%d", f.Line)
	}
	b.WriteString(": ")
	if f.Rule != "" {
		fmt.Fprintf(&b, "rule %q: ", f.Rule)
	}
	b.WriteString(f.Message)
	return b.String()
}

// Faults is the error of Load: everything wrong, in the order of the documents.
// Test for it with errors.As.
type Faults []Fault

// Error lists the faults, one on each line.
func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i, fault := range f {
		lines[i] = fault.String()
	}
	return strings.Join(lines, "\n")
}
