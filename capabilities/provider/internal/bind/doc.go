// Package bind has Go methods implement WIT interfaces: it finds the method of
// each function and turns values of WIT types into values of Go types and back.
//
// Start with [New]; conv.go says which Go types stand for which WIT types. All
// mistakes are found by New, but for values that no type can rule out: an
// integer that is no case of its enum, a variant with two cases set.
//
// The package never sees the wire, and does not know what a handle's id is: the
// Object of a handle is the resource's Go pointer.
package bind
