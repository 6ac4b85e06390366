package scaffold

import (
	"fmt"
	"strings"

	"github.com/writ-host/writ/wit"
)

// source writes Go for WIT types.
type source struct {
	interfaces []*wit.Interface
	names      map[*wit.Type]string     // of records, variants, enums and flags
	resources  map[*wit.Resource]string // of the types that stand for resources
	taken      map[string]bool
	failures   map[*wit.Type]bool // types that functions fail with
}

func newSource(interfaces []*wit.Interface, service string) *source {
	s := &source{interfaces: interfaces, names: map[*wit.Type]string{}, resources: map[*wit.Resource]string{},
		taken: map[string]bool{service: true}, failures: map[*wit.Type]bool{}}
	for _, i := range interfaces {
		for _, d := range i.Types {
			switch {
			case d.Resource != nil && s.resources[d.Resource] == "":
				s.resources[d.Resource] = s.name(i, d.Name)
			case d.Type != nil && declared(d.Type) && s.names[d.Type] == "":
				s.names[d.Type] = s.name(i, d.Name)
			}
		}
		for _, f := range i.Funcs {
			if isResult(f) && f.Result.Cases[1].Type != nil {
				s.failures[f.Result.Cases[1].Type] = true
			}
		}
	}
	return s
}

// name is a Go name that nothing else has.
func (s *source) name(i *wit.Interface, name string) string {
	n := goName(name)
	for _, prefix := range []string{goName(i.Name.Interface), goName(i.Name.Package)} {
		if s.taken[n] {
			n = prefix + n
		}
	}
	for s.taken[n] {
		n += "X"
	}
	s.taken[n] = true
	return n
}

// declared reports whether a type gets a Go type of its own.
func declared(t *wit.Type) bool {
	switch t.Kind {
	case wit.KindRecord, wit.KindVariant, wit.KindEnum, wit.KindFlags:
		return true
	}
	return false
}

func isResult(f *wit.Func) bool { return f.Result != nil && f.Result.Kind == wit.KindResult }

func goName(kebab string) string {
	var b strings.Builder
	for _, word := range strings.Split(kebab, "-") {
		if word != "" {
			b.WriteString(strings.ToUpper(word[:1]) + word[1:])
		}
	}
	return b.String()
}

var scalars = map[wit.Kind][2]string{
	wit.KindBool: {"bool", "false"}, wit.KindU8: {"uint8", "0"}, wit.KindU16: {"uint16", "0"}, wit.KindU32: {"uint32", "0"},
	wit.KindU64: {"uint64", "0"}, wit.KindS8: {"int8", "0"}, wit.KindS16: {"int16", "0"}, wit.KindS32: {"int32", "0"},
	wit.KindS64: {"int64", "0"}, wit.KindF32: {"float32", "0"}, wit.KindF64: {"float64", "0"}, wit.KindChar: {"rune", "0"},
	wit.KindString: {"string", `""`},
}

// goType is the Go type for a WIT type.
func (s *source) goType(t *wit.Type) string {
	if n := s.names[t]; n != "" {
		return n
	}
	if scalar, ok := scalars[t.Kind]; ok {
		return scalar[0]
	}
	switch t.Kind {
	case wit.KindList:
		if t.Elem.Kind == wit.KindU8 && t.Length == 0 {
			return "[]byte"
		}
		if t.Length > 0 {
			return fmt.Sprintf("[%d]%s", t.Length, s.goType(t.Elem))
		}
		return "[]" + s.goType(t.Elem)
	case wit.KindOption:
		return s.pointer(t.Elem)
	case wit.KindResult:
		return fmt.Sprintf("provider.Result[%s, %s]", s.orNothing(t.Cases[0].Type), s.orNothing(t.Cases[1].Type))
	case wit.KindOwn, wit.KindBorrow:
		return "*" + s.resources[t.Resource]
	}
	return s.structOf(t) // a tuple, or what is declared without a name
}

// pointer is the Go type of what may be absent.
func (s *source) pointer(t *wit.Type) string {
	if t.Kind == wit.KindOwn || t.Kind == wit.KindBorrow {
		return s.goType(t)
	}
	return "*" + s.goType(t)
}

func (s *source) orNothing(t *wit.Type) string {
	if t == nil {
		return "struct{}"
	}
	return s.goType(t)
}

// structOf is the struct for a record, tuple, variant or flags, and the string
// type for an enum.
func (s *source) structOf(t *wit.Type) string {
	var b strings.Builder
	switch t.Kind {
	case wit.KindEnum:
		return "string"
	case wit.KindFlags:
		for _, label := range t.Labels {
			fmt.Fprintf(&b, "\t%s bool\n", goName(label))
		}
	case wit.KindVariant:
		for _, c := range t.Cases {
			if c.Type == nil {
				fmt.Fprintf(&b, "\t%s bool\n", goName(c.Name))
			} else {
				fmt.Fprintf(&b, "\t%s %s\n", goName(c.Name), s.pointer(c.Type))
			}
		}
	default:
		for i, f := range t.Fields {
			fmt.Fprintf(&b, "\t%s %s\n", fieldName(f, i), s.goType(f.Type))
		}
	}
	return "struct {\n" + b.String() + "}"
}

func fieldName(f wit.Field, i int) string {
	if f.Name == "" {
		return fmt.Sprintf("F%d", i)
	}
	return goName(f.Name)
}

// example is a Go expression of a value that is allowed.
func (s *source) example(t *wit.Type) string {
	if scalar, ok := scalars[t.Kind]; ok {
		return scalar[1]
	}
	switch t.Kind {
	case wit.KindEnum:
		if n := s.names[t]; n != "" {
			return n + goName(t.Cases[0].Name)
		}
		return fmt.Sprintf("%q", t.Cases[0].Name)
	case wit.KindOwn, wit.KindBorrow:
		return "&" + s.resources[t.Resource] + "{}"
	case wit.KindOption:
		return "nil"
	case wit.KindList:
		if t.Length == 0 {
			return "nil"
		}
		return s.goType(t) + "{" + strings.Repeat(s.example(t.Elem)+", ", int(min(t.Length, 64))) + "}"
	case wit.KindRecord, wit.KindTuple:
		var parts []string
		for i, f := range t.Fields {
			parts = append(parts, fieldName(f, i)+": "+s.example(f.Type))
		}
		return s.goType(t) + "{" + strings.Join(parts, ", ") + "}"
	case wit.KindVariant:
		return s.goType(t) + "{" + goName(t.Cases[0].Name) + ": " + s.present(t.Cases[0].Type, "true") + "}"
	case wit.KindResult:
		return s.goType(t) + "{OK: " + s.present(t.Cases[0].Type, "&struct{}{}") + "}"
	}
	return s.goType(t) + "{}"
}

// present is an example behind a pointer, or what stands for nothing.
func (s *source) present(t *wit.Type, nothing string) string {
	switch {
	case t == nil:
		return nothing
	case t.Kind == wit.KindOwn:
		return s.example(t)
	}
	return "new(" + s.goType(t) + "(" + s.example(t) + "))"
}
