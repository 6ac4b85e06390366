package main

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/writ-host/writ"
	"github.com/writ-host/writ/capabilities/provider/kit"
	"github.com/writ-host/writ/capabilities/provider/scaffold"
)

func providerCommand() *cobra.Command {
	c := &cobra.Command{Use: "provider", Short: "Write, test, pin and list capability providers",
		Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	c.AddCommand(providerNew(), providerTest(), providerPin(), providerList())
	return c
}

func providerPin() *cobra.Command {
	var host string
	c := &cobra.Command{
		Use:   "pin PROGRAM | --host HOST.toml [NAME…]",
		Short: "Print a program's SHA-256, or write those of the providers in host.toml",
		Long: "Print a program's SHA-256 as host.toml has it. With --host, write the SHA-256 of each provider's\n" +
			"program (or of those named) as it is now into host.toml, and print which changed.",
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if host != "" {
				changed, err := writ.PinProviders(host, args)
				for _, line := range changed {
					fmt.Fprintln(cmd.OutOrStdout(), line)
				}
				return err
			}
			if len(args) != 1 {
				return fmt.Errorf("name one program, or a host.toml with --host")
			}
			sum, err := writ.Pin(args[0])
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "sha256 = %q\n", sum)
			return nil
		},
	}
	c.Flags().StringVar(&host, "host", "", "host.toml to write into")
	return c
}

func providerList() *cobra.Command {
	var config string
	var asJSON bool
	c := &cobra.Command{
		Use:   "list [APP]",
		Short: "Start the providers of an app, and show what each is and what holds it in on this kernel",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			reports, err := writ.Providers(cmd.Context(), append(args, ".")[0], config)
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), reports)
			}
			return writeProviders(cmd.OutOrStdout(), reports)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "write JSON")
	addConfigFlag(c, &config)
	return c
}

func writeProviders(w io.Writer, reports []writ.ProviderReport) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for i, r := range reports {
		if i > 0 {
			fmt.Fprintln(t)
		}
		fmt.Fprintf(t, "%s\t%s %s\n", r.Name, printable(r.Describes), printable(r.Version))
		fmt.Fprintf(t, "  program\t%s\n", r.Program)
		if r.Error != "" {
			fmt.Fprintf(t, "  does not start\t%s\n", printable(r.Error))
			continue
		}
		fmt.Fprintf(t, "  offers\t%s\n", printable(strings.Join(append(r.Services, r.Interfaces...), " ")))
		for _, part := range r.Isolation {
			state := "active"
			if part.Missing != "" {
				state = "missing: " + part.Missing
			}
			fmt.Fprintf(t, "  %s\t%s\n", part.Name, state)
		}
		fmt.Fprintf(t, "  may read\t%s\n  may write\t%s\n  may connect to\t%s\n", orNone(r.Reads), orNone(r.Writes), orNone(r.Ports))
	}
	return t.Flush()
}

func orNone(list []string) string {
	if len(list) == 0 {
		return "nothing"
	}
	return strings.Join(list, " ")
}

func providerTest() *cobra.Command {
	var asJSON bool
	o := writ.ProviderTest{}
	c := &cobra.Command{
		Use:   "test PROGRAM [-- ARGUMENT…]",
		Short: "Check a provider against every rule of the protocol and of what it offers",
		Long: "Check a provider against every rule of the protocol and of what it offers, and print a table.\n" +
			"The provider runs as a host would run it, with an empty data directory. It is written to and its\n" +
			"functions are called with made-up values. The exit code is 2 when a rule does not hold.",
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Program, o.Args = args[0], args[1:]
			results, err := writ.TestProvider(cmd.Context(), o)
			if err != nil {
				return err
			}
			if asJSON {
				err = writeJSON(cmd.OutOrStdout(), results)
			} else {
				err = kit.WriteTable(cmd.OutOrStdout(), results)
			}
			if err == nil && !kit.Passes(results) {
				return exitCode(exitDenied)
			}
			return err
		},
	}
	f := c.Flags()
	f.StringVar(&o.Settings, "settings", "", "settings as JSON")
	f.StringArrayVar(&o.Readable, "read", nil, "file or directory that it may read and run, such as an interpreter's")
	f.UintSliceVar(&o.Ports, "port", nil, "TCP port that it may connect to")
	f.StringSliceVar(&o.Accept, "accept-missing", nil, "part of the isolation that may be missing on this kernel")
	f.BoolVar(&asJSON, "json", false, "write JSON")
	return c
}

func providerNew() *cobra.Command {
	var o scaffold.Project
	c := &cobra.Command{
		Use:     "new NAME --wit FILE",
		Short:   "Write a Go project of a provider that implements the interfaces of a WIT file",
		Example: "  writ provider new words --wit words.wit && cd words && make test",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Name = args[0]
			if o.Dir == "" {
				o.Dir = filepath.Base(args[0])
			}
			files, err := o.Write()
			if err != nil {
				return err
			}
			for _, file := range files {
				fmt.Fprintln(cmd.OutOrStdout(), filepath.Join(o.Dir, file))
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "\nNow: cd %s && make test    # and so on: README.md says it\n", o.Dir)
			return err
		},
	}
	f := c.Flags()
	f.StringVar(&o.WIT, "wit", "", "file with the interfaces")
	f.StringVar(&o.Dir, "dir", "", "directory to write, which must not exist yet (default: NAME)")
	f.StringVar(&o.Module, "module", "", "path of the Go module (default: example.com/NAME)")
	f.StringVar(&o.Replace, "writ", "", "directory with writ's own source, to build against instead of its release")
	_ = c.MarkFlagRequired("wit") // fails only for an unknown flag
	return c
}
