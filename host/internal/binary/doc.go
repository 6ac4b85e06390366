// Package binary turns bytes into a decoded, validated WebAssembly component.
//
// Start reading at [Parse]: it decodes ([Decode]) and then validates
// ([Validate]). The decoded form is [Component]: its Items are the definitions
// in the order in which the binary declares them, so that a consumer can walk
// them like an interpreter and fill index spaces as it goes. Each item defines
// at most one index, in the space that [Component] documents.
//
// The package follows the component model's Binary.md. What that document
// marks as gated (values, garbage collection, shared-everything threads, …) is
// refused by name. Constructs of the asynchronous ABI are decoded and validated.
//
// Core modules are looked into as far as linking needs: imports, exports,
// types, segments and the ranges of function bodies. Instructions are left to
// the engine that compiles them, but features the engine has switched off are
// refused here with the feature's name.
//
// The package never executes anything, never copies a core module's bytes,
// never allocates by a count it has not compared with the bytes that remain,
// and knows nothing of wasmtime or of run time.
package binary
