package conformance

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/writ-host/writ/wit"
)

// passing is a component whose export "f" passes its parameters through two
// components to the import "echo", and what that returns back. Arguments and
// results so cross three borders each way, in two string encodings. It is all
// in how they cross: the core code only hands on what it was given.
type passing struct {
	params    []*wit.Type
	encodings [2]string
	// spoil is done to core values before they are passed on.
	spoil [2]spoil
}

// spoil changes what core code passes on; the zero value changes nothing.
type spoil struct {
	active bool
	result bool   // a byte of the result in memory, rather than a parameter
	at     uint32 // the parameter, or the byte
	xor    uint64
}

var encodings = []string{"utf8", "utf16", "latin1+utf16"}

func randomPassing(r *rand.Rand, depth int) *passing {
	p := &passing{}
	for range 1 + r.IntN(3) {
		p.params = append(p.params, randomType(r, r.IntN(depth+1)))
	}
	for i := range p.encodings {
		p.encodings[i] = encodings[r.IntN(3)]
	}
	return p
}

// text is the component's text.
func (p *passing) text() string {
	w := &typeWriter{names: map[*wit.Type]string{}}
	sig := p.signature(w)
	var with strings.Builder
	for i := range w.count {
		fmt.Fprintf(&with, " (with \"t%d\" (type $t%d))", i, i)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "(component\n%s(import \"echo\" (func $echo %s))\n", w.text.String(), sig)
	for i, e := range p.encodings {
		fmt.Fprintf(&b, "(component $c%d\n%s(import \"f\" (func $f %s))\n%s)\n", i, w.text.String(), sig, p.body(i, e, sig))
	}
	fmt.Fprintf(&b, "(instance $i0 (instantiate $c0 (with \"f\" (func $echo))%s))\n", &with)
	fmt.Fprintf(&b, "(instance $i1 (instantiate $c1 (with \"f\" (func $i0 \"f\"))%s))\n", &with)
	return b.String() + "(export \"f\" (func $i1 \"f\")))\n"
}

func (p *passing) signature(w *typeWriter) string {
	var b strings.Builder
	for i, t := range p.params {
		fmt.Fprintf(&b, "(param \"p%d\" %s) ", i, w.ref(t))
	}
	return b.String() + "(result " + w.ref(p.params[0]) + ")"
}

// scratch is where results that do not fit a core value are put.
const scratch = 4 << 16

// body is what is in each of the two components.
func (p *passing) body(index int, encoding, sig string) string {
	options := fmt.Sprintf(`string-encoding=%s (memory $libc "memory") (realloc (func $libc "realloc"))`, encoding)
	return fmt.Sprintf(`
(core module $libc
  (memory (export "memory") 64)
  (global $next (mut i32) (i32.const 655360))
  (func (export "realloc") (param $old i32) (param $was i32) (param $align i32) (param $size i32) (result i32)
    (local $at i32)
    (local.set $at (i32.and (i32.add (global.get $next) (i32.sub (local.get $align) (i32.const 1))) (i32.sub (i32.const 0) (local.get $align))))
    (global.set $next (i32.add (i32.add (local.get $at) (local.get $size)) (i32.const 16)))
    (if (i32.gt_u (local.get $was) (local.get $size)) (then (local.set $was (local.get $size))))
    (memory.copy (local.get $at) (local.get $old) (local.get $was))
    (local.get $at)))
(core instance $libc (instantiate $libc))
(core func $lowered (canon lower (func $f) %[1]s))
%[2]s
(core instance $m (instantiate $m (with "" (instance (export "f" (func $lowered)))) (with "libc" (instance $libc))))
(func $g %[3]s (canon lift (core func $m "f") %[1]s))
(export "f" (func $g))
`, options, p.forward(index), sig)
}

// forward is the core module that calls its import with its own parameters.
func (p *passing) forward(index int) string {
	var params []wit.Core
	count := 0
	for _, t := range p.params {
		count += t.FlatCount
		params = append(params, t.Flat...)
	}
	if count > wit.MaxFlatParams {
		params = []wit.Core{wit.I32}
	}
	in, out, result, after := coreTypes(params), coreTypes(params), "", ""
	var args strings.Builder
	for i, c := range params {
		args.WriteString(p.spoil[index].param(uint32(i), c))
	}
	if t := p.params[0]; t.FlatCount > wit.MaxFlatResults {
		out += " i32"
		result = "(result i32)"
		fmt.Fprintf(&args, " (i32.const %d)", scratch)
		after = p.spoil[index].memory() + fmt.Sprintf(" (i32.const %d)", scratch)
		return fmt.Sprintf(`(core module $m (import "" "f" (func $f (param %s))) (import "libc" "memory" (memory 1))
  (func (export "f") (param %s) %s (call $f %s) %s))`, out, in, result, &args, after)
	} else if t.FlatCount == 1 {
		result = "(result " + coreTypes(t.Flat) + ")"
	}
	return fmt.Sprintf(`(core module $m (import "" "f" (func $f (param %s) %s)) (import "libc" "memory" (memory 1))
  (func (export "f") (param %s) %s (call $f %s)))`, out, result, in, result, &args)
}

// param is parameter i as it is passed on.
func (s spoil) param(i uint32, c wit.Core) string {
	get := fmt.Sprintf(" (local.get %d)", i)
	if !s.active || s.result || s.at != i {
		return get
	}
	switch c {
	case wit.I32:
		return fmt.Sprintf(" (i32.xor%s (i32.const %d))", get, int32(s.xor))
	case wit.I64:
		return fmt.Sprintf(" (i64.xor%s (i64.const %d))", get, int64(s.xor))
	}
	return get
}

// memory changes a byte of the result.
func (s spoil) memory() string {
	if !s.active || !s.result {
		return ""
	}
	at := scratch + s.at
	return fmt.Sprintf(" (i32.store8 (i32.const %d) (i32.xor (i32.load8_u (i32.const %d)) (i32.const %d)))", at, at, uint8(s.xor))
}

func coreTypes(types []wit.Core) string {
	names := [...]string{wit.I32: "i32", wit.I64: "i64", wit.F32: "f32", wit.F64: "f64"}
	list := make([]string, len(types))
	for i, t := range types {
		list[i] = names[t]
	}
	return strings.Join(list, " ")
}

// typeWriter writes types as text. Records, variants, enums and flags need a
// name that is visible outside, so each component imports them.
type typeWriter struct {
	text  strings.Builder
	names map[*wit.Type]string
	count int
}

func (w *typeWriter) ref(t *wit.Type) string {
	switch t.Kind {
	case wit.KindList:
		return "(list " + w.ref(t.Elem) + ")"
	case wit.KindOption:
		return "(option " + w.ref(t.Elem) + ")"
	case wit.KindTuple:
		return "(tuple" + w.fields(t) + ")"
	case wit.KindResult:
		return "(result" + w.side("%s", t.Cases[0].Type) + w.side("(error %s)", t.Cases[1].Type) + ")"
	case wit.KindRecord, wit.KindVariant, wit.KindEnum, wit.KindFlags:
		return w.named(t)
	}
	return t.Kind.String()
}

func (w *typeWriter) side(format string, t *wit.Type) string {
	if t == nil {
		return ""
	}
	return " " + fmt.Sprintf(format, w.ref(t))
}

func (w *typeWriter) fields(t *wit.Type) string {
	text := ""
	for _, f := range t.Fields {
		if t.Kind == wit.KindTuple {
			text += " " + w.ref(f.Type)
			continue
		}
		text += fmt.Sprintf(" (field %q %s)", f.Name, w.ref(f.Type))
	}
	return text
}

func (w *typeWriter) named(t *wit.Type) string {
	if name := w.names[t]; name != "" {
		return name
	}
	body := t.Kind.String() + w.fields(t)
	for _, l := range t.Labels {
		body += fmt.Sprintf(" %q", l)
	}
	for _, c := range t.Cases {
		if t.Kind == wit.KindEnum {
			body += fmt.Sprintf(" %q", c.Name)
		} else {
			body += fmt.Sprintf(" (case %q%s)", c.Name, w.side("%s", c.Type))
		}
	}
	n := w.count
	w.count++
	fmt.Fprintf(&w.text, "(type $d%d (%s))\n(import \"t%d\" (type $t%d (eq $d%d)))\n", n, body, n, n, n)
	w.names[t] = fmt.Sprintf("$t%d", n)
	return w.names[t]
}
