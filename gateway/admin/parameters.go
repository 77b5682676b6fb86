package admin

import (
	"net/netip"
	"strconv"
)

// The names of parameters, in the query or in the body.
const (
	paramUser      = "user"
	paramLimit     = "limit"
	paramAll       = "all"
	paramAlgorithm = "algorithm"
	paramName      = "name"
	paramScopes    = "scopes"
	paramNetworks  = "networks"
	paramRate      = "rate"
	paramExpires   = "expires"
	paramOverlap   = "overlap"
	paramAddress   = "address"
	paramAfter     = "after"
	paramHash      = "hash"
)

// The names of what a question to the policy is made of.
const (
	paramMethod       = "method"
	paramPath         = "path"
	paramParam        = "param"
	paramAt           = "at"
	paramRole         = "role"
	paramEmail        = "email"
	paramDepartments  = "departments"
	paramTeams        = "teams"
	paramScope        = "scope"
	paramKeyID        = "key_id"
	paramKeyName      = "key_name"
	paramOwner        = "owner"
	paramCollaborator = "collaborator"
	paramDepartment   = "department"
	paramAssignee     = "assignee"
	paramTeam         = "team"
)

// MaxLimit bounds one list, and defaultLimit is for those who do not say.
const (
	MaxLimit     = 10_000
	defaultLimit = 1_000
)

// set reads one value, and says what it must be when it is not.
func (in *input) set(name, text string) (want string) {
	switch name {
	case paramUser:
		return read(&in.user, text, ParseNumber, "the number of a user, at least 1")
	case paramLimit:
		return read(&in.limit, text, parseLimit, "a number from 1 to "+strconv.Itoa(MaxLimit))
	case paramAll:
		return read(&in.all, text, parseTrue, `"true", or absent`)
	case paramAlgorithm:
		return read(&in.algorithm, text, parseText, "the name of an algorithm, or absent")
	case paramName:
		return read(&in.name, text, parseText, "a name")
	case paramScopes:
		return read(&in.scopes, text, parseText, "scopes, separated by commas")
	case paramNetworks:
		return read(&in.networks, text, parseText, "networks, separated by commas, or absent")
	case paramRate:
		return read(&in.rate, text, parseText, "a rate such as 600/1m, or absent")
	case paramExpires:
		return read(&in.expires, text, parseText, "a time, a date, or how long from now, such as 720h, or absent")
	case paramOverlap:
		return read(&in.overlap, text, parseText, "how long the secret before goes on, such as 24h, or absent")
	case paramAddress:
		return read(&in.address, text, parseAddress, "an IP address, or a network as the list of lockouts shows it")
	case paramAfter:
		in.follow = true
		return read(&in.after, text, parseAfter, "the number of an entry, or 0")
	case paramHash:
		return read(&in.hash, text, parseHash, "the hash of an entry, 64 digits in hexadecimal")
	default:
		return in.setQuestion(name, text)
	}
}

// setQuestion is set for what a question to the policy is made of.
func (in *input) setQuestion(name, text string) (want string) {
	const number, numbers = "a number, at least 1", "numbers, separated by commas"
	q := &in.question
	switch name {
	case paramMethod:
		return read(&q.Method, text, parseMethod, "a method")
	case paramPath:
		return read(&q.Path, text, parsePath, "a path without the base path, from / on")
	case paramParam:
		return read(&q.Params, text, parseParams, "parameters as in a query, name=value&name=value, encoded once more")
	case paramAt:
		return read(&q.At, text, parseText, "a time, or absent")
	case paramRole:
		return read(&q.Role, text, parseText, "a role, or absent")
	case paramEmail:
		return read(&q.Email, text, parseText, "an e-mail address, or absent")
	case paramDepartments:
		return read(&q.Departments, text, parseNumbers, numbers)
	case paramTeams:
		return read(&q.Teams, text, parseNumbers, numbers)
	case paramScope:
		return read(&q.Scopes, text, parseOne, "scopes, separated by commas, or absent")
	case paramKeyID:
		return read(&q.KeyID, text, parseText, "the id of an API key, or absent")
	case paramKeyName:
		return read(&q.KeyName, text, parseText, "the name of an API key, or absent")
	case paramOwner:
		return read(&in.ticket().Owner, text, ParseNumber, number)
	case paramCollaborator:
		return read(&in.ticket().Collaborators, text, parseNumbers, numbers)
	case paramDepartment:
		return read(&in.ticket().Department, text, ParseNumber, number)
	case paramAssignee:
		return read(&in.ticket().Assignee, text, ParseNumber, number)
	case paramTeam:
		return read(&in.ticket().Team, text, ParseNumber, number)
	default:
		panic("a route knows a parameter that has no field: " + name) // A programmer's mistake.
	}
}

// read sets a field, and returns want when the text cannot be meant.
func read[T any](field *T, text string, parse func(string) (T, bool), want string) string {
	value, ok := parse(text)
	if !ok {
		return want
	}
	*field = value
	return ""
}

// ParseNumber reads the number of a user or of an entry of the audit trail: decimal,
// at least 1, in the one spelling that it has.
func ParseNumber(text string) (uint64, bool) {
	n, err := strconv.ParseUint(text, 10, 64)
	return n, err == nil && n > 0 && strconv.FormatUint(n, 10) == text
}

// parseAfter is ParseNumber, and 0 for the beginning.
func parseAfter(text string) (uint64, bool) {
	if text == "0" {
		return 0, true
	}
	return ParseNumber(text)
}

func parseLimit(text string) (int, bool) {
	n, ok := ParseNumber(text)
	return int(n), ok && n <= MaxLimit
}

func parseTrue(text string) (bool, bool) { return true, text == "true" }

// parseText takes everything but nothing: what is meant to be absent is left out.
func parseText(text string) (string, bool) { return text, text != "" }

func parseAddress(text string) (string, bool) { return text, IsAddress(text) }

func parseHash(text string) (string, bool) { return text, IsHash(text) }

// IsAddress reports whether a text names what a lockout of an address can be of: an
// IP address without a zone, or an IPv6 network of 64 bits, as 2001:db8::/64.
func IsAddress(text string) bool {
	if address, err := netip.ParseAddr(text); err == nil {
		return address.Zone() == ""
	}
	network, err := netip.ParsePrefix(text)
	return err == nil && network.Addr().Is6() && network.Bits() == 64 && network == network.Masked()
}

// IsHash reports whether a text can be the hash of an entry of the audit trail: 64
// digits in hexadecimal, in lower case.
func IsHash(text string) bool {
	if len(text) != 64 {
		return false
	}
	for i := range len(text) {
		if c := text[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// IsID reports whether a text can be the id of a key, a session or an API key: up to
// 64 characters of base64url. In a path none of them is ever percent-encoded.
func IsID(text string) bool {
	if text == "" || len(text) > 64 {
		return false
	}
	for i := range len(text) {
		c := text[i]
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_'
		if !letter {
			return false
		}
	}
	return true
}
