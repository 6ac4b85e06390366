package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/writ-host/writ"
)

func mcpCommand() *cobra.Command {
	var config, listen, tokenFile string
	var sink logTo
	var locked bool
	c := &cobra.Command{
		Use:   "mcp [flags] APP | COMPONENT.wasm",
		Short: "Serve what components export as tools for language models, over the Model Context Protocol",
		Long: "Serve the functions that an app's components export as tools of the Model Context Protocol (MCP), on\n" +
			"standard input and output, for an agent that starts this command, or with --listen by HTTP. Each call has a fresh instance, which\n" +
			"reaches what the app's grants give its component, and nothing else. Decisions and calls are in the ledger.\n" +
			"The app's triggers are not served. The structured log goes to --log FILE, or to standard error.",
		Example: "  writ mcp --locked /srv/tools\n  writ mcp --listen 127.0.0.1:3001 --token-file token /srv/tools",
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
			if tokenFile != "" && listen == "" {
				return errors.New("--token-file is for --listen: who starts this command is let in")
			}
			serve := func(ctx context.Context, h *writ.Host) error { return h.ServeMCP(ctx, os.Stdin, os.Stdout) }
			if listen != "" {
				if serve, err = mcpOverHTTP(cmd.OutOrStdout(), app, listen, tokenFile); err != nil {
					return err
				}
			}
			return serveMCP(cmd.Context(), app, sink, o, serve)
		},
	}
	sink.register(c)
	c.Flags().BoolVar(&locked, "locked", false, "refuse components and grants beyond those of writ.lock, now and while running")
	c.Flags().StringVar(&listen, "listen", "", "serve by HTTP on this address, or unix:PATH, instead of on standard input and output")
	c.Flags().StringVar(&tokenFile, "token-file", "", "let agents in that send the token in this file; beyond this machine there has to be one")
	addConfigFlag(c, &config)
	return c
}

// mcpOverHTTP prepares to serve tools on an address.
func mcpOverHTTP(out io.Writer, app *writ.App, listen, tokenFile string) (serve func(context.Context, *writ.Host) error, err error) {
	var token string
	if tokenFile != "" {
		if token, err = writ.ReadToken(tokenFile); err != nil {
			return nil, err
		}
	}
	app.Config.Listen = listen
	l, err := app.Listen()
	if err != nil {
		return nil, err
	}
	if err := errors.Join(writ.CheckTools(l.Addr(), token), l.Close()); err != nil {
		return nil, err
	}
	return func(ctx context.Context, h *writ.Host) error {
		l, err := app.Listen()
		if err != nil {
			return err
		}
		defer l.Close()
		url := app.URL(l) + writ.ToolsPath
		if l.Addr().Network() == "unix" {
			url = app.URL(l) + ", path /" + writ.ToolsPath
		}
		fmt.Fprintf(out, "serving tools at %s\n", url)
		return h.ServeMCPOverHTTP(ctx, l, token)
	}, nil
}

func serveMCP(ctx context.Context, app *writ.App, sink logTo, o writ.Options, serve func(context.Context, *writ.Host) error) (err error) {
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
	return serve(ctx, h)
}
