// Package filesystem is wasi:filesystem on directories of the host.
//
// Start with [Imports] and preopens.go: a guest finds the directories of its
// capabilities.Instance open, and all else comes from those. resolve.go is how
// a path of the guest becomes a name in an open directory, and access.go what
// is asked about it before anything is done.
//
// No path leaves the directory that it starts in. A path is walked one name at
// a time, on directories that are held open and with no symbolic link followed
// by the kernel: a link's text is read and walked like the guest's own path.
// So what was asked about, the path on the host without links, is what is acted
// upon, whatever is renamed or replaced meanwhile. (os.Root keeps to its
// directory as well, but does not tell where a path led within it, and follows
// links anew when it acts.)
//
// Every operation needs a grant of capability file for the path, and a handle
// keeps asking for the path at which it was opened. Hard links and renames
// need everything that they could otherwise be used to gain.
package filesystem
