package config

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// dotenv is a .env as Laravel 9 reads it (vlucas/phpdotenv 5): by name, the last
// entry of a name counts.
//
// It is read by rules of its own, because the readers that exist for Go follow
// other ones and would take another password for the same line: to phpdotenv an
// unquoted # begins a comment even inside of a word, $NAME without braces is no
// reference, an unknown ${NAME} stays as it is, \" and \t are escapes, and blanks
// inside of an unquoted value are an error.
type dotenv map[string]dotenvValue

type dotenvValue struct {
	text string
	line int
	// null is a name without an equals sign.
	null bool
	// unresolved says that text holds a ${NAME} which the file does not define.
	unresolved bool
}

// dotenvError is a line that phpdotenv refuses. It never shows any of the line.
type dotenvError struct {
	line    int
	message string
}

func (e *dotenvError) Error() string { return fmt.Sprintf("line %d: %s", e.line, e.message) }

// dotenvBlank is what PHP's trim removes.
const dotenvBlank = " \t\n\r\x00\v"

// parseDotenv reads a whole file. Its error is a *dotenvError.
func parseDotenv(data []byte) (dotenv, error) {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if !utf8.Valid(data) {
		return nil, &dotenvError{1, "the file is not UTF-8"}
	}
	entries, err := dotenvEntries(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(string(data)))
	if err != nil {
		return nil, err
	}
	values := dotenv{}
	for _, entry := range entries {
		if err := values.add(entry); err != nil {
			return nil, &dotenvError{entry.line, err.Error()}
		}
	}
	return values, nil
}

type dotenvEntry struct {
	text string
	line int
}

// dotenvEntries joins the lines of a quoted value and drops comments. A comment
// that contains =" begins a quoted value too, as it does in phpdotenv.
func dotenvEntries(content string) ([]dotenvEntry, error) {
	var entries []dotenvEntry
	var open []string // the lines of a quoted value that has not ended
	first := 0
	for i, line := range strings.Split(content, "\n") {
		switch {
		case len(open) > 0:
			open = append(open, line)
			if line != `"` && closingQuotes(line) < 1 {
				continue
			}
			line, open = strings.Join(open, "\n"), nil
		case strings.Contains(line, `="`) && closingQuotes(line) < 2:
			open, first = []string{line}, i+1
			continue
		default:
			first = i + 1
		}
		if text := strings.Trim(line, dotenvBlank); text != "" && text[0] != '#' {
			entries = append(entries, dotenvEntry{line, first})
		}
	}
	if len(open) > 0 {
		return nil, &dotenvError{first, "a quote is never closed"}
	}
	return entries, nil
}

// closingQuotes counts the double quotes behind any character but a backslash.
func closingQuotes(line string) int {
	line = strings.ReplaceAll(line, `\\`, "")
	n := 0
	for i := 1; i < len(line); i++ {
		if line[i] == '"' && line[i-1] != '\\' {
			n++
		}
	}
	return n
}

var (
	dotenvExport = regexp.MustCompile(`^export[ \t\n\v\f\r]`)
	dotenvName   = regexp.MustCompile(`^[\p{Ll}\p{Lu}\p{M}\p{N}_.]+$`)
)

// add reads one entry, NAME=value.
func (d dotenv) add(entry dotenvEntry) error {
	name, raw, hasValue := strings.Cut(entry.text, "=")
	if hasValue { // phpdotenv trims only here
		name, raw = strings.Trim(name, dotenvBlank), strings.Trim(raw, dotenvBlank)
	}
	if len(name) > 8 && dotenvExport.MatchString(name) {
		name = strings.TrimLeft(name[len("export"):], dotenvBlank)
	}
	if len(name) > 2 && (name[0] == '"' || name[0] == '\'') && name[0] == name[len(name)-1] {
		name = name[1 : len(name)-1]
	}
	if !dotenvName.MatchString(name) {
		return errors.New("the name before the equals sign is not valid")
	}
	value := dotenvValue{line: entry.line, null: !hasValue}
	text, references, err := dotenvText(raw)
	if err != nil {
		return err
	}
	value.text, value.unresolved = d.resolve(text, references)
	d[name] = value
	return nil
}

var dotenvReference = regexp.MustCompile(`^\$\{([a-zA-Z0-9_.]+)\}`)

// resolve replaces the references at the given places, from the last to the
// first, as phpdotenv does.
func (d dotenv) resolve(text string, references []int) (resolved string, unresolved bool) {
	for i := len(references) - 1; i >= 0; i-- {
		at := references[i]
		match := dotenvReference.FindStringSubmatch(text[at:])
		if match == nil {
			continue
		}
		value, ok := d[match[1]]
		if !ok || value.null {
			unresolved = true
			continue
		}
		unresolved = unresolved || value.unresolved
		text = text[:at] + value.text + text[at+len(match[0]):]
	}
	return text, unresolved
}
