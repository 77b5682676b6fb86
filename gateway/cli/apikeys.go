package cli

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"faveo-gateway/gateway/admin"
	"faveo-gateway/policy"
)

const apiKeysPath = "/admin/v1/apikeys"

func newAPIKeys(p Process) *cobra.Command {
	var settings adminSettings
	return group(&cobra.Command{
		Use:   "apikeys",
		Short: "Create, list, rotate and revoke API keys",
		Long:  "Create, list, rotate and revoke API keys." + aboutAdmin,
	}, &settings,
		newAPIKeysCreate(p, &settings), newAPIKeysList(p, &settings), newAPIKeysShow(p, &settings),
		newAPIKeysRotate(p, &settings), newAPIKeysRevoke(p, &settings))
}

func newAPIKeysCreate(p Process, settings *adminSettings) *cobra.Command {
	var (
		user     userFlag
		scopes   = listFlag{check: checkScope}
		networks listFlag
	)
	command := &cobra.Command{
		Use:   "create --name NAME --scope SCOPE...",
		Short: "Make an API key",
		Long: `Make an API key, for programs that send it as X-API-Key. The key is the last line that is
printed, and it is shown only this once: what is stored is not the key. It is good for its
scopes alone, each a class of the policy or a route with or without methods. With --user it
may stand in for a token: its requests are that user's then.`,
		Example: `  faveo-gateway apikeys create --name billing --scope staff --user 7
  faveo-gateway apikeys create --name monitor --scope 'GET /api/v1/helpdesk/ticket' --network 192.0.2.0/24 --rate 600/1m --expires 720h`,
		Args: cobra.NoArgs,
	}
	command.RunE = manages(p, settings, func([]string) question {
		body := given(command, "name", "user", "rate", "expires")
		body["scopes"] = scopes.String()
		if len(networks.texts) > 0 {
			body["networks"] = networks.String()
		}
		return question{method: "POST", path: apiKeysPath, body: body}
	}, func(out io.Writer, s admin.APIKeySecret, _ time.Time) error {
		_, err := fmt.Fprintf(out, "API key %s is made. It is shown only now and never again:\n%s\n", titleOf(s.APIKey), printable(s.Secret))
		return err
	})
	flags := command.Flags()
	flags.String("name", "", "what people call it, a `name`")
	flags.Var(&scopes, "scope", "what it is good for, a `scope`; may be repeated")
	flags.Var(&user, "user", "the `id` of the user in whose place it stands (default none)")
	flags.Var(&networks, "network", "where it counts, a `network` such as 192.0.2.0/24; may be repeated (default everywhere)")
	flags.String("rate", "", "how often it may be used, a `rate` such as 600/1m (default that of limits.per_api_key)")
	flags.String("expires", "", "a `time` such as 2027-01-31, or how long from now, such as 720h (default never)")
	require(command, "name", "scope")
	return command
}

// checkScope wants one scope: of half a one, the commas between them would make
// another.
func checkScope(text string) error {
	_, err := policy.ParseScope(text)
	return err
}

func newAPIKeysList(p Process, settings *adminSettings) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List all API keys, the oldest first",
		Args:  cobra.NoArgs,
		RunE: manages(p, settings, reads(apiKeysPath), func(out io.Writer, l admin.APIKeyList, now time.Time) error {
			return printAPIKeys(out, l.APIKeys, now)
		}),
	}
}

func newAPIKeysShow(p Process, settings *adminSettings) *cobra.Command {
	command := &cobra.Command{
		Use:     "show ID",
		Short:   "Show one API key, without its secret",
		Example: `  faveo-gateway apikeys show k3yAbCdEfG12`,
		Args:    oneID,
		RunE: manages(p, settings, func(args []string) question {
			return question{method: "GET", path: apiKeysPath + "/" + args[0]}
		}, printAPIKey),
	}
	command.SetFlagErrorFunc(hintAtDashes)
	return command
}

func newAPIKeysRotate(p Process, settings *adminSettings) *cobra.Command {
	command := &cobra.Command{
		Use:   "rotate ID",
		Short: "Give an API key a new secret",
		Long: `Give an API key a new secret. The key with it is the last line that is printed, and it is
shown only this once. The one before goes on for the time of --overlap, in which whoever
uses it changes over, and ends by itself.`,
		Example: `  faveo-gateway apikeys rotate k3yAbCdEfG12
  faveo-gateway apikeys rotate k3yAbCdEfG12 --overlap 1h`,
		Args: oneID,
	}
	command.RunE = manages(p, settings, func(args []string) question {
		return question{method: "POST", path: apiKeysPath + "/" + args[0] + "/rotate", body: given(command, "overlap")}
	}, func(out io.Writer, s admin.APIKeySecret, now time.Time) error {
		_, err := fmt.Fprintf(out, "API key %s has a new secret; the one before %s. It is shown only now and never again:\n%s\n",
			titleOf(s.APIKey), endOfOld(s.APIKey, now), printable(s.Secret))
		return err
	})
	command.SetFlagErrorFunc(hintAtDashes)
	command.Flags().String("overlap", "", "how long the secret before goes on, a `time` such as 24h (default that of api_keys.rotation_overlap)")
	return command
}

func newAPIKeysRevoke(p Process, settings *adminSettings) *cobra.Command {
	command := &cobra.Command{
		Use:   "revoke ID",
		Short: "Refuse an API key everywhere at once",
		Long: `Refuse an API key everywhere at once, with all its secrets. It stays in the list, and cannot
be brought back. It may be repeated.`,
		Example: `  faveo-gateway apikeys revoke k3yAbCdEfG12`,
		Args:    oneID,
		RunE: manages(p, settings, func(args []string) question {
			return question{method: "POST", path: apiKeysPath + "/" + args[0] + "/revoke"}
		}, func(out io.Writer, k admin.APIKey, _ time.Time) error {
			_, err := fmt.Fprintf(out, "API key %s is %s\n", titleOf(k), printable(k.State))
			return err
		}),
	}
	command.SetFlagErrorFunc(hintAtDashes)
	return command
}
