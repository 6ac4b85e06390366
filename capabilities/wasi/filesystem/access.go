package filesystem

import (
	"context"

	"github.com/writ-host/writ/broker"
	"github.com/writ-host/writ/capabilities"
)

// resource is what grants call a path of the host: a directory with a slash at
// its end. What cannot be named is named by nothing, which no grant covers.
func resource(path string, directory bool) string {
	if directory && path != "/" {
		path += "/"
	}
	r, err := broker.FileResource(path)
	if err != nil {
		return ""
	}
	return r
}

// may asks for operations on a path of the host. All must be granted.
func (d *descriptor) may(ctx context.Context, name string, operations ...string) error {
	for _, op := range operations {
		a := capabilities.Access{Operation: op, Resource: name}
		if name == "" || !d.instance.Allowed(ctx, broker.File, a) {
			return errAccess
		}
	}
	return nil
}

// reaches asks whether anything is granted below a directory.
func (d *descriptor) reaches(ctx context.Context, directory string) error {
	return reaches(ctx, d.instance, resource(directory, true))
}

func reaches(ctx context.Context, i *capabilities.Instance, prefix string) error {
	if prefix == "" || !i.Allowed(ctx, broker.File, capabilities.Access{Resource: prefix, Reach: true}) {
		return errAccess
	}
	return nil
}

// find resolves a path and asks for an operation on it. When the path leads
// nowhere the operation is asked for all the same: who may not look at a path
// does not learn whether it is there.
func (d *descriptor) find(ctx context.Context, path string, follow following, operations ...string) (*place, error) {
	p, err := d.resolve(path, follow)
	if denied := d.may(ctx, p.resource(), operations...); denied != nil && lookedAt(err) {
		err = denied
	}
	if err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

// lookedAt says whether an error, or its absence, tells what is in a directory.
func lookedAt(err error) bool {
	switch c, ok := err.(code); {
	case !ok:
		return true
	default:
		return c != errNotPermitted && c != errInvalid && c != errNameTooLong
	}
}

// findMutable is find for what changes a directory.
func (d *descriptor) findMutable(ctx context.Context, path string, operations ...string) (*place, error) {
	if d.kind == kindDirectory && !d.mutable {
		return nil, errReadOnly
	}
	return d.find(ctx, path, followNone, operations...)
}

// looking is the operation of learning about what a place has.
func (p *place) looking() string {
	if p.kind() == kindDirectory {
		return broker.List
	}
	return broker.Read
}

// findLooking resolves a path to learn about what is there.
func (d *descriptor) findLooking(ctx context.Context, path string, follow following) (*place, error) {
	p, err := d.resolve(path, follow)
	if denied := d.may(ctx, p.resource(), p.looking()); denied != nil && lookedAt(err) {
		err = denied
	}
	if err == nil && !p.found {
		err = errNoEntry
	}
	if err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}
