package wit

import "strings"

// resolveInterface makes the Interface of a scope, once. Depth counts the
// interfaces that wait for this one.
func (r *resolver) resolveInterface(s *scope, depth int) error {
	switch {
	case s.state == resolved:
		return nil
	case s.state == resolving:
		return s.errorf("interface %s uses itself", s.name)
	case depth > maxChain:
		return s.errorf("interface %s is at the end of more than %d that use one another", s.name, maxChain)
	}
	s.state = resolving
	if err := r.resolveUses(s, depth); err != nil {
		return err
	}
	i := &Interface{Name: s.name}
	var err error
	if i.Types, err = r.typeDefs(s); err != nil {
		return err
	}
	if i.Funcs, err = r.funcs(s); err != nil {
		return err
	}
	s.state, s.iface = resolved, i
	r.out.document(i, s.doc)
	if s.name.Namespace != "" { // not one that is inline in a world
		r.out.interfaces = append(r.out.interfaces, i)
	}
	return nil
}

// resolveUses resolves the interfaces whose types a scope uses.
func (r *resolver) resolveUses(s *scope, depth int) error {
	for _, d := range s.decls {
		if d.from == nil {
			continue
		}
		u, err := r.findInterface(s.unit, *d.from)
		if err != nil {
			return err
		}
		if err := r.resolveInterface(u, depth+1); err != nil {
			return err
		}
		s.uses = append(s.uses, u)
	}
	return nil
}

// typeDefs resolves the types of a scope, used ones included.
func (r *resolver) typeDefs(s *scope) ([]TypeDef, error) {
	defs := make([]TypeDef, len(s.decls))
	for i, d := range s.decls {
		if err := r.resolveDecl(d, 0); err != nil {
			return nil, err
		}
		defs[i] = TypeDef{Name: d.name, Type: d.typ, Resource: d.resource}
		switch {
		case d.from != nil || d.alias != nil && d.resource != nil:
		case d.resource != nil:
			r.out.document(d.resource, d.doc)
		default:
			r.out.document(d.typ, d.doc)
		}
	}
	return defs, nil
}

// resolveDecl finds a declaration's type or resource. Depth counts the
// declarations that wait for this one.
func (r *resolver) resolveDecl(d *typeDecl, depth int) error {
	switch {
	case d.state == resolved:
		return nil
	case d.state == resolving:
		return d.errorf("%s refers to itself", d.name)
	case depth > maxChain:
		return d.errorf("%s is at the end of more than %d definitions that need one another", d.name, maxChain)
	}
	d.state = resolving
	var err error
	switch {
	case d.from != nil:
		err = r.resolveUse(d, depth)
	case d.alias != nil:
		err = r.resolveAlias(d, depth)
	case d.kind != 0:
		err = r.resolveMembers(d, depth)
	default:
		d.resource = &Resource{Name: d.name, Interface: d.owner.name}
	}
	d.state = resolved
	return err
}

func (r *resolver) resolveUse(d *typeDecl, depth int) error {
	from, err := r.findInterface(d.owner.unit, *d.from)
	if err != nil {
		return err
	}
	target := from.types[d.source]
	if target == nil {
		return d.errorf("interface %s has no type %s", from.name, d.source)
	}
	err = r.resolveDecl(target, depth+1)
	d.typ, d.resource = target.typ, target.resource
	return err
}

// resolveAlias resolves type name = alias. An alias of a resource is the resource.
func (r *resolver) resolveAlias(d *typeDecl, depth int) error {
	if d.alias.ref {
		if target := d.owner.types[d.alias.name]; target != nil {
			if err := r.resolveDecl(target, depth+1); err != nil {
				return err
			}
			if d.resource = target.resource; d.resource != nil {
				return nil
			}
		}
	}
	t, err := r.resolveType(d.owner, d.alias, depth)
	if err != nil {
		return err
	}
	d.typ = t.Named(d.name)
	return nil
}

func (r *resolver) resolveMembers(d *typeDecl, depth int) error {
	if err := d.distinct(d.name, d.members); err != nil {
		return err
	}
	types := make([]*Type, len(d.members))
	names := make([]string, len(d.members))
	for i, m := range d.members {
		names[i] = m.name
		if m.typ == nil {
			continue
		}
		t, err := r.resolveType(d.owner, m.typ, depth)
		if err != nil {
			return err
		}
		types[i] = t
	}
	if d.kind == KindFlags && len(names) > 32 {
		return d.errorf("flags %s have %d labels, more than 32", d.name, len(names))
	}
	d.typ = assemble(d.kind, names, types).Named(d.name)
	return nil
}

func assemble(k Kind, names []string, types []*Type) *Type {
	switch k {
	case KindRecord:
		fields := make([]Field, len(names))
		for i := range fields {
			fields[i] = Field{Name: names[i], Type: types[i]}
		}
		return RecordOf(fields...)
	case KindVariant:
		cases := make([]Case, len(names))
		for i := range cases {
			cases[i] = Case{Name: names[i], Type: types[i]}
		}
		return VariantOf(cases...)
	case KindEnum:
		return EnumOf(names...)
	}
	return FlagsOf(names...)
}

// distinct checks that members have names of their own, whatever their case.
func (p position) distinct(of string, members []member) error {
	seen := map[string]bool{}
	for _, m := range members {
		name := strings.ToLower(m.name)
		if seen[name] {
			return p.errorf("%s has %s twice", of, m.name)
		}
		seen[name] = true
	}
	return nil
}

// resolveType makes the type that a node describes.
func (r *resolver) resolveType(s *scope, t *typeNode, depth int) (*Type, error) {
	if t.ref {
		return r.resolveRef(s, t, depth)
	}
	if p := primitives[t.name]; p != nil {
		return p, nil
	}
	if t.name == "own" || t.name == "borrow" {
		return r.resolveHandle(s, t, depth)
	}
	args := make([]*Type, len(t.args))
	for i, a := range t.args {
		if a == nil {
			continue
		}
		arg, err := r.resolveType(s, a, depth)
		if err != nil {
			return nil, err
		}
		args[i] = arg
	}
	return construct(t, args)
}

// construct makes a generic type; the parser checked how many args it has.
func construct(t *typeNode, args []*Type) (*Type, error) {
	first, second := at(args, 0), at(args, 1)
	switch t.name {
	case "list":
		if t.length > 0 {
			return FixedListOf(first, t.length), nil
		}
		return ListOf(first), nil
	case "option":
		return OptionOf(first), nil
	case "tuple":
		return TupleOf(args...), nil
	case "result":
		return ResultOf(first, second), nil
	case "stream":
		return StreamOf(first), nil
	case "future":
		return FutureOf(first), nil
	}
	return nil, t.errorf("there is no type %s", t.name)
}

func at(types []*Type, i int) *Type {
	if i < len(types) {
		return types[i]
	}
	return nil
}

// resolveRef resolves a name; a resource's bare name is an own handle.
func (r *resolver) resolveRef(s *scope, t *typeNode, depth int) (*Type, error) {
	d := s.types[t.name]
	if d == nil {
		if t.name == "error-context" {
			return TypeErrorContext, nil
		}
		return nil, t.errorf("there is no type %s", t.name)
	}
	if err := r.resolveDecl(d, depth+1); err != nil {
		return nil, err
	}
	if d.resource != nil {
		return d.handle(OwnOf), nil
	}
	return d.typ, nil
}

// handle is an own or a borrow of the resource, by the name that it has here.
func (d *typeDecl) handle(of func(*Resource) *Type) *Type {
	t := of(d.resource)
	if d.name != d.resource.Name {
		t.As = d.name
	}
	return t
}

func (r *resolver) resolveHandle(s *scope, t *typeNode, depth int) (*Type, error) {
	arg := t.args[0]
	d := s.types[arg.name]
	if !arg.ref || d == nil {
		return nil, arg.errorf("there is no resource %s", arg.name)
	}
	if err := r.resolveDecl(d, depth+1); err != nil {
		return nil, err
	}
	switch {
	case d.resource == nil:
		return nil, arg.errorf("%s is not a resource", arg.name)
	case t.name == "own":
		return d.handle(OwnOf), nil
	}
	return d.handle(BorrowOf), nil
}
