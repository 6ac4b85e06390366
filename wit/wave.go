package wit

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// ParseValue reads a value of a type from its text in WAVE, the WebAssembly
// Value Encoding: {name: "x", tags: [a, b], size: some(3)}. Fields of option
// type may be left out, and some(…) and ok(…) may be, where what they hold is
// not an option or result itself. Handles, streams and futures have no text.
// Errors begin with line:column.
func ParseValue(t *Type, text string) (Value, error) {
	r := &valueReader{text: text}
	v, err := r.value(t)
	if err != nil {
		return Value{}, err
	}
	if r.space(); r.at < len(text) {
		return Value{}, r.errorf("unexpected text after the value")
	}
	return v, nil
}

// valueReader reads WAVE text.
type valueReader struct {
	text string
	at   int
}

func (r *valueReader) errorf(format string, args ...any) error {
	before := r.text[:r.at]
	line := strings.Count(before, "\n") + 1
	column := utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:]) + 1
	return fmt.Errorf("%d:%d: %w", line, column, fmt.Errorf(format, args...))
}

// space skips white space and comments.
func (r *valueReader) space() {
	for r.at < len(r.text) {
		switch s := r.text[r.at:]; {
		case strings.IndexByte(" \t\r\n", s[0]) >= 0:
			r.at++
		case strings.HasPrefix(s, "//"):
			line, _, _ := strings.Cut(s, "\n")
			r.at += len(line)
		default:
			return
		}
	}
}

// accept reads the byte if it comes next.
func (r *valueReader) accept(c byte) bool {
	r.space()
	if r.at < len(r.text) && r.text[r.at] == c {
		r.at++
		return true
	}
	return false
}

func (r *valueReader) expect(c byte) error {
	if !r.accept(c) {
		return r.errorf("want %q", c)
	}
	return nil
}

// peekWord is the word that comes next, with its % if it has one.
func (r *valueReader) peekWord() string {
	r.space()
	s := r.text[r.at:]
	n := span(strings.TrimPrefix(s, "%"), isWord)
	if n == 0 {
		return ""
	}
	return s[:len(s)-len(strings.TrimPrefix(s, "%"))+n]
}

// label reads a name of a field, case or flag.
func (r *valueReader) label() (string, error) {
	w := r.peekWord()
	if w == "" {
		return "", r.errorf("want a name")
	}
	r.at += len(w)
	return strings.TrimPrefix(w, "%"), nil
}

func (r *valueReader) value(t *Type) (Value, error) {
	switch t.Kind {
	case KindBool:
		return r.bool()
	case KindS8, KindU8, KindS16, KindU16, KindS32, KindU32, KindS64, KindU64:
		return r.integer(t.Kind)
	case KindF32, KindF64:
		return r.float(t.Kind)
	case KindChar:
		return r.char()
	case KindString:
		return r.string()
	case KindList:
		return r.list(t)
	case KindTuple:
		return r.tuple(t)
	case KindRecord:
		return r.record(t)
	case KindFlags:
		return r.flags(t)
	case KindVariant, KindEnum:
		return r.variant(t)
	case KindOption, KindResult:
		return r.wrapped(t)
	}
	return Value{}, r.errorf("a handle, stream or future has no text: want a %s", t)
}

// items reads separated items between open and end, the last comma optional.
func (r *valueReader) items(open, end byte, item func() error) error {
	if err := r.expect(open); err != nil {
		return err
	}
	for !r.accept(end) {
		if err := item(); err != nil {
			return err
		}
		if !r.accept(',') {
			return r.expect(end)
		}
	}
	return nil
}

func (r *valueReader) list(t *Type) (Value, error) {
	var items []Value
	var packed []byte
	pack := t.Elem.Kind == KindU8 && t.Length == 0
	err := r.items('[', ']', func() error {
		v, err := r.value(t.Elem)
		if pack {
			packed = append(packed, byte(v.n))
		} else {
			items = append(items, v)
		}
		return err
	})
	switch {
	case err != nil:
		return Value{}, err
	case t.Length > 0 && len(items) != int(t.Length):
		return Value{}, r.errorf("want %d items for %s, not %d", t.Length, t, len(items))
	case pack:
		return Bytes(packed), nil
	}
	return List(items...), nil
}

func (r *valueReader) tuple(t *Type) (Value, error) {
	items := make([]Value, 0, len(t.Fields))
	err := r.items('(', ')', func() error {
		if len(items) == len(t.Fields) {
			return r.errorf("want %d items for %s, not more", len(t.Fields), t)
		}
		v, err := r.value(t.Fields[len(items)].Type)
		items = append(items, v)
		return err
	})
	if err == nil && len(items) < len(t.Fields) {
		err = r.errorf("want %d items for %s, not %d", len(t.Fields), t, len(items))
	}
	return Tuple(items...), err
}

// record reads {name: value, …}; {:} is one whose fields are all left out.
func (r *valueReader) record(t *Type) (Value, error) {
	items := make([]Value, len(t.Fields))
	if err := r.fields(t, items); err != nil {
		return Value{}, err
	}
	for i, f := range t.Fields {
		if items[i].kind != 0 {
			continue
		}
		if f.Type.Kind != KindOption {
			return Value{}, r.errorf("field %s is missing", f.Name)
		}
		items[i] = None()
	}
	return Record(items...), nil
}

func (r *valueReader) fields(t *Type, items []Value) error {
	start := r.at
	if r.accept('{') && r.accept(':') {
		return r.expect('}')
	}
	r.at = start
	return r.items('{', '}', func() error {
		name, err := r.label()
		if err != nil {
			return err
		}
		i := t.fieldIndex(name)
		if i < 0 {
			return r.errorf("there is no field %s%s", name, among(len(t.Fields), func(i int) string { return t.Fields[i].Name }))
		}
		if items[i].kind != 0 {
			return r.errorf("field %s is there twice", name)
		}
		if err := r.expect(':'); err != nil {
			return err
		}
		items[i], err = r.value(t.Fields[i].Type)
		return err
	})
}

func (t *Type) fieldIndex(name string) int {
	for i := range t.Fields {
		if t.Fields[i].Name == name {
			return i
		}
	}
	return -1
}

func (r *valueReader) flags(t *Type) (Value, error) {
	var bits uint32
	err := r.items('{', '}', func() error {
		name, err := r.label()
		if err != nil {
			return err
		}
		for i, label := range t.Labels {
			if label == name {
				bits |= 1 << i
				return nil
			}
		}
		return r.errorf("there is no flag %s%s", name, among(len(t.Labels), func(i int) string { return t.Labels[i] }))
	})
	return Flags(bits), err
}

func (r *valueReader) variant(t *Type) (Value, error) {
	name, err := r.label()
	if err != nil {
		return Value{}, err
	}
	i := t.CaseIndex(name)
	if i < 0 {
		return Value{}, r.errorf("there is no case %s%s", name, among(len(t.Cases), func(i int) string { return t.Cases[i].Name }))
	}
	payload, err := r.payload(name, t.Cases[i].Type)
	return CaseOf(t.Kind, uint32(i), payload), err
}

// among lists n names for an error, as far as a person reads.
func among(n int, name func(int) string) string {
	const most = 12
	var names []string
	for i := range min(n, most) {
		names = append(names, name(i))
	}
	if n > most {
		names = append(names, "…")
	}
	return ", only " + strings.Join(names, ", ")
}

// payload reads (value) of a case's type, or nothing for a nil one.
func (r *valueReader) payload(name string, t *Type) (*Value, error) {
	if t == nil {
		if r.accept('(') {
			r.at--
			return nil, r.errorf("%s carries nothing", name)
		}
		return nil, nil
	}
	if !r.accept('(') {
		return nil, r.errorf("%s carries a value: want %s(%s)", name, name, t)
	}
	v, err := r.value(t)
	if err != nil {
		return nil, err
	}
	r.accept(',')
	return &v, r.expect(')')
}

// wrapped reads an option or a result: none, some(…), ok(…), err(…), or the
// bare value of some and ok.
func (r *valueReader) wrapped(t *Type) (Value, error) {
	word := r.peekWord()
	index := caseOfWord(t.Kind, word)
	if index >= 0 {
		r.at += len(word)
		payload, err := r.payload(word, t.Cases[index].Type)
		return CaseOf(t.Kind, uint32(index), payload), err
	}
	bare := 0 // ok
	if t.Kind == KindOption {
		bare = 1 // some
	}
	inner := t.Cases[bare].Type
	if inner == nil || inner.Kind == KindOption || inner.Kind == KindResult {
		return Value{}, r.errorf("want a value of type %s", t)
	}
	v, err := r.value(inner)
	return CaseOf(t.Kind, uint32(bare), &v), err
}

// wrapWords are the words of an option's and a result's cases, by index.
var wrapWords = map[Kind][2]string{KindOption: {"none", "some"}, KindResult: {"ok", "err"}}

func caseOfWord(k Kind, word string) int {
	for i, w := range wrapWords[k] {
		if w == word {
			return i
		}
	}
	return -1
}
