package broker

import (
	"context"
	"testing"
)

// Two versions of a component run at once: each has what the policy grants to
// what it is, through all changes.
func TestEditionsAreDecidedApart(t *testing.T) {
	const byDigest = `package writ
grants contains {"id": "trusted", "app": input.app.name, "component": input.component.name, "capability": "env",
	"resource": "env:KEY", "operations": ["read"]} if input.component.digest == "sha256:good"`
	b := New(Config{})
	defer func() { _ = b.Close() }()
	before := Component{Name: "c", Digest: "sha256:bad"}
	after := Component{Name: "c", Digest: "sha256:good", Edition: 1}
	source := Source{Modules: map[string]string{"p.rego": byDigest}, Apps: []App{{Name: "a", Components: []Component{before}}}}
	if err := b.Load(t.Context(), source); err != nil {
		t.Fatal(err)
	}
	may := func(c Component) bool {
		return b.Of("a", c).Decide(context.Background(), Call{Capability: Env, Operation: Read, Resource: "env:KEY"}).Allowed
	}
	check := func(when string, first, second bool) {
		t.Helper()
		if may(before) != first || may(after) != second {
			t.Errorf("%s: %v %v, want %v %v", when, may(before), may(after), first, second)
		}
	}
	check("at first", false, false)
	both := []App{{Name: "a", Components: []Component{after}}, {Name: "a", Components: []Component{before}}}
	if err := b.SetApps(t.Context(), both); err != nil {
		t.Fatal(err)
	}
	check("with both", false, true)
	if g := b.Grants("a", "c"); len(g) != 1 || b.Subject("a", "c") != b.Of("a", after) {
		t.Errorf("the latest is granted %v", g)
	}
	if err := b.Load(t.Context(), source); err != nil { // as a watch does, which knows of the first one only
		t.Fatal(err)
	}
	check("loaded again", false, true)
	twice := []App{{Name: "a", Components: []Component{before}}, {Name: "a", Components: []Component{before}}}
	if err := b.SetApps(t.Context(), twice); err == nil {
		t.Error("one edition is taken twice")
	}
	check("after an error", false, true)
	if err := b.SetApps(t.Context(), both[1:]); err != nil {
		t.Fatal(err)
	}
	check("back again", false, false)
}
