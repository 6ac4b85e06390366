package writ

import (
	"cmp"
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/writ-host/writ/capabilities"
	wasihttp "github.com/writ-host/writ/capabilities/http"
	"github.com/writ-host/writ/host"
)

// edition is one version of an app as it is served: compiled, linked and bound
// to its triggers. A host has one at a time. Those before it last for as long
// as something uses them, so that what runs finishes on what it began with.
type edition struct {
	host    *Host
	app     *App
	runners map[string]*runner
	routes  []boundRoute
	jobs    []*job
	watches []*watch
	users   atomic.Int64 // what runs, and the host while this is the latest
}

// use is the edition in force, which the caller leaves.
func (h *Host) use() *edition {
	for {
		if e := h.edition.Load(); e.enter() {
			return e
		}
	}
}

// enter makes the caller one more user. It fails when there is none any more.
func (e *edition) enter() bool {
	for {
		n := e.users.Load()
		if n == 0 {
			return false
		}
		if e.users.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// leave ends a use; the last user closes.
func (e *edition) leave() {
	if e.users.Add(-1) == 0 {
		e.close()
	}
}

func (e *edition) close() {
	for _, r := range e.runners {
		r.close()
	}
	e.host.all.Delete(e)
	e.host.live.Add(-1)
	e.host.editions.Done()
}

// editionEvery is how soon what goes by editions takes up another one.
const editionEvery = 200 * time.Millisecond

// eachEdition runs something for the edition in force, and for those that
// follow it, until ctx ends. Each run has a context that ends with its edition.
func (h *Host) eachEdition(ctx context.Context, run func(context.Context, *edition)) {
	for ctx.Err() == nil {
		e := h.edition.Load()
		generation, cancel := context.WithCancel(ctx)
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			run(generation, e)
		}()
		for ctx.Err() == nil && h.edition.Load() == e {
			sleep(ctx, editionEvery)
		}
		cancel()
		<-ended
	}
}

// startEngine makes what components are compiled and linked with.
func (h *Host) startEngine() error {
	h.linker = &host.Linker{}
	for _, c := range h.capabilities {
		for _, b := range capabilities.Guard(c) {
			if err := h.linker.Define(b); err != nil {
				return err
			}
		}
	}
	limits := h.app.Config.Limits
	compiler, err := newChildCompiler(limits)
	if err != nil {
		return err
	}
	if h.stack, err = h.app.stack(); err != nil {
		return err
	}
	h.engine, err = host.NewEngine(host.Config{
		MaxMemory:    uint64(limits.Memory),
		MaxTable:     uint64(limits.TableElements),
		Stack:        uint64(h.stack),
		CacheDir:     h.app.Config.Cache,
		Compiler:     compiler,
		MaxComponent: uint64(limits.Component),
		OnCompile:    h.compiled,
	})
	if err == nil {
		h.metrics.Gauge("core_instances_live", "Core instances that are alive.", func() float64 { return float64(h.engine.Instances()) })
	}
	return err
}

// compiled tells of the work on the component that is compiled now.
func (h *Host) compiled(e host.CompileEvent) {
	name, _ := h.compiling.Load().(string)
	if e.Forged != nil {
		h.log.Warn("compiled code was not written by this host; compiling anew", "component", name, "error", e.Forged)
	}
	if h.options.OnCompile != nil {
		h.options.OnCompile(name, e)
	}
}

// newEdition compiles and links every component of an app. One is made at a time.
func (h *Host) newEdition(ctx context.Context, app *App) (*edition, error) {
	if stack, err := app.stack(); err != nil || stack != h.stack {
		return nil, cmp.Or(err, fmt.Errorf("limits.stack = %s: it was %s, and changes only when the host is started", stack, h.stack))
	}
	e := &edition{host: h, app: app, runners: map[string]*runner{}}
	e.users.Store(1)
	h.editions.Add(1)
	h.live.Add(1)
	h.all.Store(e, nil)
	for _, c := range app.Components {
		h.compiling.Store(c.Name)
		r, err := e.startComponent(ctx, c)
		if err != nil {
			e.leave()
			return nil, fmt.Errorf("component %s: %s: %w", c.Name, c.Source, err)
		}
		e.runners[c.Name] = r
	}
	return e, nil
}

func (e *edition) startComponent(ctx context.Context, c *AppComponent) (*runner, error) {
	h := e.host
	compiled, err := h.engine.Compile(ctx, c.bytes)
	if err != nil {
		return nil, err
	}
	c.bytes = nil
	prepared, err := h.linker.Prepare(compiled)
	if err != nil {
		compiled.Close()
		return nil, err
	}
	manifest, err := h.app.Config.filled(c.Name, c.manifest)
	if err != nil {
		prepared.Close()
		compiled.Close()
		return nil, err
	}
	r := &runner{host: h, name: c.Name, compiled: compiled, prepared: prepared, manifest: manifest, metrics: h.metrics.Component(c.Name),
		subject: h.broker.Of(h.app.Manifest.Name, c.subject()), log: h.log.With("app", h.app.Manifest.Name, "component", c.Name)}
	r.preopens = h.app.Config.preopens(c.Name)
	r.output = newOutput(r.log, h.app.Config.Limits.OutputRate, r.metrics)
	if err := r.setLimits(h.app.Config.Limits.InstanceLimits); err != nil {
		r.close()
		return nil, err
	}
	handler := wasihttp.Handler()
	if r.handle, err = prepared.Func(handler.Name.String(), "handle"); err != nil {
		r.handle = nil // it may be a component that is not for HTTP; routes to it are refused
	}
	return r, nil
}
