package custom

import (
	"errors"
	"fmt"
	"slices"

	"github.com/writ-host/writ/broker"
	"github.com/writ-host/writ/capabilities"
	"github.com/writ-host/writ/capabilities/custom/backend"
	"github.com/writ-host/writ/capabilities/provider/value"
	"github.com/writ-host/writ/wit"
)

// Name is the capability that grants of providers' own interfaces have.
const Name = "custom"

// What a provider may declare.
const (
	MaxText       = 1 << 20 // bytes of WIT
	MaxInterfaces = 64
	MaxFunctions  = 4096
)

// reserved are the namespaces of interfaces that are the host's own.
var reserved = []string{"wasi", "writ"}

// Config is a provider with what it declares.
type Config struct {
	Provider   string // its name in the host's configuration
	Files      []wit.File
	Interfaces []string // those that it offers, with versions
	Backend    backend.Custom
}

// Capability is the interfaces of one provider.
type Capability struct {
	provider string
	backend  backend.Custom
	drops    *drops
	imports  []capabilities.Import
}

// New checks what a provider declares, and binds it.
func New(c Config) (*Capability, error) {
	offered, err := Declared(c.Files, c.Interfaces)
	if err != nil {
		return nil, fmt.Errorf("provider %s: %w", c.Provider, err)
	}
	out := &Capability{provider: c.Provider, backend: c.Backend, drops: newDrops(c.Backend)}
	for _, i := range offered {
		imp := capabilities.Import{Interface: i, Funcs: make(map[string]capabilities.Func, len(i.Funcs))}
		for _, f := range i.Funcs {
			bound, err := out.bind(i, f)
			if err != nil {
				return nil, errors.Join(fmt.Errorf("provider %s: %w", c.Provider, err), out.Close())
			}
			imp.Funcs[f.Name] = bound
		}
		out.imports = append(out.imports, imp)
	}
	return out, nil
}

// Name implements capabilities.Capability.
func (c *Capability) Name() string { return Name }

// Imports implements capabilities.Capability.
func (c *Capability) Imports() []capabilities.Import { return c.imports }

// Close ends what sends drops to the provider.
func (c *Capability) Close() error {
	c.drops.close()
	return nil
}

// Declared are the interfaces that a provider offers, checked, and those
// without functions that hold the types of others.
func Declared(files []wit.File, names []string) ([]*wit.Interface, error) {
	size := 0
	for _, f := range files {
		size += len(f.Text)
	}
	switch {
	case size > MaxText:
		return nil, fmt.Errorf("it describes its interfaces in %d bytes, and %d are the most", size, MaxText)
	case len(names) > MaxInterfaces:
		return nil, fmt.Errorf("it offers %d interfaces, and %d are the most", len(names), MaxInterfaces)
	case len(names) == 0:
		return nil, errors.New("it offers no interface")
	}
	packages, err := wit.Parse(files...)
	if err != nil {
		return nil, fmt.Errorf("the WIT of its interfaces: %w", err)
	}
	return choose(packages, names)
}

func choose(packages *wit.Packages, names []string) ([]*wit.Interface, error) {
	var offered []*wit.Interface
	for _, name := range names {
		i := packages.Interface(name)
		switch {
		case i == nil:
			return nil, fmt.Errorf("it offers %q, which its WIT does not have", name)
		case i.Name.String() != name:
			return nil, fmt.Errorf("it offers %q, and its WIT has %s", name, i.Name)
		case i.Name.Namespace == "" || slices.Contains(reserved, i.Name.Namespace):
			return nil, fmt.Errorf("it offers %s: interfaces of %q are the host's own", name, i.Name.Namespace)
		case slices.Contains(offered, i):
			return nil, fmt.Errorf("it offers %s twice", name)
		}
		offered = append(offered, i)
	}
	if err := check(offered); err != nil {
		return nil, err
	}
	for _, i := range packages.Interfaces() {
		if onlyTypes(i) && !slices.Contains(reserved, i.Name.Namespace) && !slices.Contains(offered, i) {
			offered = append(offered, i)
		}
	}
	return offered, nil
}

// onlyTypes reports whether an interface is there for its value types alone.
func onlyTypes(i *wit.Interface) bool {
	return len(i.Funcs) == 0 && !slices.ContainsFunc(i.Types, func(d wit.TypeDef) bool { return d.Resource != nil })
}

// check refuses functions that cannot be called in another process.
func check(offered []*wit.Interface) error {
	own := map[*wit.Resource]bool{}
	count := 0
	for _, i := range offered {
		count += len(i.Funcs)
		for _, d := range i.Types {
			if d.Resource != nil && d.Resource.Interface == i.Name {
				own[d.Resource] = true
			}
		}
	}
	if count > MaxFunctions {
		return fmt.Errorf("its interfaces have %d functions, and %d are the most", count, MaxFunctions)
	}
	for _, i := range offered {
		for _, f := range i.Funcs {
			if err := checkFunc(f, own); err != nil {
				return fmt.Errorf("%s: %s: %w", i.Name, f.Name, err)
			}
			if _, err := broker.InterfaceResource(i.Name.String(), f.Name); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkFunc(f *wit.Func, own map[*wit.Resource]bool) error {
	if f.Async {
		return errors.New("an async function cannot be called at a provider")
	}
	types := []*wit.Type{f.Result}
	for _, p := range f.Params {
		types = append(types, p.Type)
	}
	for _, t := range types {
		if err := value.Check(t); err != nil {
			return err
		}
		if r := foreign(t, own); r != nil {
			return fmt.Errorf("the resource %s of %s is not the provider's own", r.Name, r.Interface)
		}
	}
	return nil
}

// foreign finds a resource in a type that the provider does not define.
func foreign(t *wit.Type, own map[*wit.Resource]bool) *wit.Resource {
	if t == nil || !t.HasHandle {
		return nil
	}
	if t.Resource != nil && !own[t.Resource] {
		return t.Resource
	}
	parts := []*wit.Type{t.Elem}
	for _, f := range t.Fields {
		parts = append(parts, f.Type)
	}
	for _, c := range t.Cases {
		parts = append(parts, c.Type)
	}
	for _, p := range parts {
		if r := foreign(p, own); r != nil {
			return r
		}
	}
	return nil
}
