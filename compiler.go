package writ

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/writ-host/writ/host"
)

// maxCode bounds what a compiling child may answer, in bytes.
const maxCode = 2 << 30

// childCompiler compiles in children of this program, each of which dies when it
// overruns: compiling is work on bytes that nobody vouches for, by a compiler
// whose faults end its process.
type childCompiler struct {
	self   string // this program's file
	limits HostLimits
}

func newChildCompiler(limits HostLimits) (*childCompiler, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find the program's own file: %w", err)
	}
	return &childCompiler{self, limits}, nil
}

// Compile compiles a core module.
func (c *childCompiler) Compile(ctx context.Context, module []byte) ([]byte, error) {
	return c.run(ctx, compileChild, module)
}

// Check asks wasmtime's own component runtime about a component.
func (c *childCompiler) Check(ctx context.Context, component []byte) (refusal string, err error) {
	answer, err := c.run(ctx, checkChild, component)
	return string(answer), err
}

// run has a child do one piece of work.
func (c *childCompiler) run(ctx context.Context, child string, in []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, time.Duration(c.limits.CompileTime),
		fmt.Errorf("compiling took longer than limits.compile-time = %s", c.limits.CompileTime))
	defer cancel()
	cmd := exec.CommandContext(ctx, c.self, child, strconv.FormatUint(uint64(c.limits.CompileMemory), 10))
	cmd.Env = []string{}
	cmd.Stdin = bytes.NewReader(in)
	out, faults := &capped{limit: maxCode}, &capped{limit: 64 << 10}
	cmd.Stdout, cmd.Stderr = out, faults
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	// The child dies with the thread that started it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := cmd.Run(); err != nil {
		return nil, c.fault(ctx, err, faults.String())
	}
	return out.Bytes(), nil
}

// noMemory is what the library, the Go runtime and the kernel say of memory that
// there was none of.
var noMemory = regexp.MustCompile("memory allocation of [0-9]+ bytes failed|out of memory|annot allocate memory")

// fault says why a compiling child failed. One that could, says so in a line; one
// that was ended by an abort may have left the library's last words.
func (c *childCompiler) fault(ctx context.Context, err error, said string) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if noMemory.MatchString(said) {
		return fmt.Errorf("compiling took more memory than limits.compile-memory = %s", c.limits.CompileMemory)
	}
	line, more, _ := strings.Cut(strings.TrimSpace(said), "\n")
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 1 && line != "" {
		return fmt.Errorf("compile: %s", line)
	}
	reason, _, _ := strings.Cut(more, "\n")
	if said = strings.TrimSpace(line + " " + reason); said == "" {
		return fmt.Errorf("the compiler's process ended: %w", err)
	}
	return fmt.Errorf("the compiler's process ended: %w: %s", err, said)
}

// capped is a buffer that refuses to grow beyond its limit.
type capped struct {
	bytes.Buffer
	limit int
}

func (c *capped) Write(p []byte) (int, error) {
	if c.Len()+len(p) > c.limit {
		return 0, fmt.Errorf("more than %d bytes", c.limit)
	}
	return c.Buffer.Write(p)
}

// serveCompiler is what a child does: it limits itself, reads its input, and
// writes what the work makes of it. Memory is in bytes.
func serveCompiler(in io.Reader, out io.Writer, memory uint64, work func([]byte) ([]byte, error)) error {
	for resource, limit := range map[int]uint64{unix.RLIMIT_DATA: memory, unix.RLIMIT_CORE: 0} {
		if err := unix.Setrlimit(resource, &unix.Rlimit{Cur: limit, Max: limit}); err != nil {
			return fmt.Errorf("limit the compiler's process: %w", err)
		}
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("limit the compiler's process: %w", err)
	}
	input, err := io.ReadAll(in)
	if err != nil {
		return fmt.Errorf("read what to compile: %w", err)
	}
	made, err := work(input)
	if err != nil {
		return err
	}
	_, err = out.Write(made)
	return err
}

func compileModule(module []byte) ([]byte, error) {
	e, err := host.NewEngine(host.Config{Instances: 1})
	if err != nil {
		return nil, err
	}
	return e.Precompile(module)
}

func checkComponent(component []byte) ([]byte, error) {
	return []byte(host.Check(component)), nil
}
