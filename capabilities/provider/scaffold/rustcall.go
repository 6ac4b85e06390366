package scaffold

import (
	"fmt"
	"strings"

	"github.com/writ-host/writ/wit"
)

// rustCall is a call of one of the interfaces' functions, in the Rust that
// wit-bindgen gives a component: of the first whose arguments can be made up
// without knowing what they mean. It is "" when there is none.
func rustCall(interfaces []*wit.Interface) string {
	for _, kind := range []string{"", "[constructor]", "[static]"} {
		for _, i := range interfaces {
			for _, f := range i.Funcs {
				if args, ok := rustArgs(i, f); ok && kindOf(f) == kind {
					return rustFunc(i, f) + "(" + strings.Join(args, ", ") + ")"
				}
			}
		}
	}
	return ""
}

// kindOf is how a function's name begins, when it is one of a resource.
func kindOf(f *wit.Func) string {
	kind, _, found := strings.Cut(f.Name, "]")
	if !found {
		return ""
	}
	return kind + "]"
}

// rustFunc is a function's path. wit-bindgen makes modules of the interface's
// name, and a type of a resource.
func rustFunc(i *wit.Interface, f *wit.Func) string {
	rest := strings.TrimPrefix(f.Name, kindOf(f))
	switch resource, name, _ := strings.Cut(rest, "."); kindOf(f) {
	case "[constructor]":
		return rustModule(i) + rustType(rest) + "::new"
	case "[static]":
		return rustModule(i) + rustType(resource) + "::" + rustName(name)
	}
	return rustModule(i) + rustName(rest)
}

func rustModule(i *wit.Interface) string {
	return rustName(i.Name.Namespace) + "::" + rustName(i.Name.Package) + "::" + rustName(i.Name.Interface) + "::"
}

func rustArgs(i *wit.Interface, f *wit.Func) (args []string, ok bool) {
	for _, p := range f.Params {
		arg := rustExample(i, p.Type)
		if arg == "" {
			return nil, false
		}
		args = append(args, arg)
	}
	return args, true
}

var rustScalars = map[wit.Kind]string{wit.KindBool: "true", wit.KindU8: "1", wit.KindU16: "1", wit.KindU32: "1", wit.KindU64: "1",
	wit.KindS8: "1", wit.KindS16: "1", wit.KindS32: "1", wit.KindS64: "1", wit.KindF32: "1.0", wit.KindF64: "1.0",
	wit.KindChar: "'a'", wit.KindString: `"example"`}

// rustExample is an argument, or "" for what is passed in a form that depends on more.
func rustExample(i *wit.Interface, t *wit.Type) string {
	switch t.Kind {
	case wit.KindOption:
		return "None"
	case wit.KindList:
		if t.Length == 0 {
			return "&[]"
		}
	case wit.KindEnum:
		if path := rustTypeOf(i, t); path != "" {
			return path + "::" + rustType(t.Cases[0].Name)
		}
	case wit.KindFlags:
		if path := rustTypeOf(i, t); path != "" {
			return path + "::empty()"
		}
	}
	return rustScalars[t.Kind]
}

// rustTypeOf is the path of a type that an interface has under a name.
func rustTypeOf(i *wit.Interface, t *wit.Type) string {
	for _, d := range i.Types {
		if d.Type == t {
			return rustModule(i) + rustType(d.Name)
		}
	}
	return ""
}

func rustType(kebab string) string { return goName(strings.ToLower(kebab)) }

// rustName is a name in snake case; wit-bindgen adds an underscore to keywords.
func rustName(kebab string) string {
	n := strings.ReplaceAll(strings.ToLower(kebab), "-", "_")
	if strings.Contains(rustKeywords, " "+n+" ") {
		n += "_"
	}
	return n
}

const rustKeywords = " abstract as async await become box break const continue crate do dyn else enum extern false final fn for gen if " +
	"impl in let loop macro match mod move mut override priv pub ref return self static struct super trait true try type " +
	"typeof unsafe unsized use virtual where while yield "

// rustText is what the example's component answers.
func rustText(interfaces []*wit.Interface) string {
	call := rustCall(interfaces)
	if call == "" {
		return "String::from(\"Call a function of the interfaces here.\\n\")"
	}
	return fmt.Sprintf("format!(\"%s: {:?}\\n\", %s)", strings.NewReplacer(`"`, `\"`, "{", "{{", "}", "}}").Replace(call), call)
}
