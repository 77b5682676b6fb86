package config

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Tracing is the section `observability.tracing`: which requests are traced, and who
// collects it.
type Tracing struct {
	// Endpoint is the URL of a collector that takes OTLP over HTTP, such as
	// "http://127.0.0.1:4318"; without a path it gets OTLP's, /v1/traces. Empty, the
	// default, traces nothing.
	Endpoint string `yaml:"endpoint"`
	// Headers go with what is sent there, "Name: value" each: the credentials of an
	// account, for example. Default none.
	Headers []Secret `yaml:"headers"`
	// SampleRatio is how many of the requests are traced, from 0 to 1; zero traces
	// only those that a trusted proxy traces. Default 0.1.
	SampleRatio float64 `yaml:"sample_ratio"`
	// Timeout bounds the sending of a batch, with all its tries. Default 10s.
	Timeout time.Duration `yaml:"timeout"`
}

func defaultTracing() Tracing { return Tracing{SampleRatio: 0.1, Timeout: 10 * time.Second} }

// Validate reports every fault of t by its path below `observability.tracing`. None
// shows a header.
func (t Tracing) Validate(report func(path, message string)) {
	if t.Endpoint != "" && !tracingEndpoint(t.Endpoint) {
		report("endpoint", "must be an http or https URL such as http://127.0.0.1:4318, without user, query and fragment")
	}
	var names []string
	for i, header := range t.Headers {
		path := fmt.Sprintf("headers[%d]", i)
		name, _, ok := cutHeader(header)
		switch {
		case !ok:
			report(path, `must be "Name: value", a header`)
		case slices.Contains(names, name):
			report(path, "has the name of another one")
		case slices.Contains(framing, name):
			report(path, "is a header that the gateway sets itself")
		}
		names = append(names, name)
	}
	if !(t.SampleRatio >= 0 && t.SampleRatio <= 1) {
		report("sample_ratio", "must be between 0 and 1")
	}
	positive("timeout", t.Timeout, report)
}

// tracingEndpoint wants a URL of which nothing is a credential: those are headers.
func tracingEndpoint(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" &&
		u.User == nil && u.RawQuery == "" && !u.ForceQuery && !strings.Contains(text, "#")
}

// framing are the headers of an export that are not the operator's.
var framing = []string{
	"Host", "Content-Length", "Content-Type", "Content-Encoding", "Transfer-Encoding", "Connection", "Trailer", "Te", "Upgrade", "Expect",
}

// headerName matches a token of RFC 9110 section 5.6.2.
var headerName = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")

// cutHeader returns the canonical name and the value of a header. That a value has no
// control characters is seen to by every Secret.
func cutHeader(header Secret) (name, value string, ok bool) {
	name, value, ok = strings.Cut(header.Reveal(), ":")
	value = strings.TrimSpace(value)
	return http.CanonicalHeaderKey(name), value, ok && value != "" && headerName.MatchString(name)
}

// URL is where batches are posted to.
func (t Tracing) URL() string {
	u, err := url.Parse(t.Endpoint)
	if err != nil || strings.Trim(u.Path, "/") != "" {
		return t.Endpoint
	}
	return u.JoinPath("/v1/traces").String()
}

// RevealHeaders returns the values of Headers by name.
func (t Tracing) RevealHeaders() map[string]string {
	all := make(map[string]string, len(t.Headers))
	for _, header := range t.Headers {
		name, value, _ := cutHeader(header) // Validated.
		all[name] = value
	}
	return all
}
