package wasi

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/writ-host/writ/capabilities"
	"github.com/writ-host/writ/capabilities/internal/wits"
	"github.com/writ-host/writ/capabilities/wasi/filesystem"
	wasiio "github.com/writ-host/writ/capabilities/wasi/io"
	"github.com/writ-host/writ/capabilities/wasi/sockets"
	"github.com/writ-host/writ/wit"
)

// WASI is the capability. It is safe for concurrent use.
type WASI struct {
	imports []capabilities.Import
}

// New makes the capability. Its monotonic clock starts at 0 now.
func New() *WASI {
	c := &clock{start: time.Now()}
	imports := wasiio.Imports()
	for _, part := range []map[string]funcs{cliFuncs(), configFuncs(), variableFuncs(), loggingFuncs()} {
		for _, name := range slices.Sorted(maps.Keys(part)) {
			imports = append(imports, capabilities.Import{Interface: wits.Interface(name), Funcs: open(part[name])})
		}
	}
	for _, part := range []map[string]guardedFuncs{c.funcs(), randomFuncs()} {
		for _, name := range slices.Sorted(maps.Keys(part)) {
			imports = append(imports, capabilities.Import{Interface: wits.Interface(name), Funcs: part[name]})
		}
	}
	imports = append(imports, capabilities.Import{Interface: draftConfig(), Funcs: open(configFuncs()["wasi:config/store"])})
	imports = append(imports, filesystem.Imports()...)
	imports = append(imports, sockets.Imports()...)
	return &WASI{imports: imports}
}

// Name implements capabilities.Capability.
func (w *WASI) Name() string { return "wasi" }

// Imports implements capabilities.Capability; wasi:io is among them.
func (w *WASI) Imports() []capabilities.Import { return w.imports }

// funcs are the functions of an interface that need no grant, by name.
type funcs map[string]wit.HostFunc

// guardedFuncs are those of an interface that do.
type guardedFuncs = map[string]capabilities.Func

// open makes functions that need no grant of their own.
func open(f funcs) map[string]capabilities.Func {
	m := make(map[string]capabilities.Func, len(f))
	for name, run := range f {
		m[name] = capabilities.Func{Run: run}
	}
	return m
}

// returns is a function whose result is the same for every call.
func returns(v wit.Value) wit.HostFunc {
	return func(_ context.Context, c *wit.Call) error {
		c.Return(v)
		return nil
	}
}

// Exit is the error of a call in which the guest called wasi:cli/exit. It ends
// the guest without being a fault; find it with errors.As.
type Exit struct{ Code uint8 }

func (e Exit) Error() string { return fmt.Sprintf("guest exited with code %d", e.Code) }
