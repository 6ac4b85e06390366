package broker

import "fmt"

// Extend is the file with further grants, such as those of a command line, which origin names. A grant without an id gets
// one. The file on disk stays as it is.
func (f *GrantFile) Extend(origin string, grants ...Grant) (*GrantFile, error) {
	next := f
	for _, g := range grants {
		if g.ID == "" {
			g.ID = next.newID(g)
		}
		data, err := next.with(g)
		if err != nil {
			return nil, fmt.Errorf("add a grant of %s: %w", origin, err)
		}
		old := next
		if next, err = ParseGrants(f.Name, data); err != nil {
			return nil, fmt.Errorf("%s: capability %q, resource %q: %w", origin, g.Capability, g.Resource, err)
		}
		for i, before := range old.Grants {
			next.Grants[i].Origin = before.Origin
		}
		for i, before := range old.Denials {
			next.Denials[i].Origin = before.Origin
		}
		next.Grants[len(next.Grants)-1].Origin = Origin{File: origin}
	}
	return next, nil
}
