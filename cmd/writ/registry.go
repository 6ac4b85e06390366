package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/writ-host/writ"
)

const aboutRegistries = "A component in a registry is named oci://HOST/NAME:TAG, or oci://HOST/NAME@sha256:… for the same bytes\n" +
	"for ever. Every command and every writ.toml takes that in the place of a file. Credentials are those of\n" +
	"docker login. A registry on this machine is spoken to without TLS."

func pushCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "push COMPONENT.wasm oci://HOST/NAME:TAG",
		Short:   "Put a component into an OCI registry",
		Long:    "Put a component into an OCI registry, as a Wasm OCI artifact. Prints its source by digest.\n\n" + aboutRegistries,
		Example: "  writ push web.wasm oci://registry.example.com/acme/web:1.2",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			component, err := writ.ReadComponent(cmd.Context(), args[0], maxInspected)
			if err != nil {
				return err
			}
			pinned, err := writ.Push(cmd.Context(), component, args[1])
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			fmt.Fprintln(cmd.OutOrStdout(), pinned)
			return nil
		},
	}
}

func pullCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "pull oci://HOST/NAME:TAG FILE",
		Short:   "Fetch a component from an OCI registry into a file",
		Long:    "Fetch a component from an OCI registry into a file. Prints its source by digest.\n\n" + aboutRegistries,
		Example: "  writ pull oci://registry.example.com/acme/web:1.2 web.wasm",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			component, pinned, err := writ.Pull(cmd.Context(), args[0], maxInspected)
			if err != nil {
				return err
			}
			if err := os.WriteFile(args[1], component, 0o644); err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), pinned)
			return nil
		},
	}
}
