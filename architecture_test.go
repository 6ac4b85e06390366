package writ_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/writ-host/writ"

// layers says what each package of writ may import of writ, itself and what is
// below it included. A prefix that ends in /... is a package and all below it;
// the longest prefix that fits a package rules it.
var layers = []struct {
	pkg     string
	imports []string
}{
	{"wit", nil},
	{"proto/...", nil},
	{"policies", nil},
	{"broker", []string{"policies"}},
	{"broker/fetch", nil},
	{"broker/ledger", []string{"broker"}},
	{"host/internal/codecache", nil},
	{"host/internal/fuse", nil},
	{"host/internal/wasmtime", []string{"host/internal/fuse"}},
	{"host/internal/binary", nil},
	{"host/internal/plan", []string{"wit", "host/internal/binary", "host/internal/fuse"}},
	{"host/internal/canon", []string{"wit"}},
	{"host", []string{"wit", "host/internal/..."}},
	{"capabilities/internal/...", []string{"wit"}},
	{"capabilities", []string{"wit", "broker"}},
	{"capabilities/...", []string{"wit", "broker", "proto/...", "capabilities/..."}},
	{"host/metrics", nil},
	{"host/traces", nil},
	{"", []string{"host/metrics", "host/traces", "wit", "broker/...", "host", "capabilities/..."}},
	{"conformance/testserver", nil},
	{"conformance", []string{"wit", "host"}},
	{"conformance/internal/oracle", []string{"wit"}},
	{"cmd/writ", []string{"conformance", "", "wit", "broker/...", "host", "capabilities/...", "conformance"}},
	{"examples/...", []string{"host", "capabilities/...", "wit", "proto/..."}},
}

func TestImportsFollowTheLayers(t *testing.T) {
	for _, p := range packages(t) {
		name := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
		allowed, ok := allowedFor(name)
		if !ok {
			t.Errorf("package %s is in no layer", p.ImportPath)
			continue
		}
		for _, imported := range p.Imports {
			rest, ours := strings.CutPrefix(imported, module)
			rest = strings.TrimPrefix(rest, "/")
			if ours && !slices.ContainsFunc(allowed, func(a string) bool { return within(rest, a) }) {
				t.Errorf("%s imports %s, which its layer may not", p.ImportPath, imported)
			}
		}
	}
}

// Only one package speaks to C, so that all tests but a few build without linking libwasmtime.
// The other one is for tests: the oracle that it is compared with.
func TestOnlyTheEngineIsCgo(t *testing.T) {
	for _, p := range packages(t) {
		name := strings.TrimPrefix(p.ImportPath, module+"/")
		if len(p.CgoFiles) > 0 && name != "host/internal/wasmtime" && name != "conformance/internal/oracle" {
			t.Errorf("%s has cgo files %v", p.ImportPath, p.CgoFiles)
		}
	}
}

type listedPackage struct {
	ImportPath string
	Imports    []string
	CgoFiles   []string
}

func packages(t *testing.T) []listedPackage {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports,CgoFiles", "./...")
	var faults bytes.Buffer
	cmd.Stderr = &faults
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, &faults)
	}
	var list []listedPackage
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listedPackage
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return list
		} else if err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
}

func allowedFor(name string) (allowed []string, ok bool) {
	longest := -1
	for _, l := range layers {
		if within(name, l.pkg) && len(l.pkg) > longest {
			longest, allowed, ok = len(l.pkg), l.imports, true
		}
	}
	return allowed, ok
}

// within reports whether a package is the one that a rule names, or below it.
func within(name, rule string) bool {
	if rule == "..." {
		return true
	}
	base, tree := strings.CutSuffix(rule, "/...")
	return name == base || tree && strings.HasPrefix(name, base+"/")
}
