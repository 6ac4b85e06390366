package main

import (
	"github.com/spf13/cobra"

	"github.com/writ-host/writ"
)

func doctorCommand() *cobra.Command {
	var config string
	var asJSON bool
	c := &cobra.Command{
		Use:   "doctor [APP]",
		Short: "Say whether this machine suits writ, and what to do where it does not",
		Long: "Look at the kernel, the processor, memory, descriptors and the clock, at the directories of the\n" +
			"host's configuration, at what holds providers in, and at the advisories about the engine.\n" +
			"The app is only looked at for a host.toml beside it; the default is the working directory.\n" +
			"Exits with 0 when nothing failed, with 1 otherwise.",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			path := "."
			if len(args) > 0 {
				path = args[0]
			}
			c, err := writ.FindHostConfig(path, config)
			if err != nil {
				return err
			}
			d := writ.Diagnose(cmd.Context(), c)
			if asJSON {
				err = writeJSON(cmd.OutOrStdout(), d)
			} else {
				err = d.WriteText(cmd.OutOrStdout())
			}
			if err == nil && d.Count(writ.HealthFail) > 0 {
				err = exitCode(exitFailed)
			}
			return err
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "write JSON")
	addConfigFlag(c, &config)
	return c
}
