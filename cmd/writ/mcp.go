package main

import (
	"context"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/writ-host/writ"
)

func mcpCommand() *cobra.Command {
	var config string
	var sink logTo
	var locked bool
	c := &cobra.Command{
		Use:   "mcp [flags] APP | COMPONENT.wasm",
		Short: "Serve what components export as tools for language models, over the Model Context Protocol",
		Long: "Serve the functions that an app's components export as tools of the Model Context Protocol (MCP), on\n" +
			"standard input and output, for an agent that starts this command. Each call has a fresh instance, which\n" +
			"reaches what the app's grants give its component, and nothing else. Decisions and calls are in the ledger.\n" +
			"The app's triggers are not served. The structured log goes to --log FILE, or to standard error.",
		Example: "  writ mcp --locked /srv/tools",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			app, err := writ.LoadApp(args[0], config)
			if err != nil {
				return err
			}
			o := writ.Options{NoTriggers: true, Follow: true}
			if locked {
				if o.Lock, err = writ.ReadLock(app.LockPath()); err != nil {
					return err
				}
			}
			return serveMCP(cmd.Context(), os.Stdin, os.Stdout, app, sink, o)
		},
	}
	sink.register(c)
	c.Flags().BoolVar(&locked, "locked", false, "refuse components and grants beyond those of writ.lock, now and while running")
	addConfigFlag(c, &config)
	return c
}

func serveMCP(ctx context.Context, in io.ReadCloser, out io.WriteCloser, app *writ.App, sink logTo, o writ.Options) (err error) {
	log, closeLog, err := sink.open()
	if err != nil {
		return err
	}
	defer closeLog()
	if app.Config.Cache == "" {
		if app.Config.Cache, err = writ.DefaultCache(); err != nil {
			return err
		}
	}
	o.Log = log
	h, err := writ.Start(ctx, app, o)
	if err != nil {
		return err
	}
	defer h.Close()
	return h.ServeMCP(ctx, in, out)
}
