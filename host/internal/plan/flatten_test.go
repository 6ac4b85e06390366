package plan

import (
	"errors"
	"strings"
	"testing"

	"github.com/writ-host/writ/host/internal/binary"
)

// Flatten trusts a component to be valid, but says what is wrong with one that
// is not.
func TestInvalidComponents(t *testing.T) {
	nine := uint32(9)
	module := &binary.CoreModule{Module: &binary.Module{
		Imports: []binary.ModuleImport{{Module: "m", Name: "f", Type: binary.CoreExtern{Sort: binary.SortCoreFunc}}}}}
	empty := &binary.CoreInstance{Inline: true}
	nested := &binary.Nested{Component: &binary.Component{Items: []binary.Item{
		&binary.Import{Name: binary.ExternName{Name: "x"}, Type: binary.ExternType{Sort: binary.SortFunc}}}}}
	prim := &binary.Type{Def: binary.U8}
	for name, tc := range map[string]struct {
		items []binary.Item
		want  string
	}{
		"module index":      {items(&binary.CoreInstance{Module: 3}), "core module 3 does not exist"},
		"missing argument":  {items(module, &binary.CoreInstance{}), `import "m" "f": no argument supplies it`},
		"argument index":    {items(module, &binary.CoreInstance{Args: []binary.CoreArg{{Name: "m"}}}), `argument "m": core instance 0 does not exist`},
		"argument lacks it": {items(module, empty, &binary.CoreInstance{Args: []binary.CoreArg{{Name: "m"}}}), `the argument has no such core function`},
		"core export":       {items(&binary.CoreInstance{Inline: true, Exports: []binary.CoreInlineExport{{Name: "f"}}}), `core export "f": core function 0`},
		"core export sort":  {items(&binary.CoreInstance{Inline: true, Exports: []binary.CoreInlineExport{{Name: "f", Sort: binary.SortType}}}), "a type cannot be exported by a core instance"},
		"core alias":        {items(empty, &binary.Alias{Kind: binary.AliasCoreExport, Name: "f"}), `core instance 0 has no core function "f"`},
		"alias":             {items(&binary.Instance{Inline: true}, &binary.Alias{Sort: binary.SortFunc, Name: "f"}), `instance 0 has no function "f"`},
		"outer alias":       {items(&binary.Alias{Kind: binary.AliasOuter, Count: 1 << 31}), "beyond the outermost"},
		"component index":   {items(&binary.Instance{Component: 1}), "component 1 does not exist"},
		"component import":  {items(nested, &binary.Instance{}), `instance 0: import "x": no argument supplies that function`},
		"duplicate export":  {items(prim, export("a"), export("a")), `export "a" is there twice`},
		"type index":        {items(&binary.Type{Def: &binary.List{Elem: binary.ValType{Index: 9}}}), "type 9 does not exist"},
		"not a value":       {items(&binary.Type{Def: &binary.ResourceType{}}, &binary.Type{Def: &binary.Option{}}), "type 0 is not a value type"},
		"not a resource":    {items(prim, &binary.Type{Def: &binary.Own{}}), "type 0 is not a resource type"},
		"not an interface":  {items(prim, &binary.Import{Name: binary.ExternName{Name: "i"}, Type: binary.ExternType{Sort: binary.SortInstance}}), "not an instance type"},
		"empty record":      {items(&binary.Type{Def: &binary.Record{}}), "has no fields"},
		"many flags":        {items(&binary.Type{Def: &binary.Flags{Labels: make([]string, 33)}}), "33 labels"},
		"dtor":              {items(&binary.Type{Def: &binary.ResourceType{Dtor: &nine}}), "core function 9 does not exist"},
		"lift":              {items(&binary.Canon{Kind: binary.Lift}), "core function 0 does not exist"},
		"lower":             {items(&binary.Canon{Kind: binary.Lower}), "function 0 does not exist"},
		"resource.new":      {items(prim, &binary.Canon{Kind: binary.ResourceNew}), "type 0 is not a resource type"},
		"declaration":       {items(&binary.ExportDecl{}), "unexpected definition"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Flatten(&binary.Component{Items: tc.items}, Limits{})
			var place *binary.Error
			if !errors.As(err, &place) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

func items(all ...binary.Item) []binary.Item { return all }

func export(name string) *binary.Export {
	return &binary.Export{Name: binary.ExternName{Name: name}, Sort: binary.SortType}
}

// Each limit is reached by something that passes when the limit is higher.
func TestLimits(t *testing.T) {
	for _, tc := range []struct {
		file, want string
		tight, ok  Limits
	}{
		{"tool", "runs more than 100 definitions", Limits{Work: 100}, Limits{Work: 1_000}},
		{"generative", "more than 1 component instances", Limits{Instances: 1}, Limits{Instances: 2}},
		{"shim", "more than 3 core instances", Limits{CoreInstances: 3}, Limits{CoreInstances: 4}},
		{"flat", "more than 9 parts", Limits{TypeSize: 9}, Limits{TypeSize: 10}},
		{"tool", "nests more than 2 deep", Limits{TypeDepth: 2}, Limits{TypeDepth: 4}},
	} {
		c := decode(t, read(t, "testdata/"+tc.file+".wasm"))
		if _, err := Flatten(c, tc.tight); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: got %v, want %q", tc.file, err, tc.want)
		}
		if _, err := Flatten(c, tc.ok); err != nil {
			t.Errorf("%s: %v", tc.file, err)
		}
	}
}

// What a refusal is about is named apart from the message.
func TestRefusalNamesFeature(t *testing.T) {
	for file, want := range map[string]string{
		"stream": "stream", "async-builtin": "canon task.cancel",
		"instantiate-imported-module": "core module import", "instantiate-imported-component": "component import", "re-export": "re-exported import",
	} {
		_, err := flatten(t, read(t, "testdata/refused/"+file+".wasm"))
		var place *binary.Error
		if !errors.As(err, &place) || place.Feature != want {
			t.Errorf("%s: got %#v, want feature %q", file, err, want)
		}
	}
}
