package wit

import "cmp"

// funcs resolves the functions of a scope: those of its resources, then its own.
func (r *resolver) funcs(s *scope) ([]*Func, error) {
	var funcs []*Func
	for _, d := range s.decls {
		if err := d.distinctFuncs(); err != nil {
			return nil, err
		}
		for _, decl := range d.funcs {
			f, err := r.resolveFunc(s, decl, d)
			if err != nil {
				return nil, err
			}
			funcs = append(funcs, f)
		}
	}
	for _, decl := range s.funcs {
		f, err := r.resolveFunc(s, decl, nil)
		if err != nil {
			return nil, err
		}
		funcs = append(funcs, f)
	}
	return funcs, nil
}

// distinctFuncs checks a resource's functions: one constructor, and names of their own.
func (d *typeDecl) distinctFuncs() error {
	var names []member
	for _, f := range d.funcs {
		names = append(names, member{name: cmp.Or(f.name, "[constructor]")})
	}
	return d.distinct("resource "+d.name, names)
}

// resolveFunc makes a function; of is the resource it belongs to, or nil.
func (r *resolver) resolveFunc(s *scope, decl *funcDecl, of *typeDecl) (*Func, error) {
	f := &Func{Name: decl.name, Async: decl.async}
	if of != nil {
		decl.belong(f, of)
	}
	for _, m := range decl.params {
		t, err := r.resolveType(s, m.typ, 0)
		if err != nil {
			return nil, err
		}
		f.Params = append(f.Params, Param{Name: m.name, Type: t})
	}
	if err := decl.resolveResult(r, s, f); err != nil {
		return nil, err
	}
	r.out.document(f, decl.doc)
	return f, decl.distinct("function "+f.Name, paramNames(f))
}

// belong gives a resource's function its name and self parameter. WIT, "Item: resource".
func (d *funcDecl) belong(f *Func, of *typeDecl) {
	if d.role == "constructor" {
		f.Name = "[constructor]" + of.name
		f.Result = OwnOf(of.resource)
		return
	}
	f.Name = "[" + d.role + "]" + of.name + "." + d.name
	if d.role == "method" {
		f.Params = []Param{{Name: "self", Type: BorrowOf(of.resource)}}
	}
}

// resolveResult resolves what follows the arrow. A constructor may only say
// that it can fail: result<resource, …>.
func (d *funcDecl) resolveResult(r *resolver, s *scope, f *Func) error {
	if d.result == nil {
		return nil
	}
	t, err := r.resolveType(s, d.result, 0)
	if err != nil {
		return err
	}
	if hasBorrow(t, map[*Type]bool{}) {
		return d.errorf("the result of %s has a borrow in it", f.Name)
	}
	if d.role == "constructor" && (t.Kind != KindResult || !t.Cases[0].Type.isOwn(f.Result.Resource)) {
		return d.errorf("a constructor returns only its resource, or result<%s, …>", f.Result.Resource.Name)
	}
	f.Result = t
	return nil
}

func (t *Type) isOwn(r *Resource) bool { return t != nil && t.Kind == KindOwn && t.Resource == r }

func paramNames(f *Func) []member {
	members := make([]member, len(f.Params))
	for i, p := range f.Params {
		members[i].name = p.Name
	}
	return members
}

// hasBorrow reports whether a type has a borrow in it. Types share parts, so
// what was seen is not searched again.
func hasBorrow(t *Type, seen map[*Type]bool) bool {
	if t == nil || !t.HasHandle || seen[t] {
		return false
	}
	seen[t] = true
	if t.Kind == KindBorrow || hasBorrow(t.Elem, seen) {
		return true
	}
	for _, f := range t.Fields {
		if hasBorrow(f.Type, seen) {
			return true
		}
	}
	for _, c := range t.Cases {
		if hasBorrow(c.Type, seen) {
			return true
		}
	}
	return false
}
