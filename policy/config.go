package policy

import (
	"fmt"
	"slices"
	"strings"
)

// Mode is whether denials are carried out.
type Mode string

const (
	// ModeEnforce carries denials out.
	ModeEnforce Mode = "enforce"
	// ModeShadow only reports them, but for callers without a token and
	// blocked routes.
	ModeShadow Mode = "shadow"
)

// UnknownRoutes is what happens to API routes that no rule allows.
type UnknownRoutes string

const (
	// UnknownDeny denies them to everybody.
	UnknownDeny UnknownRoutes = "deny"
	// UnknownStaff lets agents and administrators through, for sites whose
	// plugins have API routes of their own.
	UnknownStaff UnknownRoutes = "staff"
)

// Edition names the built-in pack of an edition of Faveo.
type Edition string

// EditionApps is the routes that the paid editions have and their mobile apps
// call, in apps.yaml.
const EditionApps Edition = "apps"

func modes() []Mode                  { return []Mode{ModeEnforce, ModeShadow} }
func unknownRoutes() []UnknownRoutes { return []UnknownRoutes{UnknownDeny, UnknownStaff} }
func editions() []Edition            { return []Edition{EditionApps} }

// Config is the section policy of the configuration.
type Config struct {
	// Mode is "enforce" (default) or "shadow".
	Mode Mode `yaml:"mode"`
	// Files are policy files of the site, tried in this order and before the
	// built-in rules. Default none.
	Files []string `yaml:"files"`
	// UnknownRoutes is "deny" (default) or "staff".
	UnknownRoutes UnknownRoutes `yaml:"unknown_routes"`
	// Editions are the additional built-in packs. Default none.
	Editions []Edition `yaml:"editions"`
	// AgentsSeeAll lets agents reach every ticket, not only those of their
	// departments, assignments and teams. Default false.
	AgentsSeeAll bool `yaml:"agents_see_all"`
	// Passthrough is whether paths outside of /api/, the web UI, go to PHP.
	// The gateway applies it; the rules are not asked about such paths.
	// Default true.
	Passthrough bool `yaml:"passthrough"`
}

// DefaultConfig is the configuration of a site that sets nothing.
func DefaultConfig() Config {
	return Config{Mode: ModeEnforce, UnknownRoutes: UnknownDeny, Passthrough: true}
}

// Validate reports every fault of the values with its path below the section,
// for instance "editions[1]". What is in the files is Load's to check.
func (c Config) Validate(report func(path, message string)) {
	member(report, "mode", c.Mode, modes())
	member(report, "unknown_routes", c.UnknownRoutes, unknownRoutes())
	for i, file := range c.Files {
		path := fmt.Sprintf("files[%d]", i)
		if strings.TrimSpace(file) == "" {
			report(path, "is empty")
		} else if slices.Contains(c.Files[:i], file) {
			report(path, fmt.Sprintf("%q is given twice", file))
		}
	}
	for i, edition := range c.Editions {
		path := fmt.Sprintf("editions[%d]", i)
		member(report, path, edition, editions())
		if slices.Contains(c.Editions[:i], edition) {
			report(path, fmt.Sprintf("%q is given twice", edition))
		}
	}
}

// member reports a value that is not in its closed set.
func member[S ~string](report func(path, message string), path string, value S, set []S) {
	if !slices.Contains(set, value) {
		report(path, fmt.Sprintf("%q is not one of %s", value, joined(set)))
	}
}
