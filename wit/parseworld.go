package wit

// worldItem reads one item of a world. WIT, "Item: world".
func (p *parser) worldItem(w *worldDecl) error {
	doc := p.tok.doc
	keep, err := p.gates()
	if err != nil {
		return err
	}
	switch {
	case p.isKeyword("import"), p.isKeyword("export"):
		item, err := p.importOrExport(w, doc)
		if err == nil && keep {
			w.items = append(w.items, item)
		}
		return err
	case p.isKeyword("include"):
		in, err := p.include()
		if err == nil && keep {
			w.includes = append(w.includes, in)
		}
		return err
	case p.isKeyword("use"), p.isTypeKeyword():
		decls, _, err := p.definition(&w.scope, doc)
		if err == nil && keep {
			w.decls = append(w.decls, decls...)
		}
		return err
	}
	return p.unexpected("import, export, include, use or a type definition")
}

// importOrExport reads import or export, then a path, or name: extern type.
// Whether the name before a colon is a namespace shows only at the second
// token after it.
func (p *parser) importOrExport(w *worldDecl, doc string) (worldItemDecl, error) {
	item := worldItemDecl{export: p.tok.text == "export"}
	if err := p.advance(); err != nil {
		return item, err
	}
	item.position = p.here()
	first, err := p.name()
	if err != nil {
		return item, err
	}
	if p.tok.kind != ':' {
		item.path = &usePath{position: item.position, name: first}
		return item, p.expect(';')
	}
	if err := p.advance(); err != nil {
		return item, err
	}
	switch {
	case p.isKeyword("func"), p.isKeyword("async"):
		item.name = first
		item.fn = &funcDecl{position: item.position, name: first, doc: doc}
		return item, p.funcType(item.fn)
	case p.isKeyword("interface"):
		item.name = first
		item.inline = &scope{position: item.position, unit: w.unit, doc: doc}
		item.inline.name.Interface = first
		if err := p.advance(); err != nil {
			return item, err
		}
		return item, p.braces(func() error { return p.interfaceItem(item.inline) })
	}
	return item, p.externPath(&item, first)
}

// externPath reads what follows first: when it names an interface.
func (p *parser) externPath(item *worldItemDecl, first string) error {
	path := usePath{position: p.here()}
	second, err := p.name()
	if err != nil {
		return err
	}
	switch p.tok.kind {
	case '/':
		path.position = item.position
		path.namespace, path.pkg = first, second
		err = p.pathEnd(&path)
	case ':':
		item.name, path.name = first, second
		err = p.qualify(&path)
	default:
		item.name, path.name = first, second
	}
	if err != nil {
		return err
	}
	item.path = &path
	return p.expect(';')
}

// include reads include path with { a as b }.
func (p *parser) include() (in include, err error) {
	if err = p.advance(); err != nil {
		return in, err
	}
	if in.path, err = p.path(); err != nil {
		return in, err
	}
	if !p.isKeyword("with") {
		return in, p.expect(';')
	}
	if err = p.advance(); err != nil {
		return in, err
	}
	in.renames = map[string]string{}
	err = p.separated('{', '}', func() error {
		from, to, err := p.renamed()
		in.renames[from] = to
		return err
	})
	if err != nil {
		return in, err
	}
	// The semicolon after the braces is optional in practice.
	_, err = p.accept(';')
	return in, err
}
