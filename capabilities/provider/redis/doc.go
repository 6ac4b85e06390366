// Package redis is the key-value provider for stores in Redis, one server or a
// cluster, so that many hosts can share them.
//
// Start with [Open]. names.go says under which names a store's keys are kept,
// scripts.go what is done at the server in one step, client.go what is tried
// again and what is not.
//
// A key is a hash of its value and version. Beside them each partition of a
// store has a sorted set of its keys: SCAN may give a key twice and knows no
// page, and a listing must have each key once. A script changes both together.
//
// The package never decides who may do what: the host did, before the wire. It
// keeps apps apart by name, not by right: whoever has the server's password can
// read all stores there.
package redis
