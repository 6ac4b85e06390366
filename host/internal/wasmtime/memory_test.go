package wasmtime

import (
	"math"
	"os"
	"path/filepath"
	"testing"
)

func TestGroupMemory(t *testing.T) {
	root := t.TempDir()
	for name, text := range map[string]string{"a/b/memory.max": "max\n", "a/memory.max": "1048576\n", "memory.max": "2097152\n", "self": "1:x:/c\n0::/a/b\n"} {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got := groupMemory(root, filepath.Join(root, "self")); got != 1<<20 {
		t.Errorf("%d", got)
	}
	if got := groupMemory(root, filepath.Join(root, "nowhere")); got != math.MaxUint64 {
		t.Errorf("without groups: %d", got)
	}
}
