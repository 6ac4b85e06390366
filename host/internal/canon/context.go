package canon

// Memory is a guest's linear memory and its allocator.
type Memory interface {
	// Bytes is all of the memory. It is valid until the guest runs, which
	// Realloc makes it do.
	Bytes() []byte
	// Realloc calls the guest's realloc function. What it returns is checked here.
	Realloc(oldPtr, oldSize, align, newSize uint32) (uint32, error)
}

// Context is one component instance's side of one call. The zero value serves
// functions that need neither memory nor handles.
type Context struct {
	Memory  Memory // nil when the function's options name no memory
	Handles *Table // the instance's handles
	Scope   *Scope // the call's borrows; needed when parameters have a borrow
	// MaxBytes bounds what the host allocates for the values that one lift
	// makes: strings, bytes, and 24 bytes for each other value. 0 means
	// DefaultMaxBytes.
	MaxBytes uint64
}

// DefaultMaxBytes is what one lift may allocate unless the context says
// otherwise.
const DefaultMaxBytes = 128 << 20

// Limits of the specification on what is read from or allocated in a memory.
// Canonical ABI, "Loading".
const (
	maxStringBytes = 1<<28 - 1
	maxListBytes   = 1<<28 - 1
)

func (cx *Context) bytes() []byte {
	if cx.Memory == nil {
		return nil
	}
	return cx.Memory.Bytes()
}
