package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/writ-host/writ"
	"github.com/writ-host/writ/broker"
)

// policyCommands are those for people who write policies.
func policyCommands() []*cobra.Command {
	return []*cobra.Command{policyCheck(), policyTest(), policyCoverage(), policyEval(), policyFormat(), policySchema(), policyReplay()}
}

// onApp is a command about the policy of one app, by default that of the current directory.
func onApp(use, short string, run func(cmd *cobra.Command, app *writ.App) error) *cobra.Command {
	var config string
	c := &cobra.Command{Use: use + " [APP]", Short: short, Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			app, err := writ.LoadApp(append(args, ".")[0], config)
			if err != nil {
				return err
			}
			return run(cmd, app)
		}}
	addConfigFlag(c, &config)
	return c
}

func policyCheck() *cobra.Command {
	return onApp("check", "Load an app's grants and policies as a host does, types of the input included",
		func(cmd *cobra.Command, app *writ.App) error {
			return app.CheckPolicy(cmd.Context(), cmd.OutOrStdout())
		})
}

func policyTest() *cobra.Command {
	return onApp("test", "Run the tests (*_test.rego) of an app's policies; exit code 2 when one fails",
		func(cmd *cobra.Command, app *writ.App) error {
			passed, _, err := app.TestPolicy(cmd.Context(), cmd.OutOrStdout())
			if err == nil && !passed {
				err = exitCode(exitDenied)
			}
			return err
		})
}

func policyCoverage() *cobra.Command {
	var least float64
	c := onApp("coverage", "Run the tests, and say which lines of an app's policies they did not go through",
		func(cmd *cobra.Command, app *writ.App) error {
			out := cmd.OutOrStdout()
			passed, covered, err := app.TestPolicy(cmd.Context(), out)
			if err != nil {
				return err
			}
			if total := writ.WriteCoverage(out, covered); !passed || total < least {
				return exitCode(exitDenied)
			}
			return nil
		})
	c.Flags().Float64Var(&least, "least", 0, "exit with 2 when less is covered, in percent")
	return c
}

func policyEval() *cobra.Command {
	var app, config, component, inputFile string
	c := &cobra.Command{
		Use:   "eval [TERM]",
		Short: "Evaluate a term of Rego under an app's policy (default: data.writ.grants)",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			a, err := writ.LoadApp(app, config)
			if err != nil {
				return err
			}
			var input any
			if inputFile != "" {
				text, err := os.ReadFile(inputFile)
				if err != nil {
					return err
				}
				if err := json.Unmarshal(text, &input); err != nil {
					return fmt.Errorf("%s: %w", inputFile, err)
				}
			}
			value, defined, err := a.EvalPolicy(cmd.Context(), component, append(args, "data.writ.grants")[0], input)
			if err != nil {
				return err
			}
			if !defined {
				fmt.Fprintln(cmd.OutOrStdout(), "undefined")
				return exitCode(exitDenied)
			}
			return writeJSON(cmd.OutOrStdout(), value)
		},
	}
	c.Flags().StringVarP(&app, "app", "a", ".", "the app's directory")
	c.Flags().StringVar(&component, "component", "", "the component that is asked about (default: the app's only one)")
	c.Flags().StringVar(&inputFile, "input", "", "JSON file with another input")
	addConfigFlag(c, &config)
	return c
}

func policyFormat() *cobra.Command {
	var check bool
	c := &cobra.Command{
		Use:   "fmt PATH…",
		Short: "Bring .rego files into OPA's form, and name those that were not",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			files, err := regoFiles(args)
			if err != nil {
				return err
			}
			changed := false
			for _, f := range files {
				differs, err := formatFile(f, check)
				if err != nil {
					return err
				}
				if differs {
					changed = true
					fmt.Fprintln(cmd.OutOrStdout(), f)
				}
			}
			if check && changed {
				return exitCode(exitDenied)
			}
			return nil
		},
	}
	c.Flags().BoolVar(&check, "check", false, "change nothing; exit with 2 when a file is not in that form")
	return c
}

func formatFile(path string, check bool) (differs bool, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return false, err
	}
	formatted, err := broker.FormatModule(path, text)
	if err != nil || bytes.Equal(text, formatted) || check {
		return err == nil && !bytes.Equal(text, formatted), err
	}
	return true, os.WriteFile(path, formatted, 0o644)
}

// regoFiles lists the .rego files among paths and below them.
func regoFiles(paths []string) ([]string, error) {
	var files []string
	for _, p := range paths {
		err := filepath.WalkDir(p, func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() && (strings.HasSuffix(path, ".rego") || path == p) {
				files = append(files, path)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return files, nil
}

func policySchema() *cobra.Command {
	return &cobra.Command{
		Use:       "schema input|call|grants",
		Short:     "Write the JSON schema of what policies are asked, of what conditions are asked, or of grants.json",
		Args:      cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		ValidArgs: []string{"input", "call", "grants"},
		RunE: func(cmd *cobra.Command, args []string) error {
			text, err := broker.Schema(args[0])
			if err != nil {
				return err
			}
			_, err = cmd.OutOrStdout().Write(text)
			return err
		},
	}
}
