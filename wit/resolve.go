package wit

import (
	"cmp"
	"path"
	"slices"
	"strings"
)

// Packages are the interfaces and worlds of WIT text, resolved: a type that
// many interfaces use is the same *Type or *Resource in all of them.
type Packages struct {
	interfaces []*Interface
	worlds     []*World
	docs       map[any]string
}

// World is what a component imports and exports. Interfaces that an import or
// export uses are imports too, before what uses them.
type World struct {
	Name    Name      // Interface is the world's name
	Types   []TypeDef // defined or used by the world itself
	Imports []WorldItem
	Exports []WorldItem
}

// WorldItem is one import or export: an interface or a function.
type WorldItem struct {
	Name      string // as components spell it
	Interface *Interface
	Func      *Func
}

// Parse reads WIT text. Files of one directory without a package declaration
// belong to the package that the others there declare. What is marked
// @unstable is left out. Errors begin with file:line:column.
func Parse(files ...File) (*Packages, error) {
	r := &resolver{packages: map[pkgName]*pkg{}, out: &Packages{docs: map[any]string{}}}
	size := 0
	for i := range files {
		f := &files[i]
		if size += len(f.Text); size > maxText {
			return nil, position{f, 0}.errorf("WIT text of more than %d bytes", maxText)
		}
		units, err := parseFile(f)
		if err != nil {
			return nil, err
		}
		r.units = append(r.units, units...)
	}
	return r.out, r.resolve()
}

// Interface finds an interface by its name, such as wasi:io/streams@0.2.12.
// Without a version it finds the only version there is. Nil when there is none.
func (p *Packages) Interface(name string) *Interface {
	return find(p.interfaces, name, func(i *Interface) Name { return i.Name })
}

// World finds a world by its name as [Packages.Interface] does.
func (p *Packages) World(name string) *World {
	return find(p.worlds, name, func(w *World) Name { return w.Name })
}

func find[T any](all []*T, name string, nameOf func(*T) Name) *T {
	var found *T
	count := 0
	for _, item := range all {
		switch n := nameOf(item); name {
		case n.String():
			return item
		case n.Unversioned():
			found, count = item, count+1
		}
	}
	if count != 1 {
		return nil
	}
	return found
}

// Interfaces are all interfaces, each after those whose types it uses.
func (p *Packages) Interfaces() []*Interface { return slices.Clone(p.interfaces) }

// Worlds are all worlds, in order of definition.
func (p *Packages) Worlds() []*World { return slices.Clone(p.worlds) }

// Doc is the documentation of an *Interface, *World, *Func, *Type or
// *Resource, "" when it has none.
func (p *Packages) Doc(of any) string { return p.docs[of] }

func (p *Packages) document(of any, doc string) {
	if doc != "" {
		p.docs[of] = doc
	}
}

type resolver struct {
	units    []*unit
	packages map[pkgName]*pkg
	out      *Packages
	spent    int // see worldBuilder.spend
}

func (r *resolver) resolve() error {
	if err := r.adoptNameless(); err != nil {
		return err
	}
	for _, u := range r.units {
		if err := r.declare(u); err != nil {
			return err
		}
	}
	for _, u := range r.units {
		for _, s := range u.ifaces {
			if err := r.resolveInterface(s, 0); err != nil {
				return err
			}
		}
	}
	return r.resolveWorlds()
}

func (r *resolver) resolveWorlds() error {
	for _, u := range r.units {
		for _, w := range u.worlds {
			if err := r.resolveWorld(w, 0); err != nil {
				return err
			}
			r.out.worlds = append(r.out.worlds, w.world)
		}
	}
	return nil
}

// adoptNameless gives files without a package declaration that of their directory.
func (r *resolver) adoptNameless() error {
	named := map[string][]pkgName{}
	for _, u := range r.units {
		dir := path.Dir(u.file.Name)
		if u.named && !u.nested && !slices.Contains(named[dir], u.name) {
			named[dir] = append(named[dir], u.name)
		}
	}
	for _, u := range r.units {
		if u.named || len(u.ifaces)+len(u.worlds) == 0 {
			continue
		}
		candidates := named[path.Dir(u.file.Name)]
		if len(candidates) != 1 {
			return position{u.file, 0}.errorf("no package declaration, and %d in other files of its directory", len(candidates))
		}
		u.name = candidates[0]
	}
	return nil
}

// declare enters what a unit has into its package, names of types included.
func (r *resolver) declare(u *unit) error {
	u.pkg = r.packages[u.name]
	if u.pkg == nil {
		u.pkg = &pkg{ifaces: map[string]*scope{}, worlds: map[string]*worldDecl{}}
		r.packages[u.name] = u.pkg
	}
	for _, s := range u.ifaces {
		if u.pkg.has(s.name.Interface) {
			return s.errorf("%s is defined twice in package %s", s.name.Interface, u.name)
		}
		u.pkg.ifaces[s.name.Interface] = s
		if err := s.declare(u.name); err != nil {
			return err
		}
	}
	for _, w := range u.worlds {
		if u.pkg.has(w.name.Interface) {
			return w.errorf("%s is defined twice in package %s", w.name.Interface, u.name)
		}
		u.pkg.worlds[w.name.Interface] = w
		if err := w.declareItems(u.name); err != nil {
			return err
		}
	}
	return nil
}

func (p *pkg) has(name string) bool { return p.ifaces[name] != nil || p.worlds[name] != nil }

// declare names the scope and collects its types by name.
func (s *scope) declare(in pkgName) error {
	if in.namespace != "" {
		s.name = Name{Namespace: in.namespace, Package: in.name, Interface: s.name.Interface, Version: in.version}
	}
	s.types = map[string]*typeDecl{}
	seen := map[string]bool{}
	for _, d := range s.decls {
		d.owner = s
		if seen[strings.ToLower(d.name)] {
			return d.errorf("%s is defined twice", d.name)
		}
		seen[strings.ToLower(d.name)] = true
		s.types[d.name] = d
	}
	for _, f := range s.funcs {
		if seen[strings.ToLower(f.name)] {
			return f.errorf("%s is defined twice", f.name)
		}
		seen[strings.ToLower(f.name)] = true
	}
	return nil
}

func (w *worldDecl) declareItems(in pkgName) error {
	if err := w.declare(in); err != nil {
		return err
	}
	for _, item := range w.items {
		if item.inline == nil {
			continue
		}
		if err := item.inline.declare(pkgName{}); err != nil {
			return err
		}
	}
	return nil
}

// findPackage finds what a path leads to: its package and the name there.
func (r *resolver) findPackage(u *unit, p usePath) (*pkg, string, error) {
	if p.namespace == "" {
		alias, ok := u.aliases[p.name]
		if !ok || alias.namespace == "" {
			return u.pkg, cmp.Or(alias.name, p.name), nil
		}
		p = usePath{p.position, alias.namespace, alias.pkg, alias.name, alias.version}
	}
	name := pkgName{p.namespace, p.pkg, p.version}
	found := r.packages[name]
	if found == nil {
		return nil, "", p.errorf("there is no package %s", name)
	}
	return found, p.name, nil
}

func (r *resolver) findInterface(u *unit, p usePath) (*scope, error) {
	in, name, err := r.findPackage(u, p)
	if err != nil {
		return nil, err
	}
	if in.ifaces[name] == nil {
		return nil, p.errorf("there is no interface %s", name)
	}
	return in.ifaces[name], nil
}
