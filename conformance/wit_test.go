package conformance

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/writ-host/writ/host"
)

// names has types that are used under other names, aliases and words of WIT.
const names = `package t:names@1.0.0;
interface types {
  record r { a: u8, %record: s } type s = u64; type again = r;
  resource res { constructor(n: s); m: func(x: borrow<res>) -> option<again>; make: static func() -> res; }
  type alt = res;
  flags f { read, %list } enum e { %type, c } variant v { x(alt), y }
  f1: func(%interface: r, o: alt, b: borrow<alt>) -> result<list<again>, e>;
  f2: func(f: f, v: v) -> tuple<option<r>, result<_, e>, map<string, u8>>;
}
interface other { use types.{r as rr, s, res as handle}; g: func(x: rr, y: handle, z: s); }
world w {
  use types.{e};
  import inline: interface { use types.{r}; h: func(r: r); }
  import q: func(a: u8);
  export run: func(e: e) -> string;
  export other;
}
`

// witOf is what wasm-tools says of a component or of WIT text, its packages in order.
func witOf(t *testing.T, file string) []string {
	t.Helper()
	out, err := exec.Command(tool, "component", "wit", file).Output()
	if err != nil {
		t.Fatalf("wasm-tools component wit %s: %v\n%s", file, err, err.(*exec.ExitError).Stderr)
	}
	packages := strings.Split(strings.TrimSpace(string(out)), "\npackage ")
	for i := range packages {
		packages[i] = strings.TrimSpace(packages[i])
	}
	slices.Sort(packages)
	return packages
}

// TestWIT: what this host says of a component is, in the words of wasm-tools, what
// wasm-tools says of it.
func TestWIT(t *testing.T) {
	needTool(t)
	files, err := filepath.Glob("../examples/*/*.wasm")
	if err != nil || len(files) < 5 {
		t.Fatalf("examples: %v, %v", files, err)
	}
	for _, file := range append(files, dummy(t, names)) {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		info, err := host.Inspect(b, 1<<30)
		if err != nil {
			t.Fatal(err)
		}
		printed := filepath.Join(t.TempDir(), "printed.wit")
		if err := os.WriteFile(printed, []byte(info.WIT()), 0o666); err != nil {
			t.Fatal(err)
		}
		if got, want := witOf(t, printed), witOf(t, file); !slices.Equal(got, want) {
			t.Errorf("%s: inspected as\n%s\n\nwasm-tools says\n%s", file, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

// dummy is a component of the world w of a WIT text.
func dummy(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	in, core, out := filepath.Join(dir, "w.wit"), filepath.Join(dir, "core.wasm"), filepath.Join(dir, "dummy.wasm")
	if err := os.WriteFile(in, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"component", "embed", "--dummy", in, "-w", "w", "-o", core}, {"component", "new", core, "-o", out}} {
		if text, err := exec.Command(tool, args...).CombinedOutput(); err != nil {
			t.Fatalf("wasm-tools %s: %v\n%s", strings.Join(args, " "), err, text)
		}
	}
	return out
}
