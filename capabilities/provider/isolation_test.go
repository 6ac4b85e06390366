package provider_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/writ-host/writ/capabilities/provider"
)

// needs skips a test of a part that this kernel lacks.
func needs(t *testing.T, p *provider.Provider, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !p.Isolation().Has(part) {
			t.Skipf("this kernel has no isolation of %s: %s", part, p.Isolation())
		}
	}
}

// accepting lets a test run on a kernel that lacks what it is not about.
func accepting(c provider.Config) provider.Config {
	c.Accept = []string{provider.PartFiles, provider.PartNetwork, provider.PartScope, provider.PartSyscalls, provider.PartProcesses}
	return c
}

func ask(t *testing.T, p *provider.Provider, key string) string {
	t.Helper()
	e, err := p.KeyValue().Get(context.Background(), at, key)
	if err != nil {
		t.Fatalf("%s: %v", key, err)
	}
	return string(e.Value)
}

func TestProviderReachesOnlyWhatItWasGiven(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "secret")
	readable := filepath.Join(t.TempDir(), "readable")
	for _, f := range []string{outside, readable} {
		if err := os.WriteFile(f, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c := accepting(config(t, "serve-probe"))
	c.Readable = []string{readable}
	p := launch(t, c)
	needs(t, p, provider.PartFiles, provider.PartNetwork, provider.PartScope, provider.PartSyscalls, provider.PartProcesses)
	tests := []struct{ attempt, want string }{
		{"read " + outside, "permission denied"},
		{"read /etc/passwd", "permission denied"},
		{"read /proc/self/environ", "permission denied"},
		{"list /", "permission denied"},
		{"list " + filepath.Dir(c.DataDir), "permission denied"},
		{"write " + outside, "permission denied"},
		{"write " + filepath.Dir(c.DataDir) + "/new", "permission denied"},
		{"write " + readable, "permission denied"},
		{"run /bin/true", "operation not permitted"},
		{"dial 127.0.0.1:1", "permission denied"},
		{"udp 127.0.0.1:1", "permission denied"},
		{"listen 127.0.0.1:0", "permission denied"},
		{"signal " + strconv.Itoa(os.Getpid()), "operation not permitted"},
		{"mount " + c.DataDir, "operation not permitted"},
	}
	for _, test := range tests {
		if got := ask(t, p, test.attempt); !strings.Contains(got, test.want) {
			t.Errorf("%s: %s, want %s", test.attempt, got, test.want)
		}
	}
	for _, allowed := range []string{"read " + readable, "write " + c.DataDir + "/f", "read " + c.DataDir + "/f", "list " + c.DataDir} {
		if got := ask(t, p, allowed); got != "ok" {
			t.Errorf("%s: %s", allowed, got)
		}
	}
}

func TestProviderHasNoPrivileges(t *testing.T) {
	c := accepting(config(t, "serve-probe"))
	c.Limits = provider.Limits{OpenFiles: 77, Memory: 1 << 29}
	p := launch(t, c)
	tests := []struct{ attempt, want string }{
		{"status", "1 ok"},
		{"capabilities", "0 ok"},
		{"limit " + strconv.Itoa(syscall.RLIMIT_NOFILE), "77"},
		{"limit " + strconv.Itoa(syscall.RLIMIT_CORE), "0"},
		{"limit " + strconv.Itoa(syscall.RLIMIT_DATA), strconv.Itoa(1 << 29)},
		{"group", strconv.Itoa(p.PID())},
	}
	for _, test := range tests {
		if got := ask(t, p, test.attempt); got != test.want {
			t.Errorf("%s: %s, want %s", test.attempt, got, test.want)
		}
	}
}

func TestProviderHasNoEnvironment(t *testing.T) {
	t.Setenv("SECRET", "x")
	p := launch(t, accepting(config(t, "serve-probe")))
	inCertificate := false
	for _, line := range strings.Split(ask(t, p, "env"), "\n") {
		inCertificate = inCertificate && line != "" || strings.HasPrefix(line, "PLUGIN_CLIENT_CERT=")
		if name, _, _ := strings.Cut(line, "="); !inCertificate && line != "" && !strings.HasPrefix(name, "PLUGIN_") && name != "WRIT_PROVIDER" {
			t.Errorf("it has %s", line)
		}
	}
}

func TestSocketIsPrivate(t *testing.T) {
	p := launch(t, accepting(config(t, "serve-probe")))
	info, err := os.Stat(provider.SocketRoot(p))
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the sockets' directory: %v, %v", info.Mode(), err)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(provider.SocketRoot(p)); !os.IsNotExist(err) {
		t.Errorf("the sockets' directory is still there: %v", err)
	}
}

func TestProgramIsPinned(t *testing.T) {
	c := accepting(config(t, "serve-probe"))
	c.Path, c.SHA256 = "/bin/true", strings.Repeat("0", 64)
	_, err := provider.Launch(context.Background(), c)
	if err == nil || !strings.Contains(err.Error(), "the configuration pins 000") {
		t.Errorf("launched a program that is not the pinned one: %v", err)
	}
}

// thirdParty is a program of its own, pinned.
func thirdParty(t *testing.T, path string) provider.Config {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	c := accepting(config(t, "serve-probe"))
	sum := sha256.Sum256(b)
	c.Path, c.SHA256 = path, hex.EncodeToString(sum[:])
	return c
}

func TestPinnedProgram(t *testing.T) {
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := launch(t, thirdParty(t, path))
	if got := ask(t, p, "read "+path); got != "ok" {
		t.Errorf("its own program: %s", got)
	}
}

func TestPinnedScript(t *testing.T) {
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	script := filepath.Join(t.TempDir(), "provider")
	if err := os.WriteFile(script, []byte("#!"+program+" serve-probe\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	c := thirdParty(t, script)
	if p, err := provider.Launch(context.Background(), c); err == nil {
		if p.Isolation().Has(provider.PartFiles) {
			t.Error("it ran without being given its interpreter")
		}
		_ = p.Close()
	}
	c.Readable = []string{program}
	p := launch(t, c)
	if got := ask(t, p, "read "+script); got != "ok" {
		t.Errorf("its own script: %s", got)
	}
	if got := ask(t, p, "read /etc/passwd"); p.Isolation().Has(provider.PartFiles) && got == "ok" {
		t.Error("it reads /etc/passwd")
	}
}

func TestScriptBecomesNothingElse(t *testing.T) {
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	script := filepath.Join(t.TempDir(), "provider")
	if err := os.WriteFile(script, []byte("#!/bin/sh\nexec "+program+" \"$@\"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	c := thirdParty(t, script)
	c.Readable = []string{"/bin/sh", program}
	p, err := provider.Launch(context.Background(), c)
	if err != nil {
		if !strings.Contains(err.Error(), "not implemented") {
			t.Error(err)
		}
		return
	}
	defer func() { _ = p.Close() }()
	needs(t, p, provider.PartProcesses)
	t.Error("it became another program")
}

func TestProgramThatIsNoProvider(t *testing.T) {
	c := accepting(config(t, "nothing"))
	c.StartTimeout = 2 * time.Second
	c.Args = []string{"-test.run=^$"}
	if _, err := provider.Launch(context.Background(), c); err == nil {
		t.Error("launched")
	}
}

func TestConfigIsChecked(t *testing.T) {
	for name, change := range map[string]func(*provider.Config){
		"no name":       func(c *provider.Config) { c.Name = "" },
		"no launcher":   func(c *provider.Config) { c.Launcher = nil },
		"not pinned":    func(c *provider.Config) { c.Path = "/bin/true" },
		"relative":      func(c *provider.Config) { c.Path, c.SHA256 = "true", strings.Repeat("0", 64) },
		"relative data": func(c *provider.Config) { c.DataDir = "data" },
		"settings":      func(c *provider.Config) { c.Settings = []byte("{") },
	} {
		c := config(t, "serve-probe")
		change(&c)
		if err := c.Validate(); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

func TestEmbeddedRefusesSettings(t *testing.T) {
	c := accepting(config(t, "serve-embedded"))
	c.Settings = []byte(`{"fast":true}`)
	_, err := provider.Launch(context.Background(), c)
	if err == nil || !strings.Contains(err.Error(), `unknown setting "fast"`) {
		t.Errorf("launched: %v", err)
	}
}

// beHost launches a provider, says which process it is, and waits.
func beHost(dir string) error {
	p, err := provider.Launch(context.Background(), provider.Config{
		Name: "test", Args: []string{"serve-probe"}, Launcher: []string{"exec"}, DataDir: dir,
		Accept: []string{provider.PartFiles, provider.PartNetwork, provider.PartScope, provider.PartSyscalls, provider.PartProcesses},
	})
	if err != nil {
		return err
	}
	fmt.Println(p.PID())
	time.Sleep(time.Minute)
	return nil
}

func TestProviderDiesWithTheHost(t *testing.T) {
	cmd := exec.Command("/proc/self/exe", "host", t.TempDir())
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil || syscall.Kill(pid, 0) != nil {
		t.Fatalf("provider %q: %v", line, err)
	}
	sigstop(t, pid) // so that it is the kernel that ends it
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	for end := time.Now().Add(2 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if gone(pid) {
			return
		}
	}
	t.Errorf("process %d outlived its host", pid)
}

func sigstop(t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
}

// gone reports whether a process has ended, even if nobody waited for it yet.
func gone(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return true
	}
	_, state, _ := strings.Cut(string(b), ") ")
	return strings.HasPrefix(state, "Z") || strings.HasPrefix(state, "X")
}
