package broker

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"
)

// Residual is what is left of a condition when the component is known and the call is not.
type Residual struct {
	Name   string
	Words  string // for people: "the operation is \"get\" and the hour is less than 17"
	Rego   string // the same as OPA's partial evaluation answered it
	Origin Origin // of the first rule
}

// unknowns are the parts of a condition's input that only a call has.
var unknowns = []*ast.Term{
	ast.MustParseTerm("input.capability"), ast.MustParseTerm("input.operation"), ast.MustParseTerm("input.resource"),
	ast.MustParseTerm("input.bytes"), ast.MustParseTerm("input.time"),
}

// Conditions evaluates in part each condition that the grants of a component name.
func (b *Broker) Conditions(ctx context.Context, app, component string) ([]Residual, error) {
	c := b.compiled(app, component)
	if c == nil {
		return nil, nil
	}
	return residuals(ctx, c.conditions)
}

func residuals(ctx context.Context, conditions map[string]*condition) ([]Residual, error) {
	var all []Residual
	for name, c := range conditions {
		r, err := c.residual(ctx, name)
		if err != nil {
			return nil, fmt.Errorf("evaluate condition %s in part: %w", name, err)
		}
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b Residual) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

func (c *condition) residual(ctx context.Context, name string) (Residual, error) {
	r := Residual{Name: name}
	for _, rule := range c.policy.compiler.GetRulesExact(conditionRef(name)) {
		if at := (Origin{rule.Location.File, rule.Location.Row}); r.Origin.File == "" || at.Line < r.Origin.Line {
			r.Origin = at
		}
	}
	holds := ast.NewBody(ast.Equality.Expr(ast.NewTerm(conditionRef(name)), ast.BooleanTerm(true)))
	body, err := c.policy.compiler.QueryCompiler().Compile(holds)
	if err != nil {
		return r, err
	}
	txn, err := c.policy.store.NewTransaction(ctx)
	if err != nil {
		return r, err
	}
	defer c.policy.store.Abort(ctx, txn)
	cancel := topdown.NewCancel()
	defer context.AfterFunc(ctx, cancel.Cancel)()
	input := ast.NewTerm(ast.NewObject([2]*ast.Term{appKey, c.app}, [2]*ast.Term{componentKey, c.subject}))
	cases, support, err := topdown.NewQuery(body).WithCompiler(c.policy.compiler).WithStore(c.policy.store).WithTransaction(txn).
		WithInput(input).WithUnknowns(unknowns).WithCancel(cancel).PartialRun(ctx)
	if err != nil {
		return r, err
	}
	r.Words, r.Rego = casesInWords(cases, support), casesInRego(cases, support)
	return r, nil
}

// casesInRego writes cases and the rules that they refer to, in an order of their own text.
func casesInRego(cases []ast.Body, support []*ast.Module) string {
	var lines []string
	for _, c := range cases {
		lines = append(lines, renumber(c.String()))
	}
	slices.Sort(lines)
	text := strings.Join(slices.Compact(lines), "\nor ")
	if len(cases) == 0 {
		text = "false"
	} else if slices.Contains(lines, "") {
		text = "true"
	}
	lines = nil
	for _, m := range support {
		for _, r := range m.Rules {
			lines = append(lines, renumber(r.String()))
		}
	}
	slices.Sort(lines)
	for _, l := range lines {
		text += "\nwhere " + l
	}
	return text
}

// renumber gives the compiler's variables numbers by their order in a text, so that equal rules are equal texts.
func renumber(text string) string {
	var b strings.Builder
	numbers := map[string]int{}
	for {
		at := strings.Index(text, "__local")
		if at < 0 {
			b.WriteString(text)
			return b.String()
		}
		end := at + len("__local")
		for end < len(text) && (text[end] == '_' || text[end] >= '0' && text[end] <= '9') {
			end++
		}
		name := text[at:end]
		if _, ok := numbers[name]; !ok {
			numbers[name] = len(numbers) + 1
		}
		fmt.Fprintf(&b, "%sv%d", text[:at], numbers[name])
		text = text[end:]
	}
}
