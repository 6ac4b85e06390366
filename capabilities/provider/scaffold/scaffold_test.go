package scaffold_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/writ-host/writ/capabilities/provider"
	"github.com/writ-host/writ/capabilities/provider/kit"
	"github.com/writ-host/writ/capabilities/provider/scaffold"
)

// things has every kind of type, and names that Go does not take as they are.
const things = `package acme:thing@1.0.0;

/// Things.
interface things {
  /// Where it is.
  record point { x: s32, y: s32, tag: option<string> }
  variant shape { none-at-all, circle(f64), polygon(list<point>), both(tuple<point, u8>) }
  enum kind { red, dark-blue }
  flags marks { first, second }
  enum problem { access-denied, unavailable, too-big }
  variant failure { access-denied, other(string) }

  /// Draws it.
  draw: func(s: shape, at: point, %type: kind) -> result<marks, problem>;
  area: func(s: shape, %string: char) -> f64;
  find: func(name: string) -> option<thing>;
  convert: func(data: list<u8>, how: marks) -> result<list<u8>, failure>;
  pair: func() -> tuple<u32, shape, list<bool, 3>>;
  outcome: func(ctx: u8) -> option<result<u8, string>>;
  either: func() -> tuple<result<_, problem>>;

  /// A thing.
  resource thing {
    constructor(at: point);
    move: func(by: point) -> result<_, problem>;
    where: func() -> point;
    join: static func(a: thing, b: thing) -> thing;
  }
}

interface more {
  use things.{point, thing};
  record service { a: u8 }
  draw: func(p: point, s: service) -> u8;
  borrowed: func(t: borrow<thing>) -> u32;
}
`

// TestMain also is the launcher stage.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "exec" {
		fmt.Fprintln(os.Stderr, provider.Exec(os.Args[2:]))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func passes(t *testing.T, program string) {
	t.Helper()
	b, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(b)
	results, err := kit.Run(context.Background(), kit.Config{Provider: provider.Config{
		Name: "thing", Path: program, SHA256: hex.EncodeToString(sum[:]), Launcher: []string{"exec"}, StartTimeout: time.Minute,
		Accept: []string{provider.PartFiles, provider.PartNetwork, provider.PartScope, provider.PartSyscalls, provider.PartProcesses}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range results {
		if r.Status == kit.Failed {
			t.Errorf("%s: %s", r.Rule, r.Detail)
		}
	}
}

func TestProjectBuildsAndPassesTheKit(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "thing.wit")
	if err := os.WriteFile(file, []byte(things), 0o600); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "thing")
	names, err := scaffold.Project{Name: "thing", WIT: file, Dir: out, Replace: "../../.."}.Write()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"main.go", "service.go", "thing.wit", "go.mod", "Makefile", "app/writ.toml", "app/host.toml", "policies/thing.rego"} {
		if !slices.Contains(names, want) {
			t.Errorf("there is no %s in %q", want, names)
		}
	}
	build := exec.Command("go", "build", "-mod=mod", "-o", "thing", ".")
	build.Dir, build.Env = out, append(os.Environ(), "GOFLAGS=", "GOPROXY=off", "GOWORK=off")
	if text, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, text)
	}
	passes(t, filepath.Join(out, "thing"))
	// Without a host it ends at once; a type that does not fit would be told first.
	run := exec.Command(filepath.Join(out, "thing"))
	text, err := run.CombinedOutput()
	if err == nil || !strings.Contains(string(text), "thing is a provider") || strings.Contains(string(text), "does not fit") {
		t.Errorf("%v\n%s", err, text)
	}
}

func TestWhatCannotBeWritten(t *testing.T) {
	dir := t.TempDir()
	for text, want := range map[string]string{
		"package a:b;": "no interface",
		"package a:b; interface c { f: func(s: stream<u8>); }": "could not be used",
		"package wasi:b@1.0.0; interface c { f: func(); }":     "the host's own",
		"package a:b; interface c { f: func( }":                "x.wit:1",
		"package a:b; interface c { f: async func(); }":        "async",
	} {
		file := filepath.Join(dir, "x.wit")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := scaffold.Project{Name: "x", WIT: file, Dir: filepath.Join(dir, "out")}.Write()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "out")); !os.IsNotExist(err) {
		t.Errorf("something was written: %v", err)
	}
}
