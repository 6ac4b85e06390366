package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/writ-host/writ"
	"github.com/writ-host/writ/wit"
)

func invokeCommand() *cobra.Command {
	var f runFlags
	var asJSON bool
	c := &cobra.Command{
		Use:   "invoke [flags] COMPONENT.wasm | APP 'INTERFACE#FUNCTION(ARGUMENTS)'",
		Short: "Call one exported function of a component, with values as WAVE text",
		Long: "Call one exported function of a component and print its result. Arguments and result are WAVE text:\n" +
			"numbers, \"text\", [lists], {field: value}, some(value), case(payload). A function of the world itself is\n" +
			"called without INTERFACE#. It reaches only what the flags and the app's grants.json grant.",
		Example: "  writ invoke adder.wasm 'example:math/add@1.0.0#add(1, 2)'\n" +
			"  writ invoke --json tool.wasm 'describe({name: \"x\", sizes: [1, 2]})'",
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.invoke(cmd.Context(), cmd.OutOrStdout(), args[0], args[1], asJSON)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print the result as JSON")
	f.register(c)
	return c
}

func (f *runFlags) invoke(ctx context.Context, out io.Writer, path, call string, asJSON bool) error {
	return f.with(ctx, []string{path}, func(ctx context.Context, app *writ.App, c writ.Command) error {
		fn, result, err := app.Invoke(ctx, c, call)
		if err != nil {
			return ended(err)
		}
		return writeResult(out, fn, result, asJSON)
	})
}

func writeResult(out io.Writer, fn *wit.Func, result wit.Value, asJSON bool) error {
	if fn.Result == nil {
		return nil
	}
	if asJSON {
		v, err := wit.JSONValue(fn.Result, result)
		if err != nil {
			return err
		}
		return writeJSON(out, v)
	}
	text, err := wit.FormatValue(fn.Result, result)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, text)
	return err
}
