// Command writ runs apps of WebAssembly components in which nothing is
// reachable without a grant. Run writ help for its commands.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/writ-host/writ"
)

// Exit codes, beside 0.
const (
	exitFailed = 1
	exitDenied = 2 // writ plan: something is requested and not granted; writ audit diff: something becomes reachable
)

func main() {
	if ran, err := writ.RunChild(); ran {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(exitFailed)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:]))
}

// run runs a command line and returns its exit code.
func run(ctx context.Context, args []string) int {
	root := &cobra.Command{
		Use:           "writ",
		Short:         "Run WebAssembly components in which nothing is reachable without a grant",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.AddCommand(upCommand(), runCommand(), invokeCommand(), mcpCommand(), planCommand(), inspectCommand(), grantCommand(), ledgerCommand(), auditCommand(), explainCommand(), policyCommand(), lockCommand(), pushCommand(), pullCommand(), importCommand(), doctorCommand(), conformanceCommand(), providerCommand(), versionCommand())
	root.SetArgs(args)
	markUsageErrors(root)
	command, err := root.ExecuteContextC(ctx)
	var coded exitCode
	switch {
	case err == nil:
		return 0
	case errors.As(err, &coded):
		return int(coded)
	}
	fmt.Fprintf(os.Stderr, "writ: %s\n", printableLines(err.Error()))
	if hint := cmp.Or(usageHint(command, err), hintFor(err)); hint != "" {
		fmt.Fprintf(os.Stderr, "hint: %s\n", hint)
	}
	return exitFailed
}

// exitCode ends the command with a code and without a message.
type exitCode int

func (c exitCode) Error() string { return fmt.Sprintf("exit code %d", int(c)) }
