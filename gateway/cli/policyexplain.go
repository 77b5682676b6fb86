package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"faveo-gateway/gateway"
	"faveo-gateway/gateway/admin"
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

// question is what the arguments and flags ask.
func (s *explainSettings) question(args []string) admin.Question {
	q := admin.Question{
		Method: args[0], Path: args[1], Params: s.params, At: s.at,
		Role: s.role, User: uint64(s.user), Email: s.email, Departments: ids(s.departments), Teams: ids(s.teams),
		Scopes: s.key.scopes, KeyID: s.key.id, KeyName: s.key.name,
	}
	if s.known {
		q.Ticket = &admin.Ticket{
			Owner: uint64(s.owner), Collaborators: ids(s.collaborators),
			Department: uint64(s.department), Assignee: uint64(s.assignee), Team: uint64(s.team),
		}
	}
	return q
}

func explainPolicy(p Process, from *explainSettings, args []string) error {
	if err := from.check(); err != nil {
		return err
	}
	e, err := from.engine(p)
	if err != nil {
		return err
	}
	x, err := gateway.Explain(e, from.question(args), time.Now())
	if unclear := (*gateway.Unclear)(nil); errors.As(err, &unclear) && unclear.Parameter != "path" {
		return fmt.Errorf("--%s%s", strings.ReplaceAll(unclear.Parameter, "_", "-"), unclear.Message) // The name of the flag.
	}
	if err != nil {
		return err
	}
	if from.output == outputJSON {
		return printJSON(p.Stdout, x)
	}
	return printExplanation(p.Stdout, x)
}

func ids(given []uint) []uint64 {
	list := make([]uint64, len(given))
	for i, id := range given {
		list[i] = uint64(id)
	}
	return list
}

func printExplanation(out io.Writer, x admin.Explanation) error {
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
