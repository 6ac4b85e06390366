package writ_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// program is a WASI program in C (conformance/guests/command), made for preview
// 1 and wrapped by the adapter: the first argument says what it does.
const program = "testdata/command.wasm"

// writBinary builds writ, once for all tests.
var writBinary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "writ-test-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "writ")
	out, err := exec.Command("go", "build", "-o", path, "./cmd/writ").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build writ: %w\n%s", err, out)
	}
	return path, nil
})

// runCommand is writ run with arguments; the cache of compiled code is shared.
func runCommand(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	path, err := writBinary()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	c := exec.CommandContext(ctx, path, append([]string{"run"}, args...)...)
	c.Env = []string{"XDG_CACHE_HOME=" + filepath.Join(filepath.Dir(path), "cache"), "FROM_OUTSIDE=outside", "HOME=/nonexistent"}
	return c
}

// outcome runs a command with an input and returns what came of it.
func outcome(t *testing.T, c *exec.Cmd, input string) (code int, out, errs string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	c.Stdin, c.Stdout, c.Stderr = strings.NewReader(input), &stdout, &stderr
	return exitOf(t, c.Run()), stdout.String(), stderr.String()
}

func exitOf(t *testing.T, err error) int {
	t.Helper()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit) && exit.ExitCode() >= 0:
		return exit.ExitCode()
	}
	t.Fatal(err)
	return 0
}

func TestRunAProgram(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file"), []byte("content\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	mapped, readOnly := "--dir="+dir+"::/d", "--dir="+dir+"::/d:ro"
	long := strings.Repeat("0123456789abcdef\n", 40_000)
	for _, c := range []struct {
		args     []string
		input    string
		code     int
		out, err string // err is a part of it
	}{
		{[]string{program, "args", "-x", "--dir", "a b"}, "", 0, "command.wasm\nargs\n-x\n--dir\na b\n", ""},
		{[]string{program, "copy"}, long, 0, long, ""},
		{[]string{program, "exit", "0"}, "", 0, "", ""},
		{[]string{program, "exit", "1"}, "", 1, "", ""},
		{[]string{program, "trap"}, "", 134, "", "the program was ended"},
		{[]string{"--timeout=200ms", program, "spin"}, "", 124, "", "longer than its limit"},
		{[]string{"--timeout=200ms", program, "sleep", "60000"}, "", 124, "", "longer than its limit"},
		{[]string{"--env=A=1=2", program, "env", "A"}, "", 0, "1=2\n", ""},
		{[]string{"--env=FROM_OUTSIDE", program, "env", "FROM_OUTSIDE"}, "", 0, "outside\n", ""},
		{[]string{program, "env", "FROM_OUTSIDE"}, "", 1, "", ""},
		{[]string{program, "tty"}, "", 0, "000\n", ""},
		{[]string{"--clock=2026-01-02T03:04:05Z", program, "time"}, "", 0, "1767323045\n", ""},
		{[]string{mapped, program, "cat", "/d/file"}, "", 0, "content\n", ""},
		{[]string{mapped, program, "cat", "/d/link"}, "", 1, "", "Operation not permitted"},
		{[]string{mapped, program, "cat", "/d/../file"}, "", 1, "", ": "},
		{[]string{program, "cat", "/d/file"}, "", 1, "", "/d/file: "},
		{[]string{readOnly, program, "put", "/d/file", "x"}, "", 1, "", "Read-only file system"},
		{[]string{readOnly, program, "truncate", "/d/file", "0"}, "", 1, "", "Read-only file system"},
		{[]string{readOnly, program, "rm", "/d/file"}, "", 1, "", "Read-only file system"},
		{[]string{readOnly, program, "cat", "/d/file"}, "", 0, "content\n", ""},
		{[]string{mapped, program, "mkdir", "/d/new"}, "", 0, "", ""},
		{[]string{mapped, program, "put", "/d/new/a", "some text"}, "", 0, "", ""},
		{[]string{mapped, program, "append", "/d/new/a", " more"}, "", 0, "", ""},
		{[]string{mapped, program, "mv", "/d/new/a", "/d/new/b"}, "", 0, "", ""},
		{[]string{mapped, program, "ln-s", "b", "/d/new/c"}, "", 0, "", ""},
		{[]string{mapped, program, "cat", "/d/new/c"}, "", 0, "some text more", ""},
		{[]string{mapped, program, "truncate", "/d/new/b", "4"}, "", 0, "", ""},
		{[]string{mapped, program, "stat", "/d/new/b"}, "", 0, "file 4\n", ""},
		{[]string{mapped, program, "rmdir", "/d/new"}, "", 1, "", "not empty"},
		{[]string{mapped, program, "rm", "/d/new/c"}, "", 0, "", ""},
		{[]string{mapped, program, "ls", "/d/new"}, "", 0, "b\n", ""},
		{[]string{"nothing.wasm"}, "", 1, "", "no such file"},
		{[]string{"--dir=" + dir + "/nothing", program}, "", 1, "", "--dir"},
		{[]string{"--grant=tcp tcp://localhost:1", program}, "", 1, "", "--grant"},
		{[]string{"--grant=tcp tcp://localhost:1 fly", program}, "", 1, "", "command line"},
		{[]string{"testdata/small.wasm"}, "", 1, "", "is not a command"},
	} {
		code, out, errs := outcome(t, runCommand(t, c.args...), c.input)
		if code != c.code || out != c.out || !strings.Contains(errs, c.err) {
			t.Errorf("writ run %q: exit %d, want %d; output %.100q, want %.100q; errors %q", c.args, code, c.code, out, c.out, errs)
		}
	}
}

func TestRunIsRepeatableWithASeed(t *testing.T) {
	numbers := map[string]int{}
	for _, seed := range []string{"--seed=x", "--seed=x", "--seed=y", "--seed="} {
		code, out, errs := outcome(t, runCommand(t, seed, program, "random"), "")
		if code != 0 || len(out) != 17 {
			t.Fatalf("%s: exit %d, %q, %s", seed, code, out, errs)
		}
		numbers[out]++
	}
	if len(numbers) != 3 {
		t.Errorf("numbers were %v", numbers)
	}
}

// A denial in the app's policy wins over what the command line grants.
func TestDenialWinsOverTheCommandLine(t *testing.T) {
	dir := t.TempDir()
	b, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"command.wasm": string(b), "data/open": "open", "data/secret": "secret",
		"grants.json": `{"denials": [
			{"id": "no-secret", "capability": "file", "resource": "file:///**/secret", "operations": ["*"]},
			{"id": "no-random", "capability": "random", "resource": "random:*", "operations": ["*"]}]}`,
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	component, mapped := filepath.Join(dir, "command.wasm"), "--dir="+filepath.Join(dir, "data")+"::/d"
	if code, out, errs := outcome(t, runCommand(t, mapped, component, "cat", "/d/open"), ""); code != 0 || out != "open" {
		t.Errorf("what is not denied: exit %d, %q, %s", code, out, errs)
	}
	code, out, errs := outcome(t, runCommand(t, mapped, component, "cat", "/d/secret"), "")
	if code != 1 || out != "" || !strings.Contains(errs, "Permission denied") {
		t.Errorf("what is denied: exit %d, %q, %s", code, out, errs)
	}
	if code, _, errs := outcome(t, runCommand(t, component, "random"), ""); code != 134 || !strings.Contains(errs, "denied by policy") {
		t.Errorf("random numbers: exit %d, %s", code, errs)
	}
	if _, err := os.Stat(filepath.Join(dir, ".writ", "kv")); err == nil {
		t.Error("a provider was started for a program that imports none")
	}
}

// Input and output stream: what the program answers arrives while it still reads.
func TestRunStreamsBothWays(t *testing.T) {
	c := runCommand(t, program, "upper")
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	for _, text := range []string{"one\n", "two\n", "three\n"} {
		if _, err := io.WriteString(in, text); err != nil {
			t.Fatal(err)
		}
		if got, err := lines.ReadString('\n'); got != strings.ToUpper(text) {
			t.Fatalf("answer to %q: %q, %v", text, got, err)
		}
	}
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); err != nil {
		t.Error(err)
	}
}

func TestSignalsEndTheProgram(t *testing.T) {
	for signal, want := range map[syscall.Signal]int{syscall.SIGINT: 130, syscall.SIGTERM: 143} {
		for _, verb := range []string{"spin", "upper"} {
			c := runCommand(t, program, "upper") // compiles, when nothing did
			if code, _, errs := outcome(t, c, ""); code != 0 {
				t.Fatalf("exit %d, %s", code, errs)
			}
			c = runCommand(t, program, verb)
			in, err := c.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(500 * time.Millisecond)
			if err := c.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			if code := exitOf(t, c.Wait()); code != want {
				t.Errorf("%v during %s: exit %d, want %d", signal, verb, code, want)
			}
			_ = in.Close()
		}
	}
}

func TestTerminal(t *testing.T) {
	control, terminal := openTerminal(t)
	c := runCommand(t, program, "tty")
	c.Stdin, c.Stdout, c.Stderr = terminal, terminal, terminal
	if err := c.Run(); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 4096)
	n, err := control.Read(b)
	if err != nil || !strings.Contains(string(b[:n]), "111") {
		t.Errorf("on a terminal: %q, %v", b[:n], err)
	}
}

// openTerminal makes a terminal and the end that plays the person at it.
func openTerminal(t *testing.T) (control, terminal *os.File) {
	t.Helper()
	control, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("needs pseudo terminals: mount devpts at /dev/pts (%v)", err)
	}
	t.Cleanup(func() { _ = control.Close() })
	if err := unix.IoctlSetPointerInt(int(control.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(control.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = terminal.Close() })
	return control, terminal
}
