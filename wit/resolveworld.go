package wit

import (
	"cmp"
)

// resolveWorld makes the World of a declaration, once.
func (r *resolver) resolveWorld(w *worldDecl, depth int) error {
	switch {
	case w.state == resolved:
		return nil
	case w.state == resolving:
		return w.errorf("world %s includes itself", w.name.Interface)
	case depth > maxChain:
		return w.errorf("world %s is at the end of more than %d includes", w.name.Interface, maxChain)
	}
	w.state = resolving
	b := &worldBuilder{r: r, decl: w, world: &World{Name: w.name}, at: map[string]int{}, imported: map[*scope]bool{}, types: map[TypeDef]bool{}}
	if err := b.build(depth); err != nil {
		return err
	}
	w.state, w.world = resolved, b.world
	r.out.document(b.world, w.doc)
	return nil
}

// worldBuilder collects a world's imports and exports without duplicates.
type worldBuilder struct {
	r     *resolver
	decl  *worldDecl
	world *World
	at    map[string]int // index by "import name" and "export name"
	// imported are the interfaces that importUsed met before.
	imported map[*scope]bool
	types    map[TypeDef]bool // those in the world
}

func (b *worldBuilder) build(depth int) error {
	if err := b.ownTypes(); err != nil {
		return err
	}
	if err := b.includes(depth); err != nil {
		return err
	}
	var exported []*scope
	for _, item := range b.decl.items {
		s, err := b.item(item)
		if err != nil {
			return err
		}
		if item.export && s != nil {
			exported = append(exported, s)
		}
	}
	return b.importWhatExportsUse(exported)
}

// includes takes over the items of included worlds. WIT, "Item: include".
func (b *worldBuilder) includes(depth int) error {
	for _, in := range b.decl.includes {
		p, name, err := b.r.findPackage(b.decl.unit, in.path)
		if err != nil {
			return err
		}
		from := p.worlds[name]
		if from == nil {
			return in.path.errorf("there is no world %s", name)
		}
		if err := b.r.resolveWorld(from, depth+1); err != nil {
			return err
		}
		if err := b.include(in, from.world); err != nil {
			return err
		}
	}
	return nil
}

func (b *worldBuilder) include(in include, from *World) error {
	if err := b.addTypes(from.Types); err != nil {
		return err
	}
	for _, export := range []bool{false, true} {
		items := from.Imports
		if export {
			items = from.Exports
		}
		for _, item := range items {
			if to, ok := in.renames[item.Name]; ok {
				item.Name = to
			}
			if err := b.add(in.path.position, export, item); err != nil {
				return err
			}
		}
	}
	return nil
}

// ownTypes resolves the types that the world itself uses and defines; the
// functions of its resources are imports.
func (b *worldBuilder) ownTypes() error {
	s := &b.decl.scope
	if err := b.r.resolveUses(s, 0); err != nil {
		return err
	}
	types, err := b.r.typeDefs(s)
	if err != nil {
		return err
	}
	if err := b.addTypes(types); err != nil {
		return err
	}
	if err := b.importUsed(s.position, s.uses); err != nil {
		return err
	}
	funcs, err := b.r.funcs(s)
	if err != nil {
		return err
	}
	for _, f := range funcs {
		if err := b.add(s.position, false, WorldItem{Name: f.Name, Func: f}); err != nil {
			return err
		}
	}
	return nil
}

// item adds an import or export of the world; it returns the interface's scope, if it is one.
func (b *worldBuilder) item(d worldItemDecl) (*scope, error) {
	if d.fn != nil {
		f, err := b.r.resolveFunc(&b.decl.scope, d.fn, nil)
		if err != nil {
			return nil, err
		}
		return nil, b.add(d.position, d.export, WorldItem{Name: d.name, Func: f})
	}
	s := d.inline
	if s == nil {
		var err error
		if s, err = b.r.findInterface(b.decl.unit, *d.path); err != nil {
			return nil, err
		}
	}
	if err := b.r.resolveInterface(s, 0); err != nil {
		return nil, err
	}
	if !d.export {
		if err := b.importUsed(d.position, s.uses); err != nil {
			return nil, err
		}
	}
	return s, b.add(d.position, d.export, WorldItem{Name: cmp.Or(d.name, s.name.String()), Interface: s.iface})
}

// importUsed imports interfaces that something uses, each after those it uses itself.
func (b *worldBuilder) importUsed(p position, used []*scope) error {
	if err := b.spend(p, len(used)); err != nil {
		return err
	}
	for _, u := range used {
		if b.imported[u] {
			continue
		}
		b.imported[u] = true
		if err := b.importUsed(p, u.uses); err != nil {
			return err
		}
		if err := b.add(p, false, WorldItem{Name: u.name.String(), Interface: u.iface}); err != nil {
			return err
		}
	}
	return nil
}

// importWhatExportsUse imports what exported interfaces use and the world does
// not export itself.
func (b *worldBuilder) importWhatExportsUse(exported []*scope) error {
	for _, s := range exported {
		if err := b.spend(s.position, len(s.uses)); err != nil {
			return err
		}
		var missing []*scope
		for _, u := range s.uses {
			if _, own := b.at["export "+u.name.String()]; !own {
				missing = append(missing, u)
			}
		}
		if err := b.importUsed(s.position, missing); err != nil {
			return err
		}
	}
	return nil
}

// add enters an item; the same interface twice is one, another thing of the
// same name is a mistake.
func (b *worldBuilder) add(p position, export bool, item WorldItem) error {
	if err := b.spend(p, 1); err != nil {
		return err
	}
	list, key := &b.world.Imports, "import "+item.Name
	if export {
		list, key = &b.world.Exports, "export "+item.Name
	}
	i, taken := b.at[key]
	if !taken {
		b.at[key] = len(*list)
		*list = append(*list, item)
		return nil
	}
	if same := (*list)[i]; item.Interface == nil || same.Interface != item.Interface {
		return p.errorf("world %s has %s twice", b.decl.name.Interface, key)
	}
	return nil
}

// addTypes enters the types that are not there yet.
func (b *worldBuilder) addTypes(defs []TypeDef) error {
	for _, d := range defs {
		if !b.types[d] {
			b.types[d] = true
			b.world.Types = append(b.world.Types, d)
		}
	}
	return b.spend(b.decl.position, len(defs))
}

// spend counts what worlds are made of, since includes can repeat it without end.
func (b *worldBuilder) spend(p position, n int) error {
	if b.r.spent += n; b.r.spent > maxItems {
		return p.errorf("worlds have more than %d imports, exports and types together", maxItems)
	}
	return nil
}
