package canon

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/writ-host/writ/wit"
)

func TestCoreSignature(t *testing.T) {
	i32, i64, f32, f64 := wit.I32, wit.I64, wit.F32, wit.F64
	seventeen := slices.Repeat([]*wit.Type{wit.TypeU8}, 17)
	joined := wit.VariantOf(wit.Case{Name: "a", Type: wit.TypeF32}, wit.Case{Name: "b", Type: wit.TypeU32},
		wit.Case{Name: "c", Type: wit.TupleOf(wit.TypeU8, wit.TypeF64)}, wit.Case{Name: "d", Type: wit.TupleOf(wit.TypeU8, wit.TypeF32)})
	for _, c := range []struct {
		name                      string
		params                    []*wit.Type
		result                    *wit.Type
		liftParams, lowerParams   []wit.Core
		liftResults, lowerResults []wit.Core
	}{
		{"nothing", nil, nil, nil, nil, nil, nil},
		{"scalars", []*wit.Type{wit.TypeBool, wit.TypeS64, wit.TypeF32, wit.TypeF64}, wit.TypeChar,
			[]wit.Core{i32, i64, f32, f64}, []wit.Core{i32, i64, f32, f64}, []wit.Core{i32}, []wit.Core{i32}},
		{"string result goes by pointer", nil, wit.TypeString, nil, []wit.Core{i32}, []wit.Core{i32}, nil},
		{"17 parameters go by pointer", seventeen, nil, []wit.Core{i32}, []wit.Core{i32}, nil, nil},
		{"16 parameters and a pointer", seventeen[:16], wit.TypeString, slices.Repeat([]wit.Core{i32}, 16),
			slices.Repeat([]wit.Core{i32}, 17), []wit.Core{i32}, nil},
		{"joined payloads", []*wit.Type{joined}, nil, []wit.Core{i32, i32, i64}, []wit.Core{i32, i32, i64}, nil, nil},
		{"enum result", nil, wit.EnumOf("a", "b"), nil, nil, []wit.Core{i32}, []wit.Core{i32}},
	} {
		f := compile(t, UTF8, c.result, c.params...)
		got := [][]wit.Core{f.CoreParams(Lift), f.CoreParams(Lower), f.CoreResults(Lift), f.CoreResults(Lower)}
		for i, want := range [][]wit.Core{c.liftParams, c.lowerParams, c.liftResults, c.lowerResults} {
			if !slices.Equal(got[i], want) {
				t.Errorf("%s: signature part %d is %v, not %v", c.name, i, got[i], want)
			}
		}
	}
}

func TestCheckOptions(t *testing.T) {
	big := wit.TupleOf(slices.Repeat([]*wit.Type{wit.TypeU8}, 17)...)
	for _, c := range []struct {
		name            string
		params          []*wit.Type
		result          *wit.Type
		memory, realloc bool
		direction       Direction
		want            string
	}{
		{"scalars need nothing", []*wit.Type{wit.TypeU8}, wit.TypeU8, false, false, Lift, ""},
		{"lifted string parameter", []*wit.Type{wit.TypeString}, nil, false, false, Lower, "memory"},
		{"lifted string parameter with memory", []*wit.Type{wit.TypeString}, nil, true, false, Lower, ""},
		{"lowered string parameter", []*wit.Type{wit.TypeString}, nil, true, false, Lift, "realloc"},
		{"lowered string result", nil, wit.TypeString, true, false, Lower, "realloc"},
		{"lifted string result", nil, wit.TypeString, true, false, Lift, ""},
		{"lowered spilled parameters", []*wit.Type{big}, nil, true, false, Lift, "realloc"},
		{"lifted spilled parameters", []*wit.Type{big}, nil, true, false, Lower, ""},
		{"result by pointer", nil, big, false, false, Lift, "memory"},
		{"complete", []*wit.Type{wit.TypeString, big}, wit.TypeString, true, true, Lift, ""},
	} {
		f, err := Compile(function(c.result, c.params...), Options{HasMemory: c.memory, HasRealloc: c.realloc})
		if err != nil {
			t.Fatal(err)
		}
		err = f.Check(c.direction)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestCompileRefuses(t *testing.T) {
	deep := wit.TypeU8
	for range maxDepth + 1 {
		deep = wit.OptionOf(deep)
	}
	wide := wit.TypeU64
	for range 30 {
		wide = wit.TupleOf(wide, wide)
	}
	r := &wit.Resource{Name: "r"}
	for _, c := range []struct {
		want   string
		result *wit.Type
		params []*wit.Type
	}{
		{"stream is not supported", nil, []*wit.Type{wit.StreamOf(wit.TypeU8)}},
		{"future is not supported", wit.FutureOf(nil), nil},
		{"error-context is not supported", nil, []*wit.Type{wit.ListOf(wit.TypeErrorContext)}},
		{"a borrow cannot be returned", wit.OptionOf(wit.BorrowOf(r)), nil},
		{"own of no resource", nil, []*wit.Type{wit.OwnOf(nil)}},
		{"nest deeper than 100", nil, []*wit.Type{deep}},
		{"more than 268435455 bytes", nil, []*wit.Type{wide}},
		{"more than 268435455 bytes", nil, []*wit.Type{wit.FixedListOf(wit.TypeU8, math.MaxUint32)}},
		{"1 to 32 labels", nil, []*wit.Type{wit.FlagsOf(labels(33)...)}},
		{"1 to 32 labels", nil, []*wit.Type{wit.FlagsOf()}},
		{"record without fields", nil, []*wit.Type{wit.RecordOf()}},
		{"variant without cases", nil, []*wit.Type{wit.VariantOf()}},
		{"unknown type kind", nil, []*wit.Type{{Kind: 99}}},
		{"unknown type kind", nil, []*wit.Type{{}}},
		{"has no type", nil, []*wit.Type{nil}},
	} {
		_, err := Compile(function(c.result, c.params...), Options{})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.want, err)
		}
	}
	if _, err := Compile(function(nil), Options{Encoding: 3}); err == nil {
		t.Error("encoding 3 compiles")
	}
}

// TestSharedTypesStaySmall: a type whose expansion has 2^24 leaves compiles to
// one node for each type that it is made of.
func TestSharedTypesStaySmall(t *testing.T) {
	shared := wit.TypeU8
	for range 24 {
		shared = wit.TupleOf(shared, shared)
	}
	c := compiler{nodes: map[*wit.Type]*node{}}
	if _, err := c.node(shared); err != nil {
		t.Fatal(err)
	}
	if len(c.nodes) != 25 {
		t.Errorf("%d nodes", len(c.nodes))
	}
}

func TestResolveResources(t *testing.T) {
	named, linked := &wit.Resource{Name: "named"}, &wit.Resource{Name: "linked"}
	f, err := Compile(function(nil, wit.ListOf(wit.OwnOf(named))), Options{Resolve: func(r *wit.Resource) *wit.Resource {
		if r == named {
			return linked
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	if got := f.params.fields[0].node.elem.resource; got != linked {
		t.Errorf("resolved to %v", got)
	}
}
