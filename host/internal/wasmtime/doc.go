// Package wasmtime runs core WebAssembly on libwasmtime. It is the only cgo of
// the project: engine, modules, templates, stores, fibers and memories.
//
// Start reading at [Template]: what is instantiated is described once, then a
// [Store] is made from it for each use. [Store.Call] enters the guest, and the
// guest's imports come out as [Handler.HostCall] on the same goroutine, from
// where Call may enter the guest again.
//
// A guest runs on a fiber that libwasmtime switches to when Go polls it, and
// away from when it calls an import or its time slice ends. So a blocked host
// call holds no OS thread. No Go code ever runs on a fiber: the Go runtime does
// not survive a callback from a stack it does not know. fiber.c is what does.
//
// The package knows nothing of components, and never panics or crashes over
// what a guest does. It trusts its callers in one point: [Engine.Load] takes
// native code.
package wasmtime
