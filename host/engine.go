package host

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/writ-host/writ/host/internal/codecache"
	"github.com/writ-host/writ/host/internal/fuse"
	"github.com/writ-host/writ/host/internal/plan"
	"github.com/writ-host/writ/host/internal/wasmtime"
)

// Config is what an engine is made with. Zero values mean the defaults.
type Config struct {
	// MaxMemory is the most that one linear memory may grow to, in bytes; 256 MiB by default.
	MaxMemory uint64
	// MaxTable is the most elements that one table may grow to; 100,000 by default.
	MaxTable uint64
	// Stack is how many bytes of stack a guest has; 512 KiB by default, 1 MiB at most.
	Stack uint64
	// Instances is how many core instances may be alive at once; by default as
	// many as the kernel's limit on mappings allows (see [Engine.Capacity]).
	Instances int
	// CacheDir keeps compiled code between runs; "" keeps none.
	CacheDir string
	// Compiler works somewhere else, such as in child processes; nil compiles
	// in this process, where a fault of the compiler ends it.
	Compiler Compiler
	// MaxComponent is the most bytes a component may have; 256 MiB by default.
	MaxComponent uint64
	// OnCompile, when set, is called before and after a component is compiled
	// of which the cache did not have all.
	OnCompile func(CompileEvent)
}

// Compiler does the work on bytes that nobody vouches for.
type Compiler interface {
	// Compile does what [Engine.Precompile] does.
	Compile(ctx context.Context, module []byte) (code []byte, err error)
	// Check does what the function [Check] does. The error is for when there
	// is no answer.
	Check(ctx context.Context, component []byte) (refusal string, err error)
}

// CompileEvent says that compiling a component starts, or is done.
type CompileEvent struct {
	Bytes   int           // size of the component
	Done    bool          // false at the start
	Elapsed time.Duration // when done
	// Forged is set at the start when the cache had an entry that this host
	// did not write; what is concerned is compiled anew.
	Forged error
}

// Engine compiles and runs components. A process has one at a time. It may be
// used by any number of goroutines.
type Engine struct {
	config Config
	core   *wasmtime.Engine
	cache  *codecache.Cache
}

// ErrExhausted means that as many instances are alive as the engine has room
// for: shed the request, or try again when one was closed.
var ErrExhausted = wasmtime.ErrExhausted

// Trap is the error of a guest that was ended: by an instruction that traps, by
// a host function's error (its Cause), or because its context ended.
type Trap = wasmtime.Trap

// Frame is one line of a trap's backtrace.
type Frame = wasmtime.Frame

const defaultMaxComponent = 256 << 20

// NewEngine starts an engine.
func NewEngine(c Config) (*Engine, error) {
	if c.MaxComponent == 0 {
		c.MaxComponent = defaultMaxComponent
	}
	e := &Engine{config: c}
	var err error
	if c.CacheDir != "" {
		if e.cache, err = openCache(c.CacheDir); err != nil {
			return nil, err
		}
	}
	e.core, err = wasmtime.NewEngine(c.core())
	if err != nil {
		return nil, fmt.Errorf("start engine: %w", err)
	}
	return e, nil
}

// core is the configuration of the engine below.
func (c Config) core() wasmtime.Config {
	return wasmtime.Config{MaxMemory: c.MaxMemory, MaxTable: c.MaxTable, Instances: c.Instances, Stack: int(min(c.Stack, math.MaxInt32))}
}

// Close ends the engine. Everything made with it must have been closed.
func (e *Engine) Close() { e.core.Close() }

// Precompile compiles a core module to code that an engine of the same version
// and settings loads. It is what a [Config.Compiler] in another process calls.
func (e *Engine) Precompile(module []byte) ([]byte, error) { return e.core.Precompile(module) }

// compilation is the work on one component.
type compilation struct {
	engine  *Engine
	ctx     context.Context
	bytes   int
	started time.Time // zero while the cache had everything
}

// module gets a core module's code from the cache or the compiler.
func (c *compilation) module(bytes []byte) (*wasmtime.Module, error) {
	id := c.id(bytes)
	code, err := c.engine.cached(id)
	if err == nil {
		if m, err := c.engine.core.Load(code); err == nil {
			return m, nil
		}
	}
	if code, err = c.compile(id, bytes, err); err != nil {
		return nil, err
	}
	return c.engine.core.Load(code)
}

// errApart means that modules cannot be made one: each has to be by itself.
var errApart = errors.New("the modules cannot be one")

// apart is what the cache holds of modules that cannot be made one.
const apart = "apart"

// planned gets the code of one of a plan's modules.
func (c *compilation) planned(m *plan.Module) (*wasmtime.Module, error) {
	if m.Fused == nil {
		return c.module(m.Bytes)
	}
	packed, err := m.Fused.Pack()
	if err != nil {
		return nil, err
	}
	id := apart + " " + c.id(packed)
	if kept, err := c.engine.cached(id); err == nil && string(kept) == apart {
		return nil, errApart
	}
	module, err := c.module(packed)
	if err == nil || c.ctx.Err() != nil {
		return module, err
	}
	// What else went wrong, such as that it took too long, may go well next time.
	if c.engine.cache != nil && strings.Contains(err.Error(), fuse.Refusal) {
		if err := c.engine.cache.Store(id, []byte(apart)); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("%w: %w", errApart, err)
}

// check makes sure that a core module compiles, and so is valid.
func (c *compilation) check(bytes []byte) error {
	id := c.id(bytes)
	_, err := c.engine.cached(id)
	if err != nil {
		_, err = c.compile(id, bytes, err)
	}
	return err
}

// id is the name of a core module's code in the cache.
func (c *compilation) id(bytes []byte) string {
	return fmt.Sprintf("%x %s", sha256.Sum256(bytes), c.engine.core.Fingerprint())
}

// compile makes code that was not in the cache, for that reason, and puts it there.
func (c *compilation) compile(id string, bytes []byte, why error) ([]byte, error) {
	c.start(why)
	code, err := c.engine.compile(c.ctx, bytes)
	if err == nil && c.engine.cache != nil {
		err = c.engine.cache.Store(id, code)
	}
	return code, err
}

// start tells, once, that something has to be compiled, and each time that the
// cache had something forged.
func (c *compilation) start(why error) {
	if !errors.Is(why, codecache.ErrForged) {
		why = nil
	}
	first := c.started.IsZero()
	if first {
		c.started = time.Now()
	}
	if first || why != nil {
		c.tell(CompileEvent{Bytes: c.bytes, Forged: why})
	}
}

// end tells that it is done, if start told.
func (c *compilation) end() {
	if !c.started.IsZero() {
		c.tell(CompileEvent{Bytes: c.bytes, Done: true, Elapsed: time.Since(c.started)})
	}
}

func (c *compilation) tell(e CompileEvent) {
	if c.engine.config.OnCompile != nil {
		c.engine.config.OnCompile(e)
	}
}

func (e *Engine) cached(id string) ([]byte, error) {
	if e.cache == nil {
		return nil, codecache.ErrMissing
	}
	return e.cache.Load(id)
}

func (e *Engine) compile(ctx context.Context, module []byte) ([]byte, error) {
	if e.config.Compiler != nil {
		return e.config.Compiler.Compile(ctx, module)
	}
	return e.core.Precompile(module)
}

func openCache(dir string) (*codecache.Cache, error) { return codecache.Open(dir) }
