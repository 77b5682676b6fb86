package admin

import (
	"fmt"
	"maps"
	"net/url"
	"slices"

	"github.com/labstack/echo/v4"
)

// input is what a request asks for, beside its route. The zero value of a field
// is absent; no parameter but after can be given as zero.
type input struct {
	id        string // that of the key, session or API key in the path
	user      uint64
	limit     int
	all       bool
	algorithm string

	// What an API key shall be, and how long the secret before a rotation goes on.
	name, scopes, networks, rate, expires, overlap string

	// address is that of an end of lockouts.
	address string

	// follow says that after was given. after is the number of an entry of the audit
	// trail, hash that of the same entry.
	follow bool
	after  uint64
	hash   string

	// question is that to the policy, but for its user.
	question Question
}

// readInput reads all of a request, and refuses what the route does not know.
func readInput(c echo.Context, r route) (input, error) {
	in := input{limit: defaultLimit}
	if names := c.ParamNames(); len(names) > 0 {
		if in.id = c.Param(names[0]); !IsID(in.id) {
			return input{}, notFound // Nothing ever had it.
		}
	}
	query, err := readQuery(c.Request().URL.RawQuery)
	if err != nil {
		return input{}, err
	}
	if err := in.take("query parameter", query, r.query); err != nil {
		return input{}, err
	}
	body, err := readBody(c.Request())
	if err != nil {
		return input{}, err
	}
	return in, in.take("member of the body", body, r.body)
}

// readQuery splits a query. A parameter given twice is refused: it would depend
// on the reader which one counts.
func readQuery(raw string) (map[string]string, error) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return nil, BadRequest("The query is malformed")
	}
	query := make(map[string]string, len(values))
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if len(values[name]) > 1 {
			return nil, BadRequest(fmt.Sprintf("The query parameter %q is given more than once", shortened(name)))
		}
		query[name] = values[name][0]
	}
	return query, nil
}

// take sets the fields that the request names. place says what kind of parameter
// they are, for people.
func (in *input) take(place string, given map[string]string, known []string) error {
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if !slices.Contains(known, name) {
			return BadRequest(fmt.Sprintf("The %s %q is unknown here", place, shortened(name)))
		}
		if want := in.set(name, given[name]); want != "" {
			return BadRequest(fmt.Sprintf("The %s %q must be %s", place, name, want))
		}
	}
	return nil
}

// shortened cuts a name that a client may make as long as it likes.
func shortened(name string) string {
	const most = 32
	if len(name) <= most {
		return name
	}
	return name[:most] + "..."
}
