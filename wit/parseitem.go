package wit

import "slices"

// interfaceItem reads one item of an interface. WIT, "Item: interface".
func (p *parser) interfaceItem(s *scope) error {
	doc := p.tok.doc
	keep, err := p.gates()
	if err != nil {
		return err
	}
	decls, fn, err := p.definition(s, doc)
	if err != nil || !keep {
		return err
	}
	s.decls = append(s.decls, decls...)
	if fn != nil {
		s.funcs = append(s.funcs, fn)
	}
	return nil
}

// definition reads a type definition, a use or a function.
func (p *parser) definition(s *scope, doc string) ([]*typeDecl, *funcDecl, error) {
	if p.isKeyword("use") {
		decls, err := p.use(s)
		return decls, nil, err
	}
	if p.isTypeKeyword() {
		d, err := p.typeDefinition(s, doc)
		return []*typeDecl{d}, nil, err
	}
	fn, err := p.function(doc, "")
	return nil, fn, err
}

// use reads use path.{names}.
func (p *parser) use(s *scope) ([]*typeDecl, error) {
	if err := p.advance(); err != nil {
		return nil, err
	}
	path, err := p.path()
	if err != nil {
		return nil, err
	}
	if err := p.expect('.'); err != nil {
		return nil, err
	}
	var decls []*typeDecl
	err = p.separated('{', '}', func() (err error) {
		d := &typeDecl{position: p.here(), from: &path, owner: s}
		decls = append(decls, d)
		d.source, d.name, err = p.renamed()
		return err
	})
	if err != nil {
		return nil, err
	}
	return decls, p.expect(';')
}

// renamed reads name, or name as other.
func (p *parser) renamed() (name, other string, err error) {
	if name, err = p.name(); err != nil || !p.isKeyword("as") {
		return name, name, err
	}
	if err = p.advance(); err != nil {
		return name, "", err
	}
	other, err = p.name()
	return name, other, err
}

func (p *parser) isTypeKeyword() bool {
	return p.tok.kind == '%' && !p.tok.escaped &&
		slices.Contains([]string{"type", "record", "variant", "enum", "flags", "resource"}, p.tok.text)
}

// typeDefinition reads type, record, variant, enum, flags or resource.
func (p *parser) typeDefinition(s *scope, doc string) (*typeDecl, error) {
	keyword := p.tok.text
	if err := p.advance(); err != nil {
		return nil, err
	}
	d := &typeDecl{position: p.here(), doc: doc, owner: s}
	var err error
	if d.name, err = p.name(); err != nil {
		return nil, err
	}
	switch keyword {
	case "type":
		if err = p.expect('='); err != nil {
			return nil, err
		}
		if d.alias, err = p.typ(0); err != nil {
			return nil, err
		}
		return d, p.expect(';')
	case "resource":
		return d, p.resourceBody(d)
	}
	return d, p.members(d, keyword)
}

// members reads the fields, cases or labels of a definition.
func (p *parser) members(d *typeDecl, keyword string) error {
	d.kind = map[string]Kind{"record": KindRecord, "variant": KindVariant, "enum": KindEnum, "flags": KindFlags}[keyword]
	err := p.separated('{', '}', func() (err error) {
		var m member
		if m.name, err = p.name(); err != nil {
			return err
		}
		switch {
		case d.kind == KindRecord:
			m.typ, err = p.typeAfterColon()
		case d.kind == KindVariant && p.tok.kind == '(':
			m.typ, err = p.parenthesised()
		}
		d.members = append(d.members, m)
		return err
	})
	if err == nil && len(d.members) == 0 {
		return d.errorf("%s %s is empty", keyword, d.name)
	}
	return err
}

func (p *parser) parenthesised() (*typeNode, error) {
	if err := p.expect('('); err != nil {
		return nil, err
	}
	t, err := p.typ(0)
	if err != nil {
		return nil, err
	}
	return t, p.expect(')')
}

func (p *parser) typeAfterColon() (*typeNode, error) {
	if err := p.expect(':'); err != nil {
		return nil, err
	}
	return p.typ(0)
}

// resourceBody reads ; or the functions of a resource. WIT, "Item: resource".
func (p *parser) resourceBody(d *typeDecl) error {
	if end, err := p.accept(';'); end || err != nil {
		return err
	}
	return p.braces(func() error {
		doc := p.tok.doc
		keep, err := p.gates()
		if err != nil {
			return err
		}
		read := p.method
		if p.isKeyword("constructor") {
			read = p.constructor
		}
		fn, err := read(doc)
		if err == nil && keep {
			d.funcs = append(d.funcs, fn)
		}
		return err
	})
}

func (p *parser) constructor(doc string) (*funcDecl, error) {
	fn := &funcDecl{position: p.here(), doc: doc, role: "constructor"}
	if err := p.advance(); err != nil {
		return nil, err
	}
	return fn, p.signature(fn)
}

func (p *parser) method(doc string) (*funcDecl, error) { return p.function(doc, "method") }

// function reads name: func(…) -> …; or a resource's, which may be static.
func (p *parser) function(doc, role string) (*funcDecl, error) {
	fn := &funcDecl{position: p.here(), doc: doc, role: role}
	var err error
	if fn.name, err = p.name(); err != nil {
		return nil, err
	}
	if err = p.expect(':'); err != nil {
		return nil, err
	}
	if role == "method" && p.isKeyword("static") {
		fn.role = "static"
		if err = p.advance(); err != nil {
			return nil, err
		}
	}
	return fn, p.funcType(fn)
}

// funcType reads async func(…) -> …;
func (p *parser) funcType(fn *funcDecl) error {
	if p.isKeyword("async") {
		fn.async = true
		if err := p.advance(); err != nil {
			return err
		}
	}
	if err := p.keyword("func"); err != nil {
		return err
	}
	return p.signature(fn)
}

// signature reads (parameters) -> result;
func (p *parser) signature(fn *funcDecl) error {
	err := p.separated('(', ')', func() (err error) {
		var m member
		if m.name, err = p.name(); err != nil {
			return err
		}
		m.typ, err = p.typeAfterColon()
		fn.params = append(fn.params, m)
		return err
	})
	if err != nil {
		return err
	}
	arrow, err := p.accept(tokenArrow)
	if err != nil {
		return err
	}
	if arrow {
		if fn.result, err = p.typ(0); err != nil {
			return err
		}
	}
	return p.expect(';')
}
