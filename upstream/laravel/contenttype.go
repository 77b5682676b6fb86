package laravel

import (
	"net/http"
	"strings"
)

// contentKind is what PHP makes of a body.
type contentKind uint8

const (
	// The zero kind is no body at all. contentOpaque is one in which PHP does not
	// look for parameters.
	contentOpaque contentKind = iota + 1
	contentForm
	contentJSON
	contentMultipart
)

const (
	typeForm      = "application/x-www-form-urlencoded"
	typeMultipart = "multipart/form-data"
	typeJSON      = "application/json"
)

// content describes the body of an API request by its header.
type content struct {
	kind contentKind
	// boundary of a multipart body.
	boundary string
}

// readContent decides how PHP and Laravel read the body. Laravel takes it for JSON
// when the type contains "/json" or "+json" in exactly this case, for every
// method; PHP takes it for a form by the type up to ";", "," or a blank in any
// case, on POST; Symfony by the beginning of the type, on PUT, PATCH and DELETE.
// Only types for which all three agree are read, all others that one of them
// might read are refused.
func readContent(r *http.Request) (content, Reason) {
	if r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0 {
		return content{}, ""
	}
	value := r.Header.Get("Content-Type")
	kind, parameters, reason := readContentType(value)
	if reason != "" || kind == contentOpaque {
		return content{kind: contentOpaque}, reason
	}
	c := content{kind: kind}
	if kind == contentMultipart {
		if c.boundary, parameters, reason = cutBoundary(parameters); reason != "" {
			return c, reason
		}
	}
	if !charsetUTF8(parameters) {
		return c, ReasonContentType
	}
	if !readsForm(kind, r.Method) {
		return content{kind: contentOpaque}, ""
	}
	if _, encoded := r.Header["Content-Encoding"]; encoded {
		return c, ReasonContentEncoding
	}
	return c, ""
}

// readsForm reports whether PHP or Symfony reads this kind on this method.
func readsForm(kind contentKind, method string) bool {
	switch kind {
	case contentForm:
		return method == http.MethodPost || method == http.MethodPut ||
			method == http.MethodPatch || method == http.MethodDelete
	case contentMultipart:
		return method == http.MethodPost
	default:
		return true
	}
}

// readContentType splits the header value and finds the kind. Whatever contains
// a form's type, or JSON's, must be it exactly.
func readContentType(value string) (contentKind, string, Reason) {
	mediaType, parameters, _ := strings.Cut(value, ";")
	switch {
	case mediaType == typeForm && !containsJSON(parameters):
		return contentForm, parameters, ""
	case mediaType == typeMultipart && !containsJSON(parameters):
		return contentMultipart, parameters, ""
	case plainJSONType(mediaType):
		return contentJSON, parameters, ""
	}
	lower := lowerASCII(value)
	if containsJSON(value) || strings.Contains(lower, "form-urlencoded") || strings.Contains(lower, "form-data") {
		return contentOpaque, "", ReasonContentType
	}
	return contentOpaque, "", ""
}

// containsJSON is Laravel's isJson.
func containsJSON(value string) bool {
	return strings.Contains(value, "/json") || strings.Contains(value, "+json")
}

// plainJSONType takes application/json, text/json and type/subtype+json, in
// lower case.
func plainJSONType(mediaType string) bool {
	name, subtype, ok := strings.Cut(mediaType, "/")
	if !ok || !lowerToken(name) || !lowerToken(subtype) {
		return false
	}
	return subtype == "json" || strings.HasSuffix(subtype, "+json") && len(subtype) > len("+json")
}

func lowerToken(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; ('a' > c || c > 'z') && ('0' > c || c > '9') && strings.IndexByte(".+-_", c) < 0 {
			return false
		}
	}
	return s != ""
}

// charsetUTF8 takes no parameter, or charset=utf-8 alone.
func charsetUTF8(parameters string) bool {
	switch lowerASCII(strings.TrimLeft(parameters, " ")) {
	case "", "charset=utf-8", `charset="utf-8"`:
		return true
	default:
		return false
	}
}

// maxBoundary is RFC 2046 section 5.1.1.
const maxBoundary = 70

// cutBoundary takes boundary=B, which may be followed or led by the charset.
func cutBoundary(parameters string) (boundary, rest string, reason Reason) {
	for parameter := range strings.SplitSeq(parameters, ";") {
		value, ok := strings.CutPrefix(strings.TrimLeft(parameter, " "), "boundary=")
		if !ok {
			if rest != "" {
				return "", "", ReasonContentType
			}
			rest = parameter
			continue
		}
		if n := len(value); n > 1 && value[0] == '"' && value[n-1] == '"' {
			value = value[1 : n-1]
		}
		if boundary != "" || !boundaryText(value) {
			return "", "", ReasonContentType
		}
		boundary = value
	}
	if boundary == "" {
		return "", "", ReasonContentType
	}
	return boundary, rest, ""
}

// boundaryText is RFC 2046's bchars without blank and comma, at which PHP stops.
func boundaryText(s string) bool {
	for i := 0; i < len(s); i++ {
		if !isAlnum(s[i]) && strings.IndexByte("'()+_-./:=?", s[i]) < 0 {
			return false
		}
	}
	return s != "" && len(s) <= maxBoundary
}
