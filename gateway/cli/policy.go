package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"faveo-gateway/gateway/config"
	"faveo-gateway/policy"
)

// policySettings are the flags of all policy commands.
type policySettings struct {
	settings
	files  []string
	output string
}

// The forms of --output.
const (
	outputTable = "table"
	outputJSON  = "json"
)

func newPolicy(p Process) *cobra.Command {
	command := &cobra.Command{
		Use:   "policy",
		Short: "Explain, test and list the policy, offline",
		Long: `Explain, test and list the policy. Nothing is connected to and nothing is changed:
the policy is the one of the configuration, or of the defaults without one, with the
files of --file in addition.`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error { return command.Help() },
	}
	command.AddCommand(newPolicyExplain(p), newPolicyTest(p), newPolicyRoutes(p))
	return command
}

func (s *policySettings) register(command *cobra.Command) {
	s.settings.register(command)
	flags := command.Flags()
	flags.StringArrayVarP(&s.files, "file", "f", nil, "a policy `file` after those of the configuration; may be repeated")
	flags.StringVarP(&s.output, "output", "o", outputTable, "`form` of the output: table or json")
}

// check refuses flags that say nothing.
func (s *policySettings) check() error { return checkForm(s.output) }

// checkForm refuses a form of --output that there is not.
func checkForm(output string) error {
	if output != outputTable && output != outputJSON {
		return fmt.Errorf("--output %q: want %s or %s", output, outputTable, outputJSON)
	}
	return nil
}

// config reads the section policy. What a policy has no use for need not be
// configured: the secrets that are missing are made up.
func (s *policySettings) config(p Process) (policy.Config, error) {
	c, err := config.Load(config.Sources{
		File: s.file, FaveoEnv: s.faveoEnv, Environ: p.Environ,
		Fallbacks: map[string]string{
			"faveo.database":   "mysql://offline@127.0.0.1/offline",
			"faveo.jwt_secret": strings.Repeat("offline-", 8),
		},
	})
	if err != nil {
		return policy.Config{}, err
	}
	c.Policy.Files = append(slices.Clone(c.Policy.Files), s.files...)
	return c.Policy, nil
}

// engine loads the policy.
func (s *policySettings) engine(p Process) (*policy.Engine, error) {
	c, err := s.config(p)
	if err != nil {
		return nil, err
	}
	return policy.Load(c)
}

// printJSON writes one indented document.
func printJSON(out io.Writer, v any) error {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}
