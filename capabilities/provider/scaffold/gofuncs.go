package scaffold

import (
	"fmt"
	"strings"

	"github.com/writ-host/writ/wit"
)

// declarations are the Go types, without those of resources.
func (s *source) declarations(b *strings.Builder, docs *wit.Packages) {
	done := map[string]bool{}
	for _, i := range s.interfaces {
		for _, d := range i.Types {
			n := s.names[d.Type]
			if d.Type == nil || n == "" || done[n] {
				continue
			}
			done[n] = true
			comment(b, n, "is "+d.Name+" of "+i.Name.String(), docs.Doc(d.Type))
			fmt.Fprintf(b, "type %s %s\n\n", n, s.structOf(d.Type))
			if d.Type.Kind == wit.KindEnum {
				fmt.Fprintf(b, "// The cases of %s.\nconst (\n", d.Name)
				for _, c := range d.Type.Cases {
					fmt.Fprintf(b, "\t%s%s %s = %q\n", n, goName(c.Name), n, c.Name)
				}
				b.WriteString(")\n\n")
			}
			if s.failures[d.Type] {
				s.errorMethod(b, d.Type, n)
			}
		}
	}
}

// errorMethod makes a type an error, so that methods can fail with it.
func (s *source) errorMethod(b *strings.Builder, t *wit.Type, n string) {
	fmt.Fprintf(b, "// Error makes it what methods fail with.\n")
	if t.Kind == wit.KindEnum {
		fmt.Fprintf(b, "func (e %s) Error() string { return string(e) }\n\n", n)
		return
	}
	fmt.Fprintf(b, "func (e %s) Error() string { return fmt.Sprintf(\"%%+v\", struct{ V any }{e}) }\n\n", n)
}

func comment(b *strings.Builder, name, what, doc string) {
	fmt.Fprintf(b, "// %s %s.\n", name, what)
	if doc != "" {
		b.WriteString("//\n// " + strings.ReplaceAll(strings.TrimSpace(doc), "\n", "\n// ") + "\n")
	}
}

// methods are those of the service and of the resources.
func (s *source) methods(b *strings.Builder, service string, docs *wit.Packages) {
	done := map[*wit.Resource]bool{}
	for _, i := range s.interfaces {
		for _, d := range i.Types {
			if d.Resource != nil && !done[d.Resource] {
				done[d.Resource] = true
				n := s.resources[d.Resource]
				comment(b, n, "is the resource "+d.Name+" of "+i.Name.String(), docs.Doc(d.Resource))
				fmt.Fprintf(b, "type %s struct {\n\t_ byte // so that each has an address of its own; replace it by what it holds\n}\n\n", n)
				fmt.Fprintf(b, "// Drop is called when the component is done with it.\nfunc (r *%s) Drop() {}\n\n", n)
			}
		}
		for _, f := range i.Funcs {
			s.method(b, service, i, f, docs.Doc(f))
		}
	}
}

func (s *source) method(b *strings.Builder, service string, i *wit.Interface, f *wit.Func, doc string) {
	receiver, params := "s *"+service, f.Params
	if strings.HasPrefix(f.Name, "[method]") {
		receiver, params = "r *"+s.resources[f.Params[0].Type.Resource], f.Params[1:]
	}
	name := s.methodName(i, f)
	comment(b, name, "is "+f.Name, doc)
	list := []string{"ctx context.Context"}
	for n, p := range params {
		list = append(list, fmt.Sprintf("%s %s", argument(p.Name, n), s.goType(p.Type)))
	}
	result, ret := s.results(f)
	fmt.Fprintf(b, "func (%s) %s(%s) %s {\n\t%s\n}\n\n", receiver, name, strings.Join(list, ", "), result, ret)
}

// results are what a method returns, and a statement that returns an example of it.
func (s *source) results(f *wit.Func) (types, statement string) {
	switch {
	case f.Result == nil:
		return "error", "return nil"
	case !isResult(f):
		return "(" + s.goType(f.Result) + ", error)", "return " + s.example(f.Result) + ", nil"
	case f.Result.Cases[0].Type == nil:
		return "error", "return nil"
	}
	return "(" + s.goType(f.Result.Cases[0].Type) + ", error)", "return " + s.example(f.Result.Cases[0].Type) + ", nil"
}

// methodName is a name under which the SDK finds the method, and nothing else has.
func (s *source) methodName(i *wit.Interface, f *wit.Func) string {
	kind, rest, ok := strings.Cut(strings.TrimPrefix(f.Name, "["), "]")
	resource, name, _ := strings.Cut(rest, ".")
	n := goName(f.Name)
	switch {
	case ok && kind == "constructor":
		n = "New" + goName(resource)
	case ok && kind == "static":
		n = goName(resource) + goName(name)
	case ok:
		return goName(name)
	}
	if s.ambiguous(n) {
		n = goName(i.Name.Interface) + n
	}
	return n
}

// ambiguous reports whether two interfaces have functions of one Go name.
func (s *source) ambiguous(name string) bool {
	n := 0
	for _, i := range s.interfaces {
		for _, f := range i.Funcs {
			if !strings.HasPrefix(f.Name, "[") && strings.EqualFold(goName(f.Name), name) {
				n++
			}
		}
	}
	return n > 1
}

var reserved = map[string]bool{"break": true, "case": true, "chan": true, "const": true, "continue": true, "default": true,
	"defer": true, "else": true, "fallthrough": true, "for": true, "func": true, "go": true, "goto": true, "if": true, "import": true,
	"interface": true, "map": true, "package": true, "range": true, "return": true, "select": true, "struct": true, "switch": true,
	"type": true, "var": true, "s": true, "r": true, "ctx": true, "context": true, "fmt": true, "provider": true, "nil": true, "new": true,
	"true": true, "false": true, "string": true, "byte": true, "rune": true, "bool": true, "error": true}

// argument is a parameter's Go name.
func argument(name string, n int) string {
	g := goName(name)
	if g == "" {
		return fmt.Sprintf("p%d", n)
	}
	g = strings.ToLower(g[:1]) + g[1:]
	if reserved[g] || strings.HasPrefix(g, "int") || strings.HasPrefix(g, "uint") || strings.HasPrefix(g, "float") {
		return g + "_"
	}
	return g
}
