package broker

import (
	"fmt"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
)

// casesInWords says in English what a partial evaluation answered. What has no words here stays Rego.
func casesInWords(cases []ast.Body, support []*ast.Module) string {
	if len(cases) == 0 {
		return "never"
	}
	w := &wording{support: support}
	var all []string
	for _, c := range cases {
		text := w.body(c)
		if text == "" {
			return "always"
		}
		if !slices.Contains(all, text) {
			all = append(all, text)
		}
	}
	if len(all) > 1 {
		return "either " + strings.Join(all, ", or ")
	}
	return all[0]
}

// wording knows what the variables of a body stand for.
type wording struct {
	support []*ast.Module
	vars    map[ast.Var]string
	depth   int
}

// body joins the sentences of a conjunction; "" is one without any.
func (w *wording) body(b ast.Body) string {
	outer := w.vars
	defer func() { w.vars = outer }()
	w.vars = map[ast.Var]string{}
	for _, e := range b {
		w.define(e)
	}
	var parts []string
	for _, e := range b {
		if text := w.expr(e); text != "" && !slices.Contains(parts, text) {
			parts = append(parts, text)
		}
	}
	return strings.Join(parts, " and ")
}

// partsOf names the elements of the lists that functions return.
var partsOf = map[string][]string{
	"time.clock": {"the hour", "the minute", "the second"},
	"time.date":  {"the year", "the month", "the day of the month"},
}

// define notes what an expression of the form function(arguments, variable) calls the variable.
func (w *wording) define(e *ast.Expr) {
	terms, ok := e.Terms.([]*ast.Term)
	if !ok || e.Negated {
		return
	}
	name := terms[0].Value.String()
	b := ast.BuiltinMap[name]
	if name == "eq" || name == "assign" {
		for i, t := range terms[1:] {
			if v, ok := t.Value.(ast.Var); ok && w.vars[v] == "" && v.IsGenerated() {
				w.vars[v] = w.term(terms[2-i])
				return
			}
			if w.parts(t, terms[2-i]) {
				return
			}
		}
	}
	if b == nil || len(terms) != len(b.Decl.FuncArgs().Args)+2 {
		return
	}
	out := terms[len(terms)-1]
	switch v := out.Value.(type) {
	case ast.Var:
		w.vars[v] = w.call(name, terms[1:len(terms)-1])
	case *ast.Array:
		w.name(v, name, terms[1])
	}
}

// parts names the variables of a list that a function's result is taken apart into.
func (w *wording) parts(list, from *ast.Term) bool {
	a, isList := list.Value.(*ast.Array)
	call, isCall := from.Value.(ast.Call)
	if !isList || !isCall || partsOf[call[0].Value.String()] == nil {
		return false
	}
	w.name(a, call[0].Value.String(), call[1])
	return true
}

// name names the variables of what a function makes of a moment.
func (w *wording) name(list *ast.Array, function string, moment *ast.Term) {
	_, zone := inZone(moment)
	for i, part := range partsOf[function] {
		if i < list.Len() {
			if v, ok := list.Elem(i).Value.(ast.Var); ok {
				w.vars[v] = part + zone
			}
		}
	}
}

// inZone takes a moment that OPA's functions of time take apart from the zone that may come with it.
func inZone(t *ast.Term) (moment *ast.Term, zone string) {
	a, ok := t.Value.(*ast.Array)
	if !ok || a.Len() != 2 {
		return t, ""
	}
	name, ok := a.Elem(1).Value.(ast.String)
	if !ok {
		return t, ""
	}
	return a.Elem(0), " in " + string(name)
}

// relations are how functions of two arguments that are true or false read between them.
var relations = map[string][2]string{
	"eq": {"is", "is not"}, "equal": {"is", "is not"}, "assign": {"is", "is not"}, "neq": {"is not", "is"},
	"lt": {"is less than", "is at least"}, "lte": {"is at most", "is more than"},
	"gt": {"is more than", "is at most"}, "gte": {"is at least", "is less than"},
	"startswith": {"begins with", "does not begin with"}, "endswith": {"ends with", "does not end with"},
	"contains": {"contains", "does not contain"}, "internal.member_2": {"is one of", "is none of"},
}

func (w *wording) expr(e *ast.Expr) string {
	terms, ok := e.Terms.([]*ast.Term)
	if !ok {
		if t, ok := e.Terms.(*ast.Term); ok {
			return w.rule(t, e.Negated)
		}
		return e.String()
	}
	name := terms[0].Value.String()
	if r, ok := relations[name]; ok && len(terms) == 3 {
		return w.relation(name, r, terms[1], terms[2], e.Negated)
	}
	if name == "glob.match" && len(terms) == 4 {
		return w.between(terms[3], pick(e.Negated, "does not match", "matches"), terms[1])
	}
	if name == "regex.match" && len(terms) == 3 {
		return w.between(terms[2], pick(e.Negated, "does not match", "matches"), terms[1])
	}
	if b := ast.BuiltinMap[name]; b != nil && len(terms) == len(b.Decl.FuncArgs().Args)+2 {
		return w.result(e, name, terms)
	}
	text := w.call(name, terms[1:])
	if e.Negated {
		return "not " + text
	}
	return text
}

// result is the sentence for a function whose result is set against something known; "" when it only defines a variable.
func (w *wording) result(e *ast.Expr, name string, terms []*ast.Term) string {
	switch terms[len(terms)-1].Value.(type) {
	case ast.Var:
		return ""
	case *ast.Array:
		if partsOf[name] != nil && !e.Negated {
			return ""
		}
	}
	return w.call(name, terms[1:len(terms)-1]) + pick(e.Negated, " is not ", " is ") + w.term(terms[len(terms)-1])
}

func (w *wording) relation(name string, words [2]string, a, b *ast.Term, negated bool) string {
	if v, ok := a.Value.(ast.Var); ok && (name == "eq" || name == "assign") && v.IsGenerated() && w.vars[v] == w.term(b) {
		return "" // it defines the variable
	}
	if v, ok := b.Value.(ast.Var); ok && (name == "eq" || name == "assign") && v.IsGenerated() && w.vars[v] == w.term(a) {
		return ""
	}
	if name == "eq" && (w.parts(a, b) || w.parts(b, a)) {
		return "" // likewise
	}
	if known(a) && !known(b) && (name == "eq" || name == "equal") {
		a, b = b, a
	}
	if truth, ok := b.Value.(ast.Boolean); ok && (name == "eq" || name == "equal") {
		if _, isRef := a.Value.(ast.Ref); isRef {
			return w.rule(a, bool(truth) == negated)
		}
	}
	return w.between(a, pick(negated, words[1], words[0]), b)
}

func known(t *ast.Term) bool { return ast.IsConstant(t.Value) }

func (w *wording) between(a *ast.Term, words string, b *ast.Term) string {
	return w.term(a) + " " + words + " " + w.term(b)
}

func pick(b bool, yes, no string) string {
	if b {
		return yes
	}
	return no
}

// rule says what a reference to a supporting rule requires, or names a truth.
func (w *wording) rule(t *ast.Term, negated bool) string {
	ref, ok := t.Value.(ast.Ref)
	if truth, isTruth := t.Value.(ast.Boolean); isTruth {
		return pick(bool(truth) == negated, "never", "")
	}
	if !ok || w.depth > 8 {
		return pick(negated, "not ", "") + w.term(t)
	}
	w.depth++
	defer func() { w.depth-- }()
	var bodies []ast.Body
	for _, m := range w.support {
		for _, r := range m.Rules {
			if full := m.Package.Path.Extend(r.Head.Ref()); full.Equal(ref) && !r.Default && len(r.Head.Args) == 0 {
				if v, ok := r.Head.Value.Value.(ast.Boolean); ok && bool(v) {
					bodies = append(bodies, r.Body)
				}
			}
		}
	}
	if len(bodies) == 0 {
		return pick(negated, "not ", "") + w.term(t)
	}
	text := casesInWords(bodies, w.support)
	return pick(negated, "it is not so that "+text, text)
}

// names of the parts of a call.
var inputNames = map[string]string{
	"input.operation": "the operation", "input.resource": "the resource", "input.capability": "the capability",
	"input.bytes": "the size", "input.time": "the time of the call", "input.app.name": "the app", "input.component.name": "the component",
}

func (w *wording) term(t *ast.Term) string {
	switch v := t.Value.(type) {
	case ast.Var:
		if text := w.vars[v]; text != "" {
			return text
		}
	case ast.Ref:
		if text := inputNames[v.String()]; text != "" {
			return text
		}
	case ast.Call:
		return w.call(v[0].Value.String(), v[1:])
	case ast.Set:
		return w.list(v.Slice())
	case *ast.Array:
		var list []*ast.Term
		v.Foreach(func(t *ast.Term) { list = append(list, t) })
		return w.list(list)
	}
	return t.String()
}

func (w *wording) list(terms []*ast.Term) string {
	var all []string
	for _, t := range terms {
		all = append(all, w.term(t))
	}
	return strings.Join(all, ", ")
}

// phrases are how functions that return something read; %s is each argument in turn.
var phrases = map[string]string{
	"time.now_ns": "now", "time.weekday": "the weekday of %s", "time.clock": "the clock of %s", "time.date": "the date of %s",
	"time.parse_rfc3339_ns": "%s", "count": "the number of %s", "lower": "%s in lower case", "upper": "%s in upper case",
	"plus": "%s + %s", "minus": "%s - %s", "mul": "%s × %s", "div": "%s / %s", "split": "%s split at %s", "concat": "the parts of %[2]s joined by %[1]s",
	"object.get": "%s[%s]",
}

func (w *wording) call(name string, args []*ast.Term) string {
	texts := make([]any, len(args))
	plain := make([]string, len(args))
	for i, a := range args {
		moment, zone := a, ""
		if strings.HasPrefix(name, "time.") {
			moment, zone = inZone(a)
		}
		plain[i] = w.term(moment) + zone
		texts[i] = plain[i]
	}
	phrase, ok := phrases[name]
	if !ok {
		return name + "(" + strings.Join(plain, ", ") + ")"
	}
	if n := strings.Count(phrase, "%"); n < len(texts) {
		texts = texts[:n]
	}
	return fmt.Sprintf(phrase, texts...)
}
