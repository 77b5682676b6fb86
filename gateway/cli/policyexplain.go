package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"faveo-gateway/policy"
)

// explainSettings are the flags of explain: who asks for what, and what the
// database would say.
type explainSettings struct {
	policySettings
	params        []string
	at            string
	role          string
	user          uint
	email         string
	departments   []uint
	teams         []uint
	owner         uint
	collaborators []uint
	department    uint
	assignee      uint
	team          uint
	key           keySettings
	// known is whether a flag says what the object is like.
	known bool
}

func newPolicyExplain(p Process) *cobra.Command {
	var (
		from explainSettings
		args []string
	)
	command := &cobra.Command{
		Use:   "explain METHOD PATH",
		Short: "Say which rule decides about a request, and why",
		Long: `Say which rule decides about a request, and why. Without --role the caller has no token.
The path is without the base path. What the gateway would look up in Faveo's database is
given by flags: whose the ticket is (--owner, --collaborator, --department, --assignee,
--team) and to whom the caller belongs (--email, --departments, --teams). Without any of the
first the ticket does not exist. With --scope the request carries an API key.`,
		Example: `  faveo-gateway policy explain GET '/api/v1/helpdesk/url?url=file:///etc/passwd'
  faveo-gateway policy explain GET /api/v1/helpdesk/customers --role user
  faveo-gateway policy explain GET '/api/v1/helpdesk/ticket?ticket_id=41' --role user --user 7 --owner 7
  faveo-gateway policy explain POST /api/v1/helpdesk/edit --param ticket_id=41 \
      --role agent --user 2 --departments 1 --department 2
  faveo-gateway policy explain GET /api/v1/helpdesk/inbox --role agent --user 2 --scope 'GET /api/v1/helpdesk/tickets'
  faveo-gateway policy explain POST /api/v1/helpdesk/create --role user --user 7 --email alice@example.test \
      --param email=bob@example.test -c config.yaml -o json`,
		Args: cobra.ExactArgs(2),
	}
	run := runs(func(context.Context) error { return explainPolicy(p, &from, args) })
	command.RunE = func(command *cobra.Command, given []string) error {
		args = given
		for _, name := range []string{"owner", "collaborator", "department", "assignee", "team"} {
			from.known = from.known || command.Flags().Changed(name)
		}
		return run(command, given)
	}
	from.register(command)
	return command
}

func (s *explainSettings) register(command *cobra.Command) {
	s.policySettings.register(command)
	flags := command.Flags()
	flags.SortFlags = false
	flags.StringArrayVar(&s.params, "param", nil, "a parameter `name=value`, name[]=value for a list; may be repeated")
	flags.StringVar(&s.at, "at", "", "the `time` of the request, 2026-07-01T12:00:00+02:00 (default now)")
	flags.StringVar(&s.role, "role", "", "the caller's `role`: admin, agent or user (default: no token)")
	flags.UintVar(&s.user, "user", 0, "the caller's `id`")
	flags.StringVar(&s.email, "email", "", "the caller's e-mail `address`")
	flags.UintSliceVar(&s.departments, "departments", nil, "the `ids` of the caller's departments")
	flags.UintSliceVar(&s.teams, "teams", nil, "the `ids` of the caller's teams")
	flags.UintVar(&s.owner, "owner", 0, "the ticket's owner, a user's `id`")
	flags.UintSliceVar(&s.collaborators, "collaborator", nil, "the ticket's collaborators, users' `ids`")
	flags.UintVar(&s.department, "department", 0, "the ticket's department, its `id`")
	flags.UintVar(&s.assignee, "assignee", 0, "the ticket's assignee, an agent's `id`")
	flags.UintVar(&s.team, "team", 0, "the ticket's team, its `id`")
	s.key.register(flags)
}

func (s *explainSettings) check() error {
	roles := []string{"", "admin", "agent", "user"}
	switch {
	case !slices.Contains(roles, s.role):
		return fmt.Errorf("--role %q: want admin, agent or user", s.role)
	case s.role == "" && s.user != 0:
		return errors.New("--user without --role: a caller without a token has no id")
	}
	return s.policySettings.check()
}

// request reads the request from the arguments and flags.
func (s *explainSettings) request(args []string) (policy.Request, error) {
	q, err := policy.ParseRequest(args[0] + " " + args[1])
	if err != nil {
		return q, err
	}
	input := q.Params.Map()
	for _, param := range s.params {
		name, value, found := strings.Cut(param, "=")
		if !found {
			return q, fmt.Errorf("--param %q: want name=value", param)
		}
		if err := policy.Input(input).Add(name, value); err != nil {
			return q, fmt.Errorf("--param %q: %w", param, err)
		}
	}
	q.Time = time.Now()
	if s.at != "" {
		if q.Time, err = time.Parse(time.RFC3339, s.at); err != nil {
			return q, fmt.Errorf("--at %q: want a time such as 2026-07-01T12:00:00+02:00", s.at)
		}
	}
	return q, nil
}

func (s *explainSettings) subject() (policy.Subject, error) {
	key, err := s.key.key()
	return policy.Subject{Authenticated: s.role != "", UserID: uint64(s.user), Role: s.role, Key: key}, err
}

// explanation is what is known of one decision, in the order in which it is
// printed.
type explanation struct {
	Request    string   `json:"request"`
	Caller     string   `json:"caller"`
	Scopes     []string `json:"key_scopes,omitempty"`
	LookedUp   []string `json:"looked_up,omitempty"`
	Effect     string   `json:"effect"`
	Reason     string   `json:"reason"`
	Because    string   `json:"because"`
	Enforced   bool     `json:"enforced"`
	Rule       string   `json:"rule,omitempty"`
	Class      string   `json:"class,omitempty"`
	Place      string   `json:"written_at,omitempty"`
	Objects    []string `json:"objects,omitempty"`
	When       string   `json:"when,omitempty"`
	RuleReason string   `json:"rule_reason,omitempty"`
	Allow      []string `json:"allow,omitempty"`
	Filters    []string `json:"filters,omitempty"`
	Anonymous  bool     `json:"anonymous,omitempty"`
	Answer     string   `json:"answer"`
	Status     int      `json:"status"` // 0: the request goes on
}

func explainPolicy(p Process, from *explainSettings, args []string) error {
	if err := from.check(); err != nil {
		return err
	}
	q, err := from.request(args)
	if err != nil {
		return err
	}
	subject, err := from.subject()
	if err != nil {
		return err
	}
	e, err := from.engine(p)
	if err != nil {
		return err
	}
	x := from.explain(e, subject, q)
	x.Request = args[0] + " " + args[1]
	if from.output == outputJSON {
		return printJSON(p.Stdout, x)
	}
	return printExplanation(p.Stdout, x)
}

// explain looks up by the flags and decides.
func (s *explainSettings) explain(e *policy.Engine, subject policy.Subject, q policy.Request) explanation {
	x := explanation{Caller: s.caller()}
	if subject.Key != nil {
		x.Caller += ", " + s.key.String()
		for _, scope := range subject.Key.Scopes {
			x.Scopes = append(x.Scopes, scope.String())
		}
	}
	needs, err := e.Needs(subject, q)
	if err != nil {
		x.Effect, x.Reason, x.Because, x.Enforced = string(policy.Deny), policy.OutcomeObjectID, err.Error(), true
		x.Status, x.Answer = http.StatusBadRequest, "400 ambiguous_request"
		return x
	}
	x.LookedUp = s.lookUp(needs, &subject, &q)
	d := e.Decide(subject, q)
	because := answerTo(d.Reason)
	x.Effect, x.Reason, x.Because, x.Enforced = string(d.Effect), string(d.Reason), because.because, d.Enforced
	x.Rule, x.Class, x.RuleReason = d.Rule, string(d.Class), d.Explanation
	x.Allow, x.Filters, x.Anonymous = d.Allow, texts(d.Filters), d.Anonymous
	for _, r := range e.Rules() {
		if r.Name != d.Rule {
			continue
		}
		x.Place = place(r)
		if consulted(d.Reason) {
			x.Objects, x.When = objectsOf(r), r.Condition
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
		x.Status, x.Answer = because.status, fmt.Sprintf("%d %s", because.status, because.code)
	}
	if d.Anonymous {
		x.Answer += ", as of a caller without a token: the key is not good for it"
	}
	return x
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

func (s *explainSettings) caller() string {
	switch {
	case s.role == "":
		return "no token"
	case s.user == 0:
		return s.role
	default:
		return fmt.Sprintf("%s %d", s.role, s.user)
	}
}

// lookUp answers what is needed and says what it was.
func (s *explainSettings) lookUp(needs policy.Needs, subject *policy.Subject, q *policy.Request) (said []string) {
	if needs.Affiliation {
		subject.Affiliation = &policy.Affiliation{Email: s.email, Departments: ids(s.departments), Teams: ids(s.teams)}
		said = append(said, fmt.Sprintf("the caller: e-mail address %q, departments %v, teams %v", s.email, s.departments, s.teams))
	}
	for _, ref := range needs.Objects {
		o := policy.Object{Kind: ref.Kind, ID: ref.ID}
		what := fmt.Sprintf("%s %d: does not exist", ref.Kind, ref.ID)
		if s.known {
			o.Found, o.Owner, o.Collaborators = true, uint64(s.owner), ids(s.collaborators)
			o.Department, o.Assignee, o.Team = uint64(s.department), uint64(s.assignee), uint64(s.team)
			what = fmt.Sprintf("%s %d: owner %d, collaborators %v, department %d, assignee %d, team %d",
				ref.Kind, ref.ID, s.owner, s.collaborators, s.department, s.assignee, s.team)
		}
		q.Objects = append(q.Objects, o)
		said = append(said, what)
	}
	return said
}

func ids(given []uint) []uint64 {
	list := make([]uint64, len(given))
	for i, id := range given {
		list[i] = uint64(id)
	}
	return list
}

func printExplanation(out io.Writer, x explanation) error {
	fmt.Fprintf(out, "%s, %s\n\n", x.Request, x.Caller)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	row := func(name, value string) {
		if value == "" {
			return
		}
		for i, line := range strings.Split(value, "\n") {
			if i > 0 {
				name = ""
			}
			fmt.Fprintf(table, "  %s\t%s\n", name, line)
		}
	}
	row("key scopes", strings.Join(x.Scopes, "\n"))
	effect := x.Effect
	if x.Effect == string(policy.Deny) && !x.Enforced {
		effect += ", not enforced"
	}
	row("effect", effect)
	row("reason", x.Reason+": "+x.Because)
	row("answer", x.Answer)
	row("rule", x.Rule)
	row("class", x.Class)
	row("written at", x.Place)
	row("rule's reason", x.RuleReason)
	row("object", strings.Join(x.Objects, "\n"))
	row("when", x.When)
	row("looked up", strings.Join(x.LookedUp, "\n"))
	row("filters", strings.Join(x.Filters, ", "))
	row("methods", strings.Join(x.Allow, ", "))
	return table.Flush()
}
