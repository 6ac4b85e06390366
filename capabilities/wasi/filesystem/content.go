package filesystem

import (
	"context"
	"math"

	"golang.org/x/sys/unix"

	wasiio "github.com/writ-host/writ/capabilities/wasi/io"
	"github.com/writ-host/writ/wit"
)

// MaxRead is the most that one call of read gives, in bytes; it gives less than
// what was asked for then, which the interface allows.
const MaxRead = 1 << 20

// offset is a place in a file as the system has it.
func offset(n uint64) (int64, error) {
	if n > math.MaxInt64 {
		return 0, errInvalid
	}
	return int64(n), nil
}

func read(_ context.Context, c *wit.Call) (wit.Value, error) {
	d := self(c)
	if err := d.needs(flagRead); err != nil {
		return wit.Value{}, err
	}
	at, err := offset(c.Args[2].Uint())
	if err != nil {
		return wit.Value{}, err
	}
	length, err := d.readable(c.Args[1].Uint(), at)
	if err != nil {
		return wit.Value{}, err
	}
	b := make([]byte, length)
	n, err := d.readAt(b, at)
	if err != nil {
		return wit.Value{}, err
	}
	return wit.Tuple(wit.Bytes(b[:n]), wit.Bool(n == 0 && c.Args[1].Uint() > 0)), nil
}

// readable is how much of a read's length is worth a buffer: no more than the
// file has, but enough for one that grows or does not tell its size.
func (d *descriptor) readable(length uint64, at int64) (uint64, error) {
	const least = 4096
	var s unix.Stat_t
	if err := unix.Fstat(d.fd, &s); err != nil {
		return 0, err
	}
	left := uint64(max(s.Size-min(at, s.Size), least))
	return min(length, left, MaxRead), nil
}

func (d *descriptor) readAt(b []byte, at int64) (n int, err error) {
	if len(b) == 0 {
		return 0, nil
	}
	err = again(func() error {
		n, err = unix.Pread(d.fd, b, at)
		return err
	})
	return max(n, 0), err
}

func write(_ context.Context, c *wit.Call) (wit.Value, error) {
	d := self(c)
	if err := d.needs(flagWrite); err != nil {
		return wit.Value{}, err
	}
	at, err := offset(c.Args[2].Uint())
	if err != nil {
		return wit.Value{}, err
	}
	n, err := d.writeAt(c.Args[1].Bytes(), at)
	return wit.U64(uint64(n)), err
}

func (d *descriptor) writeAt(b []byte, at int64) (n int, err error) {
	if len(b) == 0 {
		return 0, nil
	}
	err = again(func() error {
		n, err = unix.Pwrite(d.fd, b, at)
		return err
	})
	return max(n, 0), err
}

// append writes at the end of the file, wherever that is by then.
func (d *descriptor) append(b []byte) (n int, err error) {
	if len(b) == 0 {
		return 0, nil
	}
	const atEnd = 0x10 // RWF_APPEND
	err = again(func() error {
		n, err = unix.Pwritev2(d.fd, [][]byte{b}, 0, atEnd)
		return err
	})
	return max(n, 0), err
}

func setSize(_ context.Context, c *wit.Call) error {
	d := self(c)
	if err := d.needs(flagWrite); err != nil {
		return err
	}
	size, err := offset(c.Args[1].Uint())
	if err != nil {
		return err
	}
	return again(func() error { return unix.Ftruncate(d.fd, size) })
}

var advices = [...]int{unix.FADV_NORMAL, unix.FADV_SEQUENTIAL, unix.FADV_RANDOM, unix.FADV_WILLNEED, unix.FADV_DONTNEED, unix.FADV_NOREUSE}

func advise(_ context.Context, c *wit.Call) error {
	d := self(c)
	if d.kind == kindDirectory {
		return errBadDescriptor
	}
	at, err := offset(c.Args[1].Uint())
	if err != nil {
		return err
	}
	length, err := offset(c.Args[2].Uint())
	if err != nil {
		return err
	}
	return unix.Fadvise(d.fd, at, length, advices[c.Args[3].Case()])
}

func syncAll(_ context.Context, c *wit.Call) error { return self(c).sync(unix.Fsync) }

func syncData(_ context.Context, c *wit.Call) error { return self(c).sync(unix.Fdatasync) }

func (d *descriptor) sync(how func(int) error) error {
	if d.kind != kindDirectory {
		return again(func() error { return how(d.fd) })
	}
	fd, err := d.reopen()
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	return again(func() error { return how(fd) })
}

// reopen opens a directory for more than walking through it.
func (d *descriptor) reopen() (fd int, err error) {
	err = again(func() error {
		fd, err = unix.Openat(d.fd, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		return err
	})
	return fd, err
}

func readViaStream(_ context.Context, c *wit.Call) (wit.Value, error) {
	d := self(c)
	at, err := offset(c.Args[1].Uint())
	if err == nil {
		err = d.needs(flagRead)
	}
	if err != nil {
		return wit.Value{}, err
	}
	return wasiio.OpenInput(d.instance, &fileReader{file: d.share(), at: at})
}

func writeViaStream(_ context.Context, c *wit.Call) (wit.Value, error) {
	d := self(c)
	at, err := offset(c.Args[1].Uint())
	if err == nil {
		err = d.needs(flagWrite)
	}
	if err != nil {
		return wit.Value{}, err
	}
	return wasiio.OpenOutput(d.instance, &fileWriter{file: d.share(), at: at})
}

func appendViaStream(_ context.Context, c *wit.Call) (wit.Value, error) {
	d := self(c)
	if err := d.needs(flagWrite); err != nil {
		return wit.Value{}, err
	}
	return wasiio.OpenOutput(d.instance, &fileWriter{file: d.share(), appends: true})
}
