package filesystem

import (
	"context"

	"golang.org/x/sys/unix"

	"github.com/writ-host/writ/broker"
	"github.com/writ-host/writ/wit"
)

// maxMoved bounds the files below a directory that is renamed: each is asked about.
const maxMoved = 4096

// moving is what it takes to rename a file away: its new name may have grants
// that the old one does not, so everything that could be granted for content.
var moving = []string{broker.Read, broker.Write, broker.Delete}

func renameAt(ctx context.Context, c *wit.Call) error {
	d, to := self(c), wit.Object[*descriptor](c.Args[2])
	from, err := d.findMutable(ctx, c.Args[1].Text(), moving...)
	if err != nil {
		return err
	}
	defer from.close()
	target, err := to.findMutable(ctx, c.Args[3].Text(), broker.Create)
	if err != nil {
		return err
	}
	defer target.close()
	if err := d.mayMove(ctx, from, target); err != nil {
		return err
	}
	return unix.Renameat(from.dir, from.name, target.dir, target.name)
}

func (d *descriptor) mayMove(ctx context.Context, from, target *place) error {
	switch {
	case !from.found:
		return errNoEntry
	case from.name == "." || target.name == ".":
		return errInvalid
	case target.slash && from.kind() != kindDirectory:
		return errNotDirectory
	}
	if target.found {
		if err := d.may(ctx, target.resource(), broker.Delete); err != nil {
			return err
		}
	}
	if from.kind() != kindDirectory {
		return nil
	}
	m := &move{of: d, left: maxMoved}
	return m.ask(ctx, from.dir, from.name, from.path, target.path, 0)
}

// move is a directory that is to be renamed.
type move struct {
	of   *descriptor
	left int // entries that may still be asked about
}

// ask asks about everything in a directory, under its old name and its new one.
func (m *move) ask(ctx context.Context, dir int, name, path, target string, depth int) error {
	if depth > maxDepth {
		return errNotPermitted
	}
	if err := m.of.may(ctx, resource(target, true), broker.Create); err != nil {
		return err
	}
	list, err := openEntries(dir, name)
	if err != nil {
		return err
	}
	defer list.close()
	for {
		e, err := list.next()
		if err != nil || e == nil {
			return err
		}
		if m.left--; m.left < 0 || ctx.Err() != nil {
			return errNotPermitted
		}
		if err := m.askEntry(ctx, list, e, path+"/"+e.name, target+"/"+e.name, depth); err != nil {
			return err
		}
	}
}

func (m *move) askEntry(ctx context.Context, list *entries, e *entry, path, target string, depth int) error {
	if err := m.of.may(ctx, resource(path, e.kind == kindDirectory), moving...); err != nil {
		return err
	}
	if e.kind == kindDirectory {
		return m.ask(ctx, list.fd(), e.name, path, target, depth+1)
	}
	return m.of.may(ctx, resource(target, false), broker.Create)
}
