package standin

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// input is a request as Laravel reads it, in the simple cases.
type input struct {
	method string // after an override
	path   string // decoded once, without index.php in front and without slashes at the end; "/" for the root
	query  params
	body   params // empty unless form, multipart or JSON
	merged params // what $request->input() sees
}

// params are parameters by name. A value is a string, a list of them, or whatever else a JSON body held.
type params map[string]any

func readInput(r *http.Request, body []byte) input {
	rawPath, rawQuery, _ := strings.Cut(target(r), "?")
	in := input{method: r.Method, path: routedPath(rawPath), query: parseQuery(rawQuery)}
	in.body = parseBody(r.Header.Get("Content-Type"), r.Method, body)
	in.merged = params{}
	for _, source := range []params{in.query, in.body} { // the body wins, as in Laravel's input()
		for name, value := range source {
			in.merged[name] = value
		}
	}
	if r.Method == http.MethodPost {
		in.method = overridden(r, in)
	}
	return in
}

// routedPath is the path that Laravel's router compares: Symfony takes a front controller named in the path for the
// script itself, and the router decodes once and ignores slashes at the end.
func routedPath(raw string) string {
	path, err := url.PathUnescape(raw)
	if err != nil {
		path = raw
	}
	if rest, ok := strings.CutPrefix(path, "/index.php"); ok && (rest == "" || rest[0] == '/') {
		path = rest
	}
	if path = strings.TrimRight(path, "/"); path == "" {
		return "/"
	}
	return path
}

// overridden is the method of a POST after Symfony's override: the header first, then the parameter _method.
func overridden(r *http.Request, in input) string {
	method := r.Header.Get("X-Http-Method-Override")
	if method == "" {
		method = in.merged.text("_method")
	}
	if method == "" {
		return http.MethodPost
	}
	return strings.ToUpper(method)
}

// parseQuery reads a query string or a form: the last of equal names wins and name[] makes a list.
func parseQuery(raw string) params {
	p := params{}
	for pair := range strings.SplitSeq(raw, "&") {
		name, value, _ := strings.Cut(pair, "=")
		if name != "" {
			p.add(unescape(name), unescape(value))
		}
	}
	return p
}

// unescape decodes as PHP's urldecode does, for which a stray percent sign is itself.
func unescape(s string) string {
	if text, err := url.QueryUnescape(s); err == nil {
		return text
	}
	return strings.ReplaceAll(s, "+", " ")
}

// add stores a parameter under the name that PHP makes of it.
func (p params) add(name, value string) {
	name, _, isList := strings.Cut(name, "[")
	name = strings.NewReplacer(".", "_", " ", "_").Replace(strings.TrimLeft(name, " "))
	if !isList {
		p[name] = value
		return
	}
	list, _ := p[name].([]any)
	p[name] = append(list, value)
}

// parseBody reads a body by its content type: JSON as Laravel decides it, case sensitively and for every method; forms
// as PHP does, for POST only. Anything else is not read.
func parseBody(contentType, method string, body []byte) params {
	if strings.Contains(contentType, "/json") || strings.Contains(contentType, "+json") {
		return parseJSON(body)
	}
	kind, attributes, _ := mime.ParseMediaType(contentType)
	switch {
	case method != http.MethodPost:
		return params{}
	case kind == "application/x-www-form-urlencoded":
		return parseQuery(string(body))
	case kind == "multipart/form-data":
		return parseMultipart(body, attributes["boundary"])
	}
	return params{}
}

// parseJSON gives nothing for a document that is not an object, as Laravel does.
func parseJSON(body []byte) params {
	p := params{}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	if err := decoder.Decode(&p); err != nil || p == nil {
		return params{}
	}
	return p
}

// parseMultipart reads the fields of a multipart form; files are left out.
func parseMultipart(body []byte, boundary string) params {
	p := params{}
	parts := multipart.NewReader(bytes.NewReader(body), boundary)
	for {
		part, err := parts.NextPart()
		if err != nil {
			return p
		}
		value, err := io.ReadAll(part)
		if err == nil && part.FormName() != "" && part.FileName() == "" {
			p.add(part.FormName(), string(value))
		}
	}
}

// isList says whether the parameter is a list or a map, which many handlers of Faveo stumble over.
func (p params) isList(name string) bool {
	switch p[name].(type) {
	case []any, map[string]any:
		return true
	}
	return false
}

// text is the parameter as text. Of a list it is the first element, which is what MySQL compares in the end; absent and
// null are "".
func (p params) text(name string) string {
	value := p[name]
	if list, ok := value.([]any); ok && len(list) > 0 {
		value = list[0]
	}
	switch v := value.(type) {
	case nil, []any, map[string]any:
		return ""
	case string:
		return v
	case bool:
		if v {
			return "1"
		}
		return ""
	}
	return fmt.Sprint(value)
}

// id is the parameter as MySQL compares text with an integer column: the digits it begins with, so that "4abc" is 4.
// 0 means that there are none.
func (p params) id(name string) int { return leadingInt(p.text(name)) }

func leadingInt(s string) int {
	n := 0
	for _, c := range []byte(strings.TrimLeft(s, " \t\n\v\f\r")) {
		if c < '0' || c > '9' || n > 1<<32 {
			break
		}
		n = n*10 + int(c-'0')
	}
	return n
}

// missing returns the names that a Laravel validator finds required and not there.
func (p params) missing(names ...string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		return p.isList(name) || p.text(name) != ""
	})
}
