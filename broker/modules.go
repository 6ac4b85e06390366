package broker

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/writ-host/writ/policies"
)

// DefaultPolicy is the name of the default policy among modules, and the beginning of the names of the library's modules.
const DefaultPolicy = "writ's default policy"

const libraryPrefix = "writ's library: "

// ParseModules parses Rego modules by file name as a host does: with the library, and with the default policy unless one of
// them has rules for writ.grants itself. Their input is declared, so that a compiler with Schemas checks its use.
func ParseModules(modules map[string]string) (map[string]*ast.Module, error) {
	parsed := map[string]*ast.Module{}
	decides := false
	for name, text := range modules {
		m, err := parseModule(name, text)
		if err != nil {
			return nil, err
		}
		parsed[name] = m
		decides = decides || definesGrants(m)
	}
	embedded, err := embeddedModules(!decides)
	if err != nil {
		return nil, err
	}
	for name, text := range embedded {
		if parsed[name], err = parseModule(name, text); err != nil {
			return nil, err
		}
	}
	return parsed, declareInputs(parsed)
}

// UsesDefault reports whether the default policy decides, because no module of the source's own has rules for writ.grants.
func (s Source) UsesDefault() bool {
	for name, text := range s.Modules {
		if m, err := parseModule(name, text); err == nil && definesGrants(m) {
			return false
		}
	}
	return true
}

// embeddedModules are the library's and perhaps the default policy, by name.
func embeddedModules(withDefault bool) (map[string]string, error) {
	names, err := fs.Glob(policies.Files, policies.Library)
	if err != nil {
		return nil, fmt.Errorf("find the library: %w", err)
	}
	texts := map[string]string{}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.rego") {
			continue
		}
		text, err := policies.Files.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read the library: %w", err)
		}
		texts[libraryPrefix+name] = string(text)
	}
	if withDefault {
		text, err := policies.Files.ReadFile(policies.Default)
		if err != nil {
			return nil, fmt.Errorf("read the default policy: %w", err)
		}
		texts[DefaultPolicy] = string(text)
	}
	return texts, nil
}

func parseModule(name, text string) (*ast.Module, error) {
	m, err := ast.ParseModuleWithOpts(name, text, ast.ParserOptions{RegoVersion: ast.RegoV1, ProcessAnnotation: true})
	if err != nil {
		return nil, fmt.Errorf("parse policy: %w", err)
	}
	if m == nil {
		return nil, fmt.Errorf("parse policy: %s is empty", name)
	}
	return m, nil
}

func definesGrants(m *ast.Module) bool {
	return m.Package.Path.Equal(writRef) && slices.ContainsFunc(m.Rules, func(r *ast.Rule) bool { return ruleIs(r, "grants") })
}

func ruleIs(r *ast.Rule, name string) bool {
	return r.Head.Ref()[0].Value.Compare(ast.Var(name)) == 0
}

// declareInputs says what the input is in package writ and in its conditions, unless a module of the package says so
// itself. What is neither asked for grants nor for conditions may be used by both, and see what either sees.
func declareInputs(parsed map[string]*ast.Module) error {
	for _, name := range slices.Sorted(maps.Keys(parsed)) {
		onePackageAnnotation(parsed, parsed[name].Package.Path)
	}
	for schema, pkg := range map[string]ast.Ref{"input": writRef, "call": conditionsRef} {
		if kept := onePackageAnnotation(parsed, pkg); kept != nil {
			if len(kept.Schemas) == 0 {
				ref := ast.Ref{ast.SchemaRootDocument, ast.StringTerm(schema)}
				kept.Schemas = []*ast.SchemaAnnotation{{Path: ast.InputRootRef, Schema: ref}}
			}
			continue
		}
		name := "writ's schema of " + schema
		text := fmt.Sprintf("# METADATA\n# schemas:\n#   - input: schema.%s\npackage %s\n", schema, strings.TrimPrefix(pkg.String(), "data."))
		m, err := parseModule(name, text)
		if err != nil {
			return err
		}
		parsed[name] = m
	}
	return nil
}

// onePackageAnnotation finds the annotation of a package. OPA takes one only, even where several files describe themselves:
// the others go, but for one with schemas.
func onePackageAnnotation(parsed map[string]*ast.Module, pkg ast.Ref) *ast.Annotations {
	var kept *ast.Annotations
	of := func(m *ast.Module, a *ast.Annotations) bool { return a.Scope == "package" && m.Package.Path.Equal(pkg) }
	for _, name := range slices.Sorted(maps.Keys(parsed)) {
		for _, a := range parsed[name].Annotations {
			if of(parsed[name], a) && (kept == nil || len(kept.Schemas) == 0 && len(a.Schemas) > 0) {
				kept = a
			}
		}
	}
	for _, m := range parsed {
		m.Annotations = slices.DeleteFunc(m.Annotations, func(a *ast.Annotations) bool { return of(m, a) && a != kept })
	}
	return kept
}

// NewCompiler returns a compiler that is set up as a host's: input that does not exist is an error, and so is what reaches
// outside.
func NewCompiler() (*ast.Compiler, error) {
	set := ast.NewSchemaSet()
	for name, file := range map[string]string{"input": policies.InputSchema, "call": policies.CallSchema} {
		text, err := policies.Files.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read a schema: %w", err)
		}
		var schema any
		if err := json.Unmarshal(text, &schema); err != nil {
			return nil, fmt.Errorf("read schema %s: %w", name, err)
		}
		set.Put(ast.Ref{ast.SchemaRootDocument, ast.StringTerm(name)}, schema)
	}
	capabilities := ast.CapabilitiesForThisVersion()
	capabilities.Builtins = slices.DeleteFunc(capabilities.Builtins, func(b *ast.Builtin) bool {
		return slices.Contains(forbidden, b.Name)
	})
	return ast.NewCompiler().WithCapabilities(capabilities).WithSchemas(set).WithUseTypeCheckAnnotations(true), nil
}

// compileModules compiles parsed modules, which the compiler changes.
func compileModules(parsed map[string]*ast.Module) (*ast.Compiler, error) {
	c, err := NewCompiler()
	if err != nil {
		return nil, err
	}
	c.Compile(parsed)
	if c.Failed() {
		return nil, fmt.Errorf("compile policy: %w", c.Errors)
	}
	return c, nil
}

// single is a rule of a set apart from the others of the set, to tell which of them answered what.
type single struct {
	ref     ast.Ref
	body    ast.Body // the compiled query
	origin  Origin
	foreign bool // reads data.grants or data.denials: what it answers is mostly the file's
}

// separate adds to the modules of package writ a copy of each rule of a set under a name of its own.
func separate(parsed map[string]*ast.Module, set string) []single {
	var singles []single
	for _, name := range slices.Sorted(maps.Keys(parsed)) {
		m := parsed[name]
		if !m.Package.Path.Equal(writRef) {
			continue
		}
		for _, r := range slices.Clone(m.Rules) {
			if !ruleIs(r, set) || r.Head.Key == nil || len(r.Head.Ref()) != 1 {
				continue
			}
			apart := fmt.Sprintf("__%s_of_rule_%d__", set, len(singles))
			c := r.Copy()
			c.Head.SetRef(ast.Ref{ast.VarTerm(apart)})
			c.Head.Name = ast.Var(apart)
			m.Rules = append(m.Rules, c)
			singles = append(singles, single{ref: append(slices.Clone(writRef), ast.StringTerm(apart)),
				origin: Origin{r.Location.File, r.Location.Row}, foreign: readsFile(r)})
		}
	}
	slices.SortStableFunc(singles, func(a, b single) int { return boolOrder(a.foreign) - boolOrder(b.foreign) })
	return singles
}

func boolOrder(b bool) int {
	if b {
		return 1
	}
	return 0
}

// readsFile reports whether a rule reads the grants or denials of grants.json.
func readsFile(r *ast.Rule) bool {
	found := false
	ast.WalkRefs(r, func(ref ast.Ref) bool {
		found = found || ref.HasPrefix(fileGrantsRef) || ref.HasPrefix(fileDenialsRef)
		return found
	})
	return found
}
