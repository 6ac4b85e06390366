// Package value is the binary form in which WIT values travel between the host
// and providers of interfaces of their own: compact, directed by the type, and
// canonical, so that a value has exactly one form. docs/provider-protocol.md
// says it for other languages; testdata/vectors.json is for checking them.
//
// Start with [Append] and [Decode]. What comes in is never trusted: each length
// is checked against the bytes that are left, and what is decoded is counted.
//
// The package never performs a call, and does not know what a handle stands for.
package value
