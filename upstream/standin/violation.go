package standin

import (
	"net/http"
	"slices"
	"strings"
)

// Violation is one broken promise of the gateway toward PHP: a credential that arrived here and should not have.
type Violation string

// The closed set of violations.
const (
	// ViolationQueryToken is a token in the query string of an API request.
	ViolationQueryToken Violation = "token in query"
	// ViolationBodyToken is a token in the body of an API request.
	ViolationBodyToken Violation = "token in body"
	// ViolationCookieToken is a cookie named token on an API request.
	ViolationCookieToken Violation = "token in cookie"
	// ViolationAPIKeyParameter is a parameter api_key of an API request, in its query or body.
	ViolationAPIKeyParameter Violation = "api_key parameter"
	// ViolationAPIKeyHeader is a header that PHP reads as X-API-Key, on any request.
	ViolationAPIKeyHeader Violation = "X-API-Key header"
	// ViolationAuthorization is more than one Authorization header on an API request, or one that is not exactly "Bearer",
	// a blank and one token.
	ViolationAuthorization Violation = "Authorization is not one bearer token"
	// ViolationRefusedToken is a token that PHP itself refuses: forged, expired, not yet valid, of nobody.
	ViolationRefusedToken Violation = "token that PHP refuses"
	// ViolationForeignToken is a token that PHP would accept but that is no bridge token of the gateway: it lives too
	// long, lacks claims or is not one that the gateway writes.
	ViolationForeignToken Violation = "token that is not a bridge token"
)

// Violations returns every violation so far, oldest first. The slice is the caller's.
func (f *Faveo) Violations() []Violation {
	f.record.mu.Lock()
	defer f.record.mu.Unlock()
	return slices.Clone(f.record.violations)
}

func (c *record) violated(v Violation) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.violations = append(c.violations, v)
}

// misplaced finds the credentials that must not be in an API request at all. The Authorization header is judged by
// bearer and the token in it by checkToken.
func misplaced(r *http.Request, in input) []Violation {
	var found []Violation
	if _, ok := in.query["token"]; ok {
		found = append(found, ViolationQueryToken)
	}
	if _, ok := in.body["token"]; ok {
		found = append(found, ViolationBodyToken)
	}
	if _, err := r.Cookie("token"); err == nil {
		found = append(found, ViolationCookieToken)
	}
	_, inQuery := in.query["api_key"]
	_, inBody := in.body["api_key"]
	if inQuery || inBody {
		found = append(found, ViolationAPIKeyParameter)
	}
	return found
}

// hasAPIKeyHeader looks at header names as PHP does, to which dashes, dots and underscores are the same in $_SERVER.
func hasAPIKeyHeader(h http.Header) bool {
	fold := strings.NewReplacer("_", "-", ".", "-")
	for name := range h {
		if strings.EqualFold(fold.Replace(name), "X-API-Key") {
			return true
		}
	}
	return false
}

// refuse records violations and answers 500 naming them, which no test can mistake for an answer of Faveo.
func (f *Faveo) refuse(w http.ResponseWriter, found ...Violation) {
	texts := make([]string, len(found))
	for i, v := range found {
		f.record.violated(v)
		texts[i] = string(v)
	}
	write(w, fail(http.StatusInternalServerError, object{{"error", "standin violation: " + strings.Join(texts, ", ")}}))
}
