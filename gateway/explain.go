package gateway

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"faveo-gateway/gateway/admin"
	"faveo-gateway/gateway/identity"
	"faveo-gateway/policy"
)

// Unclear is what of a question to the policy cannot be meant.
type Unclear struct {
	// Parameter is its name as the admin API spells it, Message what follows the name.
	Parameter, Message string
}

// Error implements error.
func (u *Unclear) Error() string { return u.Parameter + u.Message }

// Explain says which rule of a policy decides about an imagined request, and why. What of
// the question cannot be meant is *Unclear; another error says that the request cannot be
// read.
func Explain(e *policy.Engine, q admin.Question, now time.Time) (admin.Explanation, error) {
	request, err := requestOf(q, now)
	if err != nil {
		return admin.Explanation{}, err
	}
	subject, err := subjectOf(q)
	if err != nil {
		return admin.Explanation{}, err
	}
	x := admin.Explanation{Request: q.Method + " " + q.Path, Caller: callerOf(q)}
	if subject.Key != nil {
		for _, scope := range subject.Key.Scopes {
			x.Scopes = append(x.Scopes, scope.String())
		}
	}
	needs, err := e.Needs(subject, request)
	if err != nil {
		x.Effect, x.Reason, x.Because, x.Enforced = string(policy.Deny), policy.OutcomeObjectID, err.Error(), true
		x.Status, x.Answer = ambiguousRequest.status, fmt.Sprintf("%d %s", ambiguousRequest.status, ambiguousRequest.code)
		return x, nil
	}
	x.LookedUp = imagine(q, needs, &subject, &request)
	tell(&x, e, e.Decide(subject, request))
	return x, nil
}

// requestOf reads the request.
func requestOf(q admin.Question, now time.Time) (policy.Request, error) {
	request, err := policy.ParseRequest(q.Method + " " + q.Path)
	if err != nil {
		return request, &Unclear{"path", ": " + err.Error()}
	}
	input := policy.Input(request.Params.Map())
	for _, param := range q.Params {
		name, value, found := strings.Cut(param, "=")
		if !found {
			return request, &Unclear{"param", fmt.Sprintf(" %q: want name=value", param)}
		}
		if err := input.Add(name, value); err != nil {
			return request, &Unclear{"param", fmt.Sprintf(" %q: %v", param, err)}
		}
	}
	if request.Time = now; q.At != "" {
		if request.Time, err = time.Parse(time.RFC3339, q.At); err != nil {
			return request, &Unclear{"at", fmt.Sprintf(" %q: want a time such as 2026-07-01T12:00:00+02:00", q.At)}
		}
	}
	return request, nil
}

// subjectOf reads who asks.
func subjectOf(q admin.Question) (policy.Subject, error) {
	s := policy.Subject{Authenticated: q.Role != "", UserID: q.User, Role: q.Role}
	switch {
	case !slices.Contains([]identity.Role{"", identity.RoleAdmin, identity.RoleAgent, identity.RoleUser}, identity.Role(q.Role)):
		return s, &Unclear{"role", fmt.Sprintf(" %q: want admin, agent or user", q.Role)}
	case q.Role == "" && q.User != 0:
		return s, &Unclear{"user", " without a role: a caller without a token has no id"}
	case len(q.Scopes) == 0 && q.KeyName != "":
		return s, &Unclear{"key_name", " without a scope: a key says what it is good for"}
	case len(q.Scopes) == 0 && q.KeyID != "":
		return s, &Unclear{"key_id", " without a scope: a key says what it is good for"}
	case len(q.Scopes) == 0:
		return s, nil
	}
	s.Key = &policy.Key{ID: q.KeyID, Name: q.KeyName}
	for _, list := range q.Scopes {
		scopes, err := policy.ParseScopes(list)
		if err != nil {
			return s, &Unclear{"scope", ": " + err.Error()}
		}
		s.Key.Scopes = append(s.Key.Scopes, scopes...)
	}
	return s, nil
}

// callerOf names the caller and his key.
func callerOf(q admin.Question) string {
	caller := q.Role
	switch {
	case q.Role == "":
		caller = "no token"
	case q.User != 0:
		caller = fmt.Sprintf("%s %d", q.Role, q.User)
	}
	switch {
	case len(q.Scopes) == 0:
		return caller
	case q.KeyName != "":
		return caller + fmt.Sprintf(", API key %q", q.KeyName)
	case q.KeyID != "":
		return caller + ", API key " + q.KeyID
	default:
		return caller + ", an API key"
	}
}

// imagine answers what would be looked up in Faveo's database, and says what it was.
func imagine(q admin.Question, needs policy.Needs, subject *policy.Subject, request *policy.Request) (said []string) {
	if needs.Affiliation {
		subject.Affiliation = &policy.Affiliation{Email: q.Email, Departments: q.Departments, Teams: q.Teams}
		said = append(said, fmt.Sprintf("the caller: e-mail address %q, departments %v, teams %v", q.Email, q.Departments, q.Teams))
	}
	for _, ref := range needs.Objects {
		o := policy.Object{Kind: ref.Kind, ID: ref.ID}
		what := fmt.Sprintf("%s %d: does not exist", ref.Kind, ref.ID)
		if t := q.Ticket; t != nil {
			o.Found, o.Owner, o.Collaborators = true, t.Owner, t.Collaborators
			o.Department, o.Assignee, o.Team = t.Department, t.Assignee, t.Team
			what = fmt.Sprintf("%s %d: owner %d, collaborators %v, department %d, assignee %d, team %d",
				ref.Kind, ref.ID, t.Owner, t.Collaborators, t.Department, t.Assignee, t.Team)
		}
		request.Objects = append(request.Objects, o)
		said = append(said, what)
	}
	return said
}

// tell writes the decision down, and what the rule that took it says.
func tell(x *admin.Explanation, e *policy.Engine, d policy.Decision) {
	v := verdictOf(d.Reason)
	x.Effect, x.Reason, x.Because, x.Enforced = string(d.Effect), string(d.Reason), v.because, d.Enforced
	x.Rule, x.Class, x.RuleReason = d.Rule, string(d.Class), d.Explanation
	x.Allow, x.Anonymous = d.Allow, d.Anonymous
	for _, filter := range d.Filters {
		x.Filters = append(x.Filters, string(filter))
	}
	for _, r := range e.Rules() {
		if r.Name != d.Rule {
			continue
		}
		x.Place = fmt.Sprintf("%s:%d", r.Source, r.Line)
		if consulted(d.Reason) {
			x.Objects, x.When = ObjectsOf(r), r.Condition
		}
	}
	switch {
	case d.Permitted() && d.Class == policy.ClassGateway:
		x.Answer = "the gateway answers it itself"
	case d.Permitted() && d.Effect == policy.Deny:
		x.Answer = "goes to Faveo: the denial is only counted, the mode is shadow"
	case d.Permitted():
		x.Answer = "goes to Faveo"
	default:
		x.Status, x.Answer = v.status, fmt.Sprintf("%d %s", v.status, v.code)
	}
	if d.Anonymous {
		x.Answer += ", as of a caller without a token: the key is not good for it"
	}
}

// consulted reports whether a rule came as far as its objects and its condition.
func consulted(r policy.Reason) bool {
	switch r {
	case policy.ReasonUnauthenticated, policy.ReasonForbiddenRole, policy.ReasonMethodNotAllowed, policy.ReasonKeyScope:
		return false
	default:
		return true
	}
}

// ObjectsOf says by what a request names the objects of a rule: "ticket ticket_id|id".
func ObjectsOf(r policy.RuleInfo) []string {
	var objects []string
	for _, c := range r.Objects {
		by := strings.Join(c.Parameters, "|")
		if c.Capture != "" {
			by = "{" + c.Capture + "}"
		}
		if c.List {
			by += ",…"
		}
		objects = append(objects, string(c.Kind)+" "+by)
	}
	return objects
}
