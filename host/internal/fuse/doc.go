// Package fuse makes one core module of several that are linked to each other,
// so that they become one instance: what one imports of another is then an
// index, and not something to look up by name for each instance.
//
// Start reading at [Group], which says what is linked to what, and [Group.Link],
// which makes the module. Index spaces are put one after the other, and every
// index in the modules is rewritten (code.go). [Group.Pack] carries a group to
// the process that compiles it. [Scan] says what a function does, as far as
// whoever makes groups has to know.
//
// The package knows core modules only, and trusts nothing that it reads. What it
// does not know to keep exactly as it was, it refuses: the modules can be
// instantiated one by one instead. It does not validate: a group of invalid
// modules may become a valid one, so each has to be validated by itself.
package fuse
