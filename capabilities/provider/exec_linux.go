package provider

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// Exec is the launcher stage: the host's own program run once more, which locks
// itself in as its one argument says and then becomes the provider's program.
// It returns only when that failed. Whoever embeds [Launch] calls it with the
// arguments that follow [Config.Launcher].
func Exec(args []string) error {
	runtime.LockOSThread() // what follows is the thread's, and the program inherits it
	report := os.NewFile(reportFD, "report")
	unix.CloseOnExec(reportFD)
	isolation, err := lockIn(args, report)
	if err != nil {
		_ = json.NewEncoder(report).Encode(stageReport{Isolation: isolation, Error: err.Error()})
	}
	return err
}

func lockIn(args []string, report *os.File) (Isolation, error) {
	var i Isolation
	if len(args) != 1 {
		return i, errors.New("the launcher stage takes one argument")
	}
	var s stage
	if err := json.Unmarshal([]byte(args[0]), &s); err != nil {
		return i, fmt.Errorf("read stage: %w", err)
	}
	if len(s.Args) == 0 {
		return i, errors.New("read stage: no arguments for the program")
	}
	watched := s.restrict(&i)
	if err := i.refuse(s.Accept); err != nil {
		return i, err
	}
	if !s.Script {
		unix.CloseOnExec(programFD)
	}
	if err := tell(report, stageReport{Isolation: i}, watched); err != nil {
		return i, fmt.Errorf("report isolation: %w", err)
	}
	err := syscall.Exec(fmt.Sprintf("/proc/self/fd/%d", programFD), s.Args, os.Environ())
	return i, fmt.Errorf("start program: %w", err)
}

// tell sends a report, and with it a descriptor of whoever says yes to exec, if
// there is one. This program keeps none: with no host to ask, exec fails.
func tell(report *os.File, r stageReport, watched int) error {
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	var rights []byte
	if watched >= 0 {
		rights = unix.UnixRights(watched)
		defer func() { _ = unix.Close(watched) }()
	}
	return unix.Sendmsg(int(report.Fd()), b, rights, nil, 0)
}

// restrict applies each part, and notes what is active. Later parts take away
// what earlier ones need. It returns the descriptor of [watchExec], or -1.
func (s *stage) restrict(i *Isolation) (watched int) {
	i.note(PartParent, dieWith(s.Parent))
	i.note(PartPrivileges, unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
	i.note(PartLimits, s.Limits.apply())
	s.landlock(i)
	i.note(PartCaps, dropCapabilities())
	err := filterSyscalls(s.Network.Connect)
	i.note(PartSyscalls, err)
	watched = -1
	if err == nil {
		watched, err = watchExec()
	}
	i.note(PartProcesses, err)
	return watched
}

// dieWith has the kernel kill this process when its parent dies. The thread
// that starts the program needs it: it does not pass from thread to thread.
func dieWith(parent int) error {
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
		return err
	}
	if os.Getppid() != parent {
		os.Exit(1) // it died before that
	}
	return nil
}

func (l Limits) apply() error {
	limits := []struct {
		resource int
		value    uint64
	}{
		{unix.RLIMIT_CORE, 0}, {unix.RLIMIT_NOFILE, l.OpenFiles}, {unix.RLIMIT_DATA, l.Memory},
		{unix.RLIMIT_FSIZE, l.FileSize}, {unix.RLIMIT_AS, l.AddressRoom},
	}
	for _, r := range limits {
		if r.value == 0 && r.resource != unix.RLIMIT_CORE {
			continue
		}
		if err := setLimit(r.resource, r.value); err != nil {
			return err
		}
	}
	return nil
}

// setLimit lowers a limit, soft and hard; a lower one stays.
func setLimit(resource int, value uint64) error {
	var now unix.Rlimit
	if err := unix.Getrlimit(resource, &now); err != nil {
		return err
	}
	value = min(value, now.Max)
	return syscall.Setrlimit(resource, &syscall.Rlimit{Cur: value, Max: value})
}

// dropCapabilities leaves none, now and after any exec, to root either.
func dropCapabilities() error {
	for c := uintptr(0); c <= 63; c++ {
		err := unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0)
		if errors.Is(err, unix.EINVAL) {
			break // there are no more
		}
		if errors.Is(err, unix.EPERM) {
			break // nothing to drop them with, so there are none to gain under no_new_privs
		}
		if err != nil {
			return err
		}
	}
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil && !errors.Is(err, unix.EINVAL) {
		return err
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var none [2]unix.CapUserData
	return unix.Capset(&header, &none[0])
}
