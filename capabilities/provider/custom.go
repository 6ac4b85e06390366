package provider

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"github.com/writ-host/writ/capabilities/custom/backend"
	"github.com/writ-host/writ/capabilities/provider/internal/bind"
	pb "github.com/writ-host/writ/proto/writ/provider/v1"
	"github.com/writ-host/writ/wit"
)

// Custom is WIT interfaces with a Go type that implements them; [Implement]
// makes one.
type Custom struct {
	files      []wit.File
	interfaces []*wit.Interface
	bound      *bind.Bound
	open       func(context.Context, Settings) (any, error)
	err        error
}

// Implement has the methods of T implement all functions of the interfaces in a
// WIT text, of those that are exported by its worlds or, where it has no world,
// of all. open makes the T that serves, when the provider is configured; it may
// also implement [Healthy] and io.Closer.
//
// A function get-all is the method GetAll, or ShelfGetAll for an interface
// shelf; upper and lower case do not matter. A method may take a
// [context.Context] first, which ends with the caller's deadline. It returns
// the function's result, and may return an error last; for a function of type
// result<T, E> it returns (T, error), and the error becomes the E: its text for
// a string, itself for an error of a Go type for E, else the case other(string).
//
// These Go types stand for WIT types; mistakes are errors of [Serve] at start:
//
//	bool, u8 … s64, f32, f64   bool, uint8 … int64, float32, float64
//	char, string               rune, string
//	list<u8>, list<T>          []byte, []T; or an array for a list of fixed length
//	record                     a struct, fields by name or by tag `wit:"name"`
//	tuple                      a struct, fields in order
//	option<T>                  *T
//	result<T, E>               struct{ OK *T; Err *E }, such as [Result]
//	variant                    a struct with a field *T for each case, or bool where it carries nothing
//	enum                       a string type holding the case's name, or an integer type its index
//	flags                      a struct of bools, or an unsigned integer type
//	own<r>, borrow<r>          *R, whose methods are those of r; in an option or a case, too
//
// A constructor of resource r is the method NewR of T, a static function find
// of r is RFind. A *R that was returned is dropped when the component drops it or
// ends: its method Drop is then called, if it has one. One that is taken as own
// is the method's from then on. Methods are called concurrently.
func Implement[T any](text string, open func(context.Context, Settings) (T, error)) *Custom {
	return ImplementFiles([]wit.File{{Name: "provider.wit", Text: text}}, nil, open)
}

// ImplementFiles is [Implement] for several files of WIT, and for the interfaces
// that are named, or those that [Implement] finds.
func ImplementFiles[T any](files []wit.File, interfaces []string, open func(context.Context, Settings) (T, error)) *Custom {
	c := &Custom{files: files, open: func(ctx context.Context, s Settings) (any, error) { return open(ctx, s) }}
	packages, err := wit.Parse(files...)
	if err != nil {
		c.err = fmt.Errorf("read WIT: %w", err)
		return c
	}
	if c.interfaces, c.err = offered(packages, interfaces); c.err != nil {
		return c
	}
	c.bound, c.err = bind.New(c.interfaces, reflect.TypeFor[T]())
	return c
}

// Result is result<T, E> among other values: exactly one of the fields is set.
type Result[T, E any] struct {
	OK  *T
	Err *E
}

// offered are the interfaces that a provider implements.
func offered(packages *wit.Packages, names []string) (out []*wit.Interface, err error) {
	for _, name := range names {
		i := packages.Interface(name)
		if i == nil {
			return nil, fmt.Errorf("the WIT has no interface %s", name)
		}
		out = append(out, i)
	}
	if len(names) > 0 {
		return out, nil
	}
	for _, w := range packages.Worlds() {
		for _, e := range w.Exports {
			if e.Interface != nil {
				out = append(out, e.Interface)
			}
		}
	}
	if len(packages.Worlds()) == 0 {
		out = packages.Interfaces()
	}
	if len(out) == 0 {
		return nil, errors.New("the WIT has no interface to implement: a world exports none")
	}
	return out, nil
}

// describe adds the interfaces to a provider's description.
func (c *Custom) describe(r *pb.DescribeResponse) {
	r.Services = append(r.Services, serviceCustom)
	for _, f := range c.files {
		r.Wit = append(r.Wit, &pb.WITFile{Name: f.Name, Text: f.Text})
	}
	for _, i := range c.interfaces {
		name := i.Name.String()
		r.Interfaces = append(r.Interfaces, name)
		r.Resources = append(r.Resources, &pb.ResourceKind{Pattern: name + "#*", Operations: []string{"call"},
			Description: "the functions of " + name})
	}
}

// Caller says for whom a method is called.
type Caller = backend.Caller

type callerKey struct{}

// CallerOf is who calls the method that got ctx. The host has decided already
// that it may.
func CallerOf(ctx context.Context) Caller {
	c, _ := ctx.Value(callerKey{}).(Caller)
	return c
}
