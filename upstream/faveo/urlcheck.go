package faveo

import (
	"context"
	"regexp"
	"strings"
)

// What PHP prints at GET api/v1/helpdesk/url (recordings routes/url-*). The message about the form is v2's, or that of
// Laravel 5 in v1.9 to v1.11. A found site is curl's text of check-url, as JSON in JSON.
const (
	urlMissing   = `{"error":{"url":["The url field is required."]}}`
	urlInvalid   = `{"error":{"url":["The url must be a valid URL."]}}`
	urlMalformed = `{"error":{"url":["The url format is invalid."]}}`
	urlFound     = `{"result":"{\"status\":\"success\"}"}`
)

// maxURLBytes is the longest parameter that is looked at; longer ones are forbidden.
const maxURLBytes = 2048

// AppendURLCheck appends what PHP would answer at GET api/v1/helpdesk/url, where that can be known without doing what
// PHP does there: fetching, for anybody, whatever url names, local files included (contract section 5, 2). Nothing is
// fetched here. Answered are
//
//   - a missing or blank url: given is false for an absent or null parameter;
//   - a text that is surely no URL for Laravel's rule `url`;
//   - an address of this site: http or https, no user, the default or the same port, the path at which Faveo lies with
//     or without a slash behind it, no query. The site is what hosts name, each as in a Host header ("name" or
//     "name:port"), with Faveo at basePath ("" or "/community/public"), and what settings_system.url names.
//
// answered is false, and dst as it was, for everything else: other sites, other schemes, and what is not decided here:
// text beyond ASCII, more than 2048 bytes, IPv6 literals. An error is an infrastructure fault.
func (db *DB) AppendURLCheck(ctx context.Context, dst []byte, url string, given bool, basePath string, hosts ...string) (out []byte, answered bool, err error) {
	if !given || strings.Trim(url, " \t\n\r\x00\v") == "" { // PHP's trim().
		return append(dst, urlMissing...), true, nil
	}
	version, err := db.Version(ctx)
	if err != nil {
		return dst, false, err
	}
	rule := urlRuleOf(version.Shape)
	switch rule.decide(url) {
	case formInvalid:
		return append(dst, rule.message...), true, nil
	case formUnknown:
		return dst, false, nil
	}
	named, ok := parseSite(url)
	if !ok {
		return dst, false, nil
	}
	for _, host := range hosts {
		if named.is(siteAt(host, basePath)) {
			return append(dst, urlFound...), true, nil
		}
	}
	configured, err := db.SiteURL(ctx)
	if err != nil {
		return dst, false, err
	}
	if own, ok := parseSite(configured); ok && named.is(own) {
		return append(dst, urlFound...), true, nil
	}
	return dst, false, nil
}

// form is what Laravel's rule `url` says of a text.
type form int

const (
	formUnknown form = iota
	formValid
	formInvalid
)

// urlRule is the rule of one version of Laravel, for ASCII text that begins with http:// or https://.
type urlRule struct {
	pattern *regexp.Regexp
	message string
}

// The patterns accept what those of Laravel accept, including that PHP's $ lets one newline stand at the end. Where PHP
// gives up on a long text it says invalid; that such a text is valid here only means that it may be forbidden.
var (
	laravel9URL = urlRule{message: urlInvalid, pattern: regexp.MustCompile(
		`^(?i:https?)://` +
			`(?:(?:(?:[\w.-]|%[[:xdigit:]]{2})+:)?(?:[\w.-]|%[[:xdigit:]]{2})+@)?` +
			"(?i:[a-z0-9$+<=>^`|~_.-]+" + `\.?(?:[a-z0-9]|xn--[a-z0-9-]+)+\.?)` +
			`(?::[0-9]+)?` +
			`(?:/(?:[\w.~!$&'()*+,;=:@-]|%[[:xdigit:]]{2})*)*` +
			`(?:\?(?:[\w.~!$&'\[\]()*+,;=:@/?-]|%[[:xdigit:]]{2})*)?` +
			`(?:#(?:[\w.~!$&'()*+,;=:@/?-]|%[[:xdigit:]]{2})*)?` +
			`\n?$`,
	)}
	laravel5URL = urlRule{message: urlMalformed, pattern: regexp.MustCompile(
		`^(?i:https?)://` +
			`(?:(?:[a-zA-Z0-9-]+:)?[a-zA-Z0-9-]+@)?` +
			"(?:(?i:[a-z0-9$+<=>^`|~.-]+" + `\.?(?:[a-z]|xn--[a-z0-9-]+)+\.?)|\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3})` +
			`(?::[0-9]+)?` +
			`(?:/?|/[^\t-\r ]+|\?[^\t-\r ]*|#[^\t-\r ]*)` +
			`\n?$`,
	)}
)

func urlRuleOf(shape Shape) urlRule {
	if shape == Shape2 {
		return laravel9URL
	}
	return laravel5URL
}

func (r urlRule) decide(url string) form {
	scheme, rest, found := strings.Cut(url, "://")
	switch {
	case len(url) > maxURLBytes || !isASCII(url):
		return formUnknown
	case !found:
		return formInvalid // All schemes of the rule are followed by these three.
	case !isWeb(scheme) || strings.ContainsRune(authority(rest), '['):
		return formUnknown
	case r.pattern.MatchString(url):
		return formValid
	}
	return formInvalid
}

// site is where a Faveo is said to be.
type site struct {
	scheme, host, port string // in lower case; scheme and port may be empty
	base               string // "" or "/community/public"
}

// parseSite reads the address of a site; not ok for what names more or less than one.
func parseSite(url string) (site, bool) {
	scheme, rest, found := strings.Cut(url, "://")
	if !found || !isWeb(scheme) || strings.ContainsAny(rest, "@?#[") {
		return site{}, false
	}
	host := authority(rest)
	s := siteAt(host, rest[len(host):])
	s.scheme = strings.ToLower(scheme)
	return s, true
}

// siteAt is a Faveo below base on a host that a Host header names.
func siteAt(host, base string) site {
	name, port, _ := strings.Cut(host, ":")
	return site{host: strings.ToLower(name), port: port, base: strings.TrimSuffix(base, "/")}
}

// is says whether s, an address, names the site own.
func (s site) is(own site) bool {
	defaultPort := map[string]string{"http": "80", "https": "443"}[s.scheme]
	samePort := s.port == "" || s.port == defaultPort || s.port == own.port
	return s.host == own.host && s.base == own.base && samePort
}

func authority(rest string) string {
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		return rest[:i]
	}
	return rest
}

// isWeb is called with the text before "://".
func isWeb(scheme string) bool {
	return strings.EqualFold(scheme, "http") || strings.EqualFold(scheme, "https")
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= 0x80 })
}
