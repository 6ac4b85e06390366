package wit

import (
	"bytes"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Random values of all types survive being JSON, which is as their type's schema says.
func TestJSONRoundTrip(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 1000 {
		typ := randomType(rng, 4)
		schema := compiledSchema(t, typ)
		for range 3 {
			v := randomValue(rng, typ)
			data, err := JSONValue(typ, v)
			if err != nil {
				t.Fatalf("%s: %v", typ, err)
			}
			text, err := json.Marshal(data)
			if err != nil {
				t.Fatalf("%s: %v", typ, err)
			}
			back, err := ParseJSON(typ, text)
			if err != nil || !sameValue(v, back) {
				t.Fatalf("%s: %s reads as another value, or not: %v", typ, text, err)
			}
			instance, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
			if err != nil {
				t.Fatal(err)
			}
			if err := schema.Validate(instance); err != nil {
				t.Fatalf("%s: %s: %v", typ, text, err)
			}
		}
	}
}

func compiledSchema(t *testing.T, typ *Type) *jsonschema.Schema {
	t.Helper()
	s, err := JSONSchema(typ)
	if err != nil {
		t.Fatalf("%s: %v", typ, err)
	}
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	if err := c.AddResource("type.json", doc); err != nil {
		t.Fatal(err)
	}
	compiled, err := c.Compile("type.json")
	if err != nil {
		t.Fatalf("%s: %s: %v", typ, text, err)
	}
	return compiled
}

func TestParseJSON(t *testing.T) {
	point := RecordOf(Field{Name: "x", Type: TypeS8}, Field{Name: "tag", Type: OptionOf(TypeString)})
	for _, c := range []struct {
		typ        *Type
		text, want string // WAVE text
	}{
		{point, `{"x": -128}`, "{x: -128, tag: none}"},
		{point, `{"x": 1, "tag": "a"}`, `{x: 1, tag: some("a")}`},
		{point, `{"x": 1, "tag": null}`, "{x: 1, tag: none}"},
		{TypeU8, "3.0", "3"},
		{TypeU64, "18446744073709551615", "18446744073709551615"},
		{TypeF32, "1e3", "1000"},
		{ListOf(TypeU8), "[1, 255]", "[1, 255]"},
		{ResultOf(nil, TypeU8), `"ok"`, "ok"},
		{ResultOf(nil, TypeU8), `{"ok": null}`, "ok"},
		{ResultOf(nil, TypeU8), `{"error": 1}`, "err(1)"},
		{OptionOf(OptionOf(TypeU8)), `{"some": null}`, "some(none)"},
	} {
		v, err := ParseJSON(c.typ, []byte(c.text))
		if err != nil {
			t.Errorf("%s: %s: %v", c.typ, c.text, err)
			continue
		}
		if got, err := FormatValue(c.typ, v); err != nil || got != c.want {
			t.Errorf("%s: %s = %s, %v; want %s", c.typ, c.text, got, err, c.want)
		}
	}
}

func TestParseJSONErrors(t *testing.T) {
	point := RecordOf(Field{Name: "x", Type: TypeS8}, Field{Name: "tags", Type: ListOf(EnumOf("a", "b"))})
	shape := VariantOf(Case{Name: "dot", Type: point}, Case{Name: "none"})
	for _, c := range []struct {
		typ        *Type
		text, want string
	}{
		{point, `{"x": 128, "tags": []}`, ".x: want s8, and 128 is none"},
		{point, `{"x": 1.5, "tags": []}`, ".x: want s8, and 1.5 is none"},
		{point, `{"x": 1e400, "tags": []}`, ".x: want s8"},
		{point, `{"x": 1}`, ".tags: it is missing"},
		{point, `{"x": 1, "tags": ["a", "c"]}`, `.tags[1]: want enum`},
		{point, `{"x": 1, "tags": [], "y": 2}`, `there is no field "y"`},
		{shape, `{"dot": {"x": true, "tags": []}}`, ".dot.x: want s8"},
		{shape, `{"none": 1}`, ".none: it has no payload"},
		{shape, `{"dot": 1, "none": 1}`, "want variant"},
		{TypeU8, "-1", "want u8, and -1 is none"},
		{TypeU64, "18446744073709551616", "want u64"},
		{TypeF32, "1e39", "want f32"},
		{TypeF64, `"huge"`, "want f64"},
		{TypeChar, `"ab"`, "want char"},
		{TypeBool, "null", "want bool"},
		{TypeString, `"a" "b"`, "there is more behind the value"},
		{TypeString, `"a`, "it is not JSON"},
		{TupleOf(TypeU8, TypeU8), "[1]", "another number of items"},
		{FixedListOf(TypeU8, 2), "[1]", "another number of items"},
		{FlagsOf("r", "w"), `["x"]`, "[0]: want flags"},
		{OptionOf(OptionOf(TypeU8)), "3", "want option"},
		{OwnOf(&Resource{Name: "r"}), "3", "has no JSON form"},
	} {
		if _, err := ParseJSON(c.typ, []byte(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %s: %v; want %q", c.typ, c.text, err, c.want)
		}
	}
}

// Types that name each other twice, over and over, have no schema; making it does not end the host.
func TestJSONSchemaOfHostileTypes(t *testing.T) {
	typ := TypeBool
	for range 20 {
		typ = TupleOf(typ, typ)
	}
	if _, err := JSONSchema(typ); !errors.Is(err, ErrNoSchema) {
		t.Errorf("%v; want %v", err, ErrNoSchema)
	}
	if _, err := JSONSchema(OwnOf(&Resource{Name: "r"})); !errors.Is(err, ErrNoSchema) {
		t.Errorf("%v; want %v", err, ErrNoSchema)
	}
}
