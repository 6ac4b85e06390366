package writ

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/writ-host/writ/broker"
	"github.com/writ-host/writ/capabilities"
	"github.com/writ-host/writ/capabilities/wasi"
	"github.com/writ-host/writ/host"
	"github.com/writ-host/writ/wit"
)

// Command is a run of a component that exports wasi:cli/run. Zero values mean
// nothing: no input, no files, no grants beside the app's.
type Command struct {
	Name      string   // of a [[trigger.command]]; may be left out for an app that has one
	Component string   // name of it; may be left out for an app that has one
	Args      []string // the program's name first
	Env       map[string]string
	Preopens  []capabilities.Preopen
	// Grants count beside the app's grants file, as from Origin. Their App and
	// Component are filled in. What Env and Preopens need is not implied.
	Grants []broker.Grant
	Origin string

	Stdin          io.Reader
	Stdout, Stderr io.Writer

	Timeout time.Duration // 0 is the component's limits.wall-time, or none
	Time    time.Time     // see capabilities.Instance
	Seed    []byte

	Log       *slog.Logger
	OnCompile func(component string, e host.CompileEvent)
}

// ErrTimeout is the cause of a run that took longer than it may.
var ErrTimeout = errors.New("the command took longer than its limit")

// Run runs a component as a command and returns its exit code. An error means
// that it did not run to an end of its own: a host.Trap, the context's cause,
// or what kept it from starting.
func (a *App) Run(ctx context.Context, c Command) (code int, err error) {
	if c, err = a.entered(c); err != nil {
		return 0, err
	}
	err = a.once(ctx, c, func(ctx context.Context, r *runner) error {
		run, err := r.prepared.Func(commandInterface, "run")
		if err != nil {
			return fmt.Errorf("%s is not a command: %w", r.name, err)
		}
		result, err := r.command(ctx, c, run)
		if err != nil {
			code, err = exitCode(ctx, err)
			return err
		}
		code = int(result.Case())
		return nil
	})
	return code, err
}

// once runs a host of one component for one use of it.
func (a *App) once(ctx context.Context, c Command, use func(context.Context, *runner) error) (err error) {
	component, err := a.commandComponent(c.Component)
	if err != nil {
		return err
	}
	h := a.commandHost(component, c)
	defer func() { err = errors.Join(err, h.Close()) }()
	if err := h.startCommand(ctx, h.commandFiles(component, c)); err != nil {
		return err
	}
	r := h.edition.Load().runners[component.Name]
	if timeout := orElse(c.Timeout, time.Duration(r.manifest.Limits.WallTime)); timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, timeout, ErrTimeout)
		defer cancel()
	}
	return use(ctx, r)
}

// commandInterface is what commands export; every 0.2 fits.
const commandInterface = "wasi:cli/run@0.2.0"

func (a *App) commandComponent(name string) (*AppComponent, error) {
	if name == "" && len(a.Components) == 1 {
		return a.Components[0], nil
	}
	for _, c := range a.Components {
		if c.Name == name {
			return c, nil
		}
	}
	if name == "" {
		return nil, fmt.Errorf("the app has %d components %v: name one", len(a.Components), a.Manifest.componentNames())
	}
	return nil, fmt.Errorf("component %q is not in the app, which has %v", name, a.Manifest.componentNames())
}

// commandHost is a host of one component, which starts no provider that the
// component cannot use.
func (a *App) commandHost(component *AppComponent, c Command) *Host {
	app, config := *a, *a.Config
	app.Config, app.Components = &config, []*AppComponent{component}
	if !component.imports("wasi:keyvalue/") && !component.imports("fermyon:spin/key-value") {
		config.KV = map[string]KVStore{}
	}
	h := &Host{app: &app, log: c.Log, stopWatching: func() {}}
	if h.log == nil {
		h.log = slog.New(slog.DiscardHandler)
	}
	h.options.OnCompile = c.OnCompile
	return h
}

func (c *AppComponent) imports(prefix string) bool {
	for _, i := range c.Info.World.Imports {
		if strings.HasPrefix(i.Name, prefix) {
			return true
		}
	}
	return false
}

// commandFiles are the app's grants and policies, and the command's own grants.
func (h *Host) commandFiles(component *AppComponent, c Command) broker.Files {
	files := h.app.policyFiles()
	files.Origin = c.Origin
	for _, g := range c.Grants {
		g.App, g.Component = h.app.Manifest.Name, component.Name
		files.More = append(files.More, g)
	}
	return files
}

func (h *Host) startCommand(ctx context.Context, files broker.Files) (err error) {
	if err := h.app.checkRequests(); err != nil {
		return err
	}
	source, err := files.Read()
	if err != nil {
		return err
	}
	source.Apps = []broker.App{h.app.subject()}
	if err := h.openTraces(ctx); err != nil {
		return err
	}
	if err := h.openCommandBroker(); err != nil {
		return err
	}
	if err := h.broker.Load(ctx, source); err != nil {
		return err
	}
	if h.capabilities, h.closers, err = openCapabilities(ctx, h); err != nil {
		return err
	}
	if err := h.startEngine(); err != nil {
		return err
	}
	e, err := h.newEdition(ctx, h.app)
	if err != nil {
		return err
	}
	h.edition.Store(e)
	watch, cancel := context.WithCancel(context.Background())
	h.stopWatching = cancel
	return h.broker.Watch(watch, files, source.Apps, h.reloaded)
}

// command makes an instance and calls a function of it.
func (r *runner) command(ctx context.Context, c Command, f *host.Func, args ...wit.Value) (result wit.Value, err error) {
	ctx, endRun := r.host.traceRun(ctx, "command "+r.name, r.name)
	defer func() { endRun(failureOf(f, result, err)) }()
	env := maps.Clone(r.manifest.Environment)
	if env == nil {
		env = map[string]string{}
	}
	maps.Copy(env, c.Env)
	data := &capabilities.Instance{
		App: r.host.app.Manifest.Name, Component: r.name, ID: "1", Subject: r.subject, Log: r.log,
		Stdin: c.Stdin, Stdout: c.Stdout, Stderr: c.Stderr, Env: env, Args: c.Args, Config: r.manifest.Config,
		Preopens: append(slices.Clone(r.preopens), c.Preopens...), Time: c.Time, Seed: c.Seed,
		Streams: r.effective.Streams, Buffers: int(r.effective.Buffers),
	}
	defer data.End()
	ctx, end := r.traceInstance(ctx, data, time.Now())
	defer func() { end(err) }()
	limits := r.limits
	limits.CPU = time.Duration(r.manifest.Limits.CPUTime) // a command may take its time, unless it says otherwise
	i, err := r.prepared.Instantiate(ctx, limits, data)
	if err != nil {
		return wit.Value{}, r.explain(err, 0)
	}
	defer i.Close()
	if result, err = i.Call(ctx, f, args...); err != nil {
		err = r.explain(err, i.Memory())
	}
	return result, err
}

// exitCode tells a guest that ended itself from one that was ended.
func exitCode(ctx context.Context, err error) (int, error) {
	var exit wasi.Exit
	switch {
	case errors.As(err, &exit):
		return int(exit.Code), nil
	case ctx.Err() != nil:
		return 0, context.Cause(ctx)
	}
	return 0, err
}
