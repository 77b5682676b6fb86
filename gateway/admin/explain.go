package admin

import (
	"context"
	"net/url"
	"strings"
)

// Question is a request that the policy is asked about, as somebody imagines it: nothing
// is looked up for it. The zero value of a field is absent.
type Question struct {
	// Method and Path are needed; the path is without the base path and may have a query.
	Method, Path string
	// Params are further parameters, "name=value", or "name[]=value" for a list.
	Params []string
	// At is the time of the request, as 2026-07-01T12:00:00+02:00; "" for now.
	At string

	// Role is the caller's, "" for one without a token, and User his id.
	Role string
	User uint64
	// Email, Departments and Teams are what he belongs to.
	Email              string
	Departments, Teams []uint64
	// Scopes are those of his API key, each one or several with commas; none without one.
	Scopes         []string
	KeyID, KeyName string

	// Ticket is what every ticket that the request names is like; nil where none exists.
	Ticket *Ticket
}

// Ticket is what a decision depends on; 0 for nobody and nothing.
type Ticket struct {
	Owner                      uint64
	Collaborators              []uint64
	Department, Assignee, Team uint64
}

// Explanation is the document of GET /admin/v1/policy/explain, and what the command
// prints: what is known of one decision.
type Explanation struct {
	Request  string   `json:"request"`
	Caller   string   `json:"caller"`
	Scopes   []string `json:"key_scopes,omitempty"`
	LookedUp []string `json:"looked_up,omitempty"`
	// Effect is allow or deny, Reason one word for why, Because the same in words. A
	// denial that is not Enforced is only counted.
	Effect   string `json:"effect"`
	Reason   string `json:"reason"`
	Because  string `json:"because"`
	Enforced bool   `json:"enforced"`
	// Rule is the one that decided. Place, Objects, When and RuleReason are what it says.
	Rule       string   `json:"rule,omitempty"`
	Class      string   `json:"class,omitempty"`
	Place      string   `json:"written_at,omitempty"`
	Objects    []string `json:"objects,omitempty"`
	When       string   `json:"when,omitempty"`
	RuleReason string   `json:"rule_reason,omitempty"`
	// Allow are the methods that the route has, Filters what is taken out of the answer.
	Allow     []string `json:"allow,omitempty"`
	Filters   []string `json:"filters,omitempty"`
	Anonymous bool     `json:"anonymous,omitempty"`
	// Answer is what the caller gets, Status its number; 0 where the request goes on.
	Answer string `json:"answer"`
	Status int    `json:"status"`
}

// explainParameters are all of a Question, by the names of the command's flags.
func explainParameters() []string {
	return []string{
		paramMethod, paramPath, paramParam, paramAt, paramRole, paramUser, paramEmail, paramDepartments, paramTeams,
		paramScope, paramKeyID, paramKeyName, paramOwner, paramCollaborator, paramDepartment, paramAssignee, paramTeam,
	}
}

func (h *Handler) explain(ctx context.Context, in input) (any, error) {
	q := in.question
	if q.User = in.user; q.Method == "" || q.Path == "" {
		return nil, BadRequest("method=METHOD and path=PATH are needed")
	}
	return h.policy.Explain(ctx, q)
}

// ticket is the ticket of the question, from its first parameter on.
func (in *input) ticket() *Ticket {
	if in.question.Ticket == nil {
		in.question.Ticket = &Ticket{}
	}
	return in.question.Ticket
}

// parseMethod takes one word.
func parseMethod(text string) (string, bool) {
	return text, text != "" && !strings.ContainsAny(text, " \t\r\n?")
}

// parsePath takes a path from the root.
func parsePath(text string) (string, bool) { return text, strings.HasPrefix(text, "/") }

// parseParams reads parameters as a query has them.
func parseParams(text string) (list []string, ok bool) {
	for pair := range strings.SplitSeq(text, "&") {
		plain, err := url.QueryUnescape(pair)
		if err != nil || plain == "" {
			return nil, false
		}
		list = append(list, plain)
	}
	return list, true
}

// parseOne takes one text, which stands for a list.
func parseOne(text string) ([]string, bool) { return []string{text}, text != "" }

// parseNumbers reads numbers, separated by commas.
func parseNumbers(text string) (list []uint64, ok bool) {
	for each := range strings.SplitSeq(text, ",") {
		n, ok := ParseNumber(each)
		if !ok {
			return nil, false
		}
		list = append(list, n)
	}
	return list, true
}
