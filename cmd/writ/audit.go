package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/writ-host/writ"
)

func auditCommand() *cobra.Command {
	var config, page string
	var asJSON, asSarif, used, history bool
	c := &cobra.Command{
		Use:   "audit [APP | COMPONENT.wasm | DIRECTORY | host.toml]…",
		Short: "Say what components can reach, by which grants and lines, without running them",
		Long: "Say what components can reach, by which grants and lines, without running them. A directory of apps\n" +
			"is audited whole, as is the directory of a host's configuration that is named alone with --host.",
		Example: "  writ audit examples/guestbook\n  writ audit --html audit.html examples/*\n  writ audit who 'kv://default/**' examples/*",
		RunE: func(cmd *cobra.Command, args []string) error {
			if used {
				return auditUsed(cmd, args, config, asJSON)
			}
			audit, apps, err := auditOf(cmd, args, config)
			if err == nil && history {
				err = audit.AddHistory(cmd.Context(), apps)
			}
			if err != nil {
				return err
			}
			return writeAudit(cmd.OutOrStdout(), audit, page, asJSON, asSarif)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "write JSON, as docs/audit.schema.json describes")
	c.Flags().BoolVar(&asSarif, "sarif", false, "write what to look at as SARIF 2.1.0")
	c.Flags().StringVar(&page, "html", "", "write a page for people into this file")
	c.Flags().BoolVar(&used, "used", false, "set the grants against the ledger: what was never used, and what was used more narrowly")
	addHistoryFlag(c, &history)
	c.MarkFlagsMutuallyExclusive("json", "sarif")
	c.MarkFlagsMutuallyExclusive("used", "sarif")
	c.MarkFlagsMutuallyExclusive("used", "html")
	addConfigFlag(c, &config)
	c.AddCommand(auditWho(), auditDiff())
	return c
}

func addHistoryFlag(c *cobra.Command, history *bool) {
	c.Flags().BoolVar(history, "ledger", true, "read the ledger for since when grants are in force and when they were used")
}

func auditOf(cmd *cobra.Command, paths []string, config string) (*writ.Audit, []*writ.App, error) {
	apps, err := writ.FindApps(paths, config)
	if err != nil {
		return nil, nil, err
	}
	audit, err := writ.NewAudit(cmd.Context(), apps)
	return audit, apps, err
}

func writeAudit(w io.Writer, audit *writ.Audit, page string, asJSON, asSarif bool) error {
	if page != "" {
		f, err := os.Create(page)
		if err != nil {
			return err
		}
		if err := errors.Join(audit.WriteHTML(f), f.Close()); err != nil {
			return fmt.Errorf("write %s: %w", page, err)
		}
	}
	switch {
	case asJSON:
		return writeJSON(w, audit)
	case asSarif:
		return writeJSON(w, audit.Sarif())
	case page != "":
		return nil
	}
	return audit.WriteText(w)
}

func auditWho() *cobra.Command {
	var config, operation string
	var asJSON, history bool
	c := &cobra.Command{
		Use:     "who RESOURCE [APP | DIRECTORY]…",
		Short:   "Say which components can reach any of the resources that a pattern matches",
		Example: "  writ audit who 'kv://default/guestbook/**' --operation set examples/guestbook",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			audit, apps, err := auditOf(cmd, args[1:], config)
			if err == nil && history {
				err = audit.AddHistory(cmd.Context(), apps)
			}
			if err != nil {
				return err
			}
			found, err := audit.Who(args[0], operation)
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), found)
			}
			return writ.WriteWho(cmd.OutOrStdout(), args[0], found)
		},
	}
	c.Flags().StringVar(&operation, "operation", "", "ask about one operation (default: any)")
	c.Flags().BoolVar(&asJSON, "json", false, "write JSON")
	addHistoryFlag(c, &history)
	addConfigFlag(c, &config)
	return c
}
