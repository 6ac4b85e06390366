package plan

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/writ-host/writ/host/internal/binary"
)

var update = flag.Bool("update", false, "build testdata with wasm-tools and rewrite the golden files")

// Each component of testdata has its text, the binary that wasm-tools makes of
// it, and the plan, or the error, that is expected.
func TestGolden(t *testing.T) {
	for _, source := range sources(t) {
		base := strings.TrimSuffix(source, filepath.Ext(source))
		t.Run(filepath.ToSlash(strings.TrimPrefix(base, "testdata/")), func(t *testing.T) {
			if *update {
				build(t, source, base+".wasm")
			}
			got := describe(t, base+".wasm")
			if *update {
				write(t, base+".txt", got)
			}
			if want := read(t, base+".txt"); got != string(want) {
				t.Errorf("the plan changed; got\n%s\nwant\n%s", got, want)
			}
			refused := strings.HasPrefix(got, "error: ")
			if want := strings.Contains(base, "refused"); refused != want {
				t.Errorf("refused: %v, want %v", refused, want)
			}
		})
	}
}

func sources(t testing.TB) []string {
	var all []string
	for _, pattern := range []string{"testdata/*.wat", "testdata/*.wit", "testdata/refused/*.wat"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("no files %s: %v", pattern, err)
		}
		all = append(all, files...)
	}
	return all
}

// describe is the plan's text, or the error. Only what is refused need not be
// valid.
func describe(t *testing.T, file string) string {
	b := read(t, file)
	if _, err := binary.Parse(b, binary.Limits{}); err != nil && !strings.Contains(file, "refused") {
		t.Fatal(err)
	}
	p, err := flatten(t, b)
	if err != nil {
		return "error: " + err.Error() + "\n"
	}
	checkRefs(t, p)
	checkTypes(t, p)
	var text strings.Builder
	if err := p.Dump(&text); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

func flatten(t testing.TB, b []byte) (*Plan, error) {
	return Flatten(decode(t, b), Limits{})
}

func decode(t testing.TB, b []byte) *binary.Component {
	c, err := binary.Decode(b, binary.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func read(t testing.TB, file string) []byte {
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func write(t *testing.T, file, text string) {
	if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

func build(t *testing.T, source, out string) {
	if filepath.Ext(source) == ".wat" {
		tool(t, "parse", source, "-o", out)
		return
	}
	module := filepath.Join(t.TempDir(), "module.wasm")
	tool(t, "component", "embed", "--dummy", source, "-o", module)
	tool(t, "component", "new", module, "-o", out)
}

func tool(t *testing.T, args ...string) {
	out, err := exec.Command("wasm-tools", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("wasm-tools %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}
