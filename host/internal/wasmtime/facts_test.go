package wasmtime

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// What is linked must be the version that advisories are set against.
func TestLibraryVersion(t *testing.T) {
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/bytecodealliance/wasmtime-go/v39").Output()
	if err != nil {
		t.Fatal(err)
	}
	header, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), "build/include/wasmtime.h"))
	if err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("#define WASMTIME_VERSION %q\n", LibraryVersion); !strings.Contains(string(header), want) {
		t.Errorf("the library's header does not have %s", want)
	}
}

func TestCheckHost(t *testing.T) {
	f := ReadFacts()
	if err := CheckHost(Config{Instances: f.Instances}); err != nil {
		t.Errorf("the default of %d instances: %v", f.Instances, err)
	}
	if f.Mappings > 0 && f.Mappings < maxInstances*mappingsEach {
		if err := CheckHost(Config{Instances: maxInstances}); err == nil || !contains(err.Error(), "vm.max_map_count") {
			t.Errorf("%d instances with %d mappings: %v", maxInstances, f.Mappings, err)
		}
	}
}
