package limit

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Route is an entry of limits.per_route: some requests and their rate.
type Route struct {
	// Methods are what it matches, in the order in which errMethods lists them; none
	// means all.
	Methods []string
	// Path is what it matches, without the base path. A route that is Below matches
	// whatever is below Path, too.
	Path  string
	Below bool
	// Rate is never off.
	Rate Rate
}

// The faults of a text that is to be a Route.
var (
	errRoute     = errors.New(`must be methods, a path and a rate, such as "POST /api/v1/helpdesk/create 10/1m"`)
	errMethods   = errors.New(`methods must be "*", or some of GET, HEAD, POST, PUT, PATCH and DELETE, each once, such as GET,POST`)
	errPath      = errors.New(`path must be /api or below it, of letters, digits and "-._~" between slashes, with /** at the end for all below it`)
	errRouteRate = errors.New("the rate cannot be off: leave the entry out")
)

func routeMethods() []string { return []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"} }

// below is the end of a path of a Route that is Below.
const below = "/**"

// ParseRoute reads "METHODS PATH RATE": methods with commas between, or "*" for all;
// a path, which may end in /** for itself and all below; a rate as ParseRate reads it.
// GET covers HEAD, as in Laravel. Its error names no value.
func ParseRoute(text string) (r Route, err error) {
	words := strings.Fields(text)
	if len(words) != 3 {
		return Route{}, errRoute
	}
	if r.Methods, err = parseMethods(words[0]); err != nil {
		return Route{}, err
	}
	r.Path, r.Below = strings.CutSuffix(words[1], below)
	if !isPath(r.Path) {
		return Route{}, errPath
	}
	if r.Rate, err = ParseRate(words[2]); err != nil {
		return Route{}, fmt.Errorf("the rate %w", err)
	}
	if r.Rate.Off {
		return Route{}, errRouteRate
	}
	return r, nil
}

// parseMethods returns them in the order of routeMethods.
func parseMethods(text string) ([]string, error) {
	if text == "*" {
		return nil, nil
	}
	given := strings.Split(text, ",")
	var methods []string
	for _, method := range routeMethods() {
		if slices.Contains(given, method) {
			methods = append(methods, method)
		}
	}
	if len(methods) != len(given) {
		return nil, errMethods // One that does not exist, or one twice.
	}
	return methods, nil
}

// isPath says whether a canonical path of the API can be it.
func isPath(path string) bool {
	segments := strings.Split(path, "/")
	if len(segments) < 2 || segments[0] != "" || segments[1] != "api" {
		return false
	}
	return !slices.ContainsFunc(segments[1:], func(s string) bool {
		return s == "" || s == "." || s == ".." || strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~") != ""
	})
}

// String is the route as ParseRoute reads it.
func (r Route) String() string { return r.pattern() + " " + r.Rate.String() }

// pattern is what it matches.
func (r Route) pattern() string {
	methods, path := "*", r.Path
	if len(r.Methods) > 0 {
		methods = strings.Join(r.Methods, ",")
	}
	if r.Below {
		path += below
	}
	return methods + " " + path
}

// Key names what the route matches in a Bucket.Of, the same on all replicas and
// whatever its rate and place are: 16 hexadecimal digits.
func (r Route) Key() string {
	digest := sha256.Sum256([]byte(r.pattern()))
	return hex.EncodeToString(digest[:8])
}

// Matches says whether the route is that of a request, whose path is the canonical
// one, without the base path.
func (r Route) Matches(method, path string) bool {
	return r.matchesMethod(method) && r.matchesPath(path)
}

func (r Route) matchesMethod(method string) bool {
	return len(r.Methods) == 0 || slices.Contains(r.Methods, method) ||
		(method == "HEAD" && slices.Contains(r.Methods, "GET"))
}

func (r Route) matchesPath(path string) bool {
	rest, found := strings.CutPrefix(path, r.Path)
	return found && (rest == "" || (r.Below && rest[0] == '/'))
}
