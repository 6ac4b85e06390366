package writ

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"
	"time"
)

func compilerOf(t *testing.T, memory Size) *childCompiler {
	t.Helper()
	c, err := newChildCompiler(HostLimits{CompileMemory: memory, CompileTime: Duration(time.Minute)})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A child answers about a component; that it refuses one is an answer.
func TestChildChecksComponents(t *testing.T) {
	c := compilerOf(t, 8<<30)
	component, err := os.ReadFile("testdata/small.wasm")
	if err != nil {
		t.Fatal(err)
	}
	if refusal, err := c.Check(t.Context(), component); refusal != "" || err != nil {
		t.Errorf("a valid component: %q, %v", refusal, err)
	}
	// An instance of a component that there is none of.
	broken := append(bytes.Clone(component), 5, 4, 1, 0, 99, 0)
	if refusal, err := c.Check(t.Context(), broken); !strings.Contains(refusal, "unknown component 99") || err != nil {
		t.Errorf("an invalid component: %q, %v", refusal, err)
	}
}

// The library aborts in a panic, such as for want of memory. That ends the child
// and is an error here; the next child works.
func TestPanicInTheLibraryEndsTheChild(t *testing.T) {
	component, err := os.ReadFile("testdata/small.wasm")
	if err != nil {
		t.Fatal(err)
	}
	small := compilerOf(t, 48<<20)
	_, err = small.Check(t.Context(), component)
	if err == nil || !strings.Contains(err.Error(), "the compiler's process ended") && !strings.Contains(err.Error(), "more memory than limits.compile-memory = 48MiB") {
		t.Errorf("a check: %v", err) // its last words tell of memory, or are too few
	}
	if _, err = small.Compile(t.Context(), []byte("\x00asm\x01\x00\x00\x00")); err == nil {
		t.Error("compiled without memory")
	}
	if refusal, err := compilerOf(t, 8<<30).Check(t.Context(), component); refusal != "" || err != nil {
		t.Errorf("with memory: %q, %v", refusal, err)
	}
}

// A child that ran out of memory says so in its last words; the error says which
// limit that was.
func TestChildWithoutMemory(t *testing.T) {
	c := compilerOf(t, 512<<20)
	for _, said := range []string{"memory allocation of 36960352 bytes failed", "fatal error: runtime: out of memory\n\ngoroutine 1", "fatal error: runtime: cannot allocate memory"} {
		err := c.fault(t.Context(), errors.New("signal: aborted"), said)
		if err == nil || err.Error() != "compiling took more memory than limits.compile-memory = 512MiB" {
			t.Errorf("%q: %v", said, err)
		}
	}
}

// A child that takes too long is killed.
func TestChildHasADeadline(t *testing.T) {
	c := compilerOf(t, 8<<30)
	c.limits.CompileTime = Duration(time.Nanosecond)
	_, err := c.Check(t.Context(), nil)
	if err == nil || !strings.Contains(err.Error(), "longer than limits.compile-time = 1ns") {
		t.Errorf("%v", err)
	}
}
