package provider

import (
	"errors"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// deniedSyscalls is what no provider needs, and what attacks on kernels and on
// other processes start with. io_uring is among them because it goes round
// this filter.
var deniedSyscalls = []uint32{
	unix.SYS_PTRACE, unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV, unix.SYS_PROCESS_MADVISE,
	unix.SYS_PIDFD_GETFD, unix.SYS_KCMP,
	unix.SYS_MOUNT, unix.SYS_UMOUNT2, unix.SYS_PIVOT_ROOT, unix.SYS_CHROOT, unix.SYS_MOVE_MOUNT, unix.SYS_OPEN_TREE, unix.SYS_OPEN_TREE_ATTR,
	unix.SYS_FSOPEN, unix.SYS_FSMOUNT, unix.SYS_FSCONFIG, unix.SYS_FSPICK, unix.SYS_MOUNT_SETATTR,
	unix.SYS_SETNS, unix.SYS_UNSHARE,
	unix.SYS_BPF, unix.SYS_PERF_EVENT_OPEN, unix.SYS_USERFAULTFD,
	unix.SYS_IO_URING_SETUP, unix.SYS_IO_URING_ENTER, unix.SYS_IO_URING_REGISTER,
	unix.SYS_KEXEC_LOAD, unix.SYS_INIT_MODULE, unix.SYS_FINIT_MODULE, unix.SYS_DELETE_MODULE,
	unix.SYS_ADD_KEY, unix.SYS_REQUEST_KEY, unix.SYS_KEYCTL,
	unix.SYS_OPEN_BY_HANDLE_AT, unix.SYS_NAME_TO_HANDLE_AT,
	unix.SYS_REBOOT, unix.SYS_SWAPON, unix.SYS_SWAPOFF, unix.SYS_ACCT, unix.SYS_QUOTACTL, unix.SYS_QUOTACTL_FD,
	unix.SYS_SETTIMEOFDAY, unix.SYS_CLOCK_SETTIME, unix.SYS_ADJTIMEX, unix.SYS_CLOCK_ADJTIME,
	unix.SYS_SETHOSTNAME, unix.SYS_SETDOMAINNAME, unix.SYS_SYSLOG, unix.SYS_VHANGUP, unix.SYS_PERSONALITY,

	// Other processes of the same user, of which Landlock keeps signals away, and no more.
	unix.SYS_SETPRIORITY, unix.SYS_IOPRIO_SET, unix.SYS_SCHED_SETAFFINITY, unix.SYS_SCHED_SETATTR,
	unix.SYS_SCHED_SETPARAM, unix.SYS_SCHED_SETSCHEDULER, unix.SYS_MIGRATE_PAGES, unix.SYS_MOVE_PAGES,

	// What changes files, or tells of them, and Landlock is not asked about. Of a file
	// that is open, the owner may change all but the contents, even one that is open
	// to read only: the host's user owns them all.
	unix.SYS_FCHMOD, unix.SYS_FCHMODAT, unix.SYS_FCHMODAT2, unix.SYS_FCHOWN, unix.SYS_FCHOWNAT, unix.SYS_UTIMENSAT,
	unix.SYS_SETXATTR, unix.SYS_LSETXATTR, unix.SYS_FSETXATTR, unix.SYS_SETXATTRAT,
	unix.SYS_REMOVEXATTR, unix.SYS_LREMOVEXATTR, unix.SYS_FREMOVEXATTR, unix.SYS_REMOVEXATTRAT, unix.SYS_FILE_SETATTR,
	unix.SYS_INOTIFY_ADD_WATCH, unix.SYS_FANOTIFY_INIT,

	// Memory that is no file, and that the limit of memory does not count.
	unix.SYS_SHMGET, unix.SYS_SHMAT, unix.SYS_SHMCTL, unix.SYS_MSGGET, unix.SYS_MSGCTL, unix.SYS_MSGSND, unix.SYS_MSGRCV,
	unix.SYS_SEMGET, unix.SYS_SEMCTL, unix.SYS_SEMOP, unix.SYS_SEMTIMEDOP, unix.SYS_MQ_OPEN, unix.SYS_MQ_UNLINK,
	unix.SYS_MEMFD_CREATE, unix.SYS_MEMFD_SECRET,
}

var auditArch = map[string]uint32{"amd64": unix.AUDIT_ARCH_X86_64, "arm64": unix.AUDIT_ARCH_AARCH64}

// Offsets in struct seccomp_data.
const (
	dataNumber = 0
	dataArch   = 4
	dataArgs   = 16 // eight bytes each, the low half first: both architectures are little-endian
)

// x32 marks system calls of amd64's other ABI.
const x32 = 0x40000000

// unknownCalls are those that came after this was written: that a kernel does
// not have one is what programs are used to. Both architectures number them alike.
const unknownCalls = unix.SYS_LISTNS

// deniedIoctls change files as the calls above do.
var deniedIoctls = []uint32{unix.FS_IOC_SETFLAGS, setProject, unix.FS_IOC_ENABLE_VERITY, unix.FS_IOC_SET_ENCRYPTION_POLICY}

// setProject is FS_IOC_FSSETXATTR: flags, and whose quota a file counts for.
const setProject = 0x401c5820

// filterSyscalls has the kernel ask the filter before every system call of this
// thread, and of the program that it becomes.
func filterSyscalls(inet bool) error {
	arch, ok := auditArch[runtime.GOARCH]
	if !ok {
		return errors.New("there is no system call filter for " + runtime.GOARCH)
	}
	_, err := installFilter(syscallFilter(arch, inet), 0)
	return err
}

// installFilter returns a descriptor when the flags ask for one.
func installFilter(program []unix.SockFilter, flags uintptr) (int, error) {
	prog := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	fd, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, flags, uintptr(unsafe.Pointer(&prog)))
	runtime.KeepAlive(program)
	if errno != 0 {
		return -1, errno
	}
	return int(fd), nil
}

const (
	bpfLoad    = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
	bpfEqual   = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
	bpfAtLeast = unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K
	bpfMask    = unix.BPF_ALU | unix.BPF_AND | unix.BPF_K
	bpfAnswer  = unix.BPF_RET | unix.BPF_K
)

// The filter's answers.
var (
	allowCall = verdict(unix.SECCOMP_RET_ALLOW)
	denyCall  = verdict(unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM))
	denyKind  = verdict(unix.SECCOMP_RET_ERRNO | uint32(unix.EACCES))
	noCall    = verdict(unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS))
)

func verdict(what uint32) unix.SockFilter { return unix.SockFilter{Code: bpfAnswer, K: what} }

func load(offset uint32) unix.SockFilter { return unix.SockFilter{Code: bpfLoad, K: offset} }

// arg loads the low half of an argument, from 0.
func arg(n uint32) unix.SockFilter { return load(dataArgs + 8*n) }

// equal jumps over as many instructions.
func equal(k uint32, yes, no uint8) unix.SockFilter {
	return unix.SockFilter{Code: bpfEqual, K: k, Jt: yes, Jf: no}
}

// on answers for one system call by a body that always answers.
func on(nr uint32, body ...unix.SockFilter) []unix.SockFilter {
	return append([]unix.SockFilter{equal(nr, 0, uint8(len(body)))}, body...)
}

// where is a body that answers by whether bits of an argument have a value.
func where(n, bits, value uint32, then, otherwise unix.SockFilter) []unix.SockFilter {
	return []unix.SockFilter{arg(n), {Code: bpfMask, K: bits}, equal(value, 0, 1), then, otherwise}
}

// syscallFilter refuses deniedSyscalls and, by their arguments, others. A call
// of a foreign architecture ends the process.
func syscallFilter(arch uint32, inet bool) []unix.SockFilter {
	program := []unix.SockFilter{
		load(dataArch), equal(arch, 1, 0), verdict(unix.SECCOMP_RET_KILL_PROCESS),
		load(dataNumber), {Code: bpfAtLeast, K: x32, Jf: 1}, denyCall, {Code: bpfAtLeast, K: unknownCalls, Jf: 1}, noCall,
	}
	program = append(program, on(unix.SYS_SOCKET, socketFilter(inet)...)...)
	program = append(program, on(unix.SYS_SOCKETPAIR, where(1, socketTypes, unix.SOCK_STREAM, allowCall, denyKind)...)...)
	if inet {
		program = append(program, withoutFastOpen()...)
	} else {
		program = append(program, on(unix.SYS_CONNECT, denyKind)...) // unix sockets are all that there is to connect to
	}
	// A process of its own: the kernel's other ways to make one are not there, and
	// that the new form of clone is not makes libraries use the old one.
	program = append(program, on(unix.SYS_CLONE, where(0, unix.CLONE_THREAD, unix.CLONE_THREAD, allowCall, denyCall)...)...)
	program = append(program, on(unix.SYS_CLONE3, noCall)...)
	program = append(program, on(unix.SYS_PRCTL, where(0, ^uint32(0), unix.PR_SET_PDEATHSIG, denyCall, allowCall)...)...)
	program = append(program, on(unix.SYS_PRLIMIT64, where(0, ^uint32(0), 0, allowCall, denyCall)...)...)
	program = append(program, on(unix.SYS_IOCTL, ioctlFilter()...)...)
	const uncounted = unix.MAP_SHARED | unix.MAP_ANONYMOUS
	program = append(program, on(unix.SYS_MMAP, where(3, uncounted, uncounted, denyCall, allowCall)...)...)
	for _, nr := range append(deniedSyscalls, deniedOnArch...) {
		program = append(program, on(nr, denyCall)...)
	}
	return append(program, allowCall)
}

// ioctlFilter answers for the system call ioctl by what is asked for.
func ioctlFilter() []unix.SockFilter {
	program := []unix.SockFilter{arg(1)}
	for _, what := range deniedIoctls {
		program = append(program, equal(what, 0, 1), denyCall)
	}
	return append(program, allowCall)
}

// withoutFastOpen refuses to connect with the first data of a stream, for which
// the kernel does not ask Landlock.
func withoutFastOpen() []unix.SockFilter {
	var program []unix.SockFilter
	for nr, flags := range map[uint32]uint32{unix.SYS_SENDTO: 3, unix.SYS_SENDMSG: 2, unix.SYS_SENDMMSG: 3} {
		program = append(program, on(nr, where(flags, unix.MSG_FASTOPEN, unix.MSG_FASTOPEN, denyCall, allowCall)...)...)
	}
	return program
}

// socketFilter answers for the system call socket: unix streams, which reach
// nobody without connect, and with inet TCP and UDP, neither raw sockets nor
// MPTCP, which Landlock does not see.
func socketFilter(inet bool) []unix.SockFilter {
	program := family(unix.AF_UNIX, where(1, socketTypes, unix.SOCK_STREAM, allowCall, denyKind)...)
	if inet {
		over := []unix.SockFilter{
			arg(2), equal(0, 2, 0), equal(unix.IPPROTO_TCP, 1, 0), equal(unix.IPPROTO_UDP, 0, 5),
			arg(1), {Code: bpfMask, K: socketTypes}, equal(unix.SOCK_STREAM, 1, 0), equal(unix.SOCK_DGRAM, 0, 1), allowCall, denyKind,
		}
		program = append(program, family(unix.AF_INET, over...)...)
		program = append(program, family(unix.AF_INET6, over...)...)
	}
	return append(program, denyKind)
}

// family answers for the sockets of one family by a body that always answers.
func family(domain uint32, body ...unix.SockFilter) []unix.SockFilter {
	return append([]unix.SockFilter{arg(0), equal(domain, 0, uint8(len(body)))}, body...)
}

// socketTypes are the bits of a socket's type that are not flags.
const socketTypes = 0xf
