package wit

import (
	"cmp"
	"fmt"
	"strings"
)

// Bounds of printed text: types of components may share parts so that their
// text grows without end. What is longer ends in "…".
const (
	maxTypeText = 64 << 10
	maxTreeText = 16 << 20
)

// String is the type as WIT spells a reference to it: its name, or what it
// is made of when it has none. At most 64 KiB and then "…".
func (t *Type) String() string {
	p := printer{limit: maxTypeText}
	p.ref(t)
	return p.text()
}

// Definition is the text that defines the type under a name, without what
// surrounds it: record pair { a: u32, b: u32 } for a record.
func (t *Type) Definition(name string) string {
	p := printer{limit: maxTypeText, line: true}
	p.define(name, t)
	return p.text()
}

// String is the function as WIT spells it, with its component name: a method
// has its self parameter.
func (f *Func) String() string {
	p := printer{limit: maxTypeText}
	p.add(f.Name, ": ")
	p.signature(f, f.Params, f.Result)
	return p.text()
}

// printer collects WIT text up to a limit.
type printer struct {
	b      strings.Builder
	limit  int
	indent int
	line   bool             // definitions on one line
	pkg    string           // the package that is printed
	local  map[any]string   // what the interface calls a *Type or *Resource
	also   map[alias]bool   // what else it calls a *Resource
	origin map[*Type]origin // which interface defines a type
}

// origin is the place of a definition.
type origin struct {
	iface Name
	name  string
}

// alias is a name of a resource.
type alias struct {
	resource *Resource
	name     string
}

func (p *printer) full() bool { return p.b.Len() > p.limit }

func (p *printer) add(parts ...string) {
	for _, s := range parts {
		if p.full() {
			return
		}
		p.b.WriteString(s)
	}
}

func (p *printer) text() string {
	if p.full() {
		return strings.ToValidUTF8(p.b.String()[:p.limit], "") + "…"
	}
	return p.b.String()
}

// escape spells a name, with % when it is a keyword.
func escape(name string) string {
	if keywords[name] {
		return "%" + name
	}
	return name
}

func (p *printer) resourceName(r *Resource) string {
	if r == nil {
		return "_"
	}
	return escape(cmp.Or(p.local[r], r.Name))
}

// handled is what a handle's resource is called: as the handle does, if that is
// a name here.
func (p *printer) handled(t *Type) string {
	if t.As != "" && p.also[alias{t.Resource, t.As}] {
		return escape(t.As)
	}
	return p.resourceName(t.Resource)
}

// ref prints a reference to a type.
func (p *printer) ref(t *Type) {
	switch {
	case p.full():
	case t == nil:
		p.add("_")
	case t.Name != "":
		p.add(escape(cmp.Or(p.local[t], t.Name)))
	default:
		p.structure(t)
	}
}

// kindNames are the words of kinds; primitives are only that.
var kindNames = map[Kind]string{
	KindBool: "bool", KindS8: "s8", KindU8: "u8", KindS16: "s16", KindU16: "u16", KindS32: "s32",
	KindU32: "u32", KindS64: "s64", KindU64: "u64", KindF32: "f32", KindF64: "f64", KindChar: "char",
	KindString: "string", KindErrorContext: "error-context", KindList: "list", KindRecord: "record",
	KindTuple: "tuple", KindVariant: "variant", KindEnum: "enum", KindOption: "option",
	KindResult: "result", KindFlags: "flags", KindOwn: "own", KindBorrow: "borrow",
	KindStream: "stream", KindFuture: "future",
}

// String is the word WIT has for the kind.
func (k Kind) String() string {
	if name := kindNames[k]; name != "" {
		return name
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// structure prints what a type is made of.
func (p *printer) structure(t *Type) {
	switch t.Kind {
	case KindOwn:
		p.add(p.handled(t))
	case KindBorrow:
		p.add("borrow<", p.handled(t), ">")
	case KindTuple:
		p.add("tuple<")
		for i, f := range t.Fields {
			p.comma(i)
			p.ref(f.Type)
		}
		p.add(">")
	case KindResult:
		p.result(t)
	case KindList, KindOption, KindStream, KindFuture:
		p.generic(t)
	case KindRecord, KindVariant, KindEnum, KindFlags:
		p.add(t.Kind.String(), " ")
		line := p.line
		p.line = true
		p.body(t)
		p.line = line
	default:
		p.add(t.Kind.String())
	}
}

func (p *printer) comma(i int) {
	if i > 0 {
		p.add(", ")
	}
}

func (p *printer) generic(t *Type) {
	if t.Map {
		p.add("map<")
		p.ref(t.Elem.Fields[0].Type)
		p.add(", ")
		p.ref(t.Elem.Fields[1].Type)
		p.add(">")
		return
	}
	p.add(t.Kind.String())
	if t.Elem == nil {
		return
	}
	p.add("<")
	p.ref(t.Elem)
	if t.Length > 0 {
		p.add(fmt.Sprintf(", %d", t.Length))
	}
	p.add(">")
}

func (p *printer) result(t *Type) {
	ok, failed := t.Cases[0].Type, t.Cases[1].Type
	p.add("result")
	if ok == nil && failed == nil {
		return
	}
	p.add("<")
	p.ref(ok)
	if failed != nil {
		p.add(", ")
		p.ref(failed)
	}
	p.add(">")
}

// signature prints a function's type with the given parameters and result.
func (p *printer) signature(f *Func, params []Param, result *Type) {
	if f.Async {
		p.add("async ")
	}
	p.add("func")
	p.params(params)
	if result != nil {
		p.add(" -> ")
		p.ref(result)
	}
}

func (p *printer) params(params []Param) {
	p.add("(")
	for i, param := range params {
		p.comma(i)
		p.add(escape(param.Name), ": ")
		p.ref(param.Type)
	}
	p.add(")")
}

// define prints a type definition.
func (p *printer) define(name string, t *Type) {
	if t.Alias != nil && p.local != nil { // among others, one of which it is
		p.add("type ", escape(name), " = ")
		p.ref(t.Alias)
		p.add(";")
		return
	}
	switch t.Kind {
	case KindRecord, KindVariant, KindEnum, KindFlags:
		p.add(t.Kind.String(), " ", escape(name), " ")
		p.body(t)
	default:
		p.add("type ", escape(name), " = ")
		p.structure(t)
		p.add(";")
	}
}

// body prints the members of a record, variant, enum or flags.
func (p *printer) body(t *Type) {
	p.open()
	for i, f := range t.Fields {
		p.member(i, f.Name)
		p.add(": ")
		p.ref(f.Type)
	}
	for i, c := range t.Cases {
		p.member(i, c.Name)
		if c.Type != nil {
			p.add("(")
			p.ref(c.Type)
			p.add(")")
		}
	}
	for i, label := range t.Labels {
		p.member(i, label)
	}
	p.close()
}

// member begins a member of a body.
func (p *printer) member(i int, name string) {
	if i > 0 {
		p.add(",")
	}
	p.next()
	p.add(escape(name))
}

func (p *printer) open() {
	p.add("{")
	p.indent++
}

func (p *printer) close() {
	p.indent--
	p.next()
	p.add("}")
}

// next begins what comes next in braces.
func (p *printer) next() {
	if p.line {
		p.add(" ")
		return
	}
	p.add("\n", strings.Repeat("  ", p.indent))
}
