// Package custom binds interfaces that providers declare themselves: any WIT
// interface, with functions, values of all types and resources. Grants name
// <interface>#<function>, with the one operation call.
//
// Start with [New], which checks what a provider declares and binds it;
// function.go is one call, scope.go is what becomes of its resources.
//
// The package trusts nothing that a provider says: what it declares is parsed
// and bounded, and what it answers is decoded against the declared type.
package custom
