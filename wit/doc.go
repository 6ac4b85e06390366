// Package wit is the vocabulary of the component model: names with versions,
// types with their canonical ABI layout, functions, values, and the text of
// all of these.
//
// Start with [Type] and [Value]; [Interface] and [HostFunc] are how a host
// describes and implements what components import. [Parse] reads WIT text.
//
// The package never sees WebAssembly binaries or an engine.
package wit
