package wit

import (
	"golang.org/x/mod/semver"
)

// Bounds of what is parsed, so that text from outside costs bounded work.
const (
	maxText  = 4 << 20 // bytes of all files together
	maxName  = 1024    // bytes of a name
	maxNest  = 64      // types within types as written
	maxChain = 1000    // definitions that need one another
	maxItems = 1 << 20 // imports, exports and types of all worlds, repeated ones too
)

// parser reads one file.
type parser struct {
	lexer
	tok   token // the token that comes next
	units []*unit
}

// parseFile reads a file into units: the file's own package first, which may
// be without a name, then nested ones.
func parseFile(f *File) ([]*unit, error) {
	p := &parser{lexer: lexer{file: f}}
	if err := p.advance(); err != nil {
		return nil, err
	}
	main := newUnit(f)
	p.units = []*unit{main}
	for p.tok.kind != 0 {
		if err := p.topLevel(main); err != nil {
			return nil, err
		}
	}
	return p.units, nil
}

func newUnit(f *File) *unit { return &unit{file: f, aliases: map[string]usePath{}} }

// topLevel reads one item of a file. WIT, "Top-level items".
func (p *parser) topLevel(main *unit) error {
	if !p.isKeyword("package") {
		return p.packageItem(main)
	}
	at := p.here()
	name, err := p.packageName()
	if err != nil {
		return err
	}
	if p.tok.kind == ';' {
		if main.named || len(main.ifaces)+len(main.worlds) > 0 {
			return at.errorf("the package declaration must come first, and once")
		}
		main.name, main.named = name, true
		return p.advance()
	}
	nested := newUnit(p.file)
	nested.name, nested.named, nested.nested = name, true, true
	p.units = append(p.units, nested)
	return p.braces(func() error { return p.packageItem(nested) })
}

// packageName reads package namespace:name@version.
func (p *parser) packageName() (n pkgName, err error) {
	if err = p.advance(); err != nil {
		return n, err
	}
	if n.namespace, err = p.name(); err != nil {
		return n, err
	}
	if err = p.expect(':'); err != nil {
		return n, err
	}
	if n.name, err = p.name(); err != nil {
		return n, err
	}
	n.version, err = p.atVersion()
	return n, err
}

// packageItem reads an interface, a world or a use.
func (p *parser) packageItem(u *unit) error {
	doc := p.tok.doc
	keep, err := p.gates()
	if err != nil {
		return err
	}
	switch {
	case p.isKeyword("interface"):
		s, err := p.namedScope(u, doc)
		if err != nil {
			return err
		}
		if keep {
			u.ifaces = append(u.ifaces, s)
		}
		return p.braces(func() error { return p.interfaceItem(s) })
	case p.isKeyword("world"):
		s, err := p.namedScope(u, doc)
		if err != nil {
			return err
		}
		w := &worldDecl{scope: *s}
		if keep {
			u.worlds = append(u.worlds, w)
		}
		return p.braces(func() error { return p.worldItem(w) })
	case p.isKeyword("use"):
		return p.topLevelUse(u)
	}
	return p.unexpected("interface, world, use or package")
}

// namedScope reads the keyword and the name of an interface or world.
func (p *parser) namedScope(u *unit, doc string) (*scope, error) {
	if err := p.advance(); err != nil {
		return nil, err
	}
	s := &scope{position: p.here(), unit: u, doc: doc}
	var err error
	s.name.Interface, err = p.name()
	return s, err
}

// topLevelUse reads use path as name.
func (p *parser) topLevelUse(u *unit) error {
	if err := p.advance(); err != nil {
		return err
	}
	at := p.here()
	path, err := p.path()
	if err != nil {
		return err
	}
	alias := path.name
	if p.isKeyword("as") {
		if err := p.advance(); err != nil {
			return err
		}
		if alias, err = p.name(); err != nil {
			return err
		}
	}
	if _, taken := u.aliases[alias]; taken {
		return at.errorf("%s is used twice", alias)
	}
	u.aliases[alias] = path
	return p.expect(';')
}

// gates reads @since, @unstable, @deprecated and @external-id; keep is false
// for what is unstable, which Parse leaves out.
func (p *parser) gates() (keep bool, err error) {
	keep = true
	for p.tok.kind == '@' {
		if err := p.advance(); err != nil {
			return keep, err
		}
		gate := p.tok
		if err := p.advance(); err != nil {
			return keep, err
		}
		if err := p.gateArgument(gate); err != nil {
			return keep, err
		}
		keep = keep && gate.text != "unstable"
	}
	return keep, nil
}

func (p *parser) gateArgument(gate token) error {
	if err := p.expect('('); err != nil {
		return err
	}
	switch gate.text {
	case "since", "deprecated", "unstable":
		if err := p.gateField(gate.text == "unstable"); err != nil {
			return err
		}
	case "external-id":
		if err := p.expect('"'); err != nil {
			return err
		}
	default:
		return position{p.file, gate.pos}.errorf("there is no gate @%s", gate.text)
	}
	return p.expect(')')
}

// gateField reads version = semver or, for an unstable gate, feature = name.
func (p *parser) gateField(feature bool) error {
	if feature {
		if err := p.keyword("feature"); err != nil {
			return err
		}
		if err := p.expect('='); err != nil {
			return err
		}
		_, err := p.name()
		return err
	}
	if err := p.keyword("version"); err != nil {
		return err
	}
	if p.tok.kind != '=' {
		return p.unexpected("=")
	}
	if _, err := p.lexer.version(); err != nil {
		return err
	}
	return p.advance()
}

// path reads name, or namespace:package/name@version.
func (p *parser) path() (usePath, error) {
	path := usePath{position: p.here()}
	var err error
	if path.name, err = p.name(); err != nil || p.tok.kind != ':' {
		return path, err
	}
	return path, p.qualify(&path)
}

// qualify reads the rest of a path whose namespace was read as its name.
func (p *parser) qualify(path *usePath) (err error) {
	path.namespace = path.name
	if err = p.expect(':'); err != nil {
		return err
	}
	if path.pkg, err = p.name(); err != nil {
		return err
	}
	return p.pathEnd(path)
}

// pathEnd reads /name@version.
func (p *parser) pathEnd(path *usePath) (err error) {
	if err = p.expect('/'); err != nil {
		return err
	}
	if path.name, err = p.name(); err != nil {
		return err
	}
	path.version, err = p.atVersion()
	return err
}

// atVersion reads @version where there is one.
func (p *parser) atVersion() (version string, err error) {
	if p.tok.kind != '@' {
		return "", nil
	}
	if version, err = p.lexer.version(); err != nil {
		return "", err
	}
	return version, p.advance()
}

func validVersion(s string) bool {
	// Go's semver accepts v1 and v1.2, which semantic versioning does not.
	return semver.IsValid("v"+s) && semver.Canonical("v"+s)+semver.Build("v"+s) == "v"+s
}
