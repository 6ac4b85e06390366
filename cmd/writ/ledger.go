package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/writ-host/writ"
	"github.com/writ-host/writ/broker"
	"github.com/writ-host/writ/broker/ledger"
)

// ledgerFlags say which ledger a command is about, and with what key it reads.
type ledgerFlags struct{ file, key string }

func ledgerCommand() *cobra.Command {
	var f ledgerFlags
	c := &cobra.Command{
		Use:   "ledger",
		Short: "Read, search, verify, countersign and export the record of every decision and change",
		// An unknown subcommand is an error, where cobra would show help and succeed.
		Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	c.PersistentFlags().StringVarP(&f.file, "file", "f", ".", "the app's directory, or a ledger's, such as a copy")
	c.PersistentFlags().StringVar(&f.key, "public-key", "", "public key of the ledger, or its file (default: the one that lies in the ledger)")
	c.AddCommand(ledgerTail(&f), ledgerQuery(&f), ledgerVerify(&f), ledgerWitness(&f), ledgerExport(&f))
	return c
}

func (f *ledgerFlags) open() (*ledger.Reader, writ.LedgerPlace, error) {
	place, err := writ.FindLedger(f.file)
	if err != nil {
		return nil, place, err
	}
	r, err := ledger.OpenReader(place.Dir, f.key)
	return r, place, err
}

func ledgerTail(f *ledgerFlags) *cobra.Command {
	var asJSON, follow bool
	var count uint64
	c := &cobra.Command{
		Use:   "tail",
		Short: "Show the latest entries",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, _, err := f.open()
			if err != nil {
				return err
			}
			checkpoint, err := r.Checkpoint()
			if err != nil {
				return err
			}
			var latest []ledger.Located
			from := checkpoint.Size - min(count, checkpoint.Size)
			for e, err := range r.Entries(cmd.Context(), from, checkpoint.Size) {
				if err != nil {
					return err
				}
				latest = append(latest, e)
			}
			for _, e := range latest[len(latest)-min(int(count), len(latest)):] {
				if err := writeEntry(cmd.OutOrStdout(), e, "", asJSON); err != nil {
					return err
				}
			}
			if !follow {
				return nil
			}
			return followLedger(cmd.Context(), r, checkpoint.Size, func(e ledger.Located) error {
				return writeEntry(cmd.OutOrStdout(), e, "", asJSON)
			})
		},
	}
	c.Flags().Uint64VarP(&count, "lines", "n", 20, "entries to show")
	c.Flags().BoolVarP(&follow, "follow", "F", false, "go on with what is entered from now on")
	c.Flags().BoolVar(&asJSON, "json", false, "write JSON, an entry a line")
	return c
}

// followLedger passes entries on as they are signed, until the context ends.
func followLedger(ctx context.Context, r *ledger.Reader, from uint64, pass func(ledger.Located) error) error {
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		checkpoint, err := r.Checkpoint()
		if err != nil {
			return err
		}
		for e, err := range r.Entries(ctx, from, checkpoint.Size) {
			if err == nil {
				err = pass(e)
			}
			if err != nil && ctx.Err() == nil {
				return err
			}
		}
		from = max(from, checkpoint.Size)
	}
}

var ledgerKinds = []string{string(ledger.Decision), string(ledger.Host), string(ledger.Policy), string(ledger.Grant), string(ledger.Denial),
	string(ledger.Component), string(ledger.Provider), string(ledger.Shadow), string(ledger.Log)}

func ledgerQuery(f *ledgerFlags) *cobra.Command {
	var filter ledger.Filter
	var since, redaction string
	var kinds []string
	var asJSON bool
	c := &cobra.Command{
		Use:   "query",
		Short: "Show the entries about an app, component, capability, grant or resource",
		Long: "Show the entries about an app, component, capability, grant or resource.\n" +
			"Denials are found by their resource with the redaction key, although the ledger does not show it (= before\n" +
			"the resource). Allows are counted by class, and are found when the class has the resource (~ before it).",
		Example: "  writ ledger query --denied --since 24h\n  writ ledger query --resource kv://default/guestbook/x",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, place, err := f.open()
			if err != nil {
				return err
			}
			if err := completeFilter(&filter, place, since, redaction); err != nil {
				return err
			}
			for _, k := range kinds {
				if !slices.Contains(ledgerKinds, k) {
					return fmt.Errorf("--kind %q: want one of %s", k, strings.Join(ledgerKinds, ", "))
				}
				filter.Kinds = append(filter.Kinds, ledger.Kind(k))
			}
			return scan(cmd.Context(), r, &filter, func(e ledger.Located, how ledger.Match) error {
				return writeEntry(cmd.OutOrStdout(), e, how, asJSON)
			})
		},
	}
	addFilterFlags(c, &filter, &since)
	c.Flags().StringVar(&filter.Resource, "resource", "", "only entries about this resource")
	c.Flags().StringSliceVar(&kinds, "kind", nil, "only entries of these kinds: "+strings.Join(ledgerKinds, ", "))
	c.Flags().StringVar(&redaction, "redaction-key", "", "file of the host's redaction key (default: the app's own)")
	c.Flags().BoolVar(&asJSON, "json", false, "write JSON, an entry a line")
	return c
}

func addFilterFlags(c *cobra.Command, filter *ledger.Filter, since *string) {
	f := c.Flags()
	f.StringVar(&filter.App, "app", "", "only entries about this app")
	f.StringVar(&filter.Component, "component", "", "only entries about this component")
	f.StringVar(&filter.Capability, "capability", "", "only entries about this capability")
	f.StringVar(&filter.Grant, "grant", "", "only entries about this grant or denial")
	f.BoolVar(&filter.Denied, "denied", false, "only denied decisions")
	f.StringVar(since, "since", "", "only entries since a time (RFC 3339) or for a time (such as 24h)")
}

func completeFilter(filter *ledger.Filter, place writ.LedgerPlace, since, redaction string) (err error) {
	if filter.Since, err = sinceTime(since, time.Now()); err != nil || filter.Resource == "" {
		return err
	}
	if filter.Resource, err = broker.Canonical(filter.Resource); err != nil {
		return fmt.Errorf("--resource: %w", err)
	}
	if redaction == "" {
		redaction = place.RedactionKey
	}
	if redaction == "" {
		return errors.New("--resource needs --redaction-key: this copy of a ledger comes without the host's key")
	}
	filter.Redactor, err = ledger.ReadRedactor(redaction)
	return err
}

func sinceTime(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(text); err == nil && d > 0 {
		return now.Add(-d), nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, fmt.Errorf("--since %q: want a time such as 2027-01-01T00:00:00Z or a duration such as 24h", text)
	}
	return t, nil
}

// scan passes on the entries that a filter selects.
func scan(ctx context.Context, r *ledger.Reader, filter *ledger.Filter, pass func(ledger.Located, ledger.Match) error) error {
	checkpoint, err := r.Checkpoint()
	if err != nil {
		return err
	}
	for e, err := range r.Entries(ctx, 0, checkpoint.Size) {
		if err != nil {
			return err
		}
		if how, ok := filter.Matches(&e.Entry); ok {
			if err := pass(e, how); err != nil {
				return err
			}
		}
	}
	return nil
}

func ledgerExport(f *ledgerFlags) *cobra.Command {
	var format, since string
	var filter ledger.Filter
	c := &cobra.Command{
		Use:   "export",
		Short: "Write the entries as lines of JSON, as they are or as OPA's decision log",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, place, err := f.open()
			if err != nil {
				return err
			}
			if err := completeFilter(&filter, place, since, ""); err != nil {
				return err
			}
			out := bufio.NewWriter(cmd.OutOrStdout())
			switch format {
			case "jsonl":
				err = scan(cmd.Context(), r, &filter, func(e ledger.Located, _ ledger.Match) error {
					_, err := out.Write(append(e.Append(nil), '\n'))
					return err
				})
			case "opa":
				err = scan(cmd.Context(), r, &filter, func(e ledger.Located, _ ledger.Match) error {
					line, ok := e.OPADecision(r.Name())
					if !ok {
						return nil
					}
					_, err := out.Write(append(line, '\n'))
					return err
				})
			default:
				err = fmt.Errorf("--format %q: want jsonl or opa", format)
			}
			return errors.Join(err, out.Flush())
		},
	}
	c.Flags().StringVar(&format, "format", "jsonl", "jsonl or opa")
	addFilterFlags(c, &filter, &since)
	return c
}

// writeEntry writes an entry for a person, or as JSON with its place.
func writeEntry(w io.Writer, e ledger.Located, how ledger.Match, asJSON bool) error {
	if asJSON {
		line, err := json.Marshal(struct {
			Leaf  uint64          `json:"leaf"`
			Line  int             `json:"line"`
			Match ledger.Match    `json:"match,omitempty"`
			Entry json.RawMessage `json:"entry"`
		}{e.Leaf, e.Line, how, e.Append(nil)})
		if err == nil {
			_, err = w.Write(append(line, '\n'))
		}
		return err
	}
	_, err := fmt.Fprintf(w, "%s  %s\n", e.Time.Local().Format("2006-01-02 15:04:05.000"), entryText(e.Entry, how))
	return err
}

func entryText(e ledger.Entry, how ledger.Match) string {
	if e.Kind != ledger.Decision {
		return changeText(e)
	}
	sign := map[ledger.Match]string{ledger.Exact: "=", ledger.ByClass: "~"}[how]
	text := fmt.Sprintf("%-5s %s/%s  %s %s %s%s", e.Verdict, e.App, e.Component, e.Capability, printable(e.Operation), sign, printable(e.Resource))
	if e.Count != 1 {
		text += fmt.Sprintf("  ×%d", e.Count)
	}
	if e.Reason != "" {
		text += "  " + e.Reason
	}
	if e.Grant != "" {
		text += "  (" + e.Grant + ")"
	}
	if e.Detail != "" {
		text += "  " + printable(e.Detail)
	}
	return text
}

func changeText(e ledger.Entry) string {
	parts := []string{string(e.Kind), e.Event}
	subject := e.Name
	if e.Component != "" {
		subject = e.App + "/" + e.Component
	}
	if e.Kind == ledger.Shadow && e.Component != "" {
		subject += fmt.Sprintf("  %s %s %s  ×%d ", e.Capability, e.Operation, e.Resource, e.Count)
		e.Reason = "" // the detail has it
	}
	if e.Revision != 0 {
		parts = append(parts, fmt.Sprintf("revision %d", e.Revision))
	}
	for _, p := range []string{subject, e.Text, e.Digest, e.Reason, e.Detail} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	if e.Origin != "" {
		parts = append(parts, "("+e.Origin+")")
	}
	return withoutControls(strings.Join(parts, " "))
}

// withoutControls keeps what would move the cursor off the terminal.
func withoutControls(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '\uFFFD'
		}
		return r
	}, s)
}
