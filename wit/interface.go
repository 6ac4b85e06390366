package wit

// Interface is a WIT interface: a named set of types and functions.
type Interface struct {
	Name  Name
	Types []TypeDef // in order of definition
	Funcs []*Func   // in order of definition, constructors and methods included
}

// TypeDef is a named type of an interface: a value type, or a resource.
type TypeDef struct {
	Name     string
	Type     *Type     // nil for a resource
	Resource *Resource // nil for a value type
}

// Binding is an interface with the Go functions that implement it.
type Binding struct {
	Interface *Interface
	Funcs     map[string]HostFunc // by Func.Name; all of the interface's functions
}

// Func finds a function by the name components spell, nil when there is none.
func (i *Interface) Func(name string) *Func {
	for _, f := range i.Funcs {
		if f.Name == name {
			return f
		}
	}
	return nil
}

// Type finds a value type by name, nil when there is none.
func (i *Interface) Type(name string) *Type {
	for _, d := range i.Types {
		if d.Name == name {
			return d.Type
		}
	}
	return nil
}

// Resource finds a resource by name, nil when there is none.
func (i *Interface) Resource(name string) *Resource {
	for _, d := range i.Types {
		if d.Name == name {
			return d.Resource
		}
	}
	return nil
}
