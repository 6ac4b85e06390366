package provider

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// watchExec has the kernel ask, before this thread becomes another program,
// whoever has the descriptor. That is the host, which says yes as long as this
// program runs, and then nobody: the provider's program becomes no other.
//
// A program that could go on as another from a thread of its own would be rid of
// the signal at the host's end, which a thread does not pass on.
func watchExec() (int, error) {
	program := []unix.SockFilter{load(dataNumber)}
	for _, nr := range []uint32{unix.SYS_EXECVE, unix.SYS_EXECVEAT} {
		program = append(program, on(nr, verdict(unix.SECCOMP_RET_USER_NOTIF))...)
	}
	fd, err := installFilter(append(program, allowCall), unix.SECCOMP_FILTER_FLAG_NEW_LISTENER)
	if errors.Is(err, unix.EBUSY) {
		return -1, errors.New("what runs the host watches system calls itself, and only one can")
	}
	if err != nil {
		return -1, fmt.Errorf("watch exec: %w", err)
	}
	return fd, nil
}

// seccompNotice and seccompReply are struct seccomp_notif and seccomp_notif_resp.
type (
	seccompNotice struct {
		id         uint64
		pid, flags uint32
		data       [64]byte
	}
	seccompReply struct {
		id           uint64
		value        int64
		error, flags int32
	}
)

// permitExec answers the kernel for the launcher stage until that is another
// program, which closes its end of the report. What asks after that is the
// provider's program, and has no answer. One exec may ask several times: a
// signal interrupts the question, and it is put again.
func permitExec(listener *os.File, report syscall.RawConn, wait time.Duration) {
	defer func() { _ = listener.Close() }()
	for deadline := time.Now().Add(wait); time.Now().Before(deadline); {
		var asks, over int16
		err := report.Control(func(fd uintptr) {
			asks, over = happened(int(listener.Fd()), unix.POLLIN, int(fd), 100)
		})
		if err != nil || over != 0 || asks != 0 && !permitOne(listener, report) {
			return
		}
	}
}

// permitOne answers one question, unless the one who asks is the provider's
// program. It returns false when there will be no other.
func permitOne(listener *os.File, report syscall.RawConn) bool {
	var n seccompNotice
	if errno := seccompControl(listener, unix.SECCOMP_IOCTL_NOTIF_RECV, unsafe.Pointer(&n)); errno != 0 {
		return errno == unix.EINTR || errno == unix.ENOENT
	}
	over := int16(1)
	if err := report.Control(func(fd uintptr) { _, over = happened(-1, 0, int(fd), 0) }); err != nil || over != 0 {
		return false
	}
	reply := seccompReply{id: n.id, flags: unix.SECCOMP_USER_NOTIF_FLAG_CONTINUE}
	errno := seccompControl(listener, unix.SECCOMP_IOCTL_NOTIF_SEND, unsafe.Pointer(&reply))
	return errno == 0 || errno == unix.EINTR || errno == unix.ENOENT
}

// happened waits for events of one descriptor and for the end of the other's peer.
func happened(fd int, events int16, peer, milliseconds int) (int16, int16) {
	polls := []unix.PollFd{{Fd: int32(fd), Events: events}, {Fd: int32(peer), Events: unix.POLLRDHUP}}
	_, err := unix.Poll(polls, milliseconds)
	for errors.Is(err, unix.EINTR) {
		_, err = unix.Poll(polls, milliseconds)
	}
	if err != nil {
		return 0, unix.POLLERR
	}
	return polls[0].Revents, polls[1].Revents
}

func seccompControl(f *os.File, what uintptr, arg unsafe.Pointer) unix.Errno {
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), what, uintptr(arg))
	return errno
}
