package main

import (
	"encoding/json"
	"io"

	"github.com/spf13/cobra"

	"github.com/writ-host/writ"
)

func planCommand() *cobra.Command {
	var config string
	var asJSON bool
	c := &cobra.Command{
		Use:   "plan APP",
		Short: "Say what an app's components request, and what is granted by which line",
		Long: "Say what an app's components request, what is granted and by which line, and what to add\n" +
			"for the rest. Exits with 0 when all requests are granted, with 2 when some are not.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			app, err := writ.LoadApp(args[0], config)
			if err != nil {
				return err
			}
			plan, err := app.Plan(cmd.Context())
			if err != nil {
				return err
			}
			if err := writePlan(cmd.OutOrStdout(), plan, asJSON); err != nil {
				return err
			}
			if !plan.Granted() {
				return exitCode(exitDenied)
			}
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "write JSON")
	addConfigFlag(c, &config)
	return c
}

func addConfigFlag(c *cobra.Command, config *string) {
	c.Flags().StringVar(config, "host", "", "the host's configuration (default: host.toml beside the app, if there is one)")
}

func writePlan(w io.Writer, plan *writ.Plan, asJSON bool) error {
	if asJSON {
		return writeJSON(w, plan)
	}
	return plan.WriteText(w)
}

func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}
