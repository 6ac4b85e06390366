// Package embedded is the key-value store that comes with writ: one file, kept
// by one provider process. An acknowledged write has been synced to the disk.
//
// Start with [Serve], which is the whole provider; [Store] is the engine.
// Concurrent writes share one sync (see committer.go). The package never
// decides who may do what: the host did, before the wire.
package embedded
