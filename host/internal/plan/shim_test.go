package plan

import (
	"strconv"
	"testing"

	"github.com/writ-host/writ/host/internal/binary"
)

// Whatever makes a shim or fixup do more than forward calls keeps both. In
// shim.wat they are core modules 0 and 2, the core instances 1 and 5.
func TestShimIsKept(t *testing.T) {
	one := uint32(1)
	for name, change := range map[string]func(*parts){
		"shim starts":             func(p *parts) { p.shim.Start = &one },
		"shim has a memory":       func(p *parts) { p.shim.Memories = make([]binary.MemoryType, 1) },
		"shim has a global":       func(p *parts) { p.shim.Globals = make([]binary.GlobalType, 1) },
		"shim fills its table":    func(p *parts) { p.shim.Elems = p.fixup.Elems },
		"shim has data":           func(p *parts) { p.shim.DataSegments = 1 },
		"shim has two tables":     func(p *parts) { p.shim.Tables = append(p.shim.Tables, p.shim.Tables[0]) },
		"table is too small":      func(p *parts) { p.shim.Tables[0].Limits.Min = 1 },
		"function adds a local":   func(p *parts) { p.body(0, 0x01) },
		"function swaps locals":   func(p *parts) { p.body(2, 0x01) },
		"other instruction":       func(p *parts) { p.body(1, 0x22) },
		"index beyond the fixup":  func(p *parts) { p.body(6, 0x02) },
		"index is negative":       func(p *parts) { p.body(6, 0x7f) },
		"other type is called":    func(p *parts) { p.body(8, 0x01) },
		"other table is called":   func(p *parts) { p.body(9, 0x01) },
		"function does not end":   func(p *parts) { p.body(10, 0x01) },
		"fixup has functions":     func(p *parts) { p.fixup.Bodies = p.shim.Bodies },
		"fixup has a memory":      func(p *parts) { p.fixup.Memories = make([]binary.MemoryType, 1) },
		"fixup has data":          func(p *parts) { p.fixup.DataSegments = 1 },
		"fixup exports":           func(p *parts) { p.fixup.Exports = p.shim.Exports[:1] },
		"fixup has two segments":  func(p *parts) { p.fixup.Elems = append(p.fixup.Elems, p.fixup.Elems[0]) },
		"segment is passive":      func(p *parts) { p.fixup.Elems[0].Mode = binary.ElemPassive },
		"segment is elsewhere":    func(p *parts) { p.fixup.Elems[0].Table = 1 },
		"offset is computed":      func(p *parts) { p.fixup.Elems[0].HasConstOffset = false },
		"offset is too large":     func(p *parts) { p.fixup.Elems[0].ConstOffset = 1 },
		"offset is huge":          func(p *parts) { p.fixup.Elems[0].ConstOffset = 1<<32 - 1 },
		"segment has expressions": func(p *parts) { p.fixup.Elems[0].Funcs = p.fixup.Elems[0].Funcs[:1] },
		"segment names no import": func(p *parts) { p.fixup.Elems[0].Funcs[0] = 9 },
		"another has the table":   func(p *parts) { p.again() },
		"entry has another type": func(p *parts) {
			p.shim.Types[0].Params = p.shim.Types[0].Params[:1]
			for i := range p.shim.Exports {
				if f := p.shim.Exports[i].Type.Func; f != nil {
					p.shim.Exports[i].Type.Func = &binary.CoreFuncType{}
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := shimParts(t)
			change(p)
			plan, err := Flatten(p.component, Limits{Unfused: true})
			if err != nil {
				t.Fatal(err)
			}
			if n := len(plan.Instances); n < 4 {
				t.Errorf("%d instances are left, want shim and fixup among them", n)
			}
			checkRefs(t, plan)
		})
	}
}

// The test above means nothing unless the parts work unchanged.
func TestShimIsDropped(t *testing.T) {
	plan, err := Flatten(shimParts(t).component, Limits{Unfused: true})
	if err != nil {
		t.Fatal(err)
	}
	if len(plan.Instances) != 2 {
		t.Errorf("%d instances are left, want 2", len(plan.Instances))
	}
}

// parts are those of shim.wat.
type parts struct {
	component   *binary.Component
	shim, fixup *binary.Module
}

func shimParts(t *testing.T) *parts {
	p := &parts{component: decode(t, read(t, "testdata/shim.wasm"))}
	var modules []*binary.Module
	for _, it := range p.component.Items {
		if m, ok := it.(*binary.CoreModule); ok {
			modules = append(modules, m.Module)
		}
	}
	p.shim, p.fixup = modules[0], modules[2]
	return p
}

// body changes a byte of the shim's first function.
func (p *parts) body(at int, b byte) {
	p.shim.Bytes[int(p.shim.Bodies[0].Start)+at] = b
}

// again instantiates the fixup a second time.
func (p *parts) again() {
	for _, it := range p.component.Items {
		if inst, ok := it.(*binary.CoreInstance); ok && inst.Module == 2 && !inst.Inline {
			p.component.Items = append(p.component.Items, inst)
			return
		}
	}
}

// Shims may be stacked; a loop of them, which never returns, ends all the same.
func TestStackedShims(t *testing.T) {
	chain := map[exportKey]forward{}
	for i := range 4 {
		chain[exportKey{i, "f"}] = forward{to: Source{Kind: FromExport, Instance: i + 1, Name: "f"}}
	}
	loop := map[exportKey]forward{
		{0, "f"}: {to: Source{Kind: FromExport, Instance: 1, Name: "f"}},
		{1, "f"}: {to: Source{Kind: FromExport, Instance: 0, Name: "f"}},
	}
	for i, tc := range []struct {
		forward        map[exportKey]forward
		consumer, want int
	}{
		{chain, 9, 4}, {chain, 4, 3}, {chain, 1, 0}, {chain, 3, 2}, {loop, 9, 0},
	} {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			r := rewiring{forward: tc.forward, groups: &groups{}}
			got := r.resolve(Source{Kind: FromExport, Name: "f"}, tc.consumer)
			if got.Instance != tc.want {
				t.Errorf("resolved to instance %d, want %d", got.Instance, tc.want)
			}
		})
	}
}

func TestForwardingConstants(t *testing.T) {
	for _, tc := range []struct {
		code string
		want uint64
		bad  bool
	}{
		{"\x00", 0, false},
		{"\x3f", 63, false},
		{"\xc0\x00", 64, false},
		{"\xff\xff\xff\xff\x07", 1<<31 - 1, false},
		{"\x40", 0, true},
		{"\xff\xff\xff\xff\xff\x07", 0, true},
		{"\x80", 0, true},
		{"", 0, true},
	} {
		c := code{b: []byte(tc.code)}
		got := c.constant()
		if c.bad != tc.bad || !tc.bad && got != tc.want {
			t.Errorf("constant %q: got %d, bad %v", tc.code, got, c.bad)
		}
	}
}
