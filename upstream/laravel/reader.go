package laravel

import (
	"net/http"
	"strings"
)

// Limits bounds what a request may claim. The unit is bytes; zero admits
// nothing.
type Limits struct {
	// Body bounds a whole body of any kind.
	Body int64
	// Parameters bounds what is held in memory: a urlencoded or JSON body, and the
	// names and values of all fields of a multipart body together.
	Parameters int64
	// TempDir is where uploads are spooled; "" is the system's.
	TempDir string
}

// Reader reads requests for one installation. It is immutable and safe for
// concurrent use.
type Reader struct {
	base   string
	limits Limits
}

// NewReader returns a Reader for an installation below basePath: "" or "/" for
// the root, else like "/community/public".
func NewReader(basePath string, l Limits) *Reader {
	return &Reader{base: strings.TrimRight(basePath, "/"), limits: l}
}

// Read reads the head of r: target, method, query, headers. It does not touch the
// body; [Request.LoadBody] does. r must come from an HTTP server; it is kept and
// must not be changed until the Request is rebuilt.
//
// Errors: *Ambiguous for a request with two readings, ErrOutsideBase for a path
// that is not below the base path.
func (rd *Reader) Read(r *http.Request) (*Request, error) {
	target := r.RequestURI
	if target == "" {
		target = r.URL.RequestURI()
	}
	if target[0] != '/' || strings.IndexByte(target, '#') >= 0 {
		return nil, ambiguous(ReasonTargetForm)
	}
	if !knownMethod(r.Method) {
		return nil, ambiguous(ReasonMethod)
	}
	full, rawQuery, _ := strings.Cut(target, "?")
	if strings.IndexByte(rawQuery, ' ') >= 0 {
		// HTTP/2 can have a blank there, with which the line of HTTP/1.1 that PHP gets
		// would end early. One in a path does not get that far.
		return nil, ambiguous(ReasonTargetForm)
	}
	path, ok := cutBase(full, rd.base)
	if !ok {
		return nil, ErrOutsideBase
	}
	api, reason := readPath(path)
	if reason != "" {
		return nil, ambiguous(reason)
	}
	q := &Request{
		Method: r.Method, Path: path, API: api,
		in: r, limits: rd.limits, fullPath: full, rawQuery: rawQuery,
	}
	if len(r.Header["Content-Type"]) > 1 {
		return nil, ambiguous(ReasonContentType)
	}
	if !plainLength(r.Header["Content-Length"]) {
		return nil, ambiguous(ReasonContentLength)
	}
	if !api {
		q.Path, q.fullPath = escapeWebPath(path), escapeWebPath(full)
		return q, nil
	}
	return q, ambiguous(q.readHead(rawQuery))
}

// readHead reads what counts on API requests only.
func (q *Request) readHead(rawQuery string) Reason {
	reason := readHeaders(q.in.Header)
	if reason != "" {
		return reason
	}
	if strings.IndexByte(rawQuery, ';') >= 0 || strings.HasPrefix(rawQuery, "?") {
		return ReasonSeparator
	}
	q.Query.entries = q.room[:0]
	if reason = parseForm(&q.Query, rawQuery); reason != "" {
		return reason
	}
	if _, given := q.Query.Get(methodParameter); given {
		return ReasonMethodOverride
	}
	q.content, reason = readContent(q.in)
	return reason
}

// methodParameter is the parameter that Symfony takes for the verb of a POST.
const methodParameter = "_method"

// knownMethod takes the methods that Laravel routes, in upper case only: Symfony
// would fold the others. CONNECT and TRACE are not for an application.
func knownMethod(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut,
		http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return true
	default:
		return false
	}
}
