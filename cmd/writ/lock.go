package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/writ-host/writ"
)

func lockCommand() *cobra.Command {
	var config string
	var check bool
	c := &cobra.Command{
		Use:   "lock APP",
		Short: "Write writ.lock: the components by digest, the policy's revision and what is granted",
		Long: "Write writ.lock: the components by digest, the policy's revision and what is granted. Review and\n" +
			"commit it; writ up --locked then refuses other components and anything wider. With --check nothing\n" +
			"is written, and the code is 2 when something would be reachable that the lock does not allow.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			app, err := writ.LoadApp(args[0], config)
			if err != nil {
				return err
			}
			now, err := app.Lock(cmd.Context())
			if err != nil {
				return err
			}
			if check {
				old, err := writ.ReadLock(app.LockPath())
				if err != nil {
					return err
				}
				return compareLocks(cmd, old, now, false)
			}
			return writeLock(cmd, app, now)
		},
	}
	c.Flags().BoolVar(&check, "check", false, "compare with the lock instead")
	addConfigFlag(c, &config)
	return c
}

// writeLock also says what is new since the lock that it replaces.
func writeLock(cmd *cobra.Command, app *writ.App, now *writ.Lock) error {
	old, err := writ.ReadLock(app.LockPath())
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	if err := now.Write(app.LockPath()); err != nil {
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), "wrote %s\n", app.LockPath())
	if old == nil {
		return nil
	}
	diff, err := writ.DiffLocks(old, now)
	if err != nil {
		return err
	}
	return diff.WriteText(cmd.OutOrStdout())
}

func compareLocks(cmd *cobra.Command, old, next *writ.Lock, asJSON bool) error {
	diff, err := writ.DiffLocks(old, next)
	if err != nil {
		return err
	}
	if asJSON {
		err = writeJSON(cmd.OutOrStdout(), diff)
	} else {
		err = diff.WriteText(cmd.OutOrStdout())
	}
	if err == nil && diff.Widens() {
		return exitCode(exitDenied)
	}
	return err
}

func auditDiff() *cobra.Command {
	var old, next writ.Side
	var asJSON bool
	c := &cobra.Command{
		Use:   "diff A B",
		Short: "Say what becomes reachable from A to B, and what stops being; exit code 2 when anything does become so",
		Long: "Say what becomes reachable from A to B, and what stops being so. Each is a writ.lock or an app; with\n" +
			"--app each can also be a directory of policies, a grants.json or another version of a component (.wasm).\n" +
			"Exits with 2 when anything becomes reachable.",
		Example: "  writ audit diff writ.lock .\n  writ audit diff --app . policies/ proposed/\n  writ audit diff --app . --component web v1.wasm v2.wasm",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			next.App, next.Component, next.Config = old.App, old.Component, old.Config
			old.Path, next.Path = args[0], args[1]
			before, err := old.Lock(cmd.Context())
			if err != nil {
				return fmt.Errorf("%s: %w", old.Path, err)
			}
			after, err := next.Lock(cmd.Context())
			if err != nil {
				return fmt.Errorf("%s: %w", next.Path, err)
			}
			return compareLocks(cmd, before, after, asJSON)
		},
	}
	c.Flags().StringVar(&old.App, "app", "", "the app that policies or versions of a component are meant for")
	c.Flags().StringVar(&old.Component, "component", "", "the component that the versions are of")
	c.Flags().BoolVar(&asJSON, "json", false, "write JSON")
	addConfigFlag(c, &old.Config)
	return c
}
