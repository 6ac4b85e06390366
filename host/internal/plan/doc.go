// Package plan flattens a decoded component into what a runtime has to do: a
// list of core modules to instantiate, in order, with every import resolved to
// a host function or to an export of an earlier instance.
//
// Start reading at [Plan], which is the result, and [Flatten], which makes it.
// Flatten runs a component's definitions like an interpreter (frame.go), inlines
// nested components, gives every type its concrete resources, and then drops
// the indirection modules that today's tools wrap around a component (shim.go)
// and makes one of modules that need not be apart (group.go, units.go).
// [Plan.Bind] puts a host's own resource identities in the place of imported
// ones.
//
// The package is pure: it never executes WebAssembly, never writes to its
// input and never holds anything that a call of a guest would have to look up
// by name. It trusts [binary.Parse] to have validated the component, but what
// it relies on it checks: a component that was only decoded yields an error,
// never a panic.
package plan
