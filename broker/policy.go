package broker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
	"github.com/open-policy-agent/opa/v1/topdown"
)

var (
	writRef        = ast.MustParseRef("data.writ")
	grantsRef      = ast.MustParseRef("data.writ.grants")
	denialsRef     = ast.MustParseRef("data.writ.denials")
	conditionsRef  = ast.MustParseRef("data.writ.conditions")
	fileGrantsRef  = ast.MustParseRef("data.grants")
	fileDenialsRef = ast.MustParseRef("data.denials")
)

// forbidden are the builtins that reach outside: the broker decides and never performs, and a decision must not wait for a
// network or depend on the host's environment.
var forbidden = []string{"http.send", "net.lookup_ip_addr", "opa.runtime"}

// policy is a compiled set of Rego modules with the data they read.
type policy struct {
	compiler *ast.Compiler
	store    storage.Store
	grants   ruleSet
	denials  ruleSet
	file     *GrantFile
	data     map[string]any       // beside what is in file
	known    map[*ast.Term]*Grant // the grants of file as the policy sees them
	digest   string
}

// ruleSet is one of the two sets that a policy answers.
type ruleSet struct {
	name    string
	body    ast.Body // the compiled query
	source  Origin   // of one of its rules
	singles []single // its rules one by one
}

// newPolicy compiles what a source has.
func newPolicy(source Source) (*policy, error) {
	parsed, err := ParseModules(source.Modules)
	if err != nil {
		return nil, err
	}
	p := &policy{file: source.Grants, data: source.Data, digest: source.Digest()}
	p.grants = ruleSet{name: "grants", singles: separate(parsed, "grants")}
	p.denials = ruleSet{name: "denials", singles: separate(parsed, "denials")}
	if p.compiler, err = compileModules(parsed); err != nil {
		return nil, plainCompileError(source.Modules, err)
	}
	if err := p.prepare(&p.grants, grantsRef); err != nil {
		return nil, err
	}
	if err := p.prepare(&p.denials, denialsRef); err != nil {
		return nil, err
	}
	return p, p.load()
}

// plainCompileError is the error of the modules as they were written, without one more for each copy of a rule.
func plainCompileError(modules map[string]string, err error) error {
	parsed, parseErr := ParseModules(modules)
	if parseErr != nil {
		return err
	}
	if _, plain := compileModules(parsed); plain != nil {
		return plain
	}
	return err
}

func (p *policy) prepare(s *ruleSet, ref ast.Ref) (err error) {
	if s.body, err = p.query(ref); err != nil {
		return err
	}
	for i := range s.singles {
		if s.singles[i].body, err = p.query(s.singles[i].ref); err != nil {
			return err
		}
	}
	for _, rule := range p.compiler.GetRules(ref) {
		s.source = Origin{File: rule.Location.File, Line: rule.Location.Row}
	}
	return nil
}

// query compiles "answer = ref".
func (p *policy) query(ref ast.Ref) (ast.Body, error) {
	body := ast.NewBody(ast.Equality.Expr(ast.VarTerm("answer"), ast.NewTerm(ref)))
	compiled, err := p.compiler.QueryCompiler().Compile(body)
	if err != nil {
		return nil, fmt.Errorf("compile query %v: %w", ref, err)
	}
	return compiled, nil
}

// load puts the grants and denials of the file into the data that the policy reads.
func (p *policy) load() error {
	data, err := Source{Grants: p.file, Data: p.data}.document()
	if err != nil {
		return err
	}
	p.store = inmem.NewFromObjectWithOpts(data, inmem.OptRoundTripOnWrite(false), inmem.OptReturnASTValuesOnRead(true))
	return p.recognise()
}

// recognise notes which terms of the data are the grants of the file, so that those that the policy passes on need not be
// read again and keep their lines.
func (p *policy) recognise() error {
	p.known = map[*ast.Term]*Grant{}
	if p.file == nil || len(p.file.Grants) == 0 {
		return nil
	}
	ctx := context.Background()
	txn, err := p.store.NewTransaction(ctx)
	if err != nil {
		return fmt.Errorf("read grants: %w", err)
	}
	defer p.store.Abort(ctx, txn)
	value, err := p.store.Read(ctx, txn, storage.Path{"grants"})
	if err != nil {
		return fmt.Errorf("read grants: %w", err)
	}
	list, ok := value.(*ast.Array)
	if !ok || list.Len() != len(p.file.Grants) {
		return errors.New("read grants: the data is not the list of the file")
	}
	for i, g := range p.file.Grants {
		p.known[list.Elem(i)] = g
	}
	return nil
}

// evaluate answers a compiled query; a nil value is undefined. An error of a builtin is an error of the policy.
func (p *policy) evaluate(ctx context.Context, body ast.Body, input *ast.Term, now time.Time) (ast.Value, error) {
	return p.run(ctx, body, input, now, nil)
}

// run does that, and with a tracer looks at every rule and not only at those that an index finds.
func (p *policy) run(ctx context.Context, body ast.Body, input *ast.Term, now time.Time, tracer topdown.QueryTracer) (ast.Value, error) {
	txn, err := p.store.NewTransaction(ctx)
	if err != nil {
		return nil, err
	}
	defer p.store.Abort(ctx, txn)
	cancel := topdown.NewCancel()
	defer context.AfterFunc(ctx, cancel.Cancel)()
	q := topdown.NewQuery(body).WithCompiler(p.compiler).WithStore(p.store).WithTransaction(txn).WithInput(input).
		WithCancel(cancel).WithStrictBuiltinErrors(true).WithTime(now)
	if tracer != nil {
		q = q.WithQueryTracer(tracer).WithIndexing(false)
	}
	var value ast.Value
	err = q.Iter(ctx, func(r topdown.QueryResult) error {
		if t := r["answer"]; t != nil {
			value = t.Value
		}
		return nil
	})
	if ctx.Err() != nil && err != nil {
		err = errors.Join(context.Cause(ctx), err)
	}
	return value, err
}

// grantsFor asks the policy about one component.
func (p *policy) grantsFor(ctx context.Context, app string, c Component, now time.Time) ([]*Grant, []*Denial, error) {
	q := question{policy: p, ctx: ctx, app: app, component: c.Name, input: ast.NewTerm(policyInput(app, c)), now: now}
	grants, err := q.grants()
	if err != nil {
		return nil, nil, fmt.Errorf("evaluate writ.grants: %w", err)
	}
	denials, err := q.denials()
	if err != nil {
		return nil, nil, fmt.Errorf("evaluate writ.denials: %w", err)
	}
	return grants, denials, nil
}

// hasCondition reports whether a rule for a `when` exists.
func (p *policy) hasCondition(name string) bool {
	return len(p.compiler.GetRulesExact(conditionRef(name))) > 0
}

func conditionRef(name string) ast.Ref {
	return append(slices.Clone(conditionsRef), ast.StringTerm(name))
}

func policyInput(app string, c Component) ast.Value {
	return ast.NewObject(
		[2]*ast.Term{ast.StringTerm("app"), appTerm(app)},
		[2]*ast.Term{ast.StringTerm("component"), componentTerm(c)},
		[2]*ast.Term{ast.StringTerm("requests"), requestsTerm(c.Requests)},
	)
}

func appTerm(name string) *ast.Term {
	return ast.ObjectTerm([2]*ast.Term{ast.StringTerm("name"), ast.StringTerm(name)})
}

func componentTerm(c Component) *ast.Term {
	labels := ast.NewObject()
	for k, v := range c.Labels {
		labels.Insert(ast.StringTerm(k), ast.StringTerm(v))
	}
	return ast.ObjectTerm(
		[2]*ast.Term{ast.StringTerm("name"), ast.StringTerm(c.Name)},
		[2]*ast.Term{ast.StringTerm("digest"), ast.StringTerm(c.Digest)},
		[2]*ast.Term{ast.StringTerm("imports"), stringsTerm(c.Imports)},
		[2]*ast.Term{ast.StringTerm("labels"), ast.NewTerm(labels)},
		[2]*ast.Term{ast.StringTerm("signer"), ast.StringTerm(c.Signer)},
	)
}

func requestsTerm(requests []Request) *ast.Term {
	terms := make([]*ast.Term, 0, len(requests))
	for _, r := range requests {
		terms = append(terms, ast.ObjectTerm(
			[2]*ast.Term{ast.StringTerm("capability"), ast.StringTerm(r.Capability)},
			[2]*ast.Term{ast.StringTerm("resource"), ast.StringTerm(r.Resource)},
			[2]*ast.Term{ast.StringTerm("operations"), stringsTerm(r.Operations)},
			[2]*ast.Term{ast.StringTerm("reason"), ast.StringTerm(r.Reason)},
		))
	}
	return ast.ArrayTerm(terms...)
}

func stringsTerm(list []string) *ast.Term {
	terms := make([]*ast.Term, 0, len(list))
	for _, s := range list {
		terms = append(terms, ast.StringTerm(s))
	}
	return ast.ArrayTerm(terms...)
}
