package wit

import (
	"slices"
	"strconv"
)

// arity is how many type arguments a generic type takes.
var arity = map[string]struct{ min, max int }{
	"list": {1, 1}, "option": {1, 1}, "tuple": {1, 1 << 16}, "result": {0, 2},
	"own": {1, 1}, "borrow": {1, 1}, "stream": {0, 1}, "future": {0, 1},
}

// primitives are the types that are only a word.
var primitives = map[string]*Type{
	"bool": TypeBool, "s8": TypeS8, "u8": TypeU8, "s16": TypeS16, "u16": TypeU16, "s32": TypeS32,
	"u32": TypeU32, "s64": TypeS64, "u64": TypeU64, "f32": TypeF32, "f64": TypeF64, "char": TypeChar,
	"string": TypeString,
}

// typ reads a type. WIT, "Types".
func (p *parser) typ(depth int) (*typeNode, error) {
	if p.tok.kind != '%' {
		return nil, p.unexpected("a type")
	}
	if depth > maxNest {
		return nil, p.here().errorf("types are nested deeper than %d", maxNest)
	}
	t := &typeNode{position: p.here(), name: p.tok.text}
	_, generic := arity[t.name]
	_, primitive := primitives[t.name]
	t.ref = p.tok.escaped || !generic && !primitive
	if t.ref {
		return t, p.reference()
	}
	if err := p.advance(); err != nil || primitive {
		return t, err
	}
	return t, p.arguments(t, depth)
}

// reference reads the name of a definition.
func (p *parser) reference() error {
	if p.isKeyword("map") {
		return p.here().errorf("the type map is not supported: use list<tuple<key, value>>")
	}
	_, err := p.name()
	return err
}

// arguments reads <types> of a generic type.
func (p *parser) arguments(t *typeNode, depth int) error {
	bounds := arity[t.name]
	if p.tok.kind == '<' {
		err := p.separated('<', '>', func() error { return p.argument(t, depth) })
		if err != nil {
			return err
		}
		bounds.min = max(bounds.min, 1)
	}
	if n := len(t.args); n < bounds.min || n > bounds.max {
		return t.errorf("%s does not take %d types", t.name, n)
	}
	if slices.Contains(t.args, nil) && (t.name != "result" || len(t.args) != 2 || t.args[1] == nil) {
		return t.errorf("_ stands only for the first type of result<_, type>")
	}
	return nil
}

// argument reads one type argument, _, or a fixed list's length.
func (p *parser) argument(t *typeNode, depth int) error {
	if p.tok.kind == '_' {
		t.args = append(t.args, nil)
		return p.advance()
	}
	if p.tok.kind == '0' && t.name == "list" && len(t.args) == 1 && t.length == 0 {
		n, err := strconv.ParseUint(p.tok.text, 10, 32)
		if err != nil || n == 0 {
			return p.here().errorf("%s is not the length of a list", p.tok.text)
		}
		t.length = uint32(n)
		return p.advance()
	}
	arg, err := p.typ(depth + 1)
	t.args = append(t.args, arg)
	return err
}
