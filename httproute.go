package writ

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// HTTPRoute sends requests for a path to a component.
type HTTPRoute struct {
	Route     HTTPPath `toml:"route"`
	Component string   `toml:"component"`

	line int // in writ.toml, 0 when there is none
}

// HTTPPath says which requests a route is for: "/", "/path", "/path/:name" or
// "/prefix/...", or { private = true } for those of the app's own components
// alone.
type HTTPPath struct {
	Pattern string // "" when it is private
	Private bool

	problem error // of reading it, told with its line
}

// UnmarshalTOML takes either form.
func (p *HTTPPath) UnmarshalTOML(text []byte) error {
	var read struct {
		Route any `toml:"route"`
	}
	if err := toml.Unmarshal(append([]byte("route = "), text...), &read); err != nil {
		return err
	}
	switch v := read.Route.(type) {
	case string:
		p.Pattern = v
		_, p.problem = parseRoute(v)
	case map[string]any:
		if p.Private, _ = v["private"].(bool); !p.Private || len(v) != 1 {
			p.problem = fmt.Errorf("route %s: want a path, or { private = true }", text)
		}
	default:
		p.problem = fmt.Errorf("route %s: want a path, or { private = true }", text)
	}
	return nil
}

// String is the route as manifests have it.
func (p HTTPPath) String() string {
	if p.Private {
		return "{ private = true }"
	}
	return p.Pattern
}

// checkRoutes reports what is wrong with [[trigger.http]].
func checkRoutes(m *Manifest) error {
	for i := range m.Triggers.HTTP {
		if err := m.checkRoute(i); err != nil {
			return &manifestError{m.Triggers.HTTP[i].line, fmt.Errorf("%d: %w", i+1, err)}
		}
	}
	return nil
}

func (m *Manifest) checkRoute(i int) error {
	r := m.Triggers.HTTP[i]
	if _, ok := m.Components[r.Component]; !ok {
		return m.has(r.Component)
	}
	if r.Route.problem != nil {
		return r.Route.problem
	}
	if r.Route == (HTTPPath{}) {
		return fmt.Errorf("no route: add route = \"/PATH\"")
	}
	for _, earlier := range m.Triggers.HTTP[:i] {
		if err := r.conflict(earlier); err != nil {
			return err
		}
	}
	return nil
}

// conflict reports how a route cannot be beside an earlier one.
func (r HTTPRoute) conflict(earlier HTTPRoute) error {
	if r.Route.Private != earlier.Route.Private {
		if r.Component == earlier.Component {
			return fmt.Errorf("component %s is private and has a path too (line %d)", r.Component, earlier.line)
		}
		return nil
	}
	if r.Route.Private {
		return nil
	}
	a, err := parseRoute(r.Route.Pattern)
	if err != nil {
		return err
	}
	b, err := parseRoute(earlier.Route.Pattern)
	if err == nil && a.same(&b) {
		return fmt.Errorf("route %q is for the same paths as %q of component %s (line %d)", r.Route, earlier.Route, earlier.Component, earlier.line)
	}
	return nil
}

// manifestError is an error at a line of writ.toml.
type manifestError struct {
	line int
	err  error
}

func (e *manifestError) Error() string { return e.err.Error() }
func (e *manifestError) Unwrap() error { return e.err }

// CheckRoute says what is wrong with the path of a route.
func CheckRoute(path string) error {
	_, err := parseRoute(path)
	return err
}

// locateRoutes notes the line of each [[trigger.http]].
func (m *Manifest) locateRoutes(text []byte) {
	lines := arrayLines(text, "trigger", "http")
	for i := range m.Triggers.HTTP {
		if i < len(lines) {
			m.Triggers.HTTP[i].line = lines[i]
		}
	}
}

// arrayLines are the lines of a document that was decoded at which the elements
// of an array of tables begin, whichever way it is written.
func arrayLines(text []byte, name ...string) (lines []int) {
	var p unstable.Parser
	p.Reset(text)
	var table []string
	for p.NextExpression() {
		e := p.Expression()
		key := keyOf(e)
		switch e.Kind {
		case unstable.Table:
			table = key
		case unstable.ArrayTable:
			table = key
			if slices.Equal(key, name) {
				lines = append(lines, lineOf(text, e))
			}
		case unstable.KeyValue:
			if full := append(slices.Clone(table), key...); slices.Equal(full, name) {
				lines = append(lines, elementLines(text, e.Value())...)
			}
		}
	}
	return lines
}

func keyOf(e *unstable.Node) (key []string) {
	for it := e.Key(); it.Next(); {
		key = append(key, string(it.Node().Data))
	}
	return key
}

func lineOf(text []byte, e *unstable.Node) int {
	it := e.Key()
	it.Next()
	return lineAt(text, it.Node().Raw.Offset)
}

func elementLines(text []byte, array *unstable.Node) (lines []int) {
	for it := array.Children(); it.Next(); {
		lines = append(lines, lineAt(text, it.Node().Raw.Offset))
	}
	return lines
}

func lineAt(text []byte, offset uint32) int {
	return 1 + bytes.Count(text[:min(int(offset), len(text))], []byte("\n"))
}
