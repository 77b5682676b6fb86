package proxy

import (
	"net/url"
	"strconv"
	"strings"
)

// UpstreamFault is the reason why one URL cannot be an upstream.
type UpstreamFault struct {
	// Index is its place in the list, counted from 0.
	Index int
	// Message says what it must be, without a subject: "must have no path". It
	// shows nothing of the URL, which may carry a password by mistake.
	Message string
}

// UpstreamFaults is the error of ParseUpstreams: every fault, in the order of
// the list. It is never empty; get it with errors.As.
type UpstreamFaults []UpstreamFault

// Error names each fault by its place.
func (f UpstreamFaults) Error() string {
	texts := make([]string, len(f))
	for i, fault := range f {
		texts[i] = "upstream " + strconv.Itoa(fault.Index) + " " + fault.Message
	}
	return strings.Join(texts, "; ")
}

// ParseUpstreams reads the URLs of PHP's web servers for Options.Upstreams: http
// or https, a host, a port if it is not the scheme's own, and nothing else but a
// slash at the end, which is dropped. No host is given twice. The error is
// UpstreamFaults. That there is one at all is New's to check.
func ParseUpstreams(texts []string) ([]*url.URL, error) {
	upstreams := make([]*url.URL, len(texts))
	for i, text := range texts {
		// What cannot be read is nil, and a fault below. The error of net/url would
		// quote the text.
		if u, err := url.Parse(text); err == nil {
			if u.Path == "/" {
				u.Path = ""
			}
			upstreams[i] = u
		}
	}
	if faults := upstreamFaults(upstreams); len(faults) > 0 {
		return nil, faults
	}
	return upstreams, nil
}

// upstreamFaults is the one rule for upstreams, written or parsed.
func upstreamFaults(upstreams []*url.URL) UpstreamFaults {
	var faults UpstreamFaults
	seen := make(map[string]bool, len(upstreams))
	for i, u := range upstreams {
		message := upstreamFault(u)
		if message == "" && seen[strings.ToLower(u.Host)] {
			message = "has the host and port of one before it"
		}
		if message != "" {
			faults = append(faults, UpstreamFault{Index: i, Message: message})
			continue
		}
		seen[strings.ToLower(u.Host)] = true
	}
	return faults
}

func upstreamFault(u *url.URL) string {
	switch {
	case u == nil, u.Scheme != "http" && u.Scheme != "https", u.Opaque != "", u.Host == "":
		return "must be a URL such as http://127.0.0.1:8000"
	case u.User != nil:
		return "must not carry a user name or password"
	case !validHost(u.Host):
		return "must name a host of letters, digits, dots and hyphens, or an address, with a port from 1 to 65535 if any"
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return "must not have a query or a fragment"
	case u.Path != "":
		return "must not have a path; that is server.base_path"
	}
	return ""
}
