package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"faveo-gateway/gateway/token"
)

// TokenSource is a place of a request where a token is read.
type TokenSource string

// The closed set of places.
const (
	SourceHeader TokenSource = "header" // Authorization: Bearer, as RFC 6750 section 2.1 has it
	SourceQuery  TokenSource = "query"  // ?token=, what the mobile apps send
	SourceBody   TokenSource = "body"   // the parameter token of a form or of JSON
)

// Tokens is the section `tokens`: what is issued, and where it is read.
type Tokens struct {
	token.Config `yaml:",inline"`
	// Sources are the places where a token is read; in another place it is
	// refused. Default all three, which the mobile apps need.
	Sources []TokenSource `yaml:"sources"`
}

// Validate reports every fault of t by its path below `tokens`.
func (t Tokens) Validate(report func(path, message string)) {
	reportEach(t.Config.Validate(), report)
	if len(t.Sources) == 0 {
		report("sources", "must name at least one of header, query and body")
	}
	for i, source := range t.Sources {
		path := fmt.Sprintf("sources[%d]", i)
		switch {
		case !slices.Contains([]TokenSource{SourceHeader, SourceQuery, SourceBody}, source):
			report(path, "must be header, query or body")
		case slices.Contains(t.Sources[:i], source):
			report(path, "is given twice")
		}
	}
}

// reportEach reports errors that errors.Join has joined, each "path: message".
func reportEach(err error, report func(path, message string)) {
	var joined interface{ Unwrap() []error }
	if !errors.As(err, &joined) {
		return
	}
	for _, fault := range joined.Unwrap() {
		path, message, _ := strings.Cut(fault.Error(), ": ")
		report(path, message)
	}
}
