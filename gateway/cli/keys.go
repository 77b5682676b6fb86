package cli

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"faveo-gateway/gateway/admin"
)

const keysPath = "/admin/v1/keys"

func newKeys(p Process) *cobra.Command {
	var settings adminSettings
	return group(&cobra.Command{
		Use:   "keys",
		Short: "List, rotate and revoke the keys that sign tokens",
		Long:  "List, rotate and revoke the keys that sign tokens." + aboutAdmin,
	}, &settings,
		newKeysList(p, &settings), newKeysStatus(p, &settings), newKeysRotate(p, &settings),
		newKeysRevoke(p, &settings), newKeysReseal(p, &settings))
}

func newKeysList(p Process, settings *adminSettings) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List all keys, the oldest first",
		Args:  cobra.NoArgs,
		RunE: manages(p, settings, reads(keysPath), func(out io.Writer, s admin.KeyStatus, now time.Time) error {
			return printKeys(out, s.Keys, now)
		}),
	}
}

func newKeysStatus(p Process, settings *adminSettings) *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Show where the rotation stands, the keys, and the replicas that hold them",
		Args:  cobra.NoArgs,
		RunE:  manages(p, settings, reads(keysPath), printKeyStatus),
	}
}

func newKeysRotate(p Process, settings *adminSettings) *cobra.Command {
	command := &cobra.Command{
		Use:   "rotate",
		Short: "Make the key that signs next",
		Long: `Make the key that signs next, of the algorithm of tokens.algorithm or of --algorithm. It is
published at once, and signs when all replicas hold it and keys.publish_ahead has passed.
Tokens that were signed before stay good. When a key is waiting already, that one is shown.`,
		Example: `  faveo-gateway keys rotate
  faveo-gateway keys rotate --algorithm EdDSA`,
		Args: cobra.NoArgs,
	}
	command.RunE = manages(p, settings, func([]string) question {
		return question{method: "POST", path: keysPath + "/rotate", body: given(command, "algorithm")}
	}, func(out io.Writer, k admin.Key, _ time.Time) error {
		_, err := fmt.Fprintf(out, "key %s (%s) is %s; 'keys status' tells when it signs\n", printable(k.KID), printable(k.Algorithm), printable(k.State))
		return err
	})
	command.Flags().String("algorithm", "", "`name` of the algorithm: ES256, EdDSA, RS256 or HS256 (default that of tokens.algorithm)")
	return command
}

func newKeysRevoke(p Process, settings *adminSettings) *cobra.Command {
	command := &cobra.Command{
		Use:   "revoke KID",
		Short: "Refuse a key everywhere at once, and end its sessions",
		Long: `Refuse a key everywhere at once, and end the sessions whose token it signed: their users
log in again. This is for a key that others may have; to replace one in good order, use
rotate. When the key is the one that signs, another takes its place in the same moment.
It may be repeated. A KID that begins with a dash is written behind --.`,
		Example: `  faveo-gateway keys revoke bEOxdok0_aZ-3jZ1kBqkJrX9HqzT5r1mXkq2d8n7abc
  faveo-gateway keys revoke -- -EOxdok0_aZ-3jZ1kBqkJrX9HqzT5r1mXkq2d8n7abc`,
		Args: oneID,
		RunE: manages(p, settings, func(args []string) question {
			return question{method: "POST", path: keysPath + "/" + args[0] + "/revoke"}
		}, func(out io.Writer, r admin.Revoked, _ time.Time) error {
			_, err := fmt.Fprintf(out, "key %s is %s; %s ended\n", printable(r.Key.KID), printable(r.Key.State), counted(r.SessionsEnded, "session"))
			return err
		}),
	}
	command.SetFlagErrorFunc(hintAtDashes)
	return command
}

func newKeysReseal(p Process, settings *adminSettings) *cobra.Command {
	return &cobra.Command{
		Use:   "reseal",
		Short: "Encrypt the stored keys with the first of state.encryption_keys",
		Long: `Encrypt the stored keys with the first of state.encryption_keys. To change that key: put the
new one first on all replicas, run this, and take the old one away.`,
		Args: cobra.NoArgs,
		RunE: manages(p, settings, func([]string) question {
			return question{method: "POST", path: keysPath + "/reseal"}
		}, func(out io.Writer, r admin.Resealed, _ time.Time) error {
			_, err := fmt.Fprintf(out, "%s resealed\n", counted(r.Resealed, "secret"))
			return err
		}),
	}
}
