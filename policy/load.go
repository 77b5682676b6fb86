package policy

import (
	"crypto/sha256"
	_ "embed"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"slices"

	"cel.dev/cel-go/cel"
)

//go:embed faveo.yaml
var faveoPack string

//go:embed apps.yaml
var appsPack string

// maxDocument bounds a policy file, in bytes.
const maxDocument = 1 << 20

// Source is one policy document that is already in memory.
type Source struct {
	// Name is how faults name the document.
	Name string
	// Data is its YAML.
	Data []byte
}

// layer is where a rule stands in the order of all rules.
type layer int

const (
	// layerBlocked is the blocked rules of the built-in packs.
	layerBlocked layer = iota
	// layerSite is the rules of the site.
	layerSite
	// layerBuiltin is the other rules of the built-in packs.
	layerBuiltin
)

// Load compiles the built-in packs, the files of c and then sources, both of
// the site. The error is Faults: all that is wrong with the configuration and
// the documents at once.
func Load(c Config, sources ...Source) (*Engine, error) {
	l := &loader{names: map[string]*rule{}, read: sha256.New()}
	c.Validate(func(path, message string) {
		l.fault(Fault{Source: "policy", Message: path + ": " + message})
	})
	env, err := conditionEnv()
	if err != nil {
		l.fault(Fault{Source: "policy", Message: "conditions: " + err.Error()})
		return nil, l.faults
	}
	l.env = env
	l.packs(c.Editions) // first, so that a name taken twice is the site's fault
	for _, file := range c.Files {
		l.file(file)
	}
	for _, s := range sources {
		l.document(s, layerSite)
	}
	rules := l.ordered()
	if len(l.faults) > 0 {
		return nil, l.faults
	}
	return &Engine{
		mode: c.Mode, unknown: c.UnknownRoutes, agentsSeeAll: c.AgentsSeeAll, rules: rules, index: newIndex(rules),
		digest: [sha256.Size]byte(l.read.Sum(nil)),
	}, nil
}

// loader gathers rules and faults.
type loader struct {
	env    *cel.Env
	rules  []*rule
	names  map[string]*rule // rules by name, broken ones too
	faults Faults
	read   hash.Hash // of the documents, each behind its length
}

func (l *loader) fault(f Fault) { l.faults = append(l.faults, f) }

// file reads a file of the site.
func (l *loader) file(name string) {
	data, err := readFile(name)
	if err != nil {
		l.fault(Fault{Source: name, Message: err.Error()})
		return
	}
	l.document(Source{Name: name, Data: data}, layerSite)
}

var errTooLarge = errors.New("the file is larger than 1 MiB")

func readFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("open policy file: %w", err)
	}
	defer func() { _ = f.Close() }() // only read
	data, err := io.ReadAll(io.LimitReader(f, maxDocument+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read policy file: %w", err)
	case len(data) > maxDocument:
		return nil, errTooLarge
	}
	return data, nil
}

// packs reads the built-in packs that the editions call for.
func (l *loader) packs(editions []Edition) {
	l.document(Source{Name: "builtin:faveo.yaml", Data: []byte(faveoPack)}, layerBuiltin)
	if slices.Contains(editions, EditionApps) {
		l.document(Source{Name: "builtin:apps.yaml", Data: []byte(appsPack)}, layerBuiltin)
	}
}

// ordered puts the rules in the order in which they are tried and checks them
// against each other.
func (l *loader) ordered() []*rule {
	for _, r := range l.rules {
		if r.layer == layerBuiltin && r.class == ClassBlocked {
			r.layer = layerBlocked
		}
	}
	slices.SortStableFunc(l.rules, func(a, b *rule) int { return int(a.layer) - int(b.layer) })
	for i, r := range l.rules {
		r.order = i
		l.checkReachable(r, l.rules[:i])
	}
	return l.rules
}

// checkReachable faults a rule that can never match, because an earlier rule
// decides about all of its methods and paths. That a rule of the site replaces
// a built-in one is how a site overrides and no fault.
func (l *loader) checkReachable(r *rule, before []*rule) {
	for _, earlier := range before {
		switch {
		case earlier.layer == layerSite && r.layer == layerBuiltin:
		case earlier.takes(r) && earlier.layer == layerBlocked && r.layer == layerSite:
			l.fault(r.fault(fmt.Sprintf("can never match: %s rule %q blocks the route, which no file can open",
				earlier.source, earlier.name)))
			return
		case earlier.takes(r):
			l.fault(r.fault(fmt.Sprintf("can never match: rule %q at %s:%d takes all of its methods and paths",
				earlier.name, earlier.source, earlier.line)))
			return
		}
	}
}

// takes reports whether r decides about everything that later matches. A rule
// in shadow mode decides nothing.
func (r *rule) takes(later *rule) bool {
	return r.mode != ModeShadow && r.decisive() && later.methods&^r.methods == 0 && r.pattern.covers(later.pattern)
}

func (r *rule) fault(message string) Fault {
	return Fault{Source: r.source, Line: r.line, Rule: r.name, Message: message}
}
