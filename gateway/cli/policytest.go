package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"faveo-gateway/policy"
)

func newPolicyTest(p Process) *cobra.Command {
	var (
		from  policySettings
		files []string
	)
	command := &cobra.Command{
		Use:   "test FILE...",
		Short: "Run tables of requests and of what is to become of them",
		Long: `Run tables of requests and of what is to become of them. A table that has no section
policy tests that of the configuration. All failures are reported, each with its line.

  policy:                      # optional; files are relative to the table
    files: [partner.yaml]
  callers:
    partner: {role: user, user: 42, email: partner@example.test}
    agent: {role: agent, user: 2, departments: [1], teams: []}
    shop: {role: user, user: 42, key: {name: shop, scopes: [POST /api/v1/helpdesk/create]}}
    app: {key: {scopes: [public]}}        # bound to no user, and without a token
  tickets:                     # all that exist
    41: {owner: 42, collaborators: [7], department: 1, assignee: 2, team: 1}
  tests:
    - name: a partner creates a ticket      # optional
      caller: partner                       # or none: no token
      request: POST /api/v1/helpdesk/create?email=partner@example.test
      params: {subject: Hello}              # optional, beside those of the request
      at: 2026-07-01T12:00:00Z              # optional
      want: allowed                         # a reason, or object_id: an id with two readings
      rule: ticket-create                   # optional
      filters: []                           # optional`,
		Example: `  faveo-gateway policy test deploy/policies/partner.test.yaml
  faveo-gateway policy test -c config.yaml tests/*.yaml
  faveo-gateway policy test -o json partner.test.yaml`,
		Args: cobra.MinimumNArgs(1),
	}
	run := runs(func(context.Context) error { return testPolicy(p, &from, files) })
	command.RunE = func(command *cobra.Command, args []string) error {
		files = args
		return run(command, args)
	}
	from.register(command)
	return command
}

// testedCase is one case as it is printed.
type testedCase struct {
	File     string   `json:"file"`
	Line     int      `json:"line"`
	Name     string   `json:"name"`
	Want     string   `json:"want"`
	Failures []string `json:"failures"` // empty: good
}

func testPolicy(p Process, from *policySettings, files []string) error {
	if err := from.check(); err != nil {
		return err
	}
	var (
		cases  = []testedCase{}
		faults []error
	)
	for _, file := range files {
		tested, err := testFile(p, from, file)
		cases = append(cases, tested...)
		faults = append(faults, err)
	}
	if err := errors.Join(faults...); err != nil {
		return err
	}
	failed := 0
	for _, c := range cases {
		if len(c.Failures) > 0 {
			failed++
		}
	}
	if err := printTested(p.Stdout, from.output, cases, failed); err != nil {
		return err
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d policy tests failed", failed, len(cases))
	}
	return nil
}

// testFile runs one table.
func testFile(p Process, from *policySettings, file string) ([]testedCase, error) {
	table, err := policy.ReadTable(file)
	if err != nil {
		return nil, err
	}
	c, err := from.config(p)
	if err != nil {
		return nil, err
	}
	e, err := policy.Load(table.Config(c))
	if err != nil {
		return nil, err
	}
	tested := make([]testedCase, len(table.Cases))
	for i, c := range table.Cases {
		_, failures := table.Run(e, c)
		if failures == nil {
			failures = []string{}
		}
		tested[i] = testedCase{File: file, Line: c.Line, Name: c.Name, Want: c.Want, Failures: failures}
	}
	return tested, nil
}

func printTested(out io.Writer, form string, cases []testedCase, failed int) error {
	if form == outputJSON {
		return printJSON(out, struct {
			Tests  int          `json:"tests"`
			Failed int          `json:"failed"`
			Cases  []testedCase `json:"cases"`
		}{len(cases), failed, cases})
	}
	for _, c := range cases {
		if len(c.Failures) > 0 {
			fmt.Fprintf(out, "FAIL %s:%d: %s: %s\n", c.File, c.Line, c.Name, strings.Join(c.Failures, "; "))
		}
	}
	_, err := fmt.Fprintf(out, "%d tests, %d failed\n", len(cases), failed)
	return err
}
