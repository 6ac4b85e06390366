package policies

import (
	"context"
	"io/fs"
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/tester"
)

// TestRego runs the tests of the default policy and of the library with OPA's own runner.
func TestRego(t *testing.T) {
	modules := map[string]*ast.Module{}
	names, err := fs.Glob(Files, "*.rego")
	if err != nil {
		t.Fatal(err)
	}
	library, err := fs.Glob(Files, Library)
	if err != nil {
		t.Fatal(err)
	}
	names = append(names, library...)
	for _, name := range names {
		text, err := Files.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if modules[name], err = ast.ParseModuleWithOpts(name, string(text), ast.ParserOptions{RegoVersion: ast.RegoV1}); err != nil {
			t.Fatal(err)
		}
	}
	results, err := tester.NewRunner().SetCompiler(ast.NewCompiler()).SetModules(modules).RunTests(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	ran := 0
	for r := range results {
		ran++
		if !r.Pass() {
			t.Errorf("%s: %v", r.Name, r)
		}
	}
	if ran < 22 {
		t.Errorf("only %d tests ran", ran)
	}
}
