// Package wasihttp is the http capability: wasi:http@0.2.
//
// Start with [Serve], which answers one HTTP request with one call of a
// guest's incoming-handler, and [New], the capability with wasi:http/types and
// wasi:http/outgoing-handler. Grants are for capability http, the method as
// operation, and https://host:port/path as resource.
//
// Bodies stream in both directions on the goroutine that serves the request: a
// guest that reads waits for the client, a guest that writes waits until the
// connection takes it. No body is ever held as a whole. What a guest may make
// the host hold is bounded by [Config] and by the constants beside the code.
//
// The package never runs a component; [Guest] does. It sends no request
// itself: what was granted goes to Config.Egress, and its bodies go on only as
// long as the grant holds.
package wasihttp
