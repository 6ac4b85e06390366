// Package oracle runs components on wasmtime's own component runtime, by the
// component C API of the same libwasmtime that the host runs core modules on.
// Tests compare the two.
//
// Start reading at [Process]: the oracle is a child process, so that engines
// never mix and a Rust panic ends nothing but the child. The test binary runs
// itself again for it (see [Serve]). Values cross as bytes (codec.go, codec.c).
//
// Nothing but tests uses the package.
package oracle
