package plan

import (
	"reflect"
	"testing"

	"github.com/writ-host/writ/host/internal/binary"
)

// What the plan makes up decodes to what it says of it.
func TestMadeUpModules(t *testing.T) {
	f32 := &binary.CoreFuncType{Params: []binary.CoreValType{binary.CoreF32, binary.I64}}
	i32 := &binary.CoreFuncType{Results: []binary.CoreValType{binary.I32}}
	var w wrapper
	for i := range 200 { // numbers of two bytes included
		w.export(i, []*binary.CoreFuncType{f32, i32}[i%2], 0)
	}
	for name, want := range map[string]*binary.Module{"wrapper": w.module(), "starter": starterModule()} {
		component := []byte("\x00asm\x0d\x00\x01\x00")
		component = append(component, 1)
		component = append(leb(component, uint64(len(want.Bytes))), want.Bytes...)
		c, err := binary.Parse(component, binary.Limits{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got := c.Items[0].(*binary.CoreModule).Module
		if len(got.Imports) != len(want.Imports) || len(got.Exports) != len(want.Exports) ||
			!reflect.DeepEqual(got.Start, want.Start) || got.ImportedFuncs != want.ImportedFuncs {
			t.Errorf("%s: got %+v, want %+v", name, got, want)
			continue
		}
		for i := range want.Imports {
			if got.Imports[i].Name != want.Imports[i].Name || !sameType(got.Imports[i].Type.Func, want.Imports[i].Type.Func) {
				t.Errorf("%s: import %d is %+v", name, i, got.Imports[i])
			}
		}
		for i := range want.Exports {
			if got.Exports[i].Name != want.Exports[i].Name || got.Exports[i].Index != want.Exports[i].Index {
				t.Errorf("%s: export %d is %+v", name, i, got.Exports[i])
			}
		}
	}
}
