package main

import (
	"github.com/spf13/cobra"

	"github.com/writ-host/writ"
)

func policyShadow() *cobra.Command {
	var config string
	var asJSON bool
	c := &cobra.Command{
		Use:   "shadow APP",
		Short: "Sum up what the shadow policy of host.toml would have decided otherwise; exit code 2 when there is anything",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			app, err := writ.LoadApp(args[0], config)
			if err != nil {
				return err
			}
			r, err := app.OpenLedger()
			if err != nil {
				return err
			}
			report, err := app.ShadowReport(cmd.Context(), r)
			if err != nil {
				return err
			}
			if asJSON {
				err = writeJSON(cmd.OutOrStdout(), report)
			} else {
				err = report.WriteText(cmd.OutOrStdout())
			}
			if err == nil && len(report.Differences) > 0 {
				return exitCode(exitDenied)
			}
			return err
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "write JSON")
	addConfigFlag(c, &config)
	return c
}
