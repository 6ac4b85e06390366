package provider_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/writ-host/writ/capabilities/provider"
	"golang.org/x/sys/unix"
)

// escape tries what no library would: system calls as a hostile program makes
// them. It is the provider's side; arg is a number or a path.
func escape(what, arg string) (_ string, err error) {
	n, _ := strconv.Atoi(arg)
	path, _ := unix.BytePtrFromString(arg)
	at := uintptr(unsafe.Pointer(path))
	call := func(nr uintptr, args ...uintptr) error {
		args = append(args, 0, 0, 0, 0, 0, 0)
		_, _, errno := unix.Syscall6(nr, args[0], args[1], args[2], args[3], args[4], args[5])
		runtime.KeepAlive(path)
		if errno != 0 {
			return errno
		}
		return nil
	}
	limit, buffer := unix.Rlimit{Cur: 1, Max: 1}, [64]byte{}
	here, cwd := uintptr(unsafe.Pointer(&buffer)), ^uintptr(99) // AT_FDCWD
	switch what {
	case "fork":
		err = fork(0)
	case "fork into namespaces":
		err = fork(unix.CLONE_NEWUSER | unix.CLONE_NEWNET)
	case "clone3":
		err = call(unix.SYS_CLONE3, here, 64)
	case "become":
		err = become(arg)
	case "become from memory":
		err = becomeMemory()
	case "survive":
		err = unix.Prctl(unix.PR_SET_PDEATHSIG, 0, 0, 0, 0)
	case "leave the group":
		err = syscall.Setpgid(0, n)
	case "bound another":
		err = call(unix.SYS_PRLIMIT64, uintptr(n), unix.RLIMIT_CORE, uintptr(unsafe.Pointer(&limit)))
	case "slow another":
		err = unix.Setpriority(unix.PRIO_PROCESS, n, 19)
	case "place another":
		var one unix.CPUSet
		one.Set(0)
		err = unix.SchedSetaffinity(n, &one)
	case "mode":
		err = os.Chmod(arg, 0o777)
	case "owner":
		err = os.Lchown(arg, os.Getuid(), os.Getgid())
	case "time":
		err = os.Chtimes(arg, time.Unix(1, 0), time.Unix(1, 0))
	case "attribute":
		err = unix.Setxattr(arg, "user.x", []byte("x"), 0)
	case "mode by descriptor", "owner by descriptor", "times by descriptor", "attribute by descriptor", "flags by descriptor", "seal by descriptor":
		err = changeOpen(what, arg)
	case "newer than this":
		err = call(1000)
	case "look at mounts":
		err = call(unix.SYS_OPEN_TREE_ATTR, cwd, at)
	case "watch names":
		err = watchNames(arg)
	case "connect":
		_, err = net.Dial("unix", arg)
	case "send datagram":
		_, err = net.Dial("unixgram", arg)
	case "datagrams by pair":
		_, err = unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM, 0)
	case "fast open":
		return "", fastOpen(n)
	case "shared memory":
		_, err = unix.SysvShmGet(unix.IPC_PRIVATE, 4096, unix.IPC_CREAT|0o600)
	case "memory that no limit counts":
		_, err = unix.Mmap(-1, 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_ANON)
	case "file in memory":
		_, err = unix.MemfdCreate("x", 0)
	case "descriptors":
		return descriptors(), nil
	case "ptrace":
		err = call(unix.SYS_PTRACE, unix.PTRACE_ATTACH, uintptr(n))
	case "look into":
		err = call(unix.SYS_PROCESS_VM_READV, uintptr(n), here, 1, here, 1)
	case "unshare":
		err = unix.Unshare(unix.CLONE_NEWUSER)
	case "io_uring":
		err = call(unix.SYS_IO_URING_SETUP, 1, here)
	case "bpf":
		err = call(unix.SYS_BPF, 0, here, 64)
	case "keyring":
		err = call(unix.SYS_ADD_KEY, at, at, here, 1, 0)
	case "by handle":
		err = call(unix.SYS_NAME_TO_HANDLE_AT, cwd, at, here, here, 0)
	case "raise a limit":
		limit.Max = 1 << 40
		err = unix.Setrlimit(unix.RLIMIT_NOFILE, &limit)
	case "truncate":
		err = os.Truncate(arg, 0)
	case "link":
		err = os.Link(arg, filepath.Join(filepath.Dir(arg), "link"))
	case "remove":
		err = os.Remove(arg)
	case "make a device":
		err = unix.Mknod(arg, unix.S_IFCHR|0o666, 1<<8|3)
	default:
		return "no such attempt", nil
	}
	return "", err
}

// fork makes a process that ends at once.
func fork(flags uintptr) error {
	pid, _, errno := syscall.RawSyscall6(unix.SYS_CLONE, flags|uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
	if errno != 0 {
		return errno
	}
	if pid == 0 {
		_, _, _ = syscall.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0)
	}
	return nil
}

// become replaces the program, on a thread that the kernel would not kill with the host.
func become(program string) error {
	failed := make(chan error)
	for range 4 { // at most one of them is the process's first thread
		go func() {
			runtime.LockOSThread()
			failed <- syscall.Exec(program, []string{program, "sleep"}, nil)
		}()
	}
	return <-failed
}

// becomeMemory runs what no file rule is about.
func becomeMemory() error {
	fd, err := unix.MemfdCreate("x", 0)
	if err != nil {
		return err
	}
	return become(fmt.Sprintf("/proc/self/fd/%d", fd))
}

// changeOpen changes what is not in a file, which takes no right to write it.
func changeOpen(what, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	fd := int(f.Fd())
	switch what {
	case "mode by descriptor":
		return unix.Fchmod(fd, 0o777)
	case "owner by descriptor":
		return unix.Fchown(fd, os.Getuid(), os.Getgid())
	case "times by descriptor":
		_, _, errno := unix.Syscall6(unix.SYS_UTIMENSAT, uintptr(fd), 0, 0, 0, 0, 0)
		if errno != 0 {
			return errno
		}
		return nil
	case "attribute by descriptor":
		return unix.Fsetxattr(fd, "user.x", []byte("x"), 0)
	case "seal by descriptor":
		return unix.IoctlSetInt(fd, unix.FS_IOC_ENABLE_VERITY, 0)
	}
	return unix.IoctlSetPointerInt(fd, unix.FS_IOC_SETFLAGS, 0)
}

func watchNames(path string) error {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	_, err = unix.InotifyAddWatch(fd, path, unix.IN_CREATE)
	return err
}

// fastOpen connects with the first data, for which Linux does not ask Landlock.
func fastOpen(port int) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	return unix.Sendto(fd, []byte("x"), unix.MSG_FASTOPEN, &unix.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}})
}

// descriptors lists what is open, by what it is.
func descriptors() string {
	var open []string
	for fd := range 1024 {
		if to, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd)); err == nil {
			open = append(open, to)
		}
	}
	return strings.Join(open, "\n")
}

func TestHostileProgramStaysIn(t *testing.T) {
	dir := t.TempDir()
	file, socket, datagrams := filepath.Join(dir, "file"), filepath.Join(dir, "s"), filepath.Join(dir, "d")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	abstract, err := net.Listen("unix", "@"+filepath.Base(dir)+strconv.Itoa(os.Getpid()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = abstract.Close() }()
	d, err := net.ListenPacket("unixgram", datagrams)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(program)
	itself := filepath.Join(dir, "itself") // which nobody else runs, so that it could be written
	if err := errors.Join(err, os.WriteFile(itself, b, 0o700)); err != nil {
		t.Fatal(err)
	}
	c := thirdParty(t, itself)
	readable := filepath.Join(dir, "readable")
	if err := os.WriteFile(readable, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	c.Readable = []string{program, readable} // which includes to run it
	p := launch(t, c)
	needs(t, p, provider.PartFiles, provider.PartScope, provider.PartSyscalls, provider.PartProcesses)
	host := strconv.Itoa(os.Getpid())
	for _, attempt := range []string{
		"fork", "fork into namespaces", "clone3", "become " + program, "become from memory", "survive", "unshare",
		"bound another " + host, "slow another " + host, "place another " + host, "ptrace " + host, "look into " + host,
		"mode " + file, "owner " + file, "time " + file, "attribute " + file, "truncate " + file, "link " + file, "remove " + file,
		"mode by descriptor " + readable, "owner by descriptor " + readable, "times by descriptor " + readable,
		"attribute by descriptor " + readable, "flags by descriptor " + readable, "seal by descriptor " + readable,
		"mode by descriptor " + itself, "newer than this", "look at mounts " + dir,
		"make a device " + c.DataDir + "/device", "by handle " + file, "watch names " + dir,
		"connect " + socket, "connect " + abstract.Addr().String(), "send datagram " + datagrams, "datagrams by pair",
		"shared memory", "memory that no limit counts", "file in memory", "io_uring", "bpf", "keyring", "raise a limit",
		"write " + itself, "write /proc/self/mem", "read /proc/" + host + "/environ", "read /proc/" + host + "/cmdline",
	} {
		got := ask(t, p, attempt)
		if !slices.ContainsFunc([]string{"permission denied", "operation not permitted", "function not implemented", "text file busy", "cross-device"},
			func(refused string) bool { return strings.Contains(got, refused) }) {
			t.Errorf("%s: %s", attempt, got)
		}
	}
	if b, err := os.ReadFile(file); err != nil || string(b) != "x" {
		t.Errorf("the host's file: %q, %v", b, err)
	}
}

func TestProviderThatLeavesItsGroupIsEnded(t *testing.T) {
	p := launch(t, accepting(config(t, "serve-probe")))
	pid := p.PID()
	if got := ask(t, p, "leave the group "+strconv.Itoa(syscall.Getpgrp())); got != "ok" {
		t.Fatal("it cannot leave: " + got)
	}
	sigstop(t, pid)
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if !gone(pid) {
		t.Errorf("process %d is still there", pid)
	}
}

func TestProviderInheritsNothing(t *testing.T) {
	p := launch(t, accepting(config(t, "serve-probe")))
	for _, open := range strings.Split(ask(t, p, "descriptors"), "\n") {
		if strings.HasPrefix(open, "/") && open != "/dev/null" {
			t.Errorf("it has %s open", open)
		}
	}
}
