package broker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/cover"
	"github.com/open-policy-agent/opa/v1/format"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
	"github.com/open-policy-agent/opa/v1/tester"

	"github.com/writ-host/writ/policies"
)

// TestResult is what came of one test rule.
type TestResult struct {
	Name   string
	Origin Origin
	Passed bool
	// Err is why a test could not run; nil for one that ran, whether it passed or not.
	Err      error
	Duration time.Duration
}

// FileCoverage says which lines of a module the tests went through.
type FileCoverage struct {
	File    string
	Percent float64
	Missed  []int // lines
}

// Test runs test rules by OPA's own runner, beside the source's modules, its data and the library. The coverage is that of
// the source's modules.
func (s Source) Test(ctx context.Context, tests map[string]string) ([]TestResult, []FileCoverage, error) {
	all := map[string]string{}
	for _, modules := range []map[string]string{s.Modules, tests} {
		for name, text := range modules {
			all[name] = text
		}
	}
	parsed, err := ParseModules(all)
	if err != nil {
		return nil, nil, err
	}
	compiler, err := NewCompiler()
	if err != nil {
		return nil, nil, err
	}
	data, err := s.document()
	if err != nil {
		return nil, nil, err
	}
	covered := cover.New()
	store := inmem.NewFromObject(data)
	txn, err := store.NewTransaction(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer store.Abort(ctx, txn)
	runner := tester.NewRunner().SetCompiler(compiler).SetStore(store).SetModules(parsed).SetCoverageQueryTracer(covered)
	found, err := runner.RunTests(ctx, txn)
	if err != nil {
		return nil, nil, fmt.Errorf("compile policy: %w", err)
	}
	results := []TestResult{}
	for r := range found {
		results = append(results, TestResult{strings.TrimPrefix(r.Package+"."+r.Name, "data."), Origin{r.Location.File, r.Location.Row}, r.Pass(), r.Error, r.Duration})
	}
	return results, coverageOf(covered, parsed, s.Modules), nil
}

func coverageOf(covered *cover.Cover, parsed map[string]*ast.Module, of map[string]string) []FileCoverage {
	report := covered.Report(parsed)
	files := []FileCoverage{}
	for name := range of {
		r := report.Files[name]
		if r == nil {
			files = append(files, FileCoverage{File: name})
			continue
		}
		f := FileCoverage{File: name, Percent: r.Coverage}
		for _, missed := range r.NotCovered {
			for line := missed.Start.Row; line <= missed.End.Row; line++ {
				f.Missed = append(f.Missed, line)
			}
		}
		files = append(files, f)
	}
	slices.SortFunc(files, func(a, b FileCoverage) int { return strings.Compare(a.File, b.File) })
	return files
}

// document is the data that the modules read.
func (s Source) document() (map[string]any, error) {
	data := map[string]any{}
	if s.Grants != nil {
		var err error
		if data, err = s.Grants.document(); err != nil {
			return nil, err
		}
	}
	for name, value := range s.Data {
		if name == "grants" || name == "denials" || name == "writ" {
			return nil, fmt.Errorf("load data: %q is taken", name)
		}
		data[name] = value
	}
	return data, nil
}

// Eval answers a term, such as data.writ.grants, for an input: nil is the one of the source's first component. defined is
// false when it has no value.
func (s Source) Eval(ctx context.Context, query string, input any) (value any, defined bool, err error) {
	p, err := newPolicy(s)
	if err != nil {
		return nil, false, err
	}
	term, err := parseQuery(query)
	if err != nil {
		return nil, false, err
	}
	asked, err := ast.InterfaceToValue(input)
	if err != nil {
		return nil, false, fmt.Errorf("read input: %w", err)
	}
	body, err := p.compiler.QueryCompiler().Compile(ast.NewBody(ast.Equality.Expr(ast.VarTerm("answer"), term)))
	if err != nil {
		return nil, false, fmt.Errorf("compile query: %w", err)
	}
	answer, err := p.evaluate(ctx, body, ast.NewTerm(asked), time.Now())
	if err != nil || answer == nil {
		return nil, false, err
	}
	value, err = ast.JSON(answer)
	return value, true, err
}

// parseQuery reads a term, or the call of a function.
func parseQuery(query string) (*ast.Term, error) {
	body, err := ast.ParseBodyWithOpts(query, ast.ParserOptions{RegoVersion: ast.RegoV1})
	if err != nil {
		return nil, fmt.Errorf("parse query: %w", err)
	}
	if len(body) == 1 && !body[0].Negated && len(body[0].With) == 0 {
		switch terms := body[0].Terms.(type) {
		case *ast.Term:
			return terms, nil
		case []*ast.Term:
			return ast.CallTerm(terms...), nil
		}
	}
	return nil, errors.New("parse query: want one term, such as data.writ.grants")
}

// PolicyInput is what package writ is asked about a component.
func PolicyInput(app string, c Component) (any, error) { return ast.JSON(policyInput(app, c)) }

// FormatModule is a module's text in OPA's form.
func FormatModule(name string, text []byte) ([]byte, error) {
	out, err := format.SourceWithOpts(name, text, format.Opts{RegoVersion: ast.RegoV1})
	if err != nil {
		return nil, fmt.Errorf("format %s: %w", name, err)
	}
	return out, nil
}

// Schema is the JSON schema of what is asked of package writ ("input"), of conditions ("call"), or of grants.json ("grants").
func Schema(of string) ([]byte, error) {
	return policies.Files.ReadFile("schemas/" + of + ".json")
}
