package broker

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"
)

// RuleTrace is what came of one rule.
type RuleTrace struct {
	Name   string // such as "data.writ.grants"
	Origin Origin
	Held   int // times
	Failed []FailedExpression
}

// FailedExpression is where a rule did not go on.
type FailedExpression struct {
	Line   int
	Text   string
	Values []string // what its variables and the parts of the input were: "hour = 22"
	Times  int
}

// maxFailures bounds what is told of one rule.
const maxFailures = 4

// traceRules evaluates a query and answers the rules that did not hold, or with held those of one set that did. The
// library's and the default policy's rules are left out, for their reader did not write them.
func (p *policy) traceRules(ctx context.Context, body ast.Body, input *ast.Term, now time.Time, of ast.Ref, held bool) ([]RuleTrace, error) {
	t := &ruleTracer{input: input, frames: map[uint64]*ast.Rule{}, rules: map[*ast.Rule]*RuleTrace{}}
	if _, err := p.run(ctx, body, input, now, t); err != nil && len(t.rules) == 0 {
		return nil, err
	}
	var out []RuleTrace
	for r, trace := range t.rules {
		own := trace.Origin.File != DefaultPolicy && !strings.HasPrefix(trace.Origin.File, libraryPrefix)
		wanted := held && trace.Held > 0 && r.Ref().HasPrefix(of) || !held && trace.Held == 0
		if own && wanted && !r.Default {
			out = append(out, *trace)
		}
	}
	slices.SortFunc(out, func(a, b RuleTrace) int {
		return cmp.Or(cmp.Compare(a.Origin.File, b.Origin.File), cmp.Compare(a.Origin.Line, b.Origin.Line))
	})
	return out, nil
}

// ruleTracer keeps of OPA's trace what came of each rule.
type ruleTracer struct {
	input  *ast.Term
	frames map[uint64]*ast.Rule
	rules  map[*ast.Rule]*RuleTrace
}

func (t *ruleTracer) Enabled() bool { return true }

func (t *ruleTracer) Config() topdown.TraceConfig { return topdown.TraceConfig{PlugLocalVars: true} }

func (t *ruleTracer) TraceEvent(e topdown.Event) {
	switch node := e.Node.(type) {
	case *ast.Rule:
		if e.Op == topdown.EnterOp {
			t.frames[e.QueryID] = node
			t.rule(node)
		}
		if e.Op == topdown.ExitOp {
			t.rule(node).Held++
		}
	case *ast.Expr:
		if r := t.frames[e.QueryID]; r != nil && e.Op == topdown.FailOp {
			t.failed(t.rule(r), node, e)
		}
	}
}

func (t *ruleTracer) rule(r *ast.Rule) *RuleTrace {
	if t.rules[r] == nil {
		t.rules[r] = &RuleTrace{Name: r.Ref().GroundPrefix().String(), Origin: Origin{r.Location.File, r.Location.Row}}
	}
	return t.rules[r]
}

func (t *ruleTracer) failed(r *RuleTrace, e *ast.Expr, event topdown.Event) {
	if e.Location == nil {
		return
	}
	f := FailedExpression{Line: e.Location.Row, Text: strings.TrimSpace(firstLine(string(e.Location.Text))), Times: 1, Values: t.values(e, event)}
	for i := range r.Failed {
		if r.Failed[i].Line == f.Line && slices.Equal(r.Failed[i].Values, f.Values) {
			r.Failed[i].Times++
			return
		}
	}
	if len(r.Failed) < maxFailures {
		r.Failed = append(r.Failed, f)
	}
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

// inputPath finds parts of the input in the text of an expression: the compiler has put variables in their place.
var inputPath = regexp.MustCompile(`\binput(\.[A-Za-z_][A-Za-z0-9_]*)+`)

// values tells what the parts of an expression stood for.
func (t *ruleTracer) values(e *ast.Expr, event topdown.Event) []string {
	var out []string
	for _, path := range inputPath.FindAllString(string(e.Location.Text), -1) {
		ref, err := ast.ParseRef(path)
		if err != nil {
			continue
		}
		if value, err := t.input.Value.Find(ref[1:]); err != nil {
			out = append(out, path+" is undefined")
		} else {
			out = append(out, fmt.Sprintf("%s = %v", path, short(value)))
		}
	}
	ast.WalkVars(e, func(v ast.Var) bool {
		name, known := event.LocalMetadata[v]
		if event.Locals == nil || !known || name.Name == "" || name.Name.IsGenerated() {
			return false
		}
		if value := event.Locals.Get(v); value != nil {
			out = append(out, fmt.Sprintf("%s = %v", name.Name, short(value)))
		}
		return false
	})
	slices.Sort(out)
	return slices.Compact(out)
}

func short(v ast.Value) string {
	const most = 120
	text := v.String()
	if len(text) > most {
		return strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}
