package login

import (
	"regexp"
	"strings"
)

// clientPatterns are the compiled LegacyClients. The zero value matches none.
type clientPatterns []*regexp.Regexp

// compileClients turns globs into anchored expressions. `*` is any text, slashes
// too: a User-Agent has many, so that path.Match would not do.
func compileClients(globs []string) clientPatterns {
	var patterns clientPatterns
	for _, glob := range globs {
		quoted := strings.ReplaceAll(regexp.QuoteMeta(glob), `\*`, `.*`)
		patterns = append(patterns, regexp.MustCompile(`(?s)^`+quoted+`$`))
	}
	return patterns
}

func (p clientPatterns) match(agent string) bool {
	for _, pattern := range p {
		if pattern.MatchString(agent) {
			return true
		}
	}
	return false
}
