package filesystem

import (
	"context"
	"errors"

	"golang.org/x/sys/unix"

	"github.com/writ-host/writ/broker"
	"github.com/writ-host/writ/wit"
)

// The open-flags.
const (
	openCreate = 1 << iota
	openDirectory
	openExclusive
	openTruncate
)

// opening is a call of open-at.
type opening struct {
	base         *descriptor
	path         string
	follow       following
	flags, modes uint32 // open-flags and descriptor-flags
}

func (o *opening) has(flag uint32) bool  { return o.flags&flag != 0 }
func (o *opening) mode(flag uint32) bool { return o.modes&flag != 0 }

func openAt(ctx context.Context, c *wit.Call) (wit.Value, error) {
	o := &opening{self(c), c.Args[2].Text(), followFlag(c.Args[1]), uint32(c.Args[3].Uint()), uint32(c.Args[4].Uint())}
	if err := o.check(); err != nil {
		return wit.Value{}, err
	}
	if err := o.base.instance.Open(); err != nil {
		return wit.Value{}, err
	}
	d, err := o.open(ctx)
	if err != nil {
		o.base.instance.Shut()
		return wit.Value{}, err
	}
	return wit.NewOwn(descriptorResource, d), nil
}

// check looks at what is asked, before the file system is. To truncate is to
// write, so it takes a descriptor that writes.
func (o *opening) check() error {
	changes := o.has(openCreate|openTruncate) || o.mode(flagWrite|flagMutate)
	switch {
	case o.base.kind != kindDirectory:
		return errNotDirectory
	case changes && !o.base.mutable:
		return errReadOnly
	case o.has(openTruncate) && !o.mode(flagWrite):
		return errInvalid
	case o.has(openCreate) && o.has(openDirectory):
		return errInvalid
	}
	if o.has(openCreate) && o.has(openExclusive) {
		o.follow = followNone
	}
	return nil
}

func (o *opening) open(ctx context.Context) (*descriptor, error) {
	p, err := o.base.resolve(o.path, o.follow)
	defer p.close()
	if err == nil && p.kind() == kindDirectory {
		return o.openDirectory(ctx, p)
	}
	if denied := o.base.may(ctx, p.resource(), o.operations(p)...); denied != nil && lookedAt(err) {
		return nil, denied
	}
	switch {
	case err != nil:
		return nil, err
	case !p.found && o.has(openCreate):
		return o.create(p)
	case !p.found:
		return nil, errNoEntry
	case o.has(openCreate) && o.has(openExclusive):
		return nil, errExist
	case o.has(openDirectory):
		return nil, errNotDirectory
	case p.kind() == kindLink:
		return nil, errLoop
	case p.kind() != kindRegular:
		return nil, errUnsupported
	}
	return o.openFile(p, 0)
}

// operations are what opening a file takes.
func (o *opening) operations(p *place) (list []string) {
	if o.mode(flagRead) || !o.mode(flagWrite) {
		list = append(list, broker.Read)
	}
	if o.mode(flagWrite) {
		list = append(list, broker.Write)
	}
	if o.has(openCreate) && (!p.found || o.has(openExclusive)) {
		list = append(list, broker.Create)
	}
	return list
}

func (o *opening) create(p *place) (*descriptor, error) {
	if p.slash {
		return nil, errIsDirectory
	}
	d, err := o.openFile(p, unix.O_CREAT|unix.O_EXCL)
	if errors.Is(err, unix.EEXIST) && !o.has(openExclusive) {
		return nil, codeOf("busy") // someone else made it meanwhile
	}
	return d, err
}

// openFile opens a file, and only then truncates it: what has become another
// thing meanwhile is left as it is. It never waits, as for a pipe's other end.
func (o *opening) openFile(p *place, how int) (*descriptor, error) {
	how |= unix.O_NOFOLLOW | unix.O_NONBLOCK | unix.O_NOCTTY | unix.O_CLOEXEC | o.access()
	var fd int
	err := again(func() (err error) {
		fd, err = unix.Openat(p.dir, p.name, how, 0o666)
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := o.ready(fd); err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	return newDescriptor(o.base.instance, fd, kindRegular, p.path, o.modes&^flagMutate, o.base.mutable), nil
}

func (o *opening) ready(fd int) error {
	var s unix.Stat_t
	if err := unix.Fstat(fd, &s); err != nil {
		return err
	}
	if kindOf(&s) != kindRegular {
		return errUnsupported
	}
	if o.has(openTruncate) {
		return again(func() error { return unix.Ftruncate(fd, 0) })
	}
	return nil
}

func (o *opening) access() (how int) {
	switch {
	case o.mode(flagRead) && o.mode(flagWrite):
		how = unix.O_RDWR
	case o.mode(flagWrite):
		how = unix.O_WRONLY
	}
	if o.mode(flagFileSync | flagReadSync) {
		how |= unix.O_SYNC
	}
	if o.mode(flagDataSync) {
		how |= unix.O_DSYNC
	}
	return how
}

// openDirectory opens a directory, which takes that anything below it is
// granted; what is done with it is asked about then.
func (o *opening) openDirectory(ctx context.Context, p *place) (*descriptor, error) {
	if err := o.base.reaches(ctx, p.path); err != nil {
		return nil, err
	}
	switch {
	case o.has(openCreate) && o.has(openExclusive):
		return nil, errExist
	case o.mode(flagWrite):
		return nil, errIsDirectory
	}
	fd, err := openPath(p.dir, p.name)
	if err != nil {
		return nil, err
	}
	flags := uint32(flagRead)
	if o.base.mutable {
		flags |= flagMutate
	}
	return newDescriptor(o.base.instance, fd, kindDirectory, p.path, flags, o.base.mutable), nil
}
