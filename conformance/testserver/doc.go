// Package testserver starts the servers that tests need, on loopback and free
// ports, for as long as a test runs. It is for tests only.
package testserver
