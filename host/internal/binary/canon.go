package binary

// Canon is a canonical definition. Lift defines a component function; every
// other kind defines a core function.
type Canon struct {
	Pos
	Kind CanonKind
	// Func is the core function that is lifted, or the component function that
	// is lowered.
	Func uint32
	// Type is the function type of a lift; the resource type of resource.*; the
	// stream or future type of stream.* and future.*; the core function type of
	// thread.new-indirect.
	Type uint32
	// Options are those of the kinds that take them.
	Options CanonOptions
	// Result is the result of task.return, or nil.
	Result *ValType
	// Async is the immediate of subtask.cancel and of the cancel-read and
	// cancel-write kinds.
	Async bool
	// Cancellable is the immediate of the waiting and thread kinds.
	Cancellable bool
	// Memory is the memory of waitable-set.wait and waitable-set.poll.
	Memory uint32
	// Table is the table of thread.new-indirect.
	Table uint32
	// Slot is the index of context.get and context.set, Value its type.
	Slot  uint32
	Value CoreValType
}

// CanonOptions are the options of a canonical definition. Indices are nil when
// the option is absent.
type CanonOptions struct {
	Encoding Encoding
	// Memory is a core memory index; Realloc, PostReturn and Callback are core
	// function indices.
	Memory     *uint32
	Realloc    *uint32
	PostReturn *uint32
	Callback   *uint32
	Async      bool
}

// Encoding is how strings lie in memory.
type Encoding uint8

// The string encodings; UTF8 is the default.
const (
	UTF8 Encoding = iota
	UTF16
	Latin1OrUTF16
)

var encodingNames = [...]string{"utf8", "utf16", "latin1+utf16"}

// String is the text format's spelling.
func (e Encoding) String() string {
	if int(e) < len(encodingNames) {
		return encodingNames[e]
	}
	return "unknown encoding"
}

// CanonKind is what a canonical definition defines.
type CanonKind uint8

// The kinds of canonical definition.
const (
	Lift CanonKind = iota
	Lower
	ResourceNew
	ResourceDrop
	ResourceRep
	BackpressureInc
	BackpressureDec
	TaskReturn
	TaskCancel
	ContextGet
	ContextSet
	SubtaskCancel
	SubtaskDrop
	StreamNew
	StreamRead
	StreamWrite
	StreamCancelRead
	StreamCancelWrite
	StreamDropReadable
	StreamDropWritable
	FutureNew
	FutureRead
	FutureWrite
	FutureCancelRead
	FutureCancelWrite
	FutureDropReadable
	FutureDropWritable
	ErrorContextNew
	ErrorContextDebugMessage
	ErrorContextDrop
	WaitableSetNew
	WaitableSetWait
	WaitableSetPoll
	WaitableSetDrop
	WaitableJoin
	ThreadIndex
	ThreadNewIndirect
	ThreadResumeLater
	ThreadSuspend
	ThreadYield
	ThreadSuspendThenResume
	ThreadYieldThenResume
	ThreadSuspendThenPromote
	ThreadYieldThenPromote
)

var canonNames = [...]string{
	"lift", "lower", "resource.new", "resource.drop", "resource.rep",
	"backpressure.inc", "backpressure.dec", "task.return", "task.cancel", "context.get", "context.set",
	"subtask.cancel", "subtask.drop",
	"stream.new", "stream.read", "stream.write", "stream.cancel-read", "stream.cancel-write",
	"stream.drop-readable", "stream.drop-writable",
	"future.new", "future.read", "future.write", "future.cancel-read", "future.cancel-write",
	"future.drop-readable", "future.drop-writable",
	"error-context.new", "error-context.debug-message", "error-context.drop",
	"waitable-set.new", "waitable-set.wait", "waitable-set.poll", "waitable-set.drop", "waitable.join",
	"thread.index", "thread.new-indirect", "thread.resume-later", "thread.suspend", "thread.yield",
	"thread.suspend-then-resume", "thread.yield-then-resume", "thread.suspend-then-promote", "thread.yield-then-promote",
}

// String is the text format's name, without "canon".
func (k CanonKind) String() string {
	if int(k) < len(canonNames) {
		return canonNames[k]
	}
	return "unknown canon"
}
