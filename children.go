package writ

import (
	"fmt"
	"os"
	"strconv"

	"github.com/writ-host/writ/broker/ledger"
	"github.com/writ-host/writ/capabilities/provider"
	"github.com/writ-host/writ/capabilities/provider/egress"
	"github.com/writ-host/writ/capabilities/provider/embedded"
	"github.com/writ-host/writ/capabilities/provider/postgres"
	"github.com/writ-host/writ/capabilities/provider/redis"
	"github.com/writ-host/writ/capabilities/provider/sqlite"
)

// What a program that embeds writ runs itself as.
const (
	compileChild = "writ-compile"       // compiles one core module
	checkChild   = "writ-check"         // has wasmtime validate one component
	launchChild  = "writ-provider-exec" // locks itself in and becomes a provider's program
	serveChild   = "writ-provider"      // serves a built-in provider
	ledgerChild  = "writ-ledger"        // writes the ledger
)

// RunChild is for the start of main: when the program was started as one of
// writ's own child processes it does that work, and main must end with the
// error; otherwise it does nothing. Compiling, the ledger's writer and the
// built-in providers run in such children, of the program that calls [Start].
func RunChild() (ran bool, err error) {
	if len(os.Args) < 3 {
		return false, nil
	}
	switch args := os.Args[2:]; os.Args[1] {
	case compileChild:
		return true, runCompiler(args[0], compileModule)
	case checkChild:
		return true, runCompiler(args[0], checkComponent)
	case ledgerChild:
		return true, ledger.Serve(os.Stdin, os.Stdout)
	case launchChild:
		return true, provider.Exec(args)
	case serveChild:
		switch args[0] {
		case embedded.Name:
			return true, embedded.Serve()
		case sqlite.Name:
			return true, sqlite.Serve()
		case postgres.Name:
			return true, postgres.Serve()
		case redis.Name:
			return true, redis.Serve()
		case egress.Name:
			return true, egress.Serve()
		}
		return true, fmt.Errorf("there is no built-in provider %q", args[0])
	}
	return false, nil
}

// runCompiler serves one piece of a compiler's work, with so much memory.
func runCompiler(bytes string, work func([]byte) ([]byte, error)) error {
	memory, err := strconv.ParseUint(bytes, 10, 64)
	if err != nil {
		return fmt.Errorf("compile: memory %q: want a number of bytes", bytes)
	}
	return serveCompiler(os.Stdin, os.Stdout, memory, work)
}
