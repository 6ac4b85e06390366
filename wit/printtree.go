package wit

import "strings"

// NewPackages is a set of interfaces, each after those whose types it uses,
// and of worlds: what was not read from text, to be printed or searched.
func NewPackages(interfaces []*Interface, worlds ...*World) *Packages {
	return &Packages{interfaces: interfaces, worlds: worlds, docs: map[any]string{}}
}

// WIT is the text of all packages: first the one that has worlds, if only one
// has, as package name; and the others as package name { … }. Tools that read
// WIT want one that is the file's own.
func (s *Packages) WIT() string {
	p := printer{limit: maxTreeText, origin: s.origins()}
	parts := s.byPackage()
	var own *packagePart
	for _, part := range parts {
		if len(part.worlds) == 0 {
			continue
		}
		if own != nil {
			own = nil
			break
		}
		own = part
	}
	if own != nil {
		p.add("package ", own.name, ";\n")
		p.part(own)
		p.add("\n")
	}
	for _, part := range parts {
		if part == own {
			continue
		}
		p.add("package ", part.name, " ")
		p.open()
		p.part(part)
		p.close()
		p.add("\n")
	}
	return p.text()
}

// part prints what a package has.
func (p *printer) part(part *packagePart) {
	p.pkg = part.name
	for _, i := range part.interfaces {
		p.next()
		p.add("interface ", escape(i.Name.Interface), " ")
		p.iface(i)
	}
	for _, w := range part.worlds {
		p.next()
		p.world(w)
	}
}

// packagePart is what one package has.
type packagePart struct {
	name       string
	interfaces []*Interface
	worlds     []*World
}

// byPackage groups interfaces and worlds, packages in order of first appearance.
func (s *Packages) byPackage() []*packagePart {
	var parts []*packagePart
	at := map[string]*packagePart{}
	part := func(n Name) *packagePart {
		name := packageOf(n)
		if at[name] == nil {
			at[name] = &packagePart{name: name}
			parts = append(parts, at[name])
		}
		return at[name]
	}
	for _, i := range s.interfaces {
		p := part(i.Name)
		p.interfaces = append(p.interfaces, i)
	}
	for _, w := range s.worlds {
		p := part(w.Name)
		p.worlds = append(p.worlds, w)
	}
	return parts
}

func packageOf(n Name) string {
	return pkgName{escape(n.Namespace), escape(n.Package), n.Version}.String()
}

// origins finds where types are defined: in the first interface that has them.
func (s *Packages) origins() map[*Type]origin {
	m := map[*Type]origin{}
	for _, i := range s.interfaces {
		for _, d := range i.Types {
			if _, known := m[d.Type]; !known && d.Type != nil && d.Type.Name != "" {
				m[d.Type] = origin{i.Name, d.Name}
			}
		}
	}
	return m
}

// iface prints an interface from its opening brace on.
func (p *printer) iface(i *Interface) {
	local, also := p.local, p.also
	p.local, p.also = map[any]string{}, map[alias]bool{}
	p.open()
	p.types(i.Types, i.Name, i.Funcs)
	for _, f := range i.Funcs {
		if strings.HasPrefix(f.Name, "[") {
			continue // printed with its resource
		}
		p.next()
		p.add(escape(f.Name), ": ")
		p.signature(f, f.Params, f.Result)
		p.add(";")
	}
	p.close()
	p.local, p.also = local, also
}

// types prints the types of a scope; those of other scopes are used from there.
func (p *printer) types(defs []TypeDef, scope Name, funcs []*Func) {
	p.nameTypes(defs, scope)
	var used Name // the interface of the use that is open
	for _, d := range defs {
		from := p.originOf(d, scope)
		if from.iface == scope {
			from = origin{}
		}
		if used = p.use(used, from, d.Name); used != (Name{}) {
			continue
		}
		p.next()
		switch {
		case d.Resource == nil:
			p.define(d.Name, d.Type)
		case p.local[d.Resource] != d.Name:
			p.add("type ", escape(d.Name), " = ", p.resourceName(d.Resource), ";")
		default:
			p.resource(d, funcs)
		}
	}
	p.use(used, origin{}, "")
}

// nameTypes notes what a scope calls its types: the first name, but a resource's
// own name where it is defined.
func (p *printer) nameTypes(defs []TypeDef, scope Name) {
	for _, d := range defs {
		var key any = d.Type
		if d.Resource != nil {
			key = d.Resource
			p.also[alias{d.Resource, d.Name}] = true
			if d.Resource.Interface == scope {
				p.local[key] = d.Resource.Name
			}
		}
		if p.local[key] == "" {
			p.local[key] = d.Name
		}
	}
}

// originOf is where a type of a scope comes from, as far as the printer knows.
func (p *printer) originOf(d TypeDef, scope Name) origin {
	if d.Resource == nil {
		from := p.origin[d.Type]
		if of := d.Type.Alias; of != nil && from.iface == scope && p.local[of] == "" {
			return p.origin[of] // used under another name
		}
		return from
	}
	if p.local[d.Resource] != d.Name {
		return origin{} // an alias of what is here
	}
	return origin{d.Resource.Interface, d.Resource.Name}
}

// use prints the use of another interface's type, or goes on with the one that is
// open, and returns the interface of the one that is open then. From nowhere it
// ends what is open.
func (p *printer) use(open Name, from origin, as string) Name {
	none := Name{}
	switch {
	case open == from.iface && open != none:
		p.add(", ")
	case open != none:
		p.add("};")
	}
	if from.iface == none {
		return none
	}
	if open != from.iface {
		p.next()
		p.add("use ")
		p.path(from.iface)
		p.add(".{")
	}
	p.add(escape(from.name))
	if from.name != as {
		p.add(" as ", escape(as))
	}
	return from.iface
}

// path prints the name of an interface as a path, which is bare in its own package.
func (p *printer) path(n Name) {
	if packageOf(n) == p.pkg {
		p.add(escape(n.Interface))
		return
	}
	if n.Namespace != "" {
		p.add(escape(n.Namespace), ":", escape(n.Package), "/")
	}
	p.add(escape(n.Interface))
	if n.Version != "" {
		p.add("@", n.Version)
	}
}

// resource prints a resource with the functions that belong to it.
func (p *printer) resource(d TypeDef, funcs []*Func) {
	p.add("resource ", escape(d.Name))
	any := false
	for _, f := range funcs {
		role, name := memberOf(f.Name, d.Name)
		if role == "" {
			continue
		}
		if !any {
			any = true
			p.add(" ")
			p.open()
		}
		p.next()
		p.method(f, role, name)
	}
	if any {
		p.close()
	} else {
		p.add(";")
	}
}

// memberOf splits the name of a resource's function; role is "" for another's.
func memberOf(name, resource string) (role, member string) {
	role, rest, ok := strings.Cut(strings.TrimPrefix(name, "["), "]")
	if !ok {
		return "", ""
	}
	owner, member, _ := strings.Cut(rest, ".")
	if owner != resource {
		return "", ""
	}
	return role, member
}

func (p *printer) method(f *Func, role, name string) {
	switch {
	case role == "constructor":
		p.add("constructor")
		p.params(f.Params)
		if f.Result != nil && f.Result.Kind == KindResult {
			p.add(" -> ")
			p.ref(f.Result)
		}
	case role == "static":
		p.add(escape(name), ": static ")
		p.signature(f, f.Params, f.Result)
	default:
		p.add(escape(name), ": ")
		p.signature(f, f.Params[min(1, len(f.Params)):], f.Result)
	}
	p.add(";")
}

// world prints a world.
func (p *printer) world(w *World) {
	p.add("world ", escape(w.Name.Interface), " ")
	p.local, p.also = map[any]string{}, map[alias]bool{}
	p.open()
	p.types(w.Types, w.Name, importedFuncs(w))
	for _, item := range w.Imports {
		p.item("import ", item)
	}
	for _, item := range w.Exports {
		p.item("export ", item)
	}
	p.close()
}

func importedFuncs(w *World) []*Func {
	var funcs []*Func
	for _, item := range w.Imports {
		if item.Func != nil {
			funcs = append(funcs, item.Func)
		}
	}
	return funcs
}

// item prints an import or export; the functions of a world's resources were
// printed with them.
func (p *printer) item(keyword string, item WorldItem) {
	if strings.HasPrefix(item.Name, "[") {
		return
	}
	p.next()
	p.add(keyword)
	i := item.Interface
	if i == nil || i.Name.Namespace == "" || i.Name.String() != item.Name {
		p.add(escape(item.Name), ": ")
	}
	switch {
	case i == nil:
		p.signature(item.Func, item.Func.Params, item.Func.Result)
		p.add(";")
	case i.Name.Namespace == "":
		p.add("interface ")
		p.iface(i)
	default:
		p.path(i.Name)
		p.add(";")
	}
}
