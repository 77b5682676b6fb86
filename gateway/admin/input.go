package admin

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"

	"github.com/labstack/echo/v4"
)

// input is what a request asks for, beside its route. The zero value of a field
// is absent; no parameter can be given as zero.
type input struct {
	id        string // that of the key or session in the path
	user      uint64
	limit     int
	all       bool
	algorithm string
}

// The names of parameters, in the query or in the body.
const (
	paramUser      = "user"
	paramLimit     = "limit"
	paramAll       = "all"
	paramAlgorithm = "algorithm"
)

// MaxLimit bounds one list of sessions, and defaultLimit is for those who do not
// say.
const (
	MaxLimit     = 10_000
	defaultLimit = 1_000
)

// readInput reads all of a request, and refuses what the route does not know.
func readInput(c echo.Context, r route) (input, error) {
	in := input{limit: defaultLimit}
	if names := c.ParamNames(); len(names) > 0 {
		if in.id = c.Param(names[0]); !IsID(in.id) {
			return input{}, notFound // No key and no session ever had it.
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

// set reads one value, and says what it must be when it is not.
func (in *input) set(name, text string) (want string) {
	switch name {
	case paramUser:
		if n, ok := ParseUserID(text); ok {
			in.user = n
			return ""
		}
		return "the number of a user, at least 1"
	case paramLimit:
		if n, ok := ParseUserID(text); ok && n <= MaxLimit {
			in.limit = int(n)
			return ""
		}
		return "a number from 1 to " + strconv.Itoa(MaxLimit)
	case paramAll:
		in.all = true
		if text != "true" {
			return `"true", or absent`
		}
		return ""
	case paramAlgorithm:
		in.algorithm = text
		if text == "" {
			return "the name of an algorithm, or absent"
		}
		return ""
	default:
		panic("a route knows a parameter that has no field: " + name) // A programmer's mistake.
	}
}

// ParseUserID reads the number of a user: decimal, at least 1, in the one spelling
// that it has.
func ParseUserID(text string) (uint64, bool) {
	n, err := strconv.ParseUint(text, 10, 64)
	return n, err == nil && n > 0 && strconv.FormatUint(n, 10) == text
}

// IsID reports whether a text can be the id of a key or of a session: up to 64
// characters of base64url. In a path none of them is ever percent-encoded.
func IsID(text string) bool {
	if text == "" || len(text) > 64 {
		return false
	}
	for i := range len(text) {
		c := text[i]
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_'
		if !letter {
			return false
		}
	}
	return true
}

// shortened cuts a name that a client may make as long as it likes.
func shortened(name string) string {
	const most = 32
	if len(name) <= most {
		return name
	}
	return name[:most] + "..."
}
