package policy

import (
	"fmt"
	"slices"
)

// OutcomeObjectID is the outcome of a case whose request Needs refuses with
// *UnreadableID. The other outcomes are the Reasons.
const OutcomeObjectID = "object_id"

// NoCaller is the caller of a case without a token.
const NoCaller = "none"

// Table is a list of requests and of what is to become of them, for testing a
// policy:
//
//	policy:                      # optional, see Config; files are relative to this one
//	  files: [partner.yaml]
//	callers:
//	  partner: {role: user, user: 42, email: partner@example.test}
//	  agent: {role: agent, user: 2, departments: [1], teams: []}
//	  shop: {role: user, user: 42, key: {name: shop, scopes: [POST /api/v1/helpdesk/create]}}
//	  app: {key: {scopes: [public]}}        # bound to no user, and without a token
//	tickets:                     # all that exist
//	  41: {owner: 42, collaborators: [7], department: 1, assignee: 2, team: 1}
//	tests:
//	  - name: a partner creates a ticket      # optional
//	    caller: partner                       # or none
//	    request: POST /api/v1/helpdesk/create?email=partner@example.test
//	    params: {subject: Hello}              # optional, added to the query's
//	    at: 2026-07-01T12:00:00Z              # optional
//	    want: allowed                         # a reason, or object_id
//	    rule: partner-creates                 # optional
//	    filters: [internal_note]              # optional
type Table struct {
	// Cases are the tests, in their order.
	Cases []Case

	policy  *Config
	tickets map[uint64]Object
}

// Case is one test of a Table.
type Case struct {
	// Name is the case's own or, without one, its request and caller.
	Name string
	// Line is where it stands in the file.
	Line int
	// Subject and Request are the question. Nothing is looked up in them yet.
	Subject Subject
	Request Request
	// Want is a Reason or OutcomeObjectID.
	Want string

	affiliation Affiliation
	rule        string
	filters     []Filter
	hasFilters  bool
}

// ReadTable reads a file. The error is Faults: all that is wrong at once.
func ReadTable(file string) (*Table, error) {
	l := &loader{names: map[string]*rule{}}
	data, err := readFile(file)
	if err != nil {
		return nil, Faults{{Source: file, Message: err.Error()}}
	}
	d := &tableDocument{document: document{loader: l, source: file}, callers: map[string]Case{NoCaller: {}}}
	t := d.table(data)
	if len(l.faults) > 0 {
		return nil, l.faults
	}
	return t, nil
}

// Config is the configuration of the policy that is to be tested: the table's
// own, or otherwise when the table has none.
func (t *Table) Config(otherwise Config) Config {
	if t.policy == nil {
		return otherwise
	}
	return *t.policy
}

// Run judges a case as the gateway does. It returns what is not as wanted, nil
// when all is, and the decision, which is the zero Decision for
// OutcomeObjectID.
func (t *Table) Run(e *Engine, c Case) (d Decision, failures []string) {
	needs, err := e.Needs(c.Subject, c.Request)
	if err != nil {
		return Decision{}, c.compare(OutcomeObjectID, Decision{})
	}
	s, q := c.Subject, c.Request
	if needs.Affiliation {
		s.Affiliation = &c.affiliation
	}
	for _, ref := range needs.Objects {
		o := t.tickets[ref.ID]
		o.Kind, o.ID = ref.Kind, ref.ID
		q.Objects = append(q.Objects, o)
	}
	d = e.Decide(s, q)
	return d, c.compare(string(d.Reason), d)
}

// compare lists what is not as wanted.
func (c Case) compare(outcome string, d Decision) (failures []string) {
	if outcome != c.Want {
		failures = append(failures, fmt.Sprintf("got %s, want %s", describe(outcome, d), c.Want))
	}
	if c.rule != "" && d.Rule != c.rule {
		failures = append(failures, fmt.Sprintf("decided by rule %q, want %q", d.Rule, c.rule))
	}
	if c.hasFilters && !slices.Equal(d.Filters, c.filters) {
		failures = append(failures, fmt.Sprintf("filters [%s], want [%s]", joined(d.Filters), joined(c.filters)))
	}
	return failures
}

func describe(outcome string, d Decision) string {
	if d.Rule == "" {
		return outcome
	}
	return fmt.Sprintf("%s by rule %q", outcome, d.Rule)
}
