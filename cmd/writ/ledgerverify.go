package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/writ-host/writ/broker/ledger"
)

func ledgerVerify(f *ledgerFlags) *cobra.Command {
	var against, witnesses []string
	var asJSON bool
	c := &cobra.Command{
		Use:   "verify",
		Short: "Prove that no entry was changed, dropped, put elsewhere or cut off",
		Long: "Recompute the tree over all entries and set it against the signed checkpoint, and against earlier checkpoints\n" +
			"that were kept elsewhere or countersigned by witnesses. Works on a copy of the ledger, offline. Exits with 1 when\n" +
			"anything was altered. Whoever has the host's signing key can write another history: only a checkpoint from\n" +
			"elsewhere (--against) or a witness whose key you have (--witness) tells that.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, _, err := f.open()
			if err != nil {
				return err
			}
			pins, err := pinsOf(r, against, witnesses)
			if err != nil {
				return err
			}
			report, err := r.Verify(cmd.Context(), pins...)
			if err != nil {
				return err
			}
			if asJSON {
				err = writeJSON(cmd.OutOrStdout(), report)
			} else {
				err = writeReport(cmd.OutOrStdout(), report)
			}
			if err == nil && len(report.Problems) > 0 {
				return exitCode(exitFailed)
			}
			return err
		},
	}
	c.Flags().StringArrayVar(&against, "against", nil, "file of an earlier checkpoint, which the ledger must go on from")
	c.Flags().StringArrayVar(&witnesses, "witness", nil, "public key of a witness, or its file: the ledger must have its countersignature")
	c.Flags().BoolVar(&asJSON, "json", false, "write JSON")
	return c
}

func pinsOf(r *ledger.Reader, against, witnesses []string) ([]ledger.Pin, error) {
	pins, err := r.Witnessed(witnesses...)
	if err != nil {
		return nil, err
	}
	for _, path := range against {
		pin, err := r.Pin(path)
		if err != nil {
			return nil, err
		}
		pins = append(pins, pin)
	}
	return pins, nil
}

func writeReport(w io.Writer, r *ledger.Report) error {
	fmt.Fprintf(w, "%d entries in %d leaves, %d runs\n", r.Entries, r.Leaves, r.Runs)
	if r.Entries > 0 {
		fmt.Fprintf(w, "from %s to %s\n", r.First.Local().Format("2006-01-02 15:04:05"), r.Last.Local().Format("2006-01-02 15:04:05"))
	}
	fmt.Fprintf(w, "root %s\nkey  %s%s\n", r.Root, r.Public, fromCopy(r.FromCopy))
	for _, p := range r.Pins {
		agrees := "agrees"
		if !p.Agrees {
			agrees = "DIFFERS"
		}
		fmt.Fprintf(w, "%s: %s on the first %d leaves", p.Name, agrees, p.Size)
		if !p.Time.IsZero() {
			fmt.Fprintf(w, ", countersigned %s%s", p.Time.Local().Format("2006-01-02 15:04:05"), fromCopy(p.FromCopy))
		}
		fmt.Fprintln(w)
	}
	if n := len(r.Unfinished); n > 0 {
		fmt.Fprintf(w, "%d runs without an end: still running, or killed (up to a second of allows may be missing)\n", n)
	}
	if r.Unsigned > 0 {
		fmt.Fprintf(w, "%d more leaves were written and are not signed yet\n", r.Unsigned)
	}
	for _, p := range r.Problems {
		fmt.Fprintf(w, "ALTERED: %s\n", p)
	}
	if len(r.Problems) > 0 {
		_, err := fmt.Fprintln(w, "not verified")
		return err
	}
	_, err := fmt.Fprintln(w, "verified")
	return err
}

func fromCopy(from bool) string {
	if from {
		return "  (from the ledger's own directory)"
	}
	return ""
}

func ledgerWitness(f *ledgerFlags) *cobra.Command {
	var key, create string
	c := &cobra.Command{
		Use:   "witness --key FILE",
		Short: "Countersign the checkpoint, after verifying that the ledger goes on from the one before",
		Long: "Countersign the checkpoint, after verifying the whole ledger and that it goes on from what this witness\n" +
			"countersigned before, which the witness keeps beside its key. Keep both where the host cannot write.",
		Example: "  writ ledger witness --key /media/audit/witness.key --create audit.example.com",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			out := cmd.OutOrStdout()
			if create != "" {
				public, err := ledger.NewWitness(key, create)
				if err != nil {
					return err
				}
				fmt.Fprintf(out, "made a witness's key in %s; its public key is\n%s\n", key, public)
			}
			r, _, err := f.open()
			if err != nil {
				return err
			}
			done, report, err := r.Cosign(cmd.Context(), key)
			if errors.Is(err, ledger.ErrInconsistent) {
				return errors.Join(writeReport(out, report), err)
			}
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(out, "countersigned %d leaves (%d before): %s\n", done.Size, done.Seen, done.File)
			return err
		},
	}
	c.Flags().StringVar(&key, "key", "", "file of the witness's key")
	c.Flags().StringVar(&create, "create", "", "make the key, with this name")
	_ = c.MarkFlagRequired("key") // fails only for an unknown flag
	return c
}
