// Package wasi implements wasi:cli, clocks, random, config, logging,
// filesystem and sockets in their version 0.2, for commands and for what real
// tools put into every component, and Spin's variables. Streams and pollables come from package io
// below it, files and sockets from packages filesystem and sockets.
//
// Start with [New]. A guest's standard streams, arguments, environment,
// configuration and directories are those of its capabilities.Instance; [Exit]
// is how a guest's exit reaches the host.
//
// The standard streams, configuration and logging need no grant. Clocks and
// random numbers are granted by default and can be denied. Each variable of the
// environment needs a grant, and one that is not granted is not there; so does
// each path and each address. Time and random numbers of an instance can be
// set, so that a run can be repeated.
package wasi
