package host

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/writ-host/writ/host/internal/binary"
	"github.com/writ-host/writ/host/internal/plan"
	"github.com/writ-host/writ/host/internal/wasmtime"
	"github.com/writ-host/writ/wit"
)

// Component is a compiled component. It is immutable and may be shared.
type Component struct {
	engine  *Engine
	info    *Info
	modules []*wasmtime.Module
}

// Info is what can be said of a component without compiling it.
type Info struct {
	Digest string // "sha256:" and the hexadecimal digest of the component's bytes
	Size   int    // bytes
	// World is what the component imports and exports. Its resources are the
	// component's own view: they have no implementation.
	World *wit.World
	// Tools built the component, as its producers sections say: language,
	// compiler, bindings generator, with versions.
	Tools []string

	plan *plan.Plan
	// idle are the core modules that are never instantiated. They have to be
	// valid all the same.
	idle [][]byte
}

// Inspect decodes and validates a component, at most maxBytes long. The error
// of one that needs what this host does not have is an [Unsupported].
func Inspect(b []byte, maxBytes uint64) (*Info, error) {
	return inspect(b, maxBytes, plan.Limits{})
}

func inspect(b []byte, maxBytes uint64, limits plan.Limits) (*Info, error) {
	decoded, err := binary.Parse(b, binary.Limits{Bytes: int(min(maxBytes, math.MaxInt)), Memories: wasmtime.MemoriesPerModule})
	if err != nil {
		return nil, nameFeature(err)
	}
	flat, err := plan.Flatten(decoded, limits)
	if err != nil {
		return nil, nameFeature(err)
	}
	return &Info{
		Digest: fmt.Sprintf("sha256:%x", sha256.Sum256(b)),
		Size:   len(b),
		World:  worldOf(flat),
		Tools:  toolsOf(decoded),
		plan:   flat,
		idle:   idleModules(decoded, flat),
	}, nil
}

// Compile decodes, validates and compiles a component. Compiling a large one
// takes seconds; ctx ends the wait when a [Config.Compiler] is set. The error of
// one that only wasmtime's validation refuses is a [Refused].
func (e *Engine) Compile(ctx context.Context, b []byte) (*Component, error) {
	work := &compilation{engine: e, ctx: ctx, bytes: len(b)}
	defer work.end()
	c, err := work.component(b, plan.Limits{})
	if errors.Is(err, errApart) {
		c, err = work.component(b, plan.Limits{Unfused: true})
	}
	return c, err
}

// component compiles. The error is an errApart when modules cannot be made one.
func (w *compilation) component(b []byte, limits plan.Limits) (*Component, error) {
	info, err := inspect(b, w.engine.config.MaxComponent, limits)
	if err != nil {
		return nil, err
	}
	c := &Component{engine: w.engine, info: info}
	if err := w.all(c, b); err != nil {
		c.Close()
		return nil, err
	}
	info.plan, info.idle = withoutBytes(info.plan), nil
	return c, nil
}

// all gets the code of a component's modules and has the rest checked.
func (w *compilation) all(c *Component, b []byte) error {
	for i := range c.info.plan.Modules {
		compiled, err := w.planned(&c.info.plan.Modules[i])
		if err != nil {
			return fmt.Errorf("core module %d: %w", i, err)
		}
		c.modules = append(c.modules, compiled)
	}
	for _, m := range c.info.idle {
		if err := w.check(m); err != nil {
			return fmt.Errorf("core module that is not used: %w", err)
		}
	}
	return w.admit(b, c.info.Digest)
}

// withoutBytes lets go of the component's bytes, which the engine has no more use for.
func withoutBytes(p *plan.Plan) *plan.Plan {
	slim := *p
	slim.Modules = slices.Clone(p.Modules)
	for i := range slim.Modules {
		slim.Modules[i] = plan.Module{Offset: slim.Modules[i].Offset, Memories: slim.Modules[i].Memories}
	}
	return &slim
}

// Info is what [Inspect] says of the component.
func (c *Component) Info() *Info { return c.info }

// Close frees the compiled code. Every [Prepared] of it must have been closed.
func (c *Component) Close() {
	for _, m := range c.modules {
		m.Close()
	}
	c.modules = nil
}
