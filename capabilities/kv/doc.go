// Package kv is the key-value capability: wasi:keyvalue store, atomics and
// batch, version 0.2.0-draft2, and fermyon:spin/key-value 2.0.0, over stores
// that providers keep.
//
// Start with [New]; [Config] says which stores there are. What a store has to be
// able to do is in package backend.
//
// The operations that grants of kv have are get, set, delete, exists, list,
// increment, cas and watch; the resource is kv://store/key. Opening a store takes a
// grant of anything in it. A batch takes a grant for each of its keys, else
// nothing of it is done. A listing names only the keys whose list is granted.
// cas lets a component read the value, too: it is what is compared.
//
// A store that can tell of changes is watched for components by whoever runs
// them: see [Capability.Watch].
//
// The package never asks for permission itself, except for each key of a
// listing: the guard has asked before any function here runs.
package kv
