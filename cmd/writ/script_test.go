package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/dustin/go-humanize"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/writ-host/writ"
	"github.com/writ-host/writ/host"
)

var update = flag.Bool("update", false, "have the scripts expect what they get")

// TestMain lets the test binary be writ, and writ's own child processes.
func TestMain(m *testing.M) {
	if ran, err := writ.RunChild(); ran {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(exitFailed)
		}
		return
	}
	testscript.Main(m, map[string]func(){"writ": main})
}

// TestScripts runs testdata/script/*.txtar, each in a directory of its own
// with a copy of
// the guestbook, small.wasm and an empty core module, core.wasm.
// $ROOT is the repository. Beside testscript's own commands there are
//
//	up APP [FLAG…]          start writ up on a free port and wait for its URL, which $URL then is;
//	                        what it prints goes to up.out, its log to up.err
//	down                    end it, which must succeed
//	get STATUS PATH         ask it; the body is stdout
//	post STATUS PATH BODY   send it a form; the body is stdout
//	within SPAN COMMAND…    repeat get, post or grep until it succeeds
//	kill-provider [NAME]    kill -9 of a provider's process
//	cut FILE SIZE TO        the first SIZE bytes of a file
//	build-provider DIR NAME, build-guest DIR COMPONENT
//	                        what a project of writ provider new says how to build
//	damage FILE OFFSET TO   a file with one byte inverted
func TestScripts(t *testing.T) {
	shared := t.TempDir()
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			// Compiled code is shared by the scripts.
			env.Setenv("XDG_CACHE_HOME", shared)
			root, err := filepath.Abs("../..")
			if err != nil {
				return err
			}
			env.Setenv("ROOT", root)
			env.Values[serverKey{}] = &server{}
			for _, name := range []string{"writ.toml", "grants.json", "guestbook.wasm"} {
				if err := copyFile(filepath.Join("../../examples/guestbook", name), filepath.Join(env.WorkDir, "guestbook", name)); err != nil {
					return err
				}
			}
			info, err := inspectFile(filepath.Join(env.WorkDir, "guestbook/guestbook.wasm"))
			if err != nil {
				return err
			}
			env.Setenv("GUESTBOOK_DIGEST", info.Digest)
			env.Setenv("GUESTBOOK_SIZE", humanize.IBytes(uint64(info.Size)))
			if err := os.WriteFile(filepath.Join(env.WorkDir, "core.wasm"), []byte("\x00asm\x01\x00\x00\x00"), 0o600); err != nil {
				return err
			}
			if err := copyFile("../../testdata/small.wasm", filepath.Join(env.WorkDir, "small.wasm")); err != nil {
				return err
			}
			return setUpSpeller(env.WorkDir)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"up": commandUp, "down": commandDown, "get": commandGet, "post": commandPost,
			"build-provider": commandBuildProvider, "build-guest": commandBuildGuest,
			"within": commandWithin, "kill-provider": commandKillProvider, "cut": commandCut, "damage": commandDamage,
		},
		Condition:          condition,
		RequireUniqueNames: true,
		UpdateScripts:      *update,
	})
}

// builtWords is the example provider's program.
var builtWords = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	out, err := exec.Command("go", "build", "-o", filepath.Join(dir, "words"), "../../examples/providers/words").CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("build the example provider: %w\n%s", err, out)
	}
	return os.ReadFile(filepath.Join(dir, "words"))
})

// setUpSpeller puts the example of a provider into the scripts' directory.
func setUpSpeller(dir string) error {
	program, err := builtWords()
	if err != nil {
		return err
	}
	for _, name := range []string{"writ.toml", "host.toml", "words.wasm"} {
		if err := copyFile(filepath.Join("../../examples/providers/words/app", name), filepath.Join(dir, "speller", name)); err != nil {
			return err
		}
	}
	if err := copyFile("../../examples/providers/words/policies/words.rego", filepath.Join(dir, "policies", "words.rego")); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "speller", "words-provider"), program, 0o700)
}

func inspectFile(path string) (*host.Info, error) {
	bytes, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return host.Inspect(bytes, maxInspected)
}

// copyFile copies a file, unless the script has its own.
func copyFile(from, to string) error {
	if _, err := os.Stat(to); err == nil {
		return nil
	}
	bytes, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	return os.WriteFile(to, bytes, 0o600)
}
