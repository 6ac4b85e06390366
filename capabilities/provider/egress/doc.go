// Package egress is the built-in provider that sends components' requests over
// HTTP/1.1 and HTTP/2.
//
// Start with [Serve], a provider's whole main, and Egress.Send. What an address
// may be is in address.go: a host that resolves to one that is not public is
// not connected to, unless the grant names that address itself, or names the
// host and the operator lets it resolve there.
//
// It follows no redirects, uses no proxy, keeps no cookies, decodes no content,
// always verifies TLS certificates, and never shares a connection between
// grants.
package egress
