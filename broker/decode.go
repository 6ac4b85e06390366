package broker

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tailscale/hujson"
)

// decoder reads grants and denials from JSON and says where it is wrong.
type decoder struct {
	name  string
	data  []byte
	lines []int   // offsets at which lines begin
	fixed *Origin // where it comes from, for what a policy answered
}

type field func(hujson.Value) error

func (d *decoder) parse() (hujson.Value, error) {
	d.lines = append(d.lines, 0)
	for i, c := range d.data {
		if c == '\n' {
			d.lines = append(d.lines, i+1)
		}
	}
	if at := tooDeep(d.data); at >= 0 {
		return hujson.Value{}, d.errorAt(at, "more than %d lists and objects inside of each other", maxDepth)
	}
	tree, err := hujson.Parse(d.data)
	if err != nil {
		return tree, d.syntax(err)
	}
	if !tree.IsStandard() {
		return tree, d.nonStandard()
	}
	return tree, nil
}

// syntax brings the parser's own words for a place into ours.
func (d *decoder) syntax(err error) error {
	var line, column int
	text := strings.TrimPrefix(err.Error(), "hujson: ")
	if n, _ := fmt.Sscanf(text, "line %d, column %d:", &line, &column); n == 2 {
		_, text, _ = strings.Cut(text, ": ")
		return fmt.Errorf("%s:%d:%d: %s", d.name, line, column, text)
	}
	return fmt.Errorf("%s: %s", d.name, text)
}

// nonStandard names the place of a comment or trailing comma, which OPA's own tools would refuse.
func (d *decoder) nonStandard() error {
	var at *json.SyntaxError
	var v any
	if err := json.Unmarshal(d.data, &v); errors.As(err, &at) {
		return d.errorAt(int(at.Offset)-1, "not plain JSON: %v", err)
	}
	return fmt.Errorf("%s: not plain JSON: comments and trailing commas are not allowed", d.name)
}

// tooDeep finds the first bracket beyond maxDepth, or returns -1. It keeps the parser's recursion bounded.
func tooDeep(data []byte) int {
	depth, quoted := 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '[' || c == '{':
			if depth++; depth > maxDepth {
				return i
			}
		case c == ']' || c == '}':
			depth--
		}
	}
	return -1
}

func (d *decoder) line(v hujson.Value) int {
	if d.fixed != nil {
		return d.fixed.Line
	}
	line, _ := d.position(v.StartOffset)
	return line
}

func (d *decoder) position(offset int) (line, column int) {
	i, found := slices.BinarySearch(d.lines, offset)
	if !found {
		i--
	}
	return i + 1, offset - d.lines[i] + 1
}

func (d *decoder) errorf(v hujson.Value, format string, args ...any) error {
	return d.errorAt(v.StartOffset, format, args...)
}

func (d *decoder) errorAt(offset int, format string, args ...any) error {
	if d.fixed != nil {
		return fmt.Errorf("%v: %w", d.fixed, fmt.Errorf(format, args...))
	}
	line, column := d.position(offset)
	return fmt.Errorf("%s:%d:%d: %w", d.name, line, column, fmt.Errorf(format, args...))
}

// object calls the field of each member. Unknown and repeated names are errors.
func (d *decoder) object(v hujson.Value, what string, fields map[string]field) error {
	o, ok := v.Value.(*hujson.Object)
	if !ok {
		return d.errorf(v, "%s is not an object", what)
	}
	seen := map[string]bool{}
	for _, m := range o.Members {
		name := textOf(m.Name.Value.(hujson.Literal))
		f, known := fields[name]
		switch {
		case !known:
			return d.errorf(m.Name, "unknown key %q in %s", name, what)
		case seen[name]:
			return d.errorf(m.Name, "key %q is there twice", name)
		}
		seen[name] = true
		if err := f(m.Value); err != nil {
			return err
		}
	}
	return nil
}

// textOf is what a string says. Most have nothing to unescape, which the library's own way takes long to find.
func textOf(l hujson.Literal) string {
	if bytes.IndexByte(l, '\\') < 0 && utf8.Valid(l) {
		return string(bytes.Trim(l, `"`))
	}
	return l.String()
}

func (d *decoder) list(v hujson.Value, what string, f field) error {
	a, ok := v.Value.(*hujson.Array)
	if !ok {
		return d.errorf(v, "%q is not a list", what)
	}
	for _, e := range a.Elements {
		if err := f(e); err != nil {
			return err
		}
	}
	return nil
}

func (d *decoder) text(name string, to *string) field {
	return func(v hujson.Value) error {
		l, ok := v.Value.(hujson.Literal)
		if !ok || l.Kind() != '"' {
			return d.errorf(v, "%q is not a string", name)
		}
		*to = textOf(l)
		return nil
	}
}

func (d *decoder) count(name string, to *int64) field {
	return func(v hujson.Value) error {
		l, ok := v.Value.(hujson.Literal)
		if !ok || l.Kind() != '0' {
			return d.errorf(v, "%q is not a number", name)
		}
		n, err := json.Number(string(bytes.TrimSpace(l))).Int64()
		if err != nil || n < 1 {
			return d.errorf(v, "%q is %s: not a whole number of at least 1", name, l)
		}
		*to = n
		return nil
	}
}

func (d *decoder) time(name string, to *time.Time) field {
	return func(v hujson.Value) error {
		var s string
		if err := d.text(name, &s)(v); err != nil {
			return err
		}
		t, err := time.Parse(time.RFC3339, s)
		if err != nil || t.Year() < 1970 || t.Year() > 2261 {
			return d.errorf(v, "%q is %q: not a time such as 2027-01-01T00:00:00Z", name, s)
		}
		*to = t
		return nil
	}
}

func (d *decoder) operations(to *[]string) field {
	return func(v hujson.Value) error {
		return d.list(v, "operations", func(v hujson.Value) error {
			var op string
			if err := d.text("operations", &op)(v); err != nil {
				return err
			}
			if slices.Contains(*to, op) {
				return d.errorf(v, "operation %q is there twice", op)
			}
			*to = append(*to, op)
			return nil
		})
	}
}

func (d *decoder) limits(to *Limits) field {
	return func(v hujson.Value) error {
		return d.object(v, "limits", map[string]field{
			"calls_per_second": d.count("calls_per_second", &to.CallsPerSecond),
			"max_bytes":        d.count("max_bytes", &to.MaxBytes),
		})
	}
}

func (d *decoder) tls(to *string) field {
	return func(v hujson.Value) error {
		if err := d.text("tls", to)(v); err != nil {
			return err
		}
		if *to != Unverified {
			return d.errorf(v, `"tls" is %q: it is %q, or not there, and certificates are verified`, *to, Unverified)
		}
		return nil
	}
}

func (d *decoder) grant(v hujson.Value) (*Grant, error) {
	g := &Grant{Origin: Origin{File: d.name, Line: d.line(v)}}
	err := d.object(v, "grant", map[string]field{
		"id": d.text("id", &g.ID), "app": d.text("app", &g.App), "component": d.text("component", &g.Component),
		"capability": d.text("capability", &g.Capability), "resource": d.text("resource", &g.Resource),
		"operations": d.operations(&g.Operations), "limits": d.limits(&g.Limits), "tls": d.tls(&g.TLS), "when": d.text("when", &g.When),
		"expires": d.time("expires", &g.Expires), "reason": d.text("reason", &g.Reason),
	})
	if err == nil {
		err = g.prepare()
		err = d.wrap(v, err)
	}
	return g, err
}

func (d *decoder) denial(v hujson.Value) (*Denial, error) {
	n := &Denial{Origin: Origin{File: d.name, Line: d.line(v)}}
	err := d.object(v, "denial", map[string]field{
		"id": d.text("id", &n.ID), "app": d.text("app", &n.App), "component": d.text("component", &n.Component),
		"capability": d.text("capability", &n.Capability), "resource": d.text("resource", &n.Resource),
		"operations": d.operations(&n.Operations), "reason": d.text("reason", &n.Reason),
	})
	if err == nil {
		err = n.prepare()
		err = d.wrap(v, err)
	}
	return n, err
}

// wrap puts the place of the member that is wrong, or of the whole object, before an error of its meaning.
func (d *decoder) wrap(v hujson.Value, err error) error {
	if err == nil {
		return nil
	}
	var m *meaningError
	if o, ok := v.Value.(*hujson.Object); ok && errors.As(err, &m) {
		for _, member := range o.Members {
			if textOf(member.Name.Value.(hujson.Literal)) == m.key {
				return d.errorf(member.Value, "%w", err)
			}
		}
	}
	return d.errorf(v, "%w", err)
}

// meaningError is well-formed JSON that means nothing, at one key of a grant or denial.
type meaningError struct {
	key string
	err error
}

func (e *meaningError) Error() string { return e.err.Error() }
func (e *meaningError) Unwrap() error { return e.err }

func meaningless(key, format string, args ...any) error {
	return &meaningError{key, fmt.Errorf(format, args...)}
}

// prepare checks a grant and compiles its pattern.
func (g *Grant) prepare() error {
	switch {
	case g.App == "":
		return meaningless("app", "grant %q names no app", g.ID)
	case g.Component == "":
		return meaningless("component", `grant %q names no component: "*" is every component of the app`, g.ID)
	case g.When != "" && !isRuleName(g.When):
		return meaningless("when", "%q is not the name of a rule in data.writ.conditions", g.When)
	}
	p, err := checkScope(g.ID, g.Capability, g.Resource, g.Operations)
	if err != nil {
		return err
	}
	g.pattern = p
	return g.checkTLS()
}

// checkTLS refuses a grant that takes the verification of certificates away where there are none.
func (g *Grant) checkTLS() error {
	switch {
	case g.TLS == "":
		return nil
	case g.TLS != Unverified:
		return meaningless("tls", `tls is %q: it is %q, or not there`, g.TLS, Unverified)
	case g.Capability != HTTP:
		return meaningless("tls", "capability %q has no certificates to verify: tls is for capability %q", g.Capability, HTTP)
	case !strings.HasPrefix(g.pattern.text, "https://"):
		return meaningless("tls", "resource %q has no certificate to verify: tls is for https://", g.Resource)
	}
	return nil
}

func (n *Denial) prepare() error {
	p, err := checkScope(n.ID, n.Capability, n.Resource, n.Operations)
	n.pattern = p
	return err
}

// checkScope checks what grants and denials have in common.
func checkScope(id, capability, resource string, operations []string) (*pattern, error) {
	switch {
	case id == "" || len(id) > 128 || strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r == 0x7f }):
		return nil, meaningless("id", "id %q is empty, too long or has spaces or control characters", id)
	case capability == "":
		return nil, meaningless("capability", "no capability")
	case len(operations) == 0:
		return nil, meaningless("operations", `no operations: "*" is every one`)
	}
	for _, op := range operations {
		if !knownOperation(capability, op) {
			return nil, meaningless("operations", "capability %q has no operation %q: it has %s", capability, op,
				strings.Join(Operations(capability), ", "))
		}
	}
	return parsePattern(capability, resource)
}

// parsePattern canonicalises and compiles a pattern, and checks that it is one of the capability's.
func parsePattern(capability, resource string) (*pattern, error) {
	text, err := CanonicalPattern(resource)
	if err != nil {
		return nil, meaningless("resource", "%w", err)
	}
	if len(text) > maxPattern {
		return nil, meaningless("resource", "pattern of %d bytes is too long", len(text))
	}
	scheme, _, _ := strings.Cut(text, ":")
	c, builtin := builtins[capability]
	switch {
	case builtin && !slices.Contains(c.schemes, scheme):
		return nil, meaningless("resource", "resource %q is not one of capability %q: it begins with %s:", resource,
			capability, strings.Join(c.schemes, ": or "))
	case !builtin && schemes[scheme] != nil:
		return nil, meaningless("capability", "unknown capability %q for resource %q", capability, resource)
	}
	return compilePattern(text), nil
}

func isRuleName(s string) bool {
	for i, c := range []byte(s) {
		letter := c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != "" && len(s) <= 128
}
