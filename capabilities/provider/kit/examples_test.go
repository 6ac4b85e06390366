package kit_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/writ-host/writ/capabilities/provider"
	"github.com/writ-host/writ/capabilities/provider/kit"
)

// pinned is the configuration of a program.
func pinned(t *testing.T, path string) provider.Config {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(b)
	return provider.Config{Name: "test", Path: path, SHA256: hex.EncodeToString(sum[:]), Launcher: []string{"exec"}, StartTimeout: time.Minute,
		Accept: []string{provider.PartFiles, provider.PartNetwork, provider.PartScope, provider.PartSyscalls, provider.PartProcesses}}
}

func passes(t *testing.T, c provider.Config) {
	t.Helper()
	results, err := kit.Run(context.Background(), kit.Config{Provider: c})
	if err != nil {
		t.Fatal(err)
	}
	if !kit.Passes(results) {
		t.Errorf("\n%s", table(results))
	}
	t.Logf("\n%s", table(results))
}

func TestTheGoExamplePasses(t *testing.T) {
	t.Parallel()
	program := filepath.Join(t.TempDir(), "words")
	build := exec.Command("go", "build", "-o", program, "../../../examples/providers/words")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	passes(t, pinned(t, program))
}

// interpreter is a Python that has what the example needs, with the directories
// that it reads.
func interpreter(t *testing.T) (python string, reads []string) {
	t.Helper()
	const probe = `import sys, grpc, cryptography, os
print(os.path.realpath(sys.executable)); print(sys.prefix); print(sys.base_prefix); print(os.path.dirname(os.path.dirname(grpc.__file__)))`
	out, err := exec.Command("python3", "-c", probe).Output()
	if err != nil {
		t.Skip("the example needs gRPC for Python: pip install grpcio==1.85.1 cryptography==48.0.0")
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return lines[0], lines[1:]
}

func TestThePythonExamplePasses(t *testing.T) {
	t.Parallel()
	python, reads := interpreter(t)
	source, err := os.ReadFile("../../../examples/providers/stats/provider.py")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(source), "\n")
	script := filepath.Join(t.TempDir(), "provider.py")
	if err := os.WriteFile(script, []byte("#!"+python+"\n"+rest), 0o700); err != nil {
		t.Fatal(err)
	}
	c := pinned(t, script)
	c.Readable = append(reads, python)
	passes(t, c)
}

func TestTheJournalPasses(t *testing.T) {
	t.Parallel()
	program := filepath.Join(t.TempDir(), "journal")
	if out, err := exec.Command("go", "build", "-o", program, "../../../examples/providers/journal").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	passes(t, pinned(t, program))
}
