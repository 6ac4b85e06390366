package main

import "github.com/spf13/cobra"

func policyCommand() *cobra.Command {
	c := &cobra.Command{Use: "policy", Short: "Work on what is granted",
		// An unknown subcommand is an error, where cobra would show help and succeed.
		Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	c.AddCommand(policySuggest(), policyShadow())
	c.AddCommand(policyCommands()...)
	return c
}
