package wasmtime

// #include "fiber.h"
import "C"

import (
	"errors"
	"math"
	"strings"
	"unsafe"

	"github.com/ianlancetaylor/demangle"

	"github.com/writ-host/writ/host/internal/fuse"
)

// maxFrames bounds a trap's backtrace; the library itself has no limit.
const maxFrames = 64

// takeError turns an error of the library into a Go error and frees it.
func takeError(e *C.wasmtime_error_t) error {
	if e == nil {
		return nil
	}
	defer C.wasmtime_error_delete(e)
	return errors.New(errorText(e))
}

func errorText(e *C.wasmtime_error_t) string {
	var v C.wasm_name_t
	C.wasmtime_error_message(e, &v)
	return oneLine(string(takeBytes(&v)))
}

// oneLine turns the library's report, a message and its causes on lines of
// their own, into one line. A backtrace of native code is left out.
func oneLine(report string) string {
	report, _, _ = strings.Cut(report, "Stack backtrace:")
	var parts []string
	for line := range strings.Lines(report) {
		line = strings.TrimSpace(line)
		line = strings.TrimLeft(line, "0123456789: ")
		if line != "" && line != "Caused by" && line != "Caused by:" {
			parts = append(parts, strings.TrimSuffix(line, ":"))
		}
	}
	return strings.Join(parts, ": ")
}

// takeTrap turns what a failed call left behind into a Trap and frees it. The
// cause is what the handler returned, when that ended the guest.
func takeTrap(trap *C.wasm_trap_t, e *C.wasmtime_error_t, cause error) *Trap {
	t := &Trap{Cause: cause}
	var frames C.wasm_frame_vec_t
	switch {
	case trap != nil:
		defer C.wasm_trap_delete(trap)
		t.Code = trapCode(trap)
		C.wasm_trap_trace(trap, &frames)
	case e != nil:
		defer C.wasmtime_error_delete(e)
		C.wasmtime_error_wasm_trace(e, &frames)
	}
	t.Frames = takeFrames(&frames)
	switch {
	case cause != nil:
		t.Code, t.Message = TrapHost, cause.Error()
	case t.Code == TrapUnknown && e != nil:
		t.Message = errorText(e)
	default:
		t.Message = t.Code.String()
	}
	return t
}

func trapCode(trap *C.wasm_trap_t) TrapCode {
	var code C.wasmtime_trap_code_t
	if !bool(C.wasmtime_trap_code(trap, &code)) || code > C.WASMTIME_TRAP_CODE_UNREACHABLE_CODE_REACHED {
		return TrapUnknown
	}
	return TrapStackOverflow + TrapCode(code)
}

func takeFrames(v *C.wasm_frame_vec_t) []Frame {
	defer C.wasm_frame_vec_delete(v)
	var frames []Frame
	for i, f := range unsafe.Slice(v.data, v.size) {
		if i == maxFrames {
			break
		}
		frames = append(frames, takeFrame(f))
	}
	return frames
}

// takeFrame reads a frame. One of a fused module becomes what it was in its own.
func takeFrame(f *C.wasm_frame_t) Frame {
	name := nameString(C.wasmtime_frame_func_name(f))
	out := Frame{Func: uint32(C.wasm_frame_func_index(f)), Offset: moduleOffset(f), Module: nameString(C.wasmtime_frame_module_name(f))}
	if module, index, own, ok := fuse.Origin(name); ok && out.Module == fuse.Name {
		out.Module, out.Func, out.Offset, name = module, index, 0, own
	}
	out.Name = sourceName(name)
	return out
}

// moduleOffset is 0 for what the library does not know: where the check of the
// stack's end is, for one.
func moduleOffset(f *C.wasm_frame_t) uint64 {
	if at := uint64(C.wasm_frame_module_offset(f)); at != math.MaxUint64 {
		return at
	}
	return 0
}

// maxMangled is the longest name that is looked at: names come from the guest.
const maxMangled = 1 << 10

// sourceName is a function's name as its source has it, where the compiler
// mangled it.
func sourceName(name string) string {
	if len(name) > maxMangled {
		return name
	}
	return demangle.Filter(name, demangle.NoParams, demangle.MaxLength(12))
}
