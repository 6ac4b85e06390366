package filesystem

import (
	"context"
	"errors"
	"io"
	"os"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"github.com/writ-host/writ/wit"
)

// entries are what a directory holds, read in pieces.
type entries struct {
	dir   *os.File
	names []string // read and not handed out
}

type entry struct {
	name string
	kind kind
}

// openEntries opens a directory for listing.
func openEntries(dir int, name string) (*entries, error) {
	var fd int
	err := again(func() (err error) {
		fd, err = unix.Openat(dir, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &entries{dir: os.NewFile(uintptr(fd), name)}, nil
}

func (e *entries) fd() int { return int(e.dir.Fd()) }

func (e *entries) close() { _ = e.dir.Close() }

// next is the next entry, nil at the end. One that went away meanwhile is left out.
func (e *entries) next() (*entry, error) {
	const batch = 64
	for {
		if len(e.names) == 0 {
			names, err := e.dir.Readdirnames(batch)
			if errors.Is(err, io.EOF) || err == nil && len(names) == 0 {
				return nil, nil
			}
			if err != nil {
				return nil, err
			}
			e.names = names
		}
		name := e.names[0]
		e.names = e.names[1:]
		var s unix.Stat_t
		err := unix.Fstatat(e.fd(), name, &s, unix.AT_SYMLINK_NOFOLLOW)
		switch {
		case errors.Is(err, unix.ENOENT):
			continue
		case err != nil:
			return nil, err
		}
		return &entry{name, kindOf(&s)}, nil
	}
}

// listing is a directory-entry-stream.
type listing struct {
	*entries
	of *descriptor
}

func readDirectory(_ context.Context, c *wit.Call) (wit.Value, error) {
	d := self(c)
	if d.kind != kindDirectory {
		return wit.Value{}, errNotDirectory
	}
	if err := d.instance.Open(); err != nil {
		return wit.Value{}, err
	}
	e, err := openEntries(d.fd, ".")
	if err != nil {
		d.instance.Shut()
		return wit.Value{}, err
	}
	return wit.NewOwn(entriesResource, &listing{e, d.share()}), nil
}

// Drop implements wit.Dropper.
func (l *listing) Drop() {
	l.close()
	l.of.instance.Shut()
	l.of.Drop()
}

func readDirectoryEntry(_ context.Context, c *wit.Call) (wit.Value, error) {
	e, err := wit.Self[*listing](c).next()
	switch {
	case err != nil:
		return wit.Value{}, err
	case e == nil:
		return wit.None(), nil
	case !utf8.ValidString(e.name):
		return wit.Value{}, errIllegal
	}
	return wit.Some(wit.Record(wit.Enum(uint32(e.kind)), wit.String(e.name))), nil
}
