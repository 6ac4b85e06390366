// Package canon implements the synchronous part of the canonical ABI over
// plain bytes: how values of component model types cross between a guest's
// flat core values and linear memory and the host's [wit.Value].
//
// Start with [Compile], which turns a function type into a program once, at
// link time. [Func.LiftParams] and [Func.LowerResult] serve a guest that calls
// out; [Func.LowerParams] and [Func.LiftResult] serve a host that calls in.
// [Table] and [Scope] keep the handles of resources.
//
// Flat values are raw bits in an uint64: an i32 zero-extended, a float as its
// IEEE 754 bits. In that form every coercion that the join of a variant's
// payloads asks for is the identity, apart from ignoring an i32's upper half.
//
// The bits of NaNs are kept as they are. The specification lets a host choose
// (Canonical ABI, "Loading" and "Storing"): keeping them costs nothing, and it
// is what wasmtime's component runtime, our oracle, does.
//
// The package never knows what runs the guest, and it never trusts a guest's
// bytes: every pointer, length, discriminant and handle is checked, in 64
// bits, before it is used, and what a call may allocate is bounded.
package canon
