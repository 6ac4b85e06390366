package filesystem

import (
	"context"
	"errors"

	"github.com/writ-host/writ/capabilities"
	"github.com/writ-host/writ/capabilities/internal/wits"
	wasiio "github.com/writ-host/writ/capabilities/wasi/io"
	"github.com/writ-host/writ/wit"
)

// Imports are the interfaces of wasi:filesystem.
func Imports() []capabilities.Import {
	return []capabilities.Import{
		{Interface: wits.Interface("wasi:filesystem/preopens"), Funcs: map[string]capabilities.Func{
			"get-directories": {Run: getDirectories},
		}},
		{Interface: types, Funcs: typesFuncs()},
	}
}

// typesFuncs are guarded in one of three ways: by the permit of an open
// descriptor; by what they ask themselves once they know where a path leads; or
// not at all, where they tell nothing that opening did not.
func typesFuncs() map[string]capabilities.Func {
	const d = "[method]descriptor."
	m := map[string]capabilities.Func{
		d + "read":              reading(give(read)),
		d + "read-via-stream":   reading(give(readViaStream)),
		d + "read-directory":    reading(give(readDirectory)),
		d + "stat":              looking(give(stat)),
		d + "metadata-hash":     looking(give(metadataHash)),
		d + "advise":            looking(do(advise)),
		d + "sync":              looking(do(syncAll)),
		d + "sync-data":         looking(do(syncData)),
		d + "write":             writing(give(write)),
		d + "write-via-stream":  writing(give(writeViaStream)),
		d + "append-via-stream": writing(give(appendViaStream)),
		d + "set-size":          writing(do(setSize)),
		d + "set-times":         writing(do(setTimes)),

		d + "open-at":             {Run: give(openAt)},
		d + "stat-at":             {Run: give(statAt)},
		d + "metadata-hash-at":    {Run: give(metadataHashAt)},
		d + "set-times-at":        {Run: do(setTimesAt)},
		d + "create-directory-at": {Run: do(createDirectoryAt)},
		d + "remove-directory-at": {Run: do(removeDirectoryAt)},
		d + "unlink-file-at":      {Run: do(unlinkFileAt)},
		d + "symlink-at":          {Run: do(symlinkAt)},
		d + "readlink-at":         {Run: give(readLinkAt)},
		d + "link-at":             {Run: do(linkAt)},
		d + "rename-at":           {Run: do(renameAt)},

		d + "get-flags":         {Run: give(getFlags)},
		d + "get-type":          {Run: give(getType)},
		d + "is-same-object":    {Run: isSameObject},
		"filesystem-error-code": {Run: errorCode},
	}
	m["[method]directory-entry-stream.read-directory-entry"] = capabilities.Func{Run: give(readDirectoryEntry),
		Permit: func(c *wit.Call) *capabilities.Permit { return &wit.Self[*listing](c).of.reads }, Deny: denied}
	return m
}

func reading(run wit.HostFunc) capabilities.Func {
	return capabilities.Func{Run: run, Permit: readable, Deny: denied}
}

func writing(run wit.HostFunc) capabilities.Func {
	return capabilities.Func{Run: run, Permit: writable, Deny: denied}
}

// looking is for what tells of a descriptor itself: it takes what the
// descriptor was opened for.
func looking(run wit.HostFunc) capabilities.Func {
	return capabilities.Func{Run: run, Deny: denied, Permit: func(c *wit.Call) *capabilities.Permit {
		if d := self(c); d.kind != kindDirectory && d.flags&flagRead == 0 && d.flags&flagWrite != 0 {
			return &d.writes
		}
		return readable(c)
	}}
}

func denied(c *wit.Call) { c.Return(failure(errAccess)) }

// errorCode is the error-code of a stream's error, when it came from a file.
func errorCode(_ context.Context, c *wit.Call) error {
	err := wasiio.ErrorOf(c.Args[0])
	var own code
	if !errors.As(err, &own) {
		c.Return(wit.None())
		return nil
	}
	c.Return(wit.Some(wit.Enum(uint32(own))))
	return nil
}
