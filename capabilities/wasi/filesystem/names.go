package filesystem

import (
	"context"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"github.com/writ-host/writ/broker"
	"github.com/writ-host/writ/wit"
)

func createDirectoryAt(ctx context.Context, c *wit.Call) error {
	d := self(c)
	if d.kind == kindDirectory && !d.mutable {
		return errReadOnly
	}
	p, err := d.resolve(c.Args[1].Text(), followNone)
	defer p.close()
	if denied := d.may(ctx, resource(p.path, true), broker.Create); denied != nil && lookedAt(err) {
		return denied
	}
	switch {
	case err != nil:
		return err
	case p.found:
		return errExist
	}
	return unix.Mkdirat(p.dir, p.name, 0o777)
}

func removeDirectoryAt(ctx context.Context, c *wit.Call) error {
	p, err := self(c).findMutable(ctx, c.Args[1].Text(), broker.Delete)
	if err != nil {
		return err
	}
	defer p.close()
	switch {
	case !p.found:
		return errNoEntry
	case p.name == ".":
		return errInvalid
	case p.kind() != kindDirectory:
		return errNotDirectory
	}
	return unix.Unlinkat(p.dir, p.name, unix.AT_REMOVEDIR)
}

func unlinkFileAt(ctx context.Context, c *wit.Call) error {
	p, err := self(c).findMutable(ctx, c.Args[1].Text(), broker.Delete)
	if err != nil {
		return err
	}
	defer p.close()
	switch {
	case !p.found:
		return errNoEntry
	case p.kind() == kindDirectory:
		return errIsDirectory
	}
	return unix.Unlinkat(p.dir, p.name, 0)
}

// symlinkAt makes a link to a relative path. Where that leads is looked at
// when it is followed.
func symlinkAt(ctx context.Context, c *wit.Call) error {
	target := c.Args[1].Text()
	p, err := self(c).findMutable(ctx, c.Args[2].Text(), broker.Create)
	if err != nil {
		return err
	}
	defer p.close()
	switch {
	case p.found:
		return errExist
	case target == "" || p.slash:
		return errNoEntry
	case target[0] == '/':
		return errNotPermitted
	}
	return unix.Symlinkat(target, p.dir, p.name)
}

func readLinkAt(ctx context.Context, c *wit.Call) (wit.Value, error) {
	p, err := self(c).findLooking(ctx, c.Args[1].Text(), followSlash)
	if err != nil {
		return wit.Value{}, err
	}
	defer p.close()
	if p.kind() != kindLink {
		return wit.Value{}, errInvalid
	}
	target, err := readLink(p.dir, p.name)
	switch {
	case err != nil:
		return wit.Value{}, err
	case target != "" && target[0] == '/': // it would tell of the host
		return wit.Value{}, errNotPermitted
	case !utf8.ValidString(target):
		return wit.Value{}, errIllegal
	}
	return wit.String(target), nil
}

// linkAt gives a file a further name. What is granted for that name then
// reaches the content, so all that could be granted for content must be granted
// for the old name.
func linkAt(ctx context.Context, c *wit.Call) error {
	d, to := self(c), wit.Object[*descriptor](c.Args[3])
	if c.Args[1].Uint()&1 != 0 {
		return errInvalid
	}
	from, err := d.findMutable(ctx, c.Args[2].Text(), broker.Read, broker.Write)
	if err != nil {
		return err
	}
	defer from.close()
	target, err := to.findMutable(ctx, c.Args[4].Text(), broker.Create)
	if err != nil {
		return err
	}
	defer target.close()
	switch {
	case !from.found:
		return errNoEntry
	case from.kind() == kindDirectory:
		return errNotPermitted
	case target.found:
		return errExist
	case target.slash:
		return errNoEntry
	}
	return unix.Linkat(from.dir, from.name, target.dir, target.name, 0)
}
