// Package writ assembles and runs applications of WebAssembly components in
// which nothing is reachable without a grant. It is what the writ command is
// made of, and the API for Go programs that embed it.
//
// Start with [Open], which reads a manifest, the host's configuration and the
// policy into a [Host]; [Host.Plan] says what is requested and granted, and
// [Host.Serve] answers requests. Everything below has a package of its own:
// host runs components, broker decides, capabilities are what can be granted.
package writ
