package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/writ-host/writ"
	"github.com/writ-host/writ/broker"
	"github.com/writ-host/writ/capabilities"
	"github.com/writ-host/writ/host"
)

// Exit codes of writ run, beside the guest's own and those that a shell gives
// to signals, 128 and the signal's number.
const (
	exitTimeout = 124
	exitTrapped = 134 // as of a program that aborted
)

// commandLine is where the grants of writ run come from, as the log names it.
const commandLine = "command line"

// runFlags are the flags of writ run.
type runFlags struct {
	config, entry, component, log, clock, seed string
	dirs, env, grants                          []string
	timeout                                    time.Duration
}

func runCommand() *cobra.Command {
	var f runFlags
	c := &cobra.Command{
		Use:   "run [flags] COMPONENT.wasm | APP [ARGUMENT...]",
		Short: "Run a component as a command",
		Long: "Run a component that exports wasi:cli/run, such as a program for WASI, with this terminal's input and\n" +
			"output. It reaches the directories, variables and resources that the flags name, and what the app's\n" +
			"grants.json grants; a denial of the app's policy wins over both. Flags come before the component:\n" +
			"what follows it is the program's.\n\n" +
			"The exit code is the program's own: 0, 1 or what it chose; 134 when it trapped, 124 after --timeout,\n" +
			"130 after an interrupt, 143 after SIGTERM. When writ cannot run it, 1.",
		Example: "  writ run tool.wasm --help\n" +
			"  writ run --command import APP FILE\n" +
			"  writ run --dir .::/files --env LANG=C tool.wasm /files/input\n" +
			"  writ run --dir data::/data:ro --grant 'tcp tcp://127.0.0.1:5432 connect' tool.wasm",
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd.Context(), args) },
	}
	c.Flags().SetInterspersed(false)
	f.register(c)
	return c
}

// registerGrants adds the flags for what a component gets beside its app's grants.
func (f *runFlags) registerGrants(c *cobra.Command) {
	c.Flags().StringArrayVar(&f.dirs, "dir", nil, "HOST[::GUEST][:ro]: let it use a directory, with all below it; :ro to read only")
	c.Flags().StringArrayVar(&f.env, "env", nil, "NAME=VALUE: set a variable; NAME alone takes it from writ's environment")
	c.Flags().StringArrayVar(&f.grants, "grant", nil, "'CAPABILITY RESOURCE OPERATION,OPERATION': grant more, as in grants.json")
	c.Flags().StringVar(&f.component, "component", "", "which component of an app (default: the only one)")
}

// register adds the flags to a command.
func (f *runFlags) register(c *cobra.Command) {
	f.registerGrants(c)
	c.Flags().StringVar(&f.entry, "command", "", "which [[trigger.command]] of an app (default: the only one)")
	c.Flags().DurationVar(&f.timeout, "timeout", 0, "end it after this long (default: limits.wall-time of its manifest, or never)")
	c.Flags().StringVar(&f.clock, "clock", "", "start its clock at a time such as 2026-01-02T15:04:05Z, the same in every run")
	c.Flags().StringVar(&f.seed, "seed", "", "derive its random numbers from a text: the same in every run, and not secret")
	c.Flags().StringVar(&f.log, "log", "", "file that the whole structured log is appended to (default: warnings, to standard error)")
	addConfigFlag(c, &f.config)
}

func (f *runFlags) run(ctx context.Context, args []string) error {
	return f.with(ctx, args, func(ctx context.Context, app *writ.App, c writ.Command) error {
		code, err := app.Run(ctx, c)
		if err != nil {
			return ended(err)
		}
		if code != 0 {
			return exitCode(code)
		}
		return nil
	})
}

// with does something with the app and the command that flags and arguments name.
func (f *runFlags) with(ctx context.Context, args []string, do func(context.Context, *writ.App, writ.Command) error) error {
	app, err := writ.LoadApp(args[0], f.config)
	if err != nil {
		return err
	}
	c, err := f.command(args)
	if err != nil {
		return err
	}
	log, closeLog, err := f.openLog()
	if err != nil {
		return err
	}
	defer closeLog()
	c.Log = log
	if app.Config.Cache == "" {
		if app.Config.Cache, err = writ.DefaultCache(); err != nil {
			return err
		}
	}
	ctx, stop := withSignals(ctx)
	defer stop()
	return do(ctx, app, c)
}

func (f *runFlags) openLog() (*slog.Logger, func(), error) {
	if f.log != "" {
		return logTo{file: f.log}.open()
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})), func() {}, nil
}

// command is what the flags and arguments ask for.
func (f *runFlags) command(args []string) (writ.Command, error) {
	console := &console{out: os.Stderr, terminal: isTerminal(os.Stderr)}
	c := writ.Command{
		Name: f.entry, Component: f.component, Args: append([]string{filepath.Base(args[0])}, args[1:]...), Origin: commandLine,
		Env: map[string]string{}, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		Timeout: f.timeout, Seed: []byte(f.seed), OnCompile: console.compiled,
	}
	if err := f.addGrants(&c); err != nil {
		return c, err
	}
	if f.clock != "" {
		at, err := time.Parse(time.RFC3339Nano, f.clock)
		if err != nil || at.Unix() < 0 {
			return c, fmt.Errorf("--clock %q: want a time after 1970 such as 2026-01-02T15:04:05Z", f.clock)
		}
		c.Time = at
	}
	return c, nil
}

// addGrants adds what the flags of registerGrants name.
func (f *runFlags) addGrants(c *writ.Command) error {
	for _, text := range f.grants {
		g, err := parseGrant(text)
		if err != nil {
			return err
		}
		c.Grants = append(c.Grants, g)
	}
	for _, text := range f.dirs {
		if err := addDir(c, text); err != nil {
			return err
		}
	}
	for _, text := range f.env {
		if err := addEnv(c, text); err != nil {
			return err
		}
	}
	return nil
}

// extend gives a component of an app that is served what the flags name.
func (f *runFlags) extend(app *writ.App) error {
	if len(f.grants)+len(f.dirs)+len(f.env) == 0 {
		if f.component != "" {
			return errors.New("--component is for --grant, --dir and --env: there is none")
		}
		return nil
	}
	c := writ.Command{Component: f.component, Origin: commandLine, Env: map[string]string{}}
	if err := f.addGrants(&c); err != nil {
		return err
	}
	return app.Extend(c)
}

func parseGrant(text string) (broker.Grant, error) {
	fields := strings.Fields(text)
	if len(fields) != 3 {
		return broker.Grant{}, fmt.Errorf("--grant %q: want 'CAPABILITY RESOURCE OPERATION,OPERATION'", text)
	}
	return broker.Grant{Capability: fields[0], Resource: fields[1], Operations: strings.Split(fields[2], ","), Reason: "--grant"}, nil
}

// addDir opens a directory to the guest, and grants all that is in it.
func addDir(c *writ.Command, text string) error {
	spec, readOnly := strings.CutSuffix(text, ":ro")
	dir, guest, named := strings.Cut(spec, "::")
	if !named {
		guest = dir
	}
	if dir == "" || guest == "" {
		return fmt.Errorf("--dir %q: want HOST::GUEST or HOST::GUEST:ro", text)
	}
	path, err := filepath.Abs(dir)
	if err == nil {
		path, err = filepath.EvalSymlinks(path)
	}
	if err != nil {
		return fmt.Errorf("--dir %q: %w", text, err)
	}
	if info, err := os.Stat(path); err != nil || !info.IsDir() {
		return fmt.Errorf("--dir %q: %s is not a directory", text, path)
	}
	resource, err := broker.FileResource(strings.TrimSuffix(path, "/") + "/")
	if err != nil {
		return fmt.Errorf("--dir %q: %w", text, err)
	}
	g := broker.Grant{Capability: broker.File, Resource: resource + "**", Operations: []string{broker.Read, broker.List}, Reason: "--dir"}
	if !readOnly {
		g.Operations = append(g.Operations, broker.Write, broker.Create, broker.Delete)
	}
	c.Grants = append(c.Grants, g)
	c.Preopens = append(c.Preopens, capabilities.Preopen{Guest: guest, Host: path, ReadOnly: readOnly})
	return nil
}

// addEnv sets a variable, and grants it.
func addEnv(c *writ.Command, text string) error {
	name, value, ok := strings.Cut(text, "=")
	if !ok {
		if value, ok = os.LookupEnv(name); !ok {
			return fmt.Errorf("--env %s: writ's own environment does not have it", name)
		}
	}
	if name == "" {
		return fmt.Errorf("--env %q: want NAME=VALUE", text)
	}
	c.Env[name] = value
	c.Grants = append(c.Grants, broker.Grant{Capability: broker.Env, Resource: broker.EnvResource(name),
		Operations: []string{broker.Read}, Reason: "--env"})
	return nil
}

// signalled is the cause of a run that a signal ended.
type signalled struct{ signal syscall.Signal }

func (s signalled) Error() string { return s.signal.String() }

// withSignals ends the guest with the first signal, and writ with the second.
func withSignals(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		for first := true; ; first = false {
			s, ok := (<-signals).(syscall.Signal)
			if !ok {
				return
			}
			if !first {
				os.Exit(128 + int(s))
			}
			cancel(signalled{s})
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(signals)
		cancel(nil)
	}
}

// ended is the exit of a run that did not end by itself.
func ended(err error) error {
	var s signalled
	var trap *host.Trap
	var denied *capabilities.DeniedError
	switch {
	case errors.As(err, &s):
		return exitCode(128 + int(s.signal))
	case errors.Is(err, writ.ErrTimeout):
		fmt.Fprintf(os.Stderr, "writ: %v\n", writ.ErrTimeout)
		return exitCode(exitTimeout)
	case errors.As(err, &trap):
		fmt.Fprintf(os.Stderr, "writ: the program was ended: %s\n", printable(err.Error()))
		if errors.As(err, &denied) && denied.Access.Operation != "" {
			fmt.Fprintf(os.Stderr, "hint: to grant it: --grant '%s %s %s'\n", denied.Access.Capability, denied.Access.Resource, denied.Access.Operation)
		}
		return exitCode(exitTrapped)
	}
	return err
}
