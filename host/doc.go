// Package host runs WebAssembly components: it compiles them, links them to
// host functions written in Go, and calls their exports.
//
// An [Engine] compiles bytes into a [Component]. A [Linker] holds what
// components may import; [Linker.Prepare] resolves and type-checks a
// component's imports once, into a [Prepared] from which any number of
// [Instance] values are made in microseconds. An instance belongs to one
// goroutine at a time, and a host function may block that goroutine without
// holding an OS thread.
//
// The package knows nothing of capabilities or grants: what a component can
// reach is exactly what the linker was given.
package host
