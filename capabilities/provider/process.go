package provider

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin/runner"
	"golang.org/x/sys/unix"
)

// self is the program that runs, whatever its path names by now.
const self = "/proc/self/exe"

// process is one run of a provider's program. It implements runner.Runner, by
// which go-plugin starts, watches and ends it.
type process struct {
	config    *Config
	socketDir string
	env       []string
	isolation Isolation

	cmd            *exec.Cmd
	stdin          *os.File // held open: its end tells the provider that the host is gone
	stdout, stderr *os.File
	said           *tail         // of stderr
	exited         chan struct{} // closed when the program has ended and was waited for
	err            error         // how it ended, once exited
}

var _ runner.Runner = (*process)(nil)

// newProcess is what go-plugin calls to make a runner; cmd has the variables
// that its own end needs, and nothing else.
func (c *Config) newProcess(_ hclog.Logger, cmd *exec.Cmd, socketDir string) (*process, error) {
	return &process{config: c, socketDir: socketDir, env: cmd.Env, exited: make(chan struct{})}, nil
}

// Start implements runner.Runner: it starts the launcher stage, and returns
// when that has become the provider's program.
func (p *process) Start(context.Context) error {
	program, script, err := p.config.openProgram()
	if err != nil {
		return err
	}
	defer func() { _ = program.Close() }()
	report, reportEnd, err := reportPair()
	if err != nil {
		return err
	}
	defer func() { _ = report.Close() }()
	err = p.spawn(program, reportEnd, script)
	_ = reportEnd.Close()
	if err != nil {
		return fmt.Errorf("start launcher: %w", err)
	}
	if err := p.readReport(report); err != nil {
		_ = p.Kill(context.Background())
		return err
	}
	return nil
}

// openProgram opens the program and checks that it is the pinned one. What was
// checked is what is started: the open file, not its path.
func (c *Config) openProgram() (f *os.File, script bool, err error) {
	path := c.Path
	if path == "" {
		path = self
	}
	if f, err = os.Open(path); err != nil {
		return nil, false, fmt.Errorf("open program: %w", err)
	}
	if c.Path != "" {
		err = pinned(f, c.SHA256)
	}
	var magic [2]byte
	if err == nil {
		_, err = f.ReadAt(magic[:], 0)
	}
	if err != nil {
		_ = f.Close()
		return nil, false, fmt.Errorf("check program %s: %w", path, err)
	}
	return f, string(magic[:]) == "#!", nil
}

func pinned(f *os.File, want string) error {
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return err
	}
	if have := hex.EncodeToString(h.Sum(nil)); !strings.EqualFold(have, want) {
		return fmt.Errorf("its SHA-256 is %s, and the configuration pins %s", have, want)
	}
	return nil
}

// spawn starts the launcher stage. The kernel kills a child when the thread
// that made it ends, so the thread that starts it also waits for it.
func (p *process) spawn(program, report *os.File, script bool) error {
	cmd, ends, err := p.command(program, report, script)
	if err != nil {
		return err
	}
	p.cmd = cmd
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		closeAll(ends)
		started <- err
		if err == nil {
			p.err = cmd.Wait()
			p.ended()
		}
	}()
	return <-started
}

// ended cleans up after the program: what it started goes with it, and nobody
// waits for what such a child might still write.
func (p *process) ended() {
	p.killGroup()
	deadline := time.Now().Add(200 * time.Millisecond)
	_ = p.stdout.SetReadDeadline(deadline)
	_ = p.stderr.SetReadDeadline(deadline)
	_ = p.stdin.Close()
	close(p.exited)
}

// command is the launcher stage with its descriptors. ends are those that only
// the child keeps.
func (p *process) command(program, report *os.File, script bool) (_ *exec.Cmd, ends []*os.File, err error) {
	arg, err := json.Marshal(p.config.stage(p.socketDir, script))
	if err != nil {
		return nil, nil, err
	}
	cmd := exec.Command(self, append(p.config.Launcher, string(arg))...)
	cmd.Env = p.env
	cmd.Dir = "/"
	cmd.ExtraFiles = []*os.File{program, report} // programFD, reportFD
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}

	var all []*os.File
	for range 3 {
		r, w, err := os.Pipe()
		if err != nil {
			closeAll(all)
			return nil, nil, err
		}
		all = append(all, r, w)
	}
	cmd.Stdin, p.stdin = all[0], all[1]
	p.stdout, cmd.Stdout = all[2], all[3]
	p.stderr, cmd.Stderr = all[4], all[5]
	p.said = newTail(p.stderr)
	go logLines(p.said, p.config.Log)
	return cmd, []*os.File{all[0], all[3], all[5]}, nil
}

func closeAll(files []*os.File) {
	for _, f := range files {
		_ = f.Close()
	}
}

// reportPair is where the launcher stage reports, with descriptors if it has some.
func reportPair() (*net.UnixConn, *os.File, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("make a pair of sockets: %w", err)
	}
	mine, other := os.NewFile(uintptr(fds[0]), "report"), os.NewFile(uintptr(fds[1]), "report")
	conn, err := net.FileConn(mine)
	_ = mine.Close() // conn has a descriptor of its own
	if err == nil {
		if c, ok := conn.(*net.UnixConn); ok {
			return c, other, nil
		}
		err = errors.New("it is of another kind")
	}
	return nil, nil, errors.Join(fmt.Errorf("take a pair of sockets: %w", err), other.Close())
}

// readReport waits for the launcher stage to have become the program.
func (p *process) readReport(r *net.UnixConn) error {
	text, err := p.hearReport(r)
	if err != nil {
		return fmt.Errorf("read the launcher's report: %w", err)
	}
	var last stageReport
	d := json.NewDecoder(bytes.NewReader(text))
	for err == nil {
		err = d.Decode(&last)
	}
	switch {
	case len(text) == 0:
		return errors.New("the launcher stage ended without a report: " + strings.Join(p.config.Launcher, " ") +
			" must lead to provider.Exec")
	case !errors.Is(err, io.EOF):
		return fmt.Errorf("read the launcher's report: %w", err)
	}
	p.isolation = last.Isolation
	if last.Error != "" {
		return errors.New(last.Error)
	}
	p.isolation.note(PartPinned, nil)
	p.isolation.note(PartMutualTLS, nil)
	return nil
}

// hearReport reads until the launcher stage is another program. A descriptor
// that comes with it is of who has to be asked before that.
func (p *process) hearReport(r *net.UnixConn) (text []byte, err error) {
	if err := r.SetReadDeadline(time.Now().Add(p.config.StartTimeout)); err != nil {
		return nil, err
	}
	raw, err := r.SyscallConn()
	if err != nil {
		return nil, err
	}
	part, rights := make([]byte, 4<<10), make([]byte, unix.CmsgSpace(4))
	for len(text) < maxReport {
		n, m, _, _, err := r.ReadMsgUnix(part, rights)
		if err == nil && n == 0 || errors.Is(err, io.EOF) {
			return text, nil
		}
		if err != nil {
			return nil, err
		}
		text = append(text, part[:n]...)
		if listener := received(rights[:m]); listener != nil {
			go permitExec(listener, raw, p.config.StartTimeout)
		}
	}
	return nil, fmt.Errorf("it is longer than %d bytes", maxReport)
}

// maxReport bounds what a launcher stage reports, in bytes.
const maxReport = 64 << 10

// received is the descriptor that came with a message, or nil.
func received(rights []byte) *os.File {
	messages, err := unix.ParseSocketControlMessage(rights)
	if err != nil || len(messages) == 0 {
		return nil
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(fds) == 0 {
		return nil
	}
	return os.NewFile(uintptr(fds[0]), "exec")
}

// Diagnose implements runner.Runner.
func (p *process) Diagnose(context.Context) string {
	select {
	case <-p.exited:
		if p.err != nil {
			return "it ended: " + p.err.Error()
		}
		return "it ended"
	case <-time.After(100 * time.Millisecond):
		return "it runs"
	}
}

// Stdout implements runner.Runner.
func (p *process) Stdout() io.ReadCloser { return &paced{ReadCloser: p.stdout} }

// Stderr implements runner.Runner. What the program says is taken elsewhere.
func (p *process) Stderr() io.ReadCloser { return silence{p.said.over} }

// Name implements runner.Runner.
func (p *process) Name() string { return p.config.Name }

// Wait implements runner.Runner.
func (p *process) Wait(context.Context) error {
	<-p.exited
	_ = p.stdout.Close()
	_ = p.stderr.Close()
	return p.err
}

// Kill implements runner.Runner.
func (p *process) Kill(context.Context) error {
	select {
	case <-p.exited: // its number may be another's by now
	default:
		p.killGroup()
		if p.cmd != nil && p.cmd.Process != nil {
			_ = p.cmd.Process.Kill() // it may have left its group; that it ended is what is wanted
		}
	}
	return nil
}

// killGroup kills the program and all that it started.
func (p *process) killGroup() {
	if pid := p.pid(); pid > 0 {
		_ = syscall.Kill(-pid, syscall.SIGKILL) // no such group is what is wanted
	}
}

func (p *process) pid() int {
	if p.cmd == nil || p.cmd.Process == nil {
		return 0
	}
	return p.cmd.Process.Pid
}

// ID implements runner.Runner.
func (p *process) ID() string { return strconv.Itoa(p.pid()) }

// PluginToHost implements runner.Runner: only a socket in the private
// directory is dialled, whatever the provider says.
func (p *process) PluginToHost(network, address string) (string, string, error) {
	if network != "unix" || !strings.HasPrefix(address, p.socketDir+"/") || strings.Contains(address, "..") {
		return "", "", fmt.Errorf("the provider offers %s %q, and only a unix socket in %s is taken", network, address, p.socketDir)
	}
	return network, address, nil
}

// HostToPlugin implements runner.Runner.
func (p *process) HostToPlugin(network, address string) (string, string, error) {
	return network, address, nil
}
