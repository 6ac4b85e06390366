// Package upstream is how a built-in provider reaches a server that the
// operator runs: its address, the secrets for it and whom to trust.
//
// Start with [Server]. It never resolves a name or dials: the provider's client does.
package upstream
