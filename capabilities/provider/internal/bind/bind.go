package bind

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"

	"github.com/writ-host/writ/wit"
)

// Bound is a Go type that implements interfaces.
type Bound struct {
	funcs map[string]map[string]*Func

	mu    sync.Mutex // of types, which errors at run time still add to
	types *types
	todo  []resourceMethods
}

// resourceMethods are methods of a resource whose Go type is known.
type resourceMethods struct {
	resource *wit.Resource
	goType   reflect.Type
}

// Func is a function with the method that implements it.
type Func struct {
	Type     *wit.Func
	bound    *Bound
	method   reflect.Method
	resource bool // the receiver is the first argument
	context  bool // it takes a context
	params   []conv
	in       []reflect.Type
	result   *conv // nil when it returns no value
	payload  *wit.Type
	fails    bool // it returns an error
}

// New finds the methods of a type for every function of the interfaces. The
// function get-all is the method GetAll, or ShelfGetAll for one of an interface
// shelf; a constructor of a resource r is NewR, its static function find RFind;
// its methods are those of the type that stands for r.
func New(interfaces []*wit.Interface, goType reflect.Type) (*Bound, error) {
	b := &Bound{funcs: map[string]map[string]*Func{}}
	b.types = &types{made: map[convKey]conv{}, resources: map[*wit.Resource]reflect.Type{}, found: b.found}
	var problems []error
	for _, i := range interfaces {
		b.funcs[i.Name.String()] = map[string]*Func{}
		for _, f := range i.Funcs {
			if !strings.HasPrefix(f.Name, "[method]") {
				problems = append(problems, b.bind(i, f, goType, false))
			}
		}
	}
	for len(b.todo) > 0 {
		next := b.todo[0]
		b.todo = b.todo[1:]
		problems = append(problems, b.bindMethods(interfaces, next))
	}
	problems = append(problems, b.unreachable(interfaces))
	return b, errors.Join(problems...)
}

// Func finds a function, nil when there is none.
func (b *Bound) Func(iface, name string) *Func { return b.funcs[iface][name] }

func (b *Bound) found(r *wit.Resource, t reflect.Type) error {
	b.todo = append(b.todo, resourceMethods{r, t})
	return nil
}

func (b *Bound) bindMethods(interfaces []*wit.Interface, r resourceMethods) error {
	var problems []error
	for _, i := range interfaces {
		if i.Name != r.resource.Interface {
			continue
		}
		for _, f := range i.Funcs {
			if strings.HasPrefix(f.Name, "[method]"+r.resource.Name+".") {
				problems = append(problems, b.bind(i, f, r.goType, true))
			}
		}
	}
	return errors.Join(problems...)
}

// unreachable names the methods of resources that no function gives or takes.
func (b *Bound) unreachable(interfaces []*wit.Interface) error {
	for _, i := range interfaces {
		for _, f := range i.Funcs {
			if strings.HasPrefix(f.Name, "[method]") && b.types.resources[f.Params[0].Type.Resource] == nil {
				return fmt.Errorf("%s: %s: no other function has the resource %s, so its Go type is not known",
					i.Name, f.Name, f.Params[0].Type.Resource.Name)
			}
		}
	}
	return nil
}

// names are what the method of a function may be called.
func names(i *wit.Interface, f *wit.Func) []string {
	kind, rest, ok := strings.Cut(strings.TrimPrefix(f.Name, "["), "]")
	if !ok {
		return []string{goName(i.Name.Interface, f.Name), goName(f.Name)}
	}
	resource, name, _ := strings.Cut(rest, ".")
	switch kind {
	case "constructor":
		return []string{goName(i.Name.Interface, "new", resource), goName("new", resource)}
	case "static":
		return []string{goName(i.Name.Interface, resource, name), goName(resource, name)}
	}
	return []string{goName(name)}
}

func (b *Bound) bind(i *wit.Interface, f *wit.Func, t reflect.Type, resource bool) error {
	wanted := names(i, f)
	m, ok := method(t, wanted...)
	if !ok {
		return fmt.Errorf("%s: %s has no method %s for %s", i.Name, t, wanted[len(wanted)-1], f)
	}
	fn := &Func{Type: f, bound: b, method: m, resource: resource}
	if err := fn.bind(b.types); err != nil {
		return fmt.Errorf("%s: method %s of %s does not fit %s: %w", i.Name, m.Name, t, f, err)
	}
	b.funcs[i.Name.String()][f.Name] = fn
	return nil
}

var (
	typeError   = reflect.TypeFor[error]()
	typeContext = reflect.TypeFor[context.Context]()
)

// bind fits the method's signature to the function's.
func (f *Func) bind(m *types) error {
	t := f.method.Type
	at := 1
	if t.IsVariadic() {
		return errors.New("it is variadic")
	}
	if f.context = t.NumIn() > 1 && t.In(1) == typeContext; f.context {
		at = 2
	}
	params := f.Type.Params
	if f.resource {
		params = params[1:]
	}
	if t.NumIn()-at != len(params) {
		return fmt.Errorf("it takes %d arguments, and not %d", t.NumIn()-at, len(params))
	}
	for i, p := range params {
		c, err := m.of(p.Type, t.In(at+i))
		if err != nil {
			return fmt.Errorf("parameter %s: %w", p.Name, err)
		}
		f.params, f.in = append(f.params, c), append(f.in, t.In(at+i))
	}
	return f.bindResult(m, t)
}

// bindResult fits what the method returns. A function of type result returns
// the value of its success, and its failure as an error.
func (f *Func) bindResult(m *types, t reflect.Type) error {
	outs := t.NumOut()
	f.fails = outs > 0 && t.Out(outs-1) == typeError
	if f.fails {
		outs--
	}
	f.payload = f.Type.Result
	if f.isResult() {
		f.payload = f.Type.Result.Cases[0].Type
		if !f.fails {
			return errors.New("it must return an error last, for the result's failure")
		}
	}
	want := 0
	if f.payload != nil {
		want = 1
	}
	if outs != want {
		return fmt.Errorf("it returns %d values besides an error, and not %d", outs, want)
	}
	if want == 0 {
		return nil
	}
	c, err := m.of(f.payload, t.Out(0))
	if err != nil {
		return fmt.Errorf("result: %w", err)
	}
	f.result = &c
	return nil
}

func (f *Func) isResult() bool { return f.Type.Result != nil && f.Type.Result.Kind == wit.KindResult }
