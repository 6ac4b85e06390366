package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/writ-host/writ"
	"github.com/writ-host/writ/broker"
)

func explainCommand() *cobra.Command {
	var path, config, component, resource, operation, capability string
	var bytes int64
	c := &cobra.Command{
		Use:   "explain [ID]",
		Short: "Say why a call was denied, and the smallest grant that would allow it",
		Long: "Say why the denial with an id (the log has it) was denied: the nearest grants and how they fall short,\n" +
			"the rules of the policy that mattered, and the smallest grant that would allow it. Without an id it\n" +
			"explains a call made up with --component, --operation and --resource.",
		Example: "  writ explain -a examples/guestbook kq3v7m2a-1\n" +
			"  writ explain -a examples/guestbook --component web --operation delete --resource kv://default/guestbook/x",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			app, err := writ.LoadApp(path, config)
			if err != nil {
				return err
			}
			d := &writ.KeptDenial{App: app.Manifest.Name, Component: component, Capability: capability, Operation: operation, Resource: resource, Bytes: bytes}
			if len(args) == 1 {
				d, err = app.FindDenial(args[0])
			} else {
				d, err = madeUp(app, d)
			}
			if err != nil {
				return err
			}
			call := broker.Call{Capability: d.Capability, Operation: d.Operation, Resource: d.Resource, Bytes: d.Bytes}
			e, err := app.Explain(cmd.Context(), d.Component, call)
			if err != nil {
				return err
			}
			return writ.WriteExplanation(cmd.OutOrStdout(), d, e)
		},
	}
	f := c.Flags()
	f.StringVarP(&path, "app", "a", ".", "the app's directory")
	f.StringVar(&component, "component", "", "the component of a call made up (default: the app's only one)")
	f.StringVar(&operation, "operation", "", "its operation")
	f.StringVar(&resource, "resource", "", "its resource")
	f.StringVar(&capability, "capability", "", "its capability (default: the resource's)")
	f.Int64Var(&bytes, "bytes", 0, "size of its payload")
	addConfigFlag(c, &config)
	return c
}

// madeUp completes a call of the command line.
func madeUp(app *writ.App, d *writ.KeptDenial) (*writ.KeptDenial, error) {
	var err error
	switch {
	case d.Resource == "" || d.Operation == "":
		return nil, errors.New("explain: name the id of a denial, or --operation and --resource")
	case d.Component == "" && len(app.Components) > 1:
		return nil, errors.New("explain: the app has several components: name one with --component")
	case d.Component == "":
		d.Component = app.Components[0].Name
	}
	if d.Resource, err = broker.Canonical(d.Resource); err != nil {
		return nil, err
	}
	if d.Capability != "" {
		return d, nil
	}
	of := broker.CapabilitiesOf(d.Resource)
	if len(of) != 1 {
		return nil, fmt.Errorf("explain: name the capability of %s with --capability", d.Resource)
	}
	d.Capability = of[0]
	return d, nil
}
