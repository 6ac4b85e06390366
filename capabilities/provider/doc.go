// Package provider is both ends of the plugin wire: it launches capability
// providers as isolated processes and talks to them, and it is what a
// provider's author serves with.
//
// Start with [Launch] for the host's end and [Serve] for an author's. A
// provider's process is started through a launcher stage ([Exec]) that locks
// it in before its own program runs, so the limits hold for any program.
//
// The package never decides who may do what: the broker did, before the wire.
package provider
