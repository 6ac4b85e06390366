package filesystem

import (
	"golang.org/x/sys/unix"

	"github.com/writ-host/writ/broker"
	"github.com/writ-host/writ/capabilities"
	"github.com/writ-host/writ/wit"
)

// descriptor is an open file or directory. Handles, and the streams that were
// made of them, share it.
type descriptor struct {
	fd       int
	holders  int
	instance *capabilities.Instance
	kind     kind
	path     string // on the host, without links, at which it was opened
	flags    uint32 // descriptor-flags
	mutable  bool   // below a preopen that may change

	reads, writes capabilities.Permit
}

// newDescriptor takes over fd, and a place that was reserved.
func newDescriptor(i *capabilities.Instance, fd int, k kind, path string, flags uint32, mutable bool) *descriptor {
	d := &descriptor{fd: fd, holders: 1, instance: i, kind: k, path: path, flags: flags, mutable: mutable}
	reading := broker.Read
	if k == kindDirectory {
		reading = broker.List
	}
	name := resource(path, k == kindDirectory)
	d.reads.Access = capabilities.Access{Capability: broker.File, Operation: reading, Resource: name}
	d.writes.Access = capabilities.Access{Capability: broker.File, Operation: broker.Write, Resource: name}
	return d
}

// Drop implements wit.Dropper.
func (d *descriptor) Drop() {
	if d.holders--; d.holders == 0 {
		_ = unix.Close(d.fd)
		d.instance.Shut()
	}
}

// share is the descriptor for one more holder.
func (d *descriptor) share() *descriptor {
	d.holders++
	return d
}

func self(c *wit.Call) *descriptor { return wit.Self[*descriptor](c) }

// readable and writable are the permits of functions on an open descriptor.
func readable(c *wit.Call) *capabilities.Permit { return &self(c).reads }

func writable(c *wit.Call) *capabilities.Permit { return &self(c).writes }

// needs looks at how the descriptor was opened.
func (d *descriptor) needs(flag uint32) error {
	switch {
	case d.kind == kindDirectory && flag == flagWrite:
		return errIsDirectory
	case d.kind == kindDirectory:
		return errBadDescriptor
	case d.flags&flag == 0:
		return errBadDescriptor
	}
	return nil
}

// The descriptor-flags.
const (
	flagRead = 1 << iota
	flagWrite
	flagFileSync
	flagDataSync
	flagReadSync
	flagMutate
)

// kind is a descriptor-type.
type kind uint32

const (
	kindUnknown kind = iota
	kindBlock
	kindCharacter
	kindDirectory
	kindFIFO
	kindLink
	kindRegular
	kindSocket
)

func kindOf(s *unix.Stat_t) kind {
	switch s.Mode & unix.S_IFMT {
	case unix.S_IFBLK:
		return kindBlock
	case unix.S_IFCHR:
		return kindCharacter
	case unix.S_IFDIR:
		return kindDirectory
	case unix.S_IFIFO:
		return kindFIFO
	case unix.S_IFLNK:
		return kindLink
	case unix.S_IFREG:
		return kindRegular
	case unix.S_IFSOCK:
		return kindSocket
	}
	return kindUnknown
}
