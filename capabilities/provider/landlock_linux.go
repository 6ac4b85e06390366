package provider

import (
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Rights on files, by what may be done with them.
const (
	rightsRead = unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_READ_DIR
	rightsRun  = rightsRead | unix.LANDLOCK_ACCESS_FS_EXECUTE
	rightsFile = unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_TRUNCATE |
		unix.LANDLOCK_ACCESS_FS_EXECUTE // what a rule on a file, not a directory, can have
	rightsWrite = rightsRead | unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_TRUNCATE |
		unix.LANDLOCK_ACCESS_FS_REMOVE_DIR | unix.LANDLOCK_ACCESS_FS_REMOVE_FILE |
		unix.LANDLOCK_ACCESS_FS_MAKE_DIR | unix.LANDLOCK_ACCESS_FS_MAKE_REG | unix.LANDLOCK_ACCESS_FS_MAKE_SOCK |
		unix.LANDLOCK_ACCESS_FS_MAKE_FIFO | unix.LANDLOCK_ACCESS_FS_REFER
)

// systemFiles is what dynamically linked programs read to start. None of it is
// the user's.
var systemFiles = []string{"/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/etc/ld.so.cache"}

// rightsOf is all rights on files that a version of Landlock knows.
func rightsOf(abi int) uint64 {
	switch {
	case abi >= 5:
		return 1<<16 - 1 // with IOCTL_DEV
	case abi >= 3:
		return 1<<15 - 1 // with TRUNCATE
	case abi == 2:
		return 1<<14 - 1 // with REFER
	default:
		return 1<<13 - 1
	}
}

// landlock applies the file, network and scope parts.
func (s *stage) landlock(i *Isolation) {
	abi, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 {
		abi = 0
	}
	i.LandlockABI = int(abi)
	err := errors.New("the kernel has no Landlock")
	if abi >= 1 {
		err = s.confine(int(abi))
	}
	i.note(PartFiles, err)
	i.note(PartNetwork, needsABI(int(abi), 4, err))
	i.note(PartScope, needsABI(int(abi), 6, err))
}

func needsABI(abi, need int, err error) error {
	if err == nil && abi < need {
		return fmt.Errorf("the kernel's Landlock is version %d, and this takes %d", abi, need)
	}
	return err
}

func (s *stage) confine(abi int) error {
	attr := unix.LandlockRulesetAttr{Handled_access_fs: rightsOf(abi)}
	if abi >= 4 {
		attr.Handled_access_net = s.Network.handled()
	}
	if abi >= 6 {
		attr.Scoped = unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | unix.LANDLOCK_SCOPE_SIGNAL
	}
	fd, err := createRuleset(attr, abi)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	if err := s.rules(fd, attr.Handled_access_fs); err != nil {
		return err
	}
	if abi >= 4 {
		if err := s.Network.rules(fd); err != nil {
			return err
		}
	}
	if _, _, errno := unix.Syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, uintptr(fd), 0, 0); errno != 0 {
		return fmt.Errorf("restrict self: %w", errno)
	}
	return nil
}

// handled are the rights that only rules give.
func (n Network) handled() uint64 {
	if n.Connect && len(n.Ports) == 0 {
		return unix.LANDLOCK_ACCESS_NET_BIND_TCP
	}
	return unix.LANDLOCK_ACCESS_NET_BIND_TCP | unix.LANDLOCK_ACCESS_NET_CONNECT_TCP
}

// rules allows the ports.
func (n Network) rules(ruleset int) error {
	if !n.Connect {
		return nil
	}
	for _, port := range n.Ports {
		attr := landlockNetPort{access: unix.LANDLOCK_ACCESS_NET_CONNECT_TCP, port: uint64(port)}
		_, _, errno := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(ruleset), ruleNetPort, uintptr(unsafe.Pointer(&attr)), 0, 0, 0)
		if errno != 0 {
			return fmt.Errorf("allow port %d: %w", port, errno)
		}
	}
	return nil
}

// landlockNetPort is struct landlock_net_port_attr, and ruleNetPort its type of rule.
type landlockNetPort struct{ access, port uint64 }

const ruleNetPort = 2

// createRuleset passes as much of the attributes as the kernel's version has.
func createRuleset(attr unix.LandlockRulesetAttr, abi int) (int, error) {
	size := unsafe.Sizeof(attr.Handled_access_fs)
	if abi >= 4 {
		size += unsafe.Sizeof(attr.Handled_access_net)
	}
	if abi >= 6 {
		size += unsafe.Sizeof(attr.Scoped)
	}
	fd, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&attr)), size, 0)
	if errno != 0 {
		return -1, fmt.Errorf("create ruleset: %w", errno)
	}
	return int(fd), nil
}

// rules allows what the provider was given, and what it takes to start.
func (s *stage) rules(ruleset int, known uint64) error {
	if err := allow(ruleset, programFD, known&(unix.LANDLOCK_ACCESS_FS_EXECUTE|unix.LANDLOCK_ACCESS_FS_READ_FILE)); err != nil {
		return fmt.Errorf("allow program: %w", err)
	}
	for _, p := range s.Writable {
		if err := allowPath(ruleset, p, known&rightsWrite); err != nil {
			return err
		}
	}
	for _, p := range s.Readable {
		if err := allowPath(ruleset, p, known&rightsRun); err != nil {
			return err
		}
	}
	for _, p := range systemFiles {
		if err := allowPath(ruleset, p, known&rightsRun); err != nil && !errors.Is(err, unix.ENOENT) {
			return err
		}
	}
	return nil
}

func allowPath(ruleset int, path string, rights uint64) error {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("allow %s: %w", path, err)
	}
	defer func() { _ = unix.Close(fd) }()
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return fmt.Errorf("allow %s: %w", path, err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		rights &= rightsFile
	}
	if err := allow(ruleset, fd, rights); err != nil {
		return fmt.Errorf("allow %s: %w", path, err)
	}
	return nil
}

func allow(ruleset, fd int, rights uint64) error {
	attr := unix.LandlockPathBeneathAttr{Allowed_access: rights, Parent_fd: int32(fd)}
	_, _, errno := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(ruleset), unix.LANDLOCK_RULE_PATH_BENEATH,
		uintptr(unsafe.Pointer(&attr)), 0, 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}
