package stage

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"faveo-gateway/gateway/identity"
	"faveo-gateway/upstream/laravel"
)

// The parameters that carry credentials, and the header of API keys in the spelling
// of net/http. They never reach PHP.
const (
	tokenParameter  = "token"
	apiKeyParameter = "api_key"
	apiKeyHeader    = "X-Api-Key"
)

// Why the credentials of a request have two readings. PHP would take the first
// place that is not empty; whoever looked at another place would judge another
// caller.
const (
	// ReasonTwoTokens is more than one token, in one place or in several, equal
	// ones included.
	ReasonTwoTokens laravel.Reason = "two_tokens"
	// ReasonAuthorization is an Authorization header in which PHP would find a
	// token but RFC 6750 has none, or the header twice.
	ReasonAuthorization laravel.Reason = "authorization_header"
	// ReasonTokenKind is a parameter token that is no text.
	ReasonTokenKind laravel.Reason = "token_kind"
	// ReasonTokenSource is a token in a place that tokens.sources leaves out.
	ReasonTokenSource laravel.Reason = "token_source"
	// ReasonTwoAPIKeys is more than one API key, different from each other.
	ReasonTwoAPIKeys laravel.Reason = "two_api_keys"
)

// ambiguousCredentials lists the reasons above.
var ambiguousCredentials = []laravel.Reason{
	ReasonTwoTokens, ReasonAuthorization, ReasonTokenKind, ReasonTokenSource, ReasonTwoAPIKeys,
}

// credential is a token as it was found; raw is "" when there is none.
type credential struct {
	raw    string
	source identity.Source
}

// join returns the one credential of two places.
func (a credential) join(b credential) (credential, error) {
	switch {
	case b.raw == "":
		return a, nil
	case a.raw == "":
		return b, nil
	default:
		return credential{}, &laravel.Ambiguous{Reason: ReasonTwoTokens}
	}
}

// joinKeys returns the one API key of two places. The same in both is one: the apps
// may repeat theirs in the query and in a form.
func joinKeys(a, b string) (string, error) {
	switch {
	case b == "" || a == b:
		return a, nil
	case a == "":
		return b, nil
	default:
		return "", &laravel.Ambiguous{Reason: ReasonTwoAPIKeys}
	}
}

// takeHead takes the token and the API key out of the headers and the query.
func takeHead(r *http.Request, x *Exchange) (credential, error) {
	header, err := headerToken(r.Header[echo.HeaderAuthorization])
	if err != nil {
		return credential{}, err
	}
	if err := takeHeaderKey(r, x); err != nil {
		return credential{}, err
	}
	query, err := takeParameters(x, identity.SourceQuery)
	if err != nil {
		return credential{}, err
	}
	return header.join(query)
}

// takeParameters takes the parameters token and api_key out of whatever of the
// request is parsed: the query before the body is loaded, the body afterwards.
func takeParameters(x *Exchange, source identity.Source) (credential, error) {
	if err := takeKey(x); err != nil {
		return credential{}, err
	}
	found := credential{source: source}
	for _, value := range x.Request.Take(tokenParameter) {
		text, isText := value.Text()
		switch {
		case value.Kind() == laravel.KindNull, isText && text == "":
			// The apps send an empty one before they have logged in; PHP goes on
			// to the next place then.
		case !isText:
			return credential{}, &laravel.Ambiguous{Reason: ReasonTokenKind}
		case found.raw != "":
			return credential{}, &laravel.Ambiguous{Reason: ReasonTwoTokens}
		default:
			found.raw = text
		}
	}
	return found, nil
}

// takeHeaderKey reads the header of API keys.
func takeHeaderKey(r *http.Request, x *Exchange) (err error) {
	for _, key := range r.Header[apiKeyHeader] {
		if x.rawKey, err = joinKeys(x.rawKey, key); err != nil {
			return err
		}
	}
	return nil
}

// takeKey takes the parameter api_key. What is no text is no key, and goes nowhere.
func takeKey(x *Exchange) (err error) {
	for _, value := range x.Request.Take(apiKeyParameter) {
		if text, isText := value.Text(); isText {
			if x.rawKey, err = joinKeys(x.rawKey, text); err != nil {
				return err
			}
		}
	}
	return nil
}

// headerToken reads the Authorization header (RFC 6750 section 2.1). PHP takes
// the text behind the last "bearer" anywhere in the value, so a second word behind
// the token, or another scheme that contains the word, has two readings; another
// scheme that does not is no token.
func headerToken(values []string) (credential, error) {
	switch len(values) {
	case 0:
		return credential{}, nil
	case 1:
	default:
		return credential{}, &laravel.Ambiguous{Reason: ReasonAuthorization}
	}
	scheme, rest, _ := strings.Cut(values[0], " ")
	if strings.EqualFold(scheme, "bearer") {
		raw := strings.Trim(rest, " ")
		if strings.IndexByte(raw, ' ') >= 0 || strings.IndexByte(raw, ',') >= 0 {
			return credential{}, &laravel.Ambiguous{Reason: ReasonAuthorization}
		}
		return credential{raw: raw, source: identity.SourceHeader}, nil
	}
	if containsBearer(values[0]) {
		return credential{}, &laravel.Ambiguous{Reason: ReasonAuthorization}
	}
	return credential{}, nil
}

// containsBearer finds the word in any case, without allocating.
func containsBearer(s string) bool {
	const word = "bearer"
	for i := 0; i+len(word) <= len(s); i++ {
		if s[i]|0x20 == 'b' && strings.EqualFold(s[i:i+len(word)], word) {
			return true
		}
	}
	return false
}
