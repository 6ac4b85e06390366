package plan

import (
	"strings"
	"testing"

	"github.com/writ-host/writ/wit"
)

func TestBindReplacesPlaceholders(t *testing.T) {
	p, err := flatten(t, read(t, "testdata/tool.wasm"))
	if err != nil {
		t.Fatal(err)
	}
	before := dump(t, p)
	host := map[string]*wit.Resource{
		"t:t/kinds@1.2.3 thing": {Name: "host-thing"},
		"top top":               {Name: "host-top"},
	}
	bound, err := p.Bind(func(i, r string) *wit.Resource { return host[i+" "+r] })
	if err != nil {
		t.Fatal(err)
	}
	checkRefs(t, bound)
	seen := map[*wit.Resource]bool{}
	visit(bound, func(r *wit.Resource) { seen[r] = true })
	for _, r := range host {
		if !seen[r] {
			t.Errorf("%s is nowhere in the bound plan", r.Name)
		}
		delete(seen, r)
	}
	delete(seen, p.Resources[0].Type)
	if len(seen) != 0 {
		t.Errorf("placeholders are left: %v", seen)
	}
	if after := dump(t, p); after != before {
		t.Errorf("binding changed the plan it was called on:\n%s", after)
	}
}

func TestBindNamesWhatTheHostLacks(t *testing.T) {
	p, err := flatten(t, read(t, "testdata/tool.wasm"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.Bind(func(i, r string) *wit.Resource {
		if i == "top" {
			return nil
		}
		return &wit.Resource{}
	})
	if err == nil || !strings.Contains(err.Error(), `import "top": the host has no resource "top"`) {
		t.Errorf("got %v", err)
	}
}

// Two resources of the component that the host takes for one become one.
func TestBindMakesResourcesEqual(t *testing.T) {
	p, err := flatten(t, read(t, "testdata/tool.wasm"))
	if err != nil {
		t.Fatal(err)
	}
	one := &wit.Resource{Name: "one"}
	bound, err := p.Bind(func(string, string) *wit.Resource { return one })
	if err != nil {
		t.Fatal(err)
	}
	for _, imp := range bound.Imports {
		for _, f := range imp.Funcs {
			for _, param := range f.Type.Params {
				if r := param.Type.Resource; r != nil && r != one {
					t.Errorf("%q %q: parameter %q is still of resource %v", imp.Name, f.Type.Name, param.Name, r)
				}
			}
		}
	}
}

func dump(t *testing.T, p *Plan) string {
	var b strings.Builder
	if err := p.Dump(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// visit calls f for every resource that a plan's types mention.
func visit(p *Plan, f func(*wit.Resource)) {
	v := visitor{f}
	for _, t := range p.Trampolines {
		v.resource(t.Resource)
		v.function(t.Type)
	}
	for _, i := range p.Imports {
		for _, r := range i.Resources {
			v.resource(r)
		}
		for _, fn := range i.Funcs {
			v.function(fn.Type)
		}
		for _, d := range i.Types {
			v.resource(d.Resource)
			v.value(d.Type)
		}
	}
	v.exports(p.Exports)
}

type visitor struct{ f func(*wit.Resource) }

func (v visitor) exports(all []Export) {
	for _, e := range all {
		v.resource(e.Resource)
		v.value(e.Type)
		if e.Func != nil {
			v.function(e.Func.Type)
		}
		v.exports(e.Items)
	}
}

func (v visitor) resource(r *wit.Resource) {
	if r != nil {
		v.f(r)
	}
}

func (v visitor) function(f *wit.Func) {
	if f == nil {
		return
	}
	for _, p := range f.Params {
		v.value(p.Type)
	}
	v.value(f.Result)
}

func (v visitor) value(t *wit.Type) {
	if t == nil {
		return
	}
	v.resource(t.Resource)
	v.value(t.Elem)
	for _, f := range t.Fields {
		v.value(f.Type)
	}
	for _, c := range t.Cases {
		v.value(c.Type)
	}
}
