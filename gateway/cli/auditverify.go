package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"faveo-gateway/gateway"
	"faveo-gateway/gateway/admin"
)

func newAuditVerify(p Process, remote *adminSettings) *cobra.Command {
	var (
		expected link
		after    link
		file     string
		from     settings
	)
	verify := func(ctx context.Context, proves prover) error {
		proof, err := proves.all(ctx, after)
		if err != nil {
			return err
		}
		if remote.output == outputJSON {
			if err := json.NewEncoder(p.Stdout).Encode(proof); err != nil {
				return err
			}
		}
		if err := proves.judge(ctx, proof, expected); err != nil || remote.output == outputJSON {
			return err
		}
		return printProof(p.Stdout, proof)
	}
	command := &cobra.Command{
		Use:   "verify",
		Short: "Prove that no entry of the audit trail was changed, removed, put in or moved",
		Long: `Prove that no entry of the audit trail was changed, removed, put in or moved. The last line
that is printed is the number and the hash of the last entry. That the trail was put back to
an earlier state shows only to who has noted such a line down, where nobody who can write
to the database can: with --expect that entry must still be there. The exit code is 1 when
anything does not hold.

A trail that is kept in a file is proved with --file, without a gateway: the configuration
(-c, --faveo-env) has the keys.`,
		Example: `  faveo-gateway audit verify
  faveo-gateway audit verify --expect "$(cat /mnt/elsewhere/audit-link)"
  faveo-gateway audit verify --file /var/log/faveo-gateway/audit.jsonl -c config.yaml`,
		Args: cobra.NoArgs,
	}
	online := asks(p, remote, func(ctx context.Context, client *adminClient, _ []string) error {
		return verify(ctx, client.proveTrail)
	})
	offline := runs(func(ctx context.Context) error {
		c, err := from.load(p)
		if err != nil {
			return err
		}
		return verify(ctx, func(ctx context.Context, behind link) (admin.AuditProof, error) {
			return gateway.VerifyAuditFile(ctx, c, file, behind.sequence, behind.hash)
		})
	})
	command.RunE = func(command *cobra.Command, args []string) error {
		if file != "" {
			return offline(command, args)
		}
		return online(command, args)
	}
	from.register(command)
	command.Flags().StringVar(&file, "file", "", "prove this `file` instead of the trail in the database")
	command.Flags().Var(&after, "after", "begin behind this entry, such as one that tells of new keys, `SEQUENCE:HASH`")
	command.Flags().Var(&expected, "expect", "an entry that must be there, as it was printed before, `SEQUENCE:HASH`")
	return command
}

// prover proves a part of a trail: what stands behind an entry, the zero one being the
// beginning.
type prover func(ctx context.Context, behind link) (admin.AuditProof, error)

// all walks through the trail behind an entry to its end, or to its first fault, and adds
// up what the parts say.
func (prove prover) all(ctx context.Context, behind link) (whole admin.AuditProof, err error) {
	whole.Sequence, whole.Hash = behind.sequence, behind.hash
	for {
		part, err := prove(ctx, link{whole.Sequence, whole.Hash})
		if err != nil {
			return admin.AuditProof{}, err
		}
		ahead := part.Sequence > whole.Sequence
		if part.More && part.Fault == "" && !ahead {
			return admin.AuditProof{}, fmt.Errorf("nothing is proved behind entry %d, and there is said to be more", whole.Sequence)
		}
		// A MAC stands behind all entries before it, those of earlier parts too.
		if part.Unproved < part.Checked {
			whole.Unproved = 0
		}
		whole.Unproved += part.Unproved
		whole.Checked += part.Checked
		if ahead {
			whole.Sequence, whole.Hash = part.Sequence, part.Hash
		}
		if part.Fault != "" || !part.More {
			whole.Fault, whole.FaultAt = part.Fault, part.FaultAt
			return whole, nil
		}
	}
}

// proveTrail is the prover that asks the gateway.
func (client *adminClient) proveTrail(ctx context.Context, behind link) (part admin.AuditProof, err error) {
	query := url.Values{}
	if behind.sequence != 0 {
		query.Set("after", strconv.FormatUint(behind.sequence, 10))
		query.Set("hash", behind.hash)
	}
	_, err = client.ask(ctx, question{method: "GET", path: auditPath + "/verify", query: query}, &part)
	return part, err
}

// judge says what does not hold.
func (prove prover) judge(ctx context.Context, proof admin.AuditProof, expected link) error {
	if proof.Fault != "" {
		return fmt.Errorf("the audit trail is broken at entry %d: %s", proof.FaultAt, printable(proof.Fault))
	}
	if err := prove.has(ctx, proof, expected); err != nil {
		return err
	}
	if proof.Unproved > 0 {
		return fmt.Errorf("unproved at the end of the audit trail: %d of its entries, behind which no MAC of a known key stands", proof.Unproved)
	}
	return nil
}

// has wants the expected entry in the trail, all of which holds. The hash of
// one that is not the last is proved by the entry behind it.
func (prove prover) has(ctx context.Context, proof admin.AuditProof, expected link) error {
	switch {
	case expected == link{}:
		return nil
	case expected.sequence > proof.Sequence:
		return fmt.Errorf("entry %d was expected, but the audit trail ends with %d: entries were taken off its end", expected.sequence, proof.Sequence)
	case expected == link{proof.Sequence, proof.Hash}:
		return nil
	case expected.sequence < proof.Sequence:
		part, err := prove(ctx, expected)
		if err != nil || (part.Checked > 0 && part.Fault == "") {
			return err
		}
	}
	return fmt.Errorf("entry %d of the audit trail is not the one that was expected: the trail was written anew", expected.sequence)
}

func printProof(out io.Writer, proof admin.AuditProof) error {
	if proof.Sequence == 0 {
		_, err := fmt.Fprintln(out, "the audit trail is empty")
		return err
	}
	_, err := fmt.Fprintf(out, "the audit trail holds; entries proved: %d. Note the last one down elsewhere, for --expect:\n%d:%s\n",
		proof.Checked, proof.Sequence, printable(proof.Hash))
	return err
}

// link is an entry of the trail, by its number and its hash, and a flag; the zero one
// is none.
type link struct {
	sequence uint64
	hash     string
}

// Set implements pflag.Value.
func (l *link) Set(text string) error {
	number, hash, _ := strings.Cut(text, ":")
	sequence, ok := admin.ParseNumber(number)
	if !ok || !admin.IsHash(hash) {
		return errors.New("must be a number and a hash as 'audit verify' prints them, SEQUENCE:HASH")
	}
	*l = link{sequence, hash}
	return nil
}

// String implements pflag.Value.
func (l *link) String() string {
	if l.sequence == 0 {
		return ""
	}
	return strconv.FormatUint(l.sequence, 10) + ":" + l.hash
}

// Type implements pflag.Value.
func (l *link) Type() string { return "entry" }
