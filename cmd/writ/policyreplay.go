package main

import (
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/writ-host/writ"
)

func policyReplay() *cobra.Command {
	var app, config, policy string
	var asJSON bool
	c := &cobra.Command{
		Use:   "replay --policy NEW RECORDS.jsonl | -",
		Short: "Set recorded decisions, as writ ledger export writes them, against a proposed policy; exit code 2 when some change",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			records := io.NopCloser(cmd.InOrStdin())
			if args[0] != "-" {
				f, err := os.Open(args[0])
				if err != nil {
					return err
				}
				records = f
			}
			defer records.Close()
			old, err := writ.Side{Path: app, Config: config}.Lock(cmd.Context())
			if err != nil {
				return err
			}
			next, err := writ.Side{Path: policy, App: app, Config: config}.Lock(cmd.Context())
			if err != nil {
				return err
			}
			changes, decisions, err := writ.Replay(cmd.Context(), records, old, next)
			if err != nil {
				return err
			}
			if asJSON {
				err = writeJSON(cmd.OutOrStdout(), append([]writ.ReplayedChange{}, changes...))
			} else {
				err = writ.WriteReplay(cmd.OutOrStdout(), changes, decisions)
			}
			if err == nil && len(changes) > 0 {
				return exitCode(exitDenied)
			}
			return err
		},
	}
	c.Flags().StringVarP(&app, "app", "a", ".", "the app's directory")
	c.Flags().StringVar(&policy, "policy", "", "the proposed policy: a directory of policies, or a grants.json")
	c.Flags().BoolVar(&asJSON, "json", false, "write JSON")
	_ = c.MarkFlagRequired("policy") // fails only for an unknown flag
	addConfigFlag(c, &config)
	return c
}
