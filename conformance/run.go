package conformance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/writ-host/writ/host"
)

// Summary counts the commands of scripts: each component that must be accepted
// and made an instance of, each call and each assertion is one.
type Summary struct {
	Passed, Failed int
	// Unsupported are those that need a feature this host does not have.
	Unsupported int
	Files       []File
}

// File is the outcome of one script.
type File struct {
	Name                        string
	Passed, Failed, Unsupported int
	Problems                    []Problem // what did not pass, in order
}

// Problem is a command that did not pass.
type Problem struct {
	Line    int
	Command string
	Reason  string
	Feature string // the missing one; "" when the command failed
}

func (p Problem) String() string {
	kind := "failed"
	if p.Feature != "" {
		kind = "unsupported"
	}
	return fmt.Sprintf("line %d: %s: %s: %s", p.Line, kind, p.Command, p.Reason)
}

// Run performs the scripts in files and folders, and writes a line for each
// file, a line for each problem of it, and the totals. It needs the command
// wasm-tools. An error means that it could not run; a failed test is none.
func Run(ctx context.Context, engine *host.Engine, w io.Writer, paths []string) (Summary, error) {
	var total Summary
	files, err := scripts(paths)
	if err != nil {
		return total, err
	}
	for _, f := range files {
		result, err := runFile(ctx, engine, f)
		if err != nil {
			return total, fmt.Errorf("run %s: %w", f.path, err)
		}
		total.add(result)
		if err := report(w, result); err != nil {
			return total, err
		}
	}
	_, err = fmt.Fprintf(w, "%s\n", total)
	return total, err
}

// String is the totals in one line.
func (s Summary) String() string {
	return fmt.Sprintf("%d passed, %d failed, %d unsupported", s.Passed, s.Failed, s.Unsupported)
}

func (s *Summary) add(f File) {
	s.Passed += f.Passed
	s.Failed += f.Failed
	s.Unsupported += f.Unsupported
	s.Files = append(s.Files, f)
}

func report(w io.Writer, f File) error {
	_, err := fmt.Fprintf(w, "%s: %d passed, %d failed, %d unsupported\n", f.Name, f.Passed, f.Failed, f.Unsupported)
	for _, p := range f.Problems {
		_, werr := fmt.Fprintf(w, "  %s\n", p)
		err = errors.Join(err, werr)
	}
	return err
}

// script is a file to run, and its name in reports: below the folder that was asked for.
type script struct{ path, name string }

// scripts lists the files, and those in the folders, in order.
func scripts(paths []string) ([]script, error) {
	var list []script
	for _, root := range paths {
		found := len(list)
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || path != root && !strings.HasSuffix(path, ".wast") {
				return err
			}
			name, err := filepath.Rel(root, path)
			if name == "." {
				name = filepath.Base(path)
			}
			list = append(list, script{path, filepath.ToSlash(name)})
			return err
		})
		if err != nil {
			return nil, err
		}
		if len(list) == found {
			return nil, fmt.Errorf("no .wast files in %s", root)
		}
	}
	return list, nil
}

func runFile(ctx context.Context, engine *host.Engine, f script) (File, error) {
	result := File{Name: f.name}
	dir, err := os.MkdirTemp("", "writ-conformance-")
	if err != nil {
		return result, err
	}
	defer os.RemoveAll(dir)
	commands, err := convert(ctx, f.path, dir)
	var stale *conversionError
	if errors.As(err, &stale) {
		result.Unsupported++
		result.Problems = append(result.Problems, Problem{stale.line, "whole file", stale.Error(), "conversion"})
		return result, nil
	}
	if err != nil {
		return result, err
	}
	s := newSession(ctx, engine, dir)
	defer s.close()
	for i := range commands {
		result.count(&commands[i], s.perform(&commands[i]))
		if err := ctx.Err(); err != nil {
			return result, err
		}
	}
	return result, nil
}

// count adds the outcome of a command. Of commands that only follow from
// one that was not supported there is no problem of their own.
func (f *File) count(c *command, err error) {
	var missing *host.Unsupported
	var follows *dependent
	switch {
	case err == nil:
		f.Passed++
		return
	case errors.As(err, &follows):
		f.Unsupported++
		return
	case errors.As(err, &missing):
		f.Unsupported++
		f.Problems = append(f.Problems, Problem{c.Line, c.Type, err.Error(), missing.Feature})
	default:
		f.Failed++
		f.Problems = append(f.Problems, Problem{Line: c.Line, Command: c.Type, Reason: err.Error()})
	}
}
