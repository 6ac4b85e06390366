// Package scaffold writes the Go project of a new provider from a WIT file: what
// writ provider new does. What it writes builds, and passes the conformance kit.
//
// Start with [Project]. The package never runs anything.
package scaffold
