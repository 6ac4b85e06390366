// Package conformance runs the component model's reference tests against this
// host.
//
// Start reading at [Run]. A test script (.wast) is turned into commands and
// binary components by wasm-tools (script.go), the commands are performed one
// after the other by a session (session.go), and what they give is compared with
// what the script says (value.go, traps.go).
//
// The tests of the package go further: they run generated components on
// wasmtime's own component runtime too (package oracle below), and compare.
//
// The package uses nothing but the public face of package host. It never
// decides for itself what is valid.
package conformance
