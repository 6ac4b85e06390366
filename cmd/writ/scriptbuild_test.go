package main

import (
	"os"
	"os/exec"
	"path/filepath"

	"github.com/rogpeppe/go-internal/testscript"
)

// What builds components of Rust here: as in examples/Makefile.
const (
	rustc  = "/usr/bin/rustc"
	linker = "/usr/lib/llvm-19/bin/wasm-ld"
	target = "wasm32-unknown-unknown"
)

// condition tells scripts what there is to build with.
func condition(name string) (bool, error) {
	for _, program := range []string{"cargo", "wasm-tools", rustc, linker} {
		if _, err := exec.LookPath(program); err != nil {
			return false, nil
		}
	}
	return name == "rust", nil
}

// commandBuildProvider builds a project of writ provider new: its program.
func commandBuildProvider(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: build-provider DIR NAME")
	}
	build(ts, ts.MkAbs(args[0]), nil, "go", "build", "-mod=mod", "-o", args[1], ".")
}

// commandBuildGuest builds the component of such a project's app.
func commandBuildGuest(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: build-guest DIR COMPONENT")
	}
	shared, err := filepath.Abs("../../build/cargo")
	ts.Check(err)
	built := filepath.Join(shared, target, "release", "web.wasm")
	_ = os.Remove(built) // another project's would pass for this one's
	build(ts, ts.MkAbs(args[0]), []string{"RUSTC=" + rustc, "RUSTC_BOOTSTRAP=1", "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=" + linker,
		"CARGO_TARGET_DIR=" + shared, "RUSTFLAGS=--remap-path-prefix=" + os.Getenv("HOME") + "=/home"},
		"cargo", "build", "--quiet", "--locked", "--release", "-Zbuild-std=std,panic_abort", "--target", target)
	build(ts, ts.MkAbs("."), nil, "wasm-tools", "component", "new", built, "-o", ts.MkAbs(args[1]))
}

// build runs a program in the tests' own environment: scripts have no home.
func build(ts *testscript.TestScript, dir string, env []string, program string, args ...string) {
	cmd := exec.Command(program, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		ts.Fatalf("%s: %v\n%s", program, err, out)
	}
}
