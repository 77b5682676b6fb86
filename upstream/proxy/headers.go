package proxy

import (
	"net/http"
	"slices"
	"strings"
)

// filter says which headers of a client reach PHP.
//
// PHP sees a header as $_SERVER["HTTP_" + name in capitals], every byte but
// letters and digits folded into "_". X_Forwarded_For, X.Forwarded.For and
// X-Forwarded-For are thus one header with three spellings, so a name that is
// not made of letters, digits and "-" passes on no route (nginx drops
// underscores for the same reason).
type filter struct {
	// extra holds the canonical names of Config.ForwardHeaders.
	extra map[string]struct{}
}

func newFilter(forward []string) filter {
	f := filter{extra: make(map[string]struct{}, len(forward))}
	for _, name := range forward {
		f.extra[http.CanonicalHeaderKey(name)] = struct{}{}
	}
	return f
}

// request removes from out what must not reach PHP. in are the same headers
// before the hop-by-hop ones were removed.
//
// What there is an Edit for is asked for whole, unencoded and without a
// precondition (RFC 9110 section 13.1): the answer to one would speak of the
// body before the edit.
func (f filter) request(p Passage, in, out http.Header) {
	for name := range out {
		if !f.passes(p.Kind, name) {
			delete(out, name)
		}
	}
	if p.Edit != nil {
		for _, name := range [...]string{"Range", "If-Range", "If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since"} {
			delete(out, name)
		}
		out["Accept-Encoding"] = []string{"identity"}
	}
	// RFC 9110 7.6.1 removes what Connection names, but the gateway has judged the
	// body by this one: without it PHP would read the same body in another way.
	if values, ok := in["Content-Type"]; ok {
		out["Content-Type"] = slices.Clip(values)
	}
}

func (f filter) passes(k Kind, name string) bool {
	if k == Web {
		return plain(name) && !reserved(name)
	}
	if allowed(name) {
		return true
	}
	_, ok := f.extra[name]
	return ok
}

// allowed are the headers of a client that an API route gets.
//
// Not among them, each for a reason: Cookie (PHP takes a token from it, and
// nothing protects the API against forged cross-site requests), Referer (of a
// page that was asked for with ?token=), Content-Encoding (PHP does not decode
// bodies but a web server before it may, after the gateway has judged them),
// Authorization (the bridge token alone), Accept-Encoding, Range and If-Range
// (web servers compress and cut whatever PHP answers, and an error message that
// comes so cannot be edited).
func allowed(name string) bool {
	switch name {
	case "Accept", "Accept-Charset", "Accept-Language",
		"Cache-Control", "Pragma", "Content-Type", "Content-Language", "User-Agent",
		"If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since",
		"Origin", "X-Requested-With", "Dnt":
		return true
	}
	return false
}

// reserved are the headers that no client sends to PHP, on any route, and that
// Config.ForwardHeaders cannot name.
//
// Authorization is among them for the web UI too: Faveo's pages know sessions
// only, while its API would act on a token, so a page request that PHP were to
// take for an API request must not carry a credential that the gateway has not
// looked at. A site that guards its pages with Basic authentication does so
// before the gateway.
func reserved(name string) bool {
	switch name {
	// Identity.
	case "Authorization", "X-Authorization", "X-Api-Key", "Remote-User", "X-Remote-User":
		return true
	// The client's address, and the origin that it used.
	case "Forwarded", "Forwarded-For", "X-Real-Ip", "Client-Ip", "X-Client-Ip", "X-Cluster-Client-Ip",
		"True-Client-Ip", "Fastly-Client-Ip", "X-Remote-Ip", "X-Remote-Addr", "Remote-Addr",
		"X-Host", "X-Scheme", "X-Url-Scheme", "Front-End-Https":
		return true
	// Another method or path than the one judged (Symfony reads them).
	case "X-Http-Method-Override", "X-Http-Method", "X-Method-Override", "X-Rewrite-Url", "X-Php-Ob-Level":
		return true
	// The gateway's own trail through the systems.
	case "X-Request-Id", "Traceparent", "Tracestate", "Baggage":
		return true
	// The framing of the message and the connection, RFC 9110 7.6.1 and RFC 9112 6.
	case "Host", "Content-Length", "Transfer-Encoding", "Expect", "Te", "Trailer",
		"Connection", "Keep-Alive", "Upgrade", "Http2-Settings":
		return true
	// net/http repeats a POST that carries one of these; PHP would not notice.
	case "Idempotency-Key", "X-Idempotency-Key":
		return true
	}
	return strings.HasPrefix(name, "X-Forwarded") ||
		strings.HasPrefix(name, "X-Original-") ||
		strings.HasPrefix(name, "X-Accel-") ||
		strings.HasPrefix(name, "X-Sendfile") ||
		strings.HasPrefix(name, "Cf-") ||
		strings.HasPrefix(name, "Php-Auth-") || // Symfony makes an Authorization of them.
		strings.HasPrefix(name, "Proxy") // Proxy alone is httpoxy, CVE-2016-5385.
}

// plain reports whether name consists of letters, digits and "-" and is in the
// canonical case of net/http, which is the case that reserved compares.
func plain(name string) bool {
	upper := true
	for i := range len(name) {
		switch c := name[i]; {
		case 'A' <= c && c <= 'Z':
			if !upper {
				return false
			}
		case 'a' <= c && c <= 'z':
			if upper {
				return false
			}
		case !isDigit(c) && c != '-':
			return false
		}
		upper = name[i] == '-'
	}
	return name != ""
}

// cleanAnswer removes from PHP's answer what speaks of the machine behind the
// gateway (Server, X-Powered-By, an Alt-Svc that would lead browsers past it),
// and X-Request-Id, which the gateway sets.
//
// API answers lose Set-Cookie: Faveo's API sets none (contract section 1), and
// a browser must not come by a cookie through it. They are never sniffed, and
// one that says nothing about caching gets what Faveo itself says everywhere:
// tokens in query strings are outside the protection of RFC 9111 section 3.5.
func cleanAnswer(k Kind, h http.Header) {
	delete(h, "Server")
	delete(h, "X-Powered-By")
	delete(h, "Alt-Svc")
	delete(h, "X-Request-Id")
	if k != API {
		return
	}
	delete(h, "Set-Cookie")
	h["X-Content-Type-Options"] = []string{"nosniff"}
	if _, ok := h["Cache-Control"]; !ok {
		h["Cache-Control"] = []string{"no-cache, private"}
	}
}
