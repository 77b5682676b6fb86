package laravel

import (
	"net/http"
	"net/url"
)

// Request is one request as Laravel reads it. It belongs to the goroutine that
// serves the request and is not safe for concurrent use. Close it when the
// upstream's answer has been sent.
type Request struct {
	// Method is the verb by which Laravel routes.
	Method string
	// Path is without the base path: canonical for an API request
	// ("/api/v1/helpdesk/ticket"), else as it will be sent.
	Path string
	// API is set for paths below /api/. Exactly /api is a page of the web UI.
	API bool
	// Query holds the parameters of the query string; empty for web requests.
	Query Params
	// Body holds the parameters of the body once LoadBody has returned nil;
	// empty for web requests and for bodies that PHP does not read.
	Body Params

	in       *http.Request
	limits   Limits
	fullPath string
	rawQuery string
	content  content

	loaded  bool
	loadErr error
	files   Params
	uploads []upload
	spool   spool

	url url.URL
	// room spares the usual query an allocation of its own.
	room [6]entry
}

// Input returns a parameter as Laravel's $request->input() does: the body's, else
// the query's. Both are equal when both are given. Before LoadBody it knows the
// query only. Names are top-level names: "a" for a[b]=1.
func (q *Request) Input(name string) (Value, bool) {
	if v, ok := q.Body.Get(name); ok {
		return v, true
	}
	return q.Query.Get(name)
}

// Text returns a parameter that must be a string: found says that it is given,
// isText that it is a string and not a number, null, list or other value that
// PHP would compare by other rules.
func (q *Request) Text(name string) (text string, found, isText bool) {
	v, found := q.Input(name)
	text, isText = v.Text()
	return text, found, isText
}

// Take removes every occurrence of a top-level name from query, body and uploads
// and returns them, query first, one Value for each time the name was given; so
// more than one means that the client gave it twice, even if equal. What was
// taken is not in the rebuilt request.
//
// Before LoadBody it takes from the query only; take again after it.
func (q *Request) Take(name string) []Value {
	taken := q.Query.take(name)
	taken = append(taken, q.Body.take(name)...)
	return append(taken, q.files.take(name)...)
}

// InputMap returns query and body merged as Laravel's $request->input() merges
// them, for the policy; values are as [Value.Any] has them. Uploads are not in
// it. The map is the caller's.
func (q *Request) InputMap() map[string]any {
	m := make(map[string]any, q.Query.Len()+q.Body.Len())
	for name, v := range q.Query.All() {
		m[name] = v.Any()
	}
	for name, v := range q.Body.All() {
		m[name] = v.Any()
	}
	return m
}

// HasParameters reports whether the body is of a kind that PHP reads parameters
// from, so that LoadBody has something to do.
func (q *Request) HasParameters() bool { return q.content.kind > contentOpaque }

// Close releases the spooled uploads. It may be called more than once; a body
// that is still being sent ends with an error.
func (q *Request) Close() error { return q.spool.close() }
