package wasmtime

import (
	"errors"
	"fmt"
	"strings"
)

// Sentinels. Match them with errors.Is.
var (
	// ErrExhausted means that the engine's pool has no room for another store:
	// close one, or shed the request.
	ErrExhausted = errors.New("no free instance in the engine's pool")
	// ErrPoisoned means that an earlier call of this store trapped, failed or
	// was cancelled: close the store.
	ErrPoisoned = errors.New("the store is unusable after a trap or a cancelled call")
	// ErrClosed means use after Close.
	ErrClosed = errors.New("closed")
	// ErrNotInstantiated means that the slot's instance does not exist yet.
	ErrNotInstantiated = errors.New("the slot's instance does not exist yet")
	// ErrDepth means that guest and host called each other deeper than a fiber's stack allows.
	ErrDepth = errors.New("guest and host call each other too deeply")
	// ErrCPUTime means that the guest ran for as long as Limits.CPU allows.
	ErrCPUTime = errors.New("the guest ran for all of its CPU time")
	// ErrMemory and ErrTable mean that a module starts with more than its limit.
	ErrMemory = errors.New("a memory starts larger than its limit")
	ErrTable  = errors.New("a table starts larger than its limit")
)

// TrapCode is the reason of a trap.
type TrapCode uint8

// The trap codes that this engine's configuration can produce.
const (
	TrapUnknown TrapCode = iota
	TrapStackOverflow
	TrapMemoryOutOfBounds
	TrapHeapMisaligned
	TrapTableOutOfBounds
	TrapIndirectCallToNull
	TrapBadSignature
	TrapIntegerOverflow
	TrapIntegerDivideByZero
	TrapBadConversionToInteger
	TrapUnreachable
	TrapHost // the host ended the call; the error it gave is the trap's cause
)

var trapNames = [...]string{
	"unknown trap", "call stack exhausted", "out of bounds memory access", "misaligned memory access",
	"out of bounds table access", "uninitialized table element", "indirect call type mismatch",
	"integer overflow", "integer divide by zero", "invalid conversion to integer", "unreachable executed",
	"ended by the host",
}

// String returns the message of the code.
func (c TrapCode) String() string {
	if int(c) < len(trapNames) {
		return trapNames[c]
	}
	return fmt.Sprintf("trap %d", uint8(c))
}

// Frame is one wasm frame of a trap's backtrace, innermost first.
type Frame struct {
	Func   uint32 // index of the function in its module
	Name   string // from the name section, as the source has it; empty when it has none
	Module string // from the name section; empty when it has none
	Offset uint64 // of the instruction, in the module's bytes; 0 when it is not known, as in modules that were fused
}

// Trap is the error of a guest that was ended by the engine.
type Trap struct {
	Code    TrapCode
	Message string
	Frames  []Frame // at most maxFrames
	Cause   error   // what HostCall returned, when that ended the guest
}

// Unwrap returns the error that HostCall returned, so that errors.Is and
// errors.As find it.
func (t *Trap) Unwrap() error { return t.Cause }

// Error returns the message and the function it happened in.
func (t *Trap) Error() string {
	var b strings.Builder
	b.WriteString(t.Message)
	if len(t.Frames) > 0 {
		b.WriteString(" in " + t.Frames[0].String())
	}
	return b.String()
}

// String returns the frame as "name (func 3 at 0x41)".
func (f Frame) String() string {
	where := fmt.Sprintf("func %d", f.Func)
	if f.Offset != 0 {
		where += fmt.Sprintf(" at 0x%x", f.Offset)
	}
	if f.Name == "" {
		return where
	}
	return f.Name + " (" + where + ")"
}
