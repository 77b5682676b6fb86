package policy

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// Input is Params that are at hand, for tests and explanations.
type Input map[string]any

// Map implements Params.
func (i Input) Map() map[string]any { return i }

var _ Params = Input{}

// ParseRequest reads "METHOD /path?name=value" for tests and explanations:
// what is judged of a real request, package upstream/laravel reads. Its Params
// are an Input.
func ParseRequest(text string) (Request, error) {
	method, target, found := strings.Cut(text, " ")
	if !found || !strings.HasPrefix(target, "/") {
		return Request{}, fmt.Errorf("request %q: want a method and a path, such as GET /api/v1/helpdesk/ticket?ticket_id=1", text)
	}
	path, query, _ := strings.Cut(target, "?")
	q := Request{Method: method, Path: path, Params: Input{}}
	for pair := range strings.SplitSeq(query, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		if err := q.Params.(Input).addEscaped(name, value); err != nil {
			return Request{}, fmt.Errorf("request %q: %w", text, err)
		}
	}
	return q, nil
}

func (i Input) addEscaped(name, value string) error {
	plainName, nameErr := url.QueryUnescape(name)
	plainValue, valueErr := url.QueryUnescape(value)
	if err := errors.Join(nameErr, valueErr); err != nil {
		return err
	}
	return i.Add(plainName, plainValue)
}

// Add adds a parameter of text; a name that ends in [] adds to a list. A name
// given twice has two readings and is an error.
func (i Input) Add(name, value string) error {
	list, isList := strings.CutSuffix(name, "[]")
	if !isList {
		if _, twice := i[name]; twice || name == "" {
			return fmt.Errorf("parameter %q is given twice or has no name", name)
		}
		i[name] = value
		return nil
	}
	known, isList := i[list].([]any)
	if _, twice := i[list]; (twice && !isList) || list == "" {
		return fmt.Errorf("parameter %q is given twice or has no name", list)
	}
	i[list] = append(known, value)
	return nil
}
