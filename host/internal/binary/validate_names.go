package binary

import (
	"errors"
	"fmt"
)

// checkName checks a name's form, that it suits what it names, and that it is
// unique.
func (x *externs) checkName(dir direction, name ExternName, e entity) error {
	p, err := parseName(name.Name)
	if err != nil {
		return fmt.Errorf("not a valid extern name: %w", err)
	}
	switch p.kind {
	case dependencyName, urlName, integrityName:
		if dir == exporting {
			return errors.New("not a valid export name: only imports can be located so")
		}
	}
	if err := checkAttributes(name, p, e); err != nil {
		return err
	}
	if err := x.suits(p, e); err != nil {
		return fmt.Errorf("name does not suit what it names: %w", err)
	}
	key := p.unique(name.Name)
	if prev, ok := x.unique[key]; ok {
		return fmt.Errorf("name conflicts with previous %s name %s", dir, quote(prev))
	}
	put(&x.unique, key, name.Name)
	return nil
}

func checkAttributes(name ExternName, p parsedName, e entity) error {
	if name.HasImplements {
		if p.kind != labelName {
			return errors.New("only a plain name can have an `implements`")
		}
		if e.sort != SortInstance {
			return errors.New("only instances can have an `implements`")
		}
		if err := checkImplements(name.Implements); err != nil {
			return err
		}
	}
	if name.HasVersionSuffix && e.sort != SortInstance {
		return errors.New("only instances can have a `versionsuffix`")
	}
	if p.kind == interfaceName {
		return checkInterfaceVersion(p, name)
	}
	return nil
}

func checkImplements(s string) error {
	p, err := parseName(s)
	if err != nil {
		return fmt.Errorf("`implements` %s is not a valid name: %w", quote(s), err)
	}
	if p.kind != interfaceName {
		return fmt.Errorf("`implements` %s must be an interface", quote(s))
	}
	return nil
}

func checkInterfaceVersion(p parsedName, name ExternName) error {
	switch {
	case !name.HasVersionSuffix && !p.hasVersion:
		return nil
	case name.HasVersionSuffix && name.VersionSuffix == "":
		return errors.New("version suffix cannot be empty")
	case !p.hasVersion:
		return errors.New("version suffix without a version")
	case name.HasVersionSuffix && !canonicalVersion(p.version):
		return fmt.Errorf("version suffix after %s, which is not a canonical version", quote(p.version))
	}
	if err := checkSemver(p.version + name.VersionSuffix); err != nil {
		return fmt.Errorf("invalid interface version: %w", err)
	}
	return nil
}

// suits checks that what has an annotated name is a function of the shape that
// the annotation promises, for a resource of that name in the same interface.
func (x *externs) suits(p parsedName, e entity) error {
	switch p.kind {
	case constructorName, methodName, staticName:
	default:
		return nil
	}
	f, ok := e.t.(*funcType)
	if !ok || e.sort != SortFunc {
		return errors.New("item is not a func")
	}
	switch p.kind {
	case constructorName:
		return x.suitsConstructor(p, f)
	case methodName:
		return x.suitsMethod(p, f)
	}
	if !x.labels[p.resource] {
		return errors.New("static resource name is not known in this context")
	}
	return nil
}

func (x *externs) suitsConstructor(p parsedName, f *funcType) error {
	if f.async {
		return errors.New("constructor function cannot be async")
	}
	r := f.result
	if r == nil {
		return errors.New("function should return one value")
	}
	if r.kind == resultKind && r.elems[0] != nil {
		r = r.elems[0]
	}
	if r.kind != ownKind {
		return errors.New("function should return `(own $T)` or `(result (own $T))`")
	}
	return x.isResource(r.res, p.resource)
}

func (x *externs) suitsMethod(p parsedName, f *funcType) error {
	if len(f.params) == 0 {
		return errors.New("function should have at least one argument")
	}
	if f.names[0] != "self" {
		return errors.New("function should have a first argument called `self`")
	}
	if f.params[0].kind != borrowKind {
		return errors.New("function should take a first argument of `(borrow $T)`")
	}
	return x.isResource(f.params[0].res, p.resource)
}

func (x *externs) isResource(r *resourceAlias, name string) error {
	have, ok := x.resources[r]
	if !ok {
		return errors.New("resource used in function does not have a name in this context")
	}
	if have != name {
		return fmt.Errorf("function does not match expected resource name %s", quote(have))
	}
	return nil
}
