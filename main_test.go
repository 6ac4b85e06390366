package writ_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/writ-host/writ"
)

// TestMain lets the test binary be its own child processes, as writ is.
func TestMain(m *testing.M) {
	if ran, err := writ.RunChild(); ran {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}
