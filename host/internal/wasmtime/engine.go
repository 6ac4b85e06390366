package wasmtime

// #include "fiber.h"
// #include <sys/mman.h>
//
// static bool can_map(size_t size) {
//   void *p = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANON | MAP_NORESERVE, -1, 0);
//   return p != MAP_FAILED && munmap(p, size) == 0;
// }
// static bool has_sse3(void) {
// #ifdef __x86_64__
//   return __builtin_cpu_supports("sse3");
// #else
//   return true;
// #endif
// }
import "C"

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"

	_ "github.com/bytecodealliance/wasmtime-go/v39" // links libwasmtime.a
)

// Engine compiles modules and runs stores. There is at most one in a process.
// All its methods may be called from any goroutine.
type Engine struct {
	cfg         Config
	ptr         *C.wasm_engine_t
	base        *C.wasmtime_linker_t
	fingerprint string
	slots       slots
	ticker      *ticker

	free   atomic.Int64 // core instances that may still be made
	mu     sync.Mutex
	refs   int // modules, templates and the engine's own
	closed bool
}

// engineExists enforces one engine at a time: the library registers modules
// before it checks whose they are, so engines must never meet.
var engineExists atomic.Bool

// NewEngine makes the process's engine. It fails while another one, or a
// module, template or store of another one, is not closed.
func NewEngine(c Config) (*Engine, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("engine configuration: %w", err)
	}
	c = c.withDefaults()
	if err := checkHost(c); err != nil {
		return nil, err
	}
	if !engineExists.CompareAndSwap(false, true) {
		return nil, errors.New("the process already has an engine")
	}
	e, err := newEngine(c)
	if err != nil {
		engineExists.Store(false)
		return nil, err
	}
	return e, nil
}

// checkHost refuses what would end the process later: the library panics when
// it cannot map its pool, and miscompiles without SSE3 (GHSA-qqfj-4vcm-26hv).
func checkHost(c Config) error {
	if !hasSSE3() {
		return errors.New("this processor has no SSE3, which compiled guests rely on")
	}
	if maps := procNumber("/proc/sys/vm/max_map_count", ""); maps > 0 && c.Instances*mappingsEach > maps {
		return fmt.Errorf("%d instances need about %d kernel mappings, but vm.max_map_count is %d: raise it (sysctl vm.max_map_count=%d) or lower instances",
			c.Instances, c.Instances*mappingsEach, maps, c.Instances*mappingsEach+mappingsReserved)
	}
	size := uint64(c.Instances) * (memoryReserve + C.WRIT_FIBER_STACK + tablesPerModule*8*c.MaxTable)
	if !bool(C.can_map(C.size_t(size))) {
		return fmt.Errorf("cannot reserve %d GiB of address space for %d instances: lift the limit (ulimit -v) or lower instances", size>>30, c.Instances)
	}
	return nil
}

func hasSSE3() bool { return bool(C.has_sse3()) }

func newEngine(c Config) (*Engine, error) {
	// With it, the library would read a guest's debug information at each trap,
	// on a fiber's stack.
	if err := os.Unsetenv("WASMTIME_BACKTRACE_DETAILS"); err != nil {
		return nil, err
	}
	e := &Engine{cfg: c, refs: 1}
	e.ptr = C.writ_engine_new(C.uint64_t(c.MaxMemory), C.size_t(c.MaxTable), tablesPerModule,
		MemoriesPerModule, C.uint32_t(c.Instances), C.size_t(c.KeepResident), C.size_t(c.Stack))
	if err := takeError(C.writ_base_linker(e.ptr, &e.base)); err != nil {
		e.delete()
		return nil, fmt.Errorf("define the root of fibers: %w", err)
	}
	e.free.Store(int64(c.Instances))
	e.slots.init(c.Slots)
	e.ticker = startTicker(c.Tick, func() { C.wasmtime_engine_increment_epoch(e.ptr) }, e.slots.idle)
	if err := e.setFingerprint(); err != nil {
		e.Close()
		return nil, err
	}
	return e, nil
}

// setFingerprint digests what the library makes of an empty module: it writes
// its version, target, processor features and settings into every artefact.
func (e *Engine) setFingerprint() error {
	empty, err := e.precompile([]byte("\x00asm\x01\x00\x00\x00"))
	if err != nil {
		return fmt.Errorf("compile an empty module: %w", err)
	}
	sum := sha256.Sum256(empty)
	e.fingerprint = "wasmtime-39-" + hex.EncodeToString(sum[:16])
	return nil
}

// Fingerprint names the engine's version and settings: precompiled code is
// loadable where it is equal.
func (e *Engine) Fingerprint() string { return e.fingerprint }

// Instances returns how many core instances may be alive at once, and how many more may be made now.
func (e *Engine) Instances() (total, free int) { return e.cfg.Instances, int(e.free.Load()) }

// Close ends the engine. Modules, templates and stores that are still open keep
// working, and keep their memory, until they are closed.
func (e *Engine) Close() {
	e.mu.Lock()
	closed := e.closed
	e.closed = true
	e.mu.Unlock()
	if !closed {
		e.release()
	}
}

// retain counts a module or template; it fails on a closed engine.
func (e *Engine) retain() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return fmt.Errorf("engine: %w", ErrClosed)
	}
	e.refs++
	return nil
}

func (e *Engine) release() {
	e.mu.Lock()
	e.refs--
	last := e.refs == 0
	e.mu.Unlock()
	if !last {
		return
	}
	e.ticker.stop()
	e.delete()
	engineExists.Store(false)
}

func (e *Engine) delete() {
	C.wasmtime_linker_delete(e.base)
	C.wasm_engine_delete(e.ptr)
	e.base, e.ptr = nil, nil
}
