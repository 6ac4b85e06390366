package conformance

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/writ-host/writ/conformance/internal/oracle"
	"github.com/writ-host/writ/host"
)

// engine is the process's one engine. What it says of a component is this host's
// own verdict, without the oracle's, so that the two can be compared.
var engine *host.Engine

var compiler = &ownVerdict{}

// ownVerdict compiles in this process.
type ownVerdict struct {
	oracleToo bool // ask wasmtime's component runtime, as a host does
}

func (*ownVerdict) Compile(_ context.Context, module []byte) ([]byte, error) {
	return engine.Precompile(module)
}

func (v *ownVerdict) Check(_ context.Context, component []byte) (string, error) {
	if !v.oracleToo {
		return "", nil
	}
	return host.Check(component), nil
}

func TestMain(m *testing.M) {
	oracle.Serve()
	var err error
	if engine, err = host.NewEngine(host.Config{Compiler: compiler}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}
