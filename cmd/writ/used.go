package main

import (
	"github.com/spf13/cobra"

	"github.com/writ-host/writ"
)

// usedAudit sets an app's grants against its ledger.
func usedAudit(cmd *cobra.Command, path, config string) (*writ.UsedAudit, error) {
	app, err := writ.LoadApp(path, config)
	if err != nil {
		return nil, err
	}
	r, err := app.OpenLedger()
	if err != nil {
		return nil, err
	}
	return app.UsedAudit(cmd.Context(), r)
}

// auditUsed is writ audit --used.
func auditUsed(cmd *cobra.Command, paths []string, config string, asJSON bool) error {
	if len(paths) == 0 {
		paths = []string{"."}
	}
	for _, path := range paths {
		audit, err := usedAudit(cmd, path, config)
		if err != nil {
			return err
		}
		if asJSON {
			err = writeJSON(cmd.OutOrStdout(), audit)
		} else {
			err = audit.WriteText(cmd.OutOrStdout())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func policySuggest() *cobra.Command {
	var config string
	c := &cobra.Command{
		Use:   "suggest APP",
		Short: "Write the narrowest grants that would have allowed what the ledger tells of",
		Long: "Write the narrowest grants that would have allowed what the ledger tells of, as a grants.json to review:\n" +
			"grants and operations that were never used are left out, and hosts, tables and names that were used stand for\n" +
			"wider patterns. Keys and paths are redacted in the ledger, so patterns over them stay as they are.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			audit, err := usedAudit(cmd, args[0], config)
			if err != nil {
				return err
			}
			text, err := audit.Suggest()
			if err != nil {
				return err
			}
			_, err = cmd.OutOrStdout().Write(text)
			return err
		},
	}
	addConfigFlag(c, &config)
	return c
}
