package canon

import (
	"fmt"

	"github.com/writ-host/writ/wit"
)

// Encoding is how a component keeps strings in its memory.
type Encoding uint8

// The string encodings.
const (
	UTF8 Encoding = iota
	UTF16
	// Latin1OrUTF16 chooses for each string: the top bit of a length says UTF-16.
	Latin1OrUTF16
)

// Direction says which canonical definition a core signature belongs to.
type Direction uint8

const (
	// Lift is canon lift: a core function seen from outside as a component
	// function. The host lowers its parameters and lifts its result.
	Lift Direction = iota
	// Lower is canon lower: a component function seen by the guest as a core
	// function. The host lifts its parameters and lowers its result.
	Lower
)

// Options are the canonical options of a definition.
type Options struct {
	Encoding   Encoding
	HasMemory  bool
	HasRealloc bool
	// Resolve maps a resource that the function type names to the one it is
	// linked to, so that types of a binary need not be rebuilt for each linking.
	// nil maps each to itself.
	Resolve func(*wit.Resource) *wit.Resource
}

// Func is a function type compiled against canonical options. It is immutable
// and may be shared by all instances and goroutines.
type Func struct {
	typ     *wit.Func
	options Options
	params  *node // tuple of the parameters
	result  *node // nil when the function returns nothing
	spill   bool  // the parameters do not fit flat and go through memory
	retptr  bool  // the result does not fit flat and goes through memory
	core    [2]signature
}

type signature struct{ params, results []wit.Core }

// Compile makes the program of a function.
func Compile(f *wit.Func, o Options) (*Func, error) {
	if o.Encoding > Latin1OrUTF16 {
		return nil, fmt.Errorf("compile %s: unknown string encoding %d", f.Name, o.Encoding)
	}
	c := compiler{options: o, nodes: map[*wit.Type]*node{}}
	params, err := c.params(f)
	if err != nil {
		return nil, fmt.Errorf("compile %s: %w", f.Name, err)
	}
	p := &Func{typ: f, options: o, params: params, spill: params.flat > wit.MaxFlatParams}
	if f.Result != nil {
		if p.result, err = c.result(f.Result); err != nil {
			return nil, fmt.Errorf("compile %s: result: %w", f.Name, err)
		}
		p.retptr = p.result.flat > wit.MaxFlatResults
	}
	p.flatten()
	return p, nil
}

// flatten computes both core signatures. Canonical ABI, "Flattening".
func (f *Func) flatten() {
	params := f.params.typ.Flat
	if f.spill {
		params = []wit.Core{wit.I32}
	}
	var results []wit.Core
	if f.result != nil && !f.retptr {
		results = f.result.typ.Flat
	}
	f.core[Lift] = signature{params, results}
	f.core[Lower] = signature{params, results}
	if f.retptr {
		f.core[Lift].results = []wit.Core{wit.I32}
		f.core[Lower].params = append(append([]wit.Core(nil), params...), wit.I32)
	}
}

// Type is the function type that was compiled.
func (f *Func) Type() *wit.Func { return f.typ }

// CoreParams are the parameters of the core function of a canon lift or lower.
// The slice must not be changed.
func (f *Func) CoreParams(d Direction) []wit.Core { return f.core[d].params }

// CoreResults are the results of the core function of a canon lift or lower.
// The slice must not be changed.
func (f *Func) CoreResults(d Direction) []wit.Core { return f.core[d].results }

// NeedsMemory says that the definition must have a memory option.
func (f *Func) NeedsMemory(d Direction) bool {
	return f.spill || f.retptr || f.params.typ.HasPointer || f.result != nil && f.result.typ.HasPointer
}

// NeedsRealloc says that the definition must have a realloc option: something
// of dynamic size goes into the guest.
func (f *Func) NeedsRealloc(d Direction) bool {
	if d == Lift {
		return f.spill || f.params.typ.HasPointer
	}
	return f.result != nil && f.result.typ.HasPointer
}

// Check reports whether the options that the function was compiled with are
// enough for a definition of this direction. Canonical ABI, "canonopt Validation".
func (f *Func) Check(d Direction) error {
	if f.NeedsMemory(d) && !f.options.HasMemory {
		return fmt.Errorf("function %s: its types need the canonical option memory", f.typ.Name)
	}
	if f.NeedsRealloc(d) && !f.options.HasRealloc {
		return fmt.Errorf("function %s: its types need the canonical option realloc", f.typ.Name)
	}
	return nil
}

// NeedsScope says that parameters have borrows, so that a call needs
// [Context].Scope and must end with [Scope.Exit].
func (f *Func) NeedsScope() bool { return f.params.borrows }

// HasHandles says that a value of the parameters or the result may have a
// handle in it.
func (f *Func) HasHandles() bool {
	return f.params.typ.HasHandle || f.result != nil && f.result.typ.HasHandle
}
