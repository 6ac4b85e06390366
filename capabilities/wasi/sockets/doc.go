// Package sockets is wasi:sockets: TCP, UDP and the lookup of names, over the
// system's sockets and Go's network poller.
//
// Start with [Imports]; access.go is what is asked before an address is used,
// tcp.go and udp.go are the two kinds of socket, lookup.go finds addresses.
//
// Each connect, bind and datagram needs a grant of capability tcp or udp for the
// very address, or for a name that this instance looked up and whose answer
// the address was. A lookup needs a grant of capability dns. No function waits:
// what takes time goes on elsewhere, and its pollable tells when it is done.
package sockets
