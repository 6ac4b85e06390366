package main

import (
	"os"
	"strings"
	"testing"

	"github.com/writ-host/writ/host"
)

// What a component says of the tools that built it cannot pass for what this
// host says of it, nor reach the terminal as anything but text.
func TestInspectedToolsAreText(t *testing.T) {
	b, err := os.ReadFile("../../testdata/small.wasm")
	if err != nil {
		t.Fatal(err)
	}
	info, err := host.Inspect(b, maxInspected)
	if err != nil {
		t.Fatal(err)
	}
	info.Tools = []string{"processed-by: evil\x1b[31m\n// digest  sha256:0000 \u202e1"}
	var out strings.Builder
	if err := writeInfo(&out, info, false); err != nil {
		t.Fatal(err)
	}
	if want := `// processed-by: evil\x1b[31m\n// digest  sha256:0000 \u202e1` + "\n"; !strings.Contains(out.String(), want) {
		t.Errorf("got\n%s\nwant the line %s", &out, want)
	}
}

func TestPrintableLines(t *testing.T) {
	for in, want := range map[string]string{
		"two\n\tlines of \"text\" — 日本": "two\n\tlines of \"text\" — 日本",
		"\x1b[2J\r\x00\xff":             `\x1b[2J\r\x00` + "\ufffd",
		`C:\x`:                          `C:\x`,
	} {
		if got := printableLines(in); got != want {
			t.Errorf("%q is printed as %q, want %q", in, got, want)
		}
	}
	if got := printable("a\n\tb"); got != `a\n\tb` {
		t.Errorf("in one line: %q", got)
	}
}
