package filesystem

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"math"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/writ-host/writ/broker"
	"github.com/writ-host/writ/wit"
)

func (d *descriptor) stat() (s unix.Stat_t, err error) { return s, unix.Fstat(d.fd, &s) }

func stat(_ context.Context, c *wit.Call) (wit.Value, error) {
	s, err := self(c).stat()
	return statValue(&s), err
}

func statAt(ctx context.Context, c *wit.Call) (wit.Value, error) {
	p, err := self(c).findLooking(ctx, c.Args[2].Text(), followFlag(c.Args[1]))
	if err != nil {
		return wit.Value{}, err
	}
	defer p.close()
	return statValue(&p.stat), nil
}

// statValue is a descriptor-stat.
func statValue(s *unix.Stat_t) wit.Value {
	return wit.Record(wit.Enum(uint32(kindOf(s))), wit.U64(uint64(s.Nlink)), wit.U64(uint64(max(s.Size, 0))),
		timeValue(s.Atim), timeValue(s.Mtim), timeValue(s.Ctim))
}

// timeValue is an option<datetime>: none before 1970, which it cannot say.
func timeValue(t unix.Timespec) wit.Value {
	if t.Sec < 0 {
		return wit.None()
	}
	return wit.Some(wit.Record(wit.U64(uint64(t.Sec)), wit.U32(uint32(t.Nsec))))
}

func getFlags(_ context.Context, c *wit.Call) (wit.Value, error) {
	return wit.Flags(self(c).flags), nil
}

func getType(_ context.Context, c *wit.Call) (wit.Value, error) {
	return wit.Enum(uint32(self(c).kind)), nil
}

func setTimes(_ context.Context, c *wit.Call) error {
	d := self(c)
	if !d.mutable {
		return errReadOnly
	}
	times, err := timesOf(c.Args[1], c.Args[2])
	if err != nil {
		return err
	}
	if d.kind == kindDirectory {
		return unix.UtimesNanoAt(d.fd, ".", times[:], 0)
	}
	return setTimesOf(d.fd, times)
}

// setTimesOf is futimens, which package unix does not have: utimensat without a path.
func setTimesOf(fd int, times [2]unix.Timespec) error {
	return again(func() error {
		if _, _, errno := unix.Syscall6(unix.SYS_UTIMENSAT, uintptr(fd), 0, uintptr(unsafe.Pointer(&times)), 0, 0, 0); errno != 0 {
			return errno
		}
		return nil
	})
}

func setTimesAt(ctx context.Context, c *wit.Call) error {
	d := self(c)
	if d.kind == kindDirectory && !d.mutable {
		return errReadOnly
	}
	times, err := timesOf(c.Args[3], c.Args[4])
	if err != nil {
		return err
	}
	p, err := d.find(ctx, c.Args[2].Text(), followFlag(c.Args[1]), broker.Write)
	if err != nil {
		return err
	}
	defer p.close()
	if !p.found {
		return errNoEntry
	}
	return unix.UtimesNanoAt(p.dir, p.name, times[:], unix.AT_SYMLINK_NOFOLLOW)
}

// timesOf are two new-timestamps as the system takes them.
func timesOf(access, modification wit.Value) (times [2]unix.Timespec, err error) {
	for i, v := range []wit.Value{access, modification} {
		switch payload, _ := v.Payload(); v.Case() {
		case 0:
			times[i].Nsec = unix.UTIME_OMIT
		case 1:
			times[i].Nsec = unix.UTIME_NOW
		default:
			fields := payload.Items()
			if fields[0].Uint() > math.MaxInt64 || fields[1].Uint() >= 1e9 {
				return times, errInvalid
			}
			times[i] = unix.Timespec{Sec: int64(fields[0].Uint()), Nsec: int64(fields[1].Uint())}
		}
	}
	return times, nil
}

func isSameObject(_ context.Context, c *wit.Call) error {
	a, errA := self(c).stat()
	b, errB := wit.Object[*descriptor](c.Args[1]).stat()
	c.Return(wit.Bool(errA == nil && errB == nil && a.Dev == b.Dev && a.Ino == b.Ino))
	return nil
}

func metadataHash(_ context.Context, c *wit.Call) (wit.Value, error) {
	s, err := self(c).stat()
	return hashValue(&s), err
}

func metadataHashAt(ctx context.Context, c *wit.Call) (wit.Value, error) {
	p, err := self(c).findLooking(ctx, c.Args[2].Text(), followFlag(c.Args[1]))
	if err != nil {
		return wit.Value{}, err
	}
	defer p.close()
	return hashValue(&p.stat), nil
}

// hashKey keeps guests from learning the numbers of inodes and devices.
var hashKey = sync.OnceValue(func() (key [32]byte) {
	_, _ = rand.Read(key[:]) // never fails, Go ends the program instead
	return key
})

// hashValue tells files apart: it stays the same while a file is only written to.
func hashValue(s *unix.Stat_t) wit.Value {
	key := hashKey()
	b := binary.LittleEndian.AppendUint64(key[:], uint64(s.Dev))
	h := sha256.Sum256(binary.LittleEndian.AppendUint64(b, s.Ino))
	return wit.Record(wit.U64(binary.LittleEndian.Uint64(h[:])), wit.U64(binary.LittleEndian.Uint64(h[8:])))
}
