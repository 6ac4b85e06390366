// Package frame carries protobuf messages on a socket between a host and a
// provider that have proven to each other who they are.
//
// Start with [Greet], the host's end, and [Admit], the provider's. Both end with
// a [Conn]. The package knows no message but those of the proof.
package frame
