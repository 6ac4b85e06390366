package broker

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
)

// pairs is how many random (grants, call) pairs the compiled matcher and plain evaluation are set against each other on. CI
// takes a million: make equivalence.
var pairs = flag.Int("pairs", 10_000, "random pairs to compare decisions on")

func TestPatternMatch(t *testing.T) {
	for _, test := range []struct {
		pattern, resource string
		want              bool
	}{
		{"kv://default/*", "kv://default/", true},
		{"kv://default/*", "kv://default/a/b", false},
		{"kv://default/**", "kv://default/a/b", true},
		{"kv://default/**", "kv://default2/a", false},
		{"kv://**", "kv://any/thing", true},
		{"kv://*/x", "kv://a/x", true},
		{"kv://*/x", "kv://a%2Fb/x", true},
		{"kv://a/b*c", "kv://a/bc", true},
		{"kv://a/b*c", "kv://a/b/c", false},
		{"kv://a/*A", "kv://a/%2A", false}, // the A of an escape is no A
		{"kv://a/*2A", "kv://a/%2A", false},
		{"kv://a/x**2A", "kv://a/x%2A", false},
		{"kv://a/*A*", "kv://a/%2A", false},
		{"kv://a/*%2A", "kv://a/%2A", true},
		{"kv://a/**/z", "kv://a/b/c/z", true},
		{"kv://a/**/z", "kv://a/z", false},
		{"kv://a/**.json", "kv://a/b/c.json", true},
		{"kv://a/*/m/**/z*", "kv://a/b/m/c/d/zoo", true},
		{"kv://a/*/m/**/z*", "kv://a/b/b/m/c/d/zoo", false},
		{"https://*.example.com/**", "https://api.example.com:443/v1/x", true},
		{"https://*.example.com/**", "https://a.b.example.com:443/", false},
		{"https://**.example.com/**", "https://a.b.example.com:443/", true},
		{"https://**.example.com/x", "https://evil.org:443/a.example.com/x", false},
		{"https://**.example.com/**", "https://evil.org:443/a.example.com/x", false},
		{"https://**/admin", "https://any.host:443/admin", true},
		{"https://api.example.com", "https://api.example.com:443/", true},
		{"https://api.example.com:*/", "https://api.example.com:8443/", true},
		{"http://h/**", "https://h:443/", false},
		{"tcp://10.0.0.*:5432", "tcp://10.0.0.7:5432", true},
		{"tcp://10.0.0.*:5432", "tcp://10.0.0.7:54321", false},
		{"tcp://**:80", "tcp://[::1]:80", true},
		{"tcp://*:80", "tcp://[::1]:80", false},
		{"env:APP_*", "env:APP_NAME", true},
		{"env:APP_*", "env:HOME", false},
		{"acme:billing/api@1.0.0#*", "acme:billing/api@1.0.0#[method]invoice.pay", true},
		{"acme:billing/*#x", "acme:billing/api@1.0.0#charge", false},
		{"acme:billing/**", "acme:billing/api@1.0.0#charge", true},
		{"acme:billing/*#charge", "acme:billing/api@1.0.0#charge", true},
		{"file:///data/**", "file:///data/a/b", true},
		{"file:///data/**", "file:///database", false},
		{"file:///data/**", "file:///data/", true},
	} {
		p, r := mustPattern(t, test.pattern), mustCanonical(t, test.resource)
		if got := p.match(r); got != test.want {
			t.Errorf("%s on %s: %v, want %v", test.pattern, test.resource, got, test.want)
		}
		if got := trieFinds(r, p); got != test.want {
			t.Errorf("trie of %s on %s: %v, want %v", test.pattern, test.resource, got, test.want)
		}
		if got := naive(p.text).MatchString(r); got != test.want {
			t.Errorf("%v on %s: %v, want %v", naive(p.text), test.resource, got, test.want)
		}
	}
}

func mustPattern(t testing.TB, text string) *pattern {
	t.Helper()
	canonical, err := CanonicalPattern(text)
	if err != nil {
		t.Fatal(err)
	}
	return compilePattern(canonical)
}

func mustCanonical(t testing.TB, text string) string {
	t.Helper()
	canonical, err := Canonical(text)
	if err != nil {
		t.Fatal(err)
	}
	return canonical
}

func trieFinds(resource string, patterns ...*pattern) bool {
	m := &matcher{}
	for _, p := range patterns {
		m.add(&entry{pattern: p, simple: true})
	}
	m.pack()
	return m.find(resource, &visit{clock: time.Now})
}

// naive restates the pattern language as a regular expression.
func naive(text string) *regexp.Regexp { return regexp.MustCompile(naiveText(text)) }

func naiveText(text string) string {
	var b strings.Builder
	b.WriteString("^")
	authority := authorityEnd(text)
	for i := 0; i < len(text); i++ {
		double := strings.HasPrefix(text[i:], "**")
		switch {
		case text[i] != '*':
			b.WriteString(regexp.QuoteMeta(text[i : i+1]))
			continue
		case double && i < authority:
			b.WriteString("(?:[^/%]|%[0-9A-F]{2})*")
		case double:
			b.WriteString("(?:[^%]|%[0-9A-F]{2})*")
		case i < authority:
			b.WriteString("(?:[^/#.:%]|%[0-9A-F]{2})*")
		default:
			b.WriteString("(?:[^/#%]|%[0-9A-F]{2})*")
		}
		if double {
			i++
		}
	}
	return b.String() + "$"
}

// random makes resources and patterns from few letters, so that they often match.
type random struct{ *rand.Rand }

func (r random) pick(options ...string) string { return options[r.IntN(len(options))] }

func (r random) text(n int, letters ...string) string {
	var b strings.Builder
	for range r.IntN(n) {
		b.WriteString(r.pick(letters...))
	}
	return b.String()
}

func (r random) resource() string {
	switch r.IntN(6) {
	case 0:
		s, err := HTTPResource(r.pick("http", "https"), r.pick("a.b", "b.a.b", "b", "[::1]", "1.2.3.4:80"), "/"+r.text(5, "a", "/", "b", "*", "é"))
		if err != nil {
			return "https://a.b:443/"
		}
		return s
	case 1:
		return r.pick("a:b/c@1.0.0", "a:b/b", "b:a/c") + "#" + r.pick("a", "b", "ab", "[method]a.b")
	case 2:
		return EnvResource(r.text(4, "A", "*", "b", "é"))
	default:
		return KVResource(r.pick("a", "b", "a/b", "*"), r.text(7, "a", "b", "/", "*", "2", "A", "%", "\x00", "é", "."))
	}
}

func (r random) pattern() string {
	for {
		var text string
		switch r.IntN(6) {
		case 0:
			text = r.pick("http://", "https://") + r.text(4, "a", ".", "*", "**", "b") + r.pick("", ":80", ":*") + r.pick("", "/") + r.text(5, "a", "/", "*", "**", "b", "%2a")
		case 1:
			text = r.pick("a:b/", "a:*/", "*:b/", "**") + r.text(4, "c@1.0.0", "b", "*", "**", "@*") + r.pick("", "#", "#") + r.text(3, "a", "b", "*", "[method]*")
		case 2:
			text = "env:" + r.text(4, "A", "*", "**", "b", "%2A", "é")
		default:
			text = "kv://" + r.pick("a", "b", "*", "**", "a%2Fb", "a*", "%2A") + r.pick("/", "/", "") + r.text(7, "a", "b", "/", "*", "**", "2", "A", "%2a", "%25", "%00", "é", ".")
		}
		if canonical, err := CanonicalPattern(text); err == nil {
			return canonical
		}
	}
}

// TestMatcherAgainstNaive sets the trie, the single pattern and the regular expression against each other.
func TestMatcherAgainstNaive(t *testing.T) {
	t.Parallel()
	r := random{rand.New(rand.NewPCG(1, 2))}
	matches := 0
	for range *pairs / 5 {
		var patterns []*pattern
		var expressions []*regexp.Regexp
		for range 1 + r.IntN(6) {
			p := compilePattern(r.pattern())
			patterns, expressions = append(patterns, p), append(expressions, naive(p.text))
		}
		for range 5 {
			resource, want := r.resource(), false
			for i, p := range patterns {
				one := expressions[i].MatchString(resource)
				if got := p.match(resource); got != one {
					t.Fatalf("%s on %s: %v, want %v", p.text, resource, got, one)
				}
				want = want || one
			}
			if got := trieFinds(resource, patterns...); got != want {
				t.Fatalf("trie of %s on %s: %v, want %v", texts(patterns), resource, got, want)
			}
			if want {
				matches++
			}
		}
	}
	if matches < *pairs/20 {
		t.Errorf("only %d of the random pairs matched: the test says little", matches)
	}
}

func texts(patterns []*pattern) []string {
	var list []string
	for _, p := range patterns {
		list = append(list, p.text)
	}
	return list
}

// inRego is what the oracle goes by: the same rules written in Rego over the grants as they are.
const inRego = `package naive
allow if {
	not deny
	some g in input.grants
	g.capability == input.capability
	some op in g.operations
	op in {input.operation, "*"}
	regex.match(g.regex, input.resource)
}
deny if {
	some d in input.denials
	d.capability == input.capability
	some op in d.operations
	op in {input.operation, "*"}
	regex.match(d.regex, input.resource)
}`

// oracle decides calls by evaluating Rego.
type oracle struct {
	policy *policy
	query  ast.Body
}

func newOracle(t testing.TB) *oracle {
	t.Helper()
	compiler, err := compileModules(map[string]*ast.Module{"naive.rego": ast.MustParseModuleWithOpts(inRego, ast.ParserOptions{RegoVersion: ast.RegoV1})})
	if err != nil {
		t.Fatal(err)
	}
	o := &oracle{policy: &policy{compiler: compiler}}
	if err := o.policy.load(); err != nil {
		t.Fatal(err)
	}
	if o.query, err = o.policy.query(ast.MustParseRef("data.naive.allow")); err != nil {
		t.Fatal(err)
	}
	return o
}

// agrees sets a decision against the oracle's, and returns it.
func (o *oracle) agrees(t *testing.T, b *Broker, grants, denials []scope, call Call) Decision {
	t.Helper()
	got := b.Subject("a", "c").Decide(context.Background(), call)
	input := ast.MustInterfaceToValue(map[string]any{"grants": forRego(grants), "denials": forRego(denials),
		"capability": call.Capability, "operation": call.Operation, "resource": call.Resource})
	want, err := o.policy.evaluate(context.Background(), o.query, ast.NewTerm(input), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if got.Allowed != (want == ast.Boolean(true)) {
		t.Fatalf("%+v with grants %v and denials %v: %v, but Rego says %v", call, grants, denials, got.Reason, want)
	}
	return got
}

// TestDecideAgainstRego sets whole decisions against plain Rego.
func TestDecideAgainstRego(t *testing.T) {
	t.Parallel()
	o, r := newOracle(t), random{rand.New(rand.NewPCG(3, 4))}
	allowed := 0
	for range *pairs / 25 {
		grants, denials := r.scopes(6), r.scopes(2)
		b := loadScopes(t, grants, denials)
		for range 25 {
			call := r.call()
			if o.agrees(t, b, grants, denials, call).Allowed {
				allowed++
				checkCovers(t, b, call)
			}
		}
		b.Close()
	}
	if allowed < *pairs/40 {
		t.Errorf("only %d of the random calls were allowed: the test says little", allowed)
	}
}

// FuzzDecide does so for ever, for any patterns and resources there are.
func FuzzDecide(f *testing.F) {
	o := newOracle(f)
	f.Add("kv://a/**", "kv://a/*b", "kv://a/x*", "kv://a/xb", uint8(0))
	f.Add("https://*.b/**", "https://**/", "https://a.b:*/é", "https://a.b/%c3%a9", uint8(1))
	f.Add("a:b/c#*", "**", "a:b/*#d", "a:b/c#d", uint8(6))
	f.Fuzz(func(t *testing.T, granted, more, denied, resourceText string, choice uint8) {
		resource, err := Canonical(resourceText)
		if err != nil {
			return
		}
		c := capabilityOf(resource)
		scopes := make([]scope, 3)
		for i, text := range []string{granted, more, denied} {
			p, err := CanonicalPattern(text)
			if err != nil || len(p) > 500 {
				return
			}
			operations := append(Operations(capabilityOf(p)), Any)
			scopes[i] = scope{capabilityOf(p), p, []string{operations[int(choice>>(2*i))%len(operations)]}}
		}
		b := loadScopes(t, scopes[:2], scopes[2:])
		defer b.Close()
		for _, op := range Operations(c) {
			o.agrees(t, b, scopes[:2], scopes[2:], Call{Capability: c, Operation: op, Resource: resource})
		}
	})
}

// checkCovers cuts an allowed resource anywhere: what is left must be covered.
func checkCovers(t *testing.T, b *Broker, call Call) {
	t.Helper()
	s := b.Subject("a", "c")
	for i := range len(call.Resource) + 1 {
		prefix := call.Resource[:i]
		inEscape := strings.HasSuffix(prefix, "%") || i > 1 && prefix[i-2] == '%'
		if strings.Contains(call.Resource, "://") && i < strings.Index(call.Resource, "://")+3 || i == 0 || inEscape {
			continue
		}
		for _, op := range []string{"", call.Operation} {
			if d := s.Covers(call.Capability, op, prefix); !d.Allowed {
				t.Fatalf("%+v is allowed, and %q of %s is not covered", call, op, prefix)
			}
		}
	}
}

type scope struct {
	capability, pattern string
	operations          []string
}

func capabilityOf(resource string) string {
	scheme, _, _ := strings.Cut(resource, ":")
	for name, c := range builtins {
		if slices.Contains(c.schemes, scheme) {
			return name
		}
	}
	return "acme"
}

func (r random) scopes(n int) []scope {
	var list []scope
	for range r.IntN(n + 1) {
		p := r.pattern()
		c := capabilityOf(p)
		ops := append(Operations(c), Any)
		list = append(list, scope{c, p, []string{r.pick(ops[:min(2, len(ops))]...)}})
		if r.IntN(3) == 0 {
			list[len(list)-1].operations = []string{Any}
		}
	}
	return list
}

func (r random) call() Call {
	resource := r.resource()
	c := capabilityOf(resource)
	ops := Operations(c)
	return Call{Capability: c, Operation: r.pick(ops[:min(3, len(ops))]...), Resource: resource}
}

func loadScopes(t *testing.T, grants, denials []scope) *Broker {
	t.Helper()
	s := &state{revision: 1}
	b := New(Config{})
	k := compiler{subject: b.Subject("a", "c"), revision: 1, out: &compiled{app: "a", component: Component{Name: "c"}}}
	var gs []*Grant
	for i, g := range grants {
		gs = append(gs, &Grant{ID: fmt.Sprint(i), App: "a", Component: "c", Capability: g.capability, Resource: g.pattern, Operations: g.operations})
		if err := gs[i].prepare(); err != nil {
			t.Fatal(err)
		}
	}
	var ds []*Denial
	for i, g := range denials {
		ds = append(ds, &Denial{ID: fmt.Sprint(i), Capability: g.capability, Resource: g.pattern, Operations: g.operations})
		if err := ds[i].prepare(); err != nil {
			t.Fatal(err)
		}
	}
	s.subjects = []*compiled{k.compile(gs, ds)}
	b.state.Store(s)
	return b
}

func forRego(scopes []scope) []any {
	list := []any{}
	for _, s := range scopes {
		var ops []any
		for _, op := range s.operations {
			ops = append(ops, op)
		}
		list = append(list, map[string]any{"capability": s.capability, "operations": ops, "regex": naiveText(s.pattern)})
	}
	return list
}

// TestIncludes checks each answer against resources: what the inner pattern matches, the outer ones must match.
func TestIncludesSound(t *testing.T) {
	r := random{rand.New(rand.NewPCG(5, 6))}
	included, apart := 0, 0
	for range 5000 {
		inner := compilePattern(r.pattern())
		outer := []*pattern{compilePattern(r.pattern()), compilePattern(r.pattern())}
		in, over := includes(outer, inner), overlap(outer[0], inner)
		if in {
			included++
		}
		if !over {
			apart++
		}
		for range 20 {
			s := r.resource()
			if !inner.match(s) {
				continue
			}
			if in && !outer[0].match(s) && !outer[1].match(s) {
				t.Fatalf("%s is said to be in %s, which do not match %s", inner.text, texts(outer), s)
			}
			if !over && outer[0].match(s) {
				t.Fatalf("%s and %s are said to be apart, and both match %s", inner.text, outer[0].text, s)
			}
			if outer[0].reaches(s) != true && outer[0].match(s) {
				t.Fatalf("%s matches %s and does not reach it", outer[0].text, s)
			}
		}
	}
	if included < 50 || apart < 50 {
		t.Errorf("%d included and %d apart: the test says little", included, apart)
	}
}

func TestIncludes(t *testing.T) {
	for _, test := range []struct {
		outer []string
		inner string
		want  bool
	}{
		{[]string{"kv://a/**"}, "kv://a/*", true},
		{[]string{"kv://a/*"}, "kv://a/**", false},
		{[]string{"kv://a/*"}, "kv://a/x", true},
		{[]string{"kv://a/x*"}, "kv://a/*", false},
		{[]string{"kv://a/*b"}, "kv://a/*ab", true},
		{[]string{"kv://a/*a*"}, "kv://a/*a*b*", true},
		{[]string{"kv://a/*a*b*"}, "kv://a/*a*", false},
		{[]string{"kv://*/**"}, "kv://a/b/c", true},
		{[]string{"kv://a/*", "kv://a/*/**"}, "kv://a/**", true}, // only together
		{[]string{"kv://a/*", "kv://a/*/*"}, "kv://a/**", false},
		{[]string{"kv://a/b", "kv://a/c"}, "kv://a/b", true},
		{[]string{"https://*.example.com/**"}, "https://api.example.com/v1/*", true},
		{[]string{"https://*.example.com/**"}, "https://**.example.com/v1/*", false},
		{nil, "kv://a/b", false},
	} {
		var outer []*pattern
		for _, text := range test.outer {
			outer = append(outer, mustPattern(t, text))
		}
		if got := includes(outer, mustPattern(t, test.inner)); got != test.want {
			t.Errorf("%s in %s: %v, want %v", test.inner, test.outer, got, test.want)
		}
	}
}

// FuzzMatch holds the matcher to the regular expression, for any patterns and resources there are.
func FuzzMatch(f *testing.F) {
	f.Add("kv://a/*b/**", "kv://a/ab/c")
	f.Add("https://*.b/**", "https://a.b/c")
	f.Add("a:b/*#*", "a:b/c#d")
	f.Fuzz(func(t *testing.T, patternText, resourceText string) {
		text, err := CanonicalPattern(patternText)
		if err != nil || len(text) > 500 {
			return
		}
		resource, err := Canonical(resourceText)
		if err != nil {
			return
		}
		p := compilePattern(text)
		want := naive(text).MatchString(resource)
		if got := p.match(resource); got != want {
			t.Errorf("%s on %s: %v, want %v", text, resource, got, want)
		}
		if got := trieFinds(resource, p); got != want {
			t.Errorf("trie of %s on %s: %v, want %v", text, resource, got, want)
		}
		if !includes([]*pattern{p}, p) {
			t.Errorf("%s is not in itself", text)
		}
	})
}
