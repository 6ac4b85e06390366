package fuse

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

// section and vec write the binary format.
func section(id byte, content ...byte) []byte {
	return append(leb([]byte{id}, uint32(len(content))), content...)
}

func vec(entries ...string) []byte {
	b := leb(nil, uint32(len(entries)))
	for _, e := range entries {
		b = append(b, e...)
	}
	return b
}

// wasm is a module of sections.
func wasm(sections ...[]byte) []byte {
	return append([]byte(header0), slices.Concat(sections...)...)
}

const (
	noType  = "\x60\x00\x00"
	i32Type = "\x60\x00\x01\x7f"
)

// body is a function of the code section, without locals.
func body(code string) string { return string(leb(nil, uint32(len(code)+2))) + "\x00" + code + "\x0b" }

// function is a module with one function, which it imports when code is "".
func function(code string) []byte {
	if code == "" {
		return wasm(section(1, vec(noType)...), section(2, vec("\x00\x00\x00\x00")...))
	}
	return wasm(section(1, vec(noType)...), section(3, vec("\x00")...), section(10, vec(body(code))...))
}

// linked is the first part's function called by the second.
func linked() *Group {
	caller := wasm(section(1, vec(i32Type, noType)...), section(2, vec("\x01a\x01f\x00\x01")...),
		section(3, vec("\x01")...), section(10, vec(body("\x10\x00"))...))
	return &Group{
		Parts:   []Part{{Module: function("\x01")}, {Module: caller, Imports: []Source{{0, 0}}}},
		Exports: []Export{{"run", Func, 1, 1}},
	}
}

func TestLink(t *testing.T) {
	got, err := linked().Link()
	if err != nil {
		t.Fatal(err)
	}
	want := wasm(section(1, vec(noType, i32Type)...), section(3, vec("\x00", "\x00")...), section(7, vec("\x03run\x00\x01")...),
		section(10, vec(body("\x01"), body("\x10\x00"))...))
	if !bytes.HasPrefix(got, want) {
		t.Errorf("got\n%q\nwant\n%q and names", got, want)
	}
}

func TestPack(t *testing.T) {
	g := linked()
	g.Parts[0].Start = true
	packed, err := g.Pack()
	if err != nil {
		t.Fatal(err)
	}
	again, err := Unpack(packed)
	if err != nil {
		t.Fatal(err)
	}
	repacked, err := again.Pack()
	if err != nil || !bytes.Equal(packed, repacked) {
		t.Errorf("packed again: %v\n%q\n%q", err, packed, repacked)
	}
	if Packed(g.Parts[0].Module) {
		t.Error("a module is taken for a packed group")
	}
	for n := range packed {
		if _, err := Unpack(packed[:n]); err == nil {
			t.Errorf("the first %d of %d bytes are accepted", n, len(packed))
		}
	}
	if _, err := Unpack(append(packed, 0)); err == nil {
		t.Error("a byte too many is accepted")
	}
}

// What cannot be kept as it was is refused, and says why.
func TestLinkRefuses(t *testing.T) {
	memory, table := section(5, vec("\x00\x01")...), section(4, vec("\x70\x00\x02")...)
	one := func(sections ...[]byte) *Group { return &Group{Parts: []Part{{Module: wasm(sections...)}}} }
	code := func(c string) *Group { return &Group{Parts: []Part{{Module: function(c)}}} }
	for name, test := range map[string]struct {
		group *Group
		want  string
	}{
		"nothing":              {&Group{}, "0 modules"},
		"no module":            {&Group{Parts: []Part{{Module: []byte("\x00asm\x0d\x00\x01\x00")}}}, "not a core module"},
		"unknown section":      {one(section(13, 0)), "section 13: not known"},
		"truncated":            {one([]byte{1, 5, 0}), "unexpected end"},
		"other type":           {one(section(1, vec("\x5f\x00")...)), "type 0x5f is not known"},
		"tag":                  {one(section(2, vec("\x00\x00\x04\x00\x00")...)), "import of kind 4"},
		"no source":            {&Group{Parts: []Part{{Module: function("")}}}, "an import has no source"},
		"source too many":      {&Group{Parts: []Part{{Module: function("\x01"), Imports: []Source{{0, 0}}}}}, "sources are left over"},
		"no such part":         {&Group{Parts: []Part{{Module: function(""), Imports: []Source{{7, 0}}}}}, "module 7 is not one to import from"},
		"no such item":         {&Group{Parts: []Part{{Module: function("\x01")}, {Module: function(""), Imports: []Source{{0, 9}}}}}, "module 0 has no item 9"},
		"no such import":       {&Group{Parts: []Part{{Module: function(""), Imports: []Source{{Outside, 0}}}}}, "there is no import 0"},
		"import of other kind": {&Group{Imports: []Kind{Memory}, Parts: []Part{{Module: function(""), Imports: []Source{{Outside, 0}}}}}, "there is no import 0"},
		"import without use":   {&Group{Imports: []Kind{Memory}, Parts: []Part{{Module: function("\x01")}}}, "import 0"},
		"export of nothing":    {&Group{Exports: []Export{{"x", Func, 0, 3}}, Parts: []Part{{Module: function("\x01")}}}, `export "x"`},
		"imports in a circle": {&Group{Parts: []Part{{Module: function(""), Imports: []Source{{1, 0}}},
			{Module: function(""), Imports: []Source{{0, 0}}}}}, "imports lead nowhere"},
		"types differ": {&Group{Parts: []Part{{Module: wasm(section(1, vec(i32Type)...), section(3, vec("\x00")...),
			section(10, vec(body("\x41\x00"))...))}, {Module: function(""), Imports: []Source{{0, 0}}}}}, "types differ"},
		"memory of a later part": {&Group{Parts: []Part{
			{Module: wasm(section(2, vec("\x00\x00\x02\x00\x01")...)), Imports: []Source{{1, 0}}},
			{Module: wasm(memory)}}}, "module 1 is not one to import from"},
		"bodies are missing":         {one(section(1, vec(noType)...), section(3, vec("\x00")...)), "differ in number"},
		"imports come late":          {&Group{Parts: []Part{{Module: wasm(memory, section(2, vec("\x00\x00\x02\x00\x01")...)), Imports: []Source{{Outside, 0}}}}}, "imports come late"},
		"exceptions":                 {code("\x08\x00"), "instruction 0x08"},
		"threads":                    {code("\xfe\x10\x02\x00"), "instruction 0xfe"},
		"relaxed vectors":            {code("\xfd\x80\x02"), "instruction 0xfd 256"},
		"wide arithmetic":            {code("\xfc\x13"), "instruction 0xfc 19"},
		"typed reference":            {code("\xd0\x00"), "heap type 0x00"},
		"call of nothing":            {code("\x10\x05"), "index 5 is out of bounds"},
		"type of a block":            {code("\x02\x05\x0b"), "index 5 is out of bounds"},
		"negative block type":        {code("\x02\x80\x7f\x0b"), "a block's type"},
		"global of nothing":          {code("\x23\x00\x1a"), "index 0 is out of bounds"},
		"memory of 64 bits":          {one(section(5, vec("\x04\x01")...)), "limits 0x04"},
		"data out of bounds":         {one(memory, section(11, vec("\x00\x41\xff\xff\x03\x0b\x02ab")...)), "65535 and 2 of 65536"},
		"empty data, out of bounds":  {one(memory, section(11, vec("\x00\x41\x81\x80\x04\x0b\x00")...)), "65537 and 0 of 65536"},
		"data at the end":            {one(memory, section(11, vec("\x00\x41\x7f\x0b\x02ab")...)), "4294967295 and 2 of 65536"},
		"elements out of bounds":     {one(table, section(9, vec("\x04\x41\x01\x0b\x02\xd0\x70\x0b\xd0\x70\x0b")...)), "1 and 2 of 2"},
		"data of no memory":          {one(section(11, vec("\x00\x41\x00\x0b\x00")...)), "index 0 is out of bounds"},
		"place that is not a number": {one(memory, section(11, vec("\x00\x42\x00\x0b\x00")...)), "its place is not constant"},
		"expression that computes":   {one(section(6, vec("\x7f\x00\x41\x01\x6d\x0b")...)), "instruction 0x6d is not constant"},
		"expression of nothing":      {one(section(6, vec("\x7f\x00\x0b")...)), "an expression is malformed"},
		"operator without operands":  {one(section(6, vec("\x7f\x00\x41\x01\x6a\x0b")...)), "an expression is malformed"},
		"value of its own global":    {one(section(6, vec("\x7f\x00\x41\x01\x0b", "\x7f\x00\x23\x00\x0b")...)), "global 0 is not constant"},
		"start of nothing":           {&Group{Parts: []Part{{Module: wasm(section(8, 4)), Start: true}}}, "start function"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := test.group.Link()
			if err == nil || !strings.HasPrefix(err.Error(), Refusal) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want %q", err, test.want)
			}
		})
	}
}

// A global whose value is made of globals from outside cannot be known, and grows
// with each part that adds it to itself.
func TestExpressionsAreBounded(t *testing.T) {
	global := "\x00\x00\x03\x7f\x00" // import of an immutable i32
	double := wasm(section(2, vec(global)...), section(6, vec("\x7f\x00\x23\x00\x23\x00\x6a\x0b")...))
	g := &Group{Imports: []Kind{Global}, Parts: []Part{{Module: double, Imports: []Source{{Outside, 0}}}}}
	if _, err := g.Link(); err != nil {
		t.Fatal(err)
	}
	for i := range 30 {
		g.Parts = append(g.Parts, Part{Module: double, Imports: []Source{{i, 1}}})
	}
	if _, err := g.Link(); err == nil || !strings.Contains(err.Error(), "too long") {
		t.Errorf("%v, want an error", err)
	}
}

func TestScan(t *testing.T) {
	for name, test := range map[string]struct {
		body string
		want Effects
		bad  bool
	}{
		"nothing":            {"\x00\x0b", Effects{}, false},
		"call and memory":    {"\x01\x02\x7f\x10\x07\x28\x02\x00\x28\x42\x03\x00\x3f\x01\x0b", Effects{Calls: []uint32{7}, Memories: []uint32{0, 3, 1}}, false},
		"tail call":          {"\x00\x12\x09\x0b", Effects{Calls: []uint32{9}}, false},
		"indirect":           {"\x00\x11\x00\x02\x0b", Effects{Indirect: true, Tables: []uint32{2}}, false},
		"indirect tail call": {"\x00\x13\x00\x02\x0b", Effects{Indirect: true, Tables: []uint32{2}}, false},
		"reference":          {"\x00\xd2\x09\x0b", Effects{}, false},
		"table":              {"\x00\x25\x01\xfc\x0e\x02\x03\x0b", Effects{Tables: []uint32{1, 2, 3}}, false},
		"bulk memory":        {"\x00\xfc\x08\x05\x01\xfc\x0a\x02\x03\x0b", Effects{Memories: []uint32{1, 2, 3}}, false},
		"branches":           {"\x00\x0e\x02\x00\x01\x02\x0c\x01\x0b", Effects{}, false},
		"vectors": {"\x00\xfd\x54\x42\x01\x00\x00\xfd\x0c0123456789abcdef\xfd\x15\x00\xfd\x5c\x00\x00\x0b",
			Effects{Memories: []uint32{1, 0}}, false},
		"unknown":   {"\x00\x06\x40\x0b", Effects{}, true},
		"truncated": {"\x00\x41", Effects{}, true},
		"empty":     {"", Effects{}, true},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Scan([]byte(test.body))
			if (err != nil) != test.bad {
				t.Fatal(err)
			}
			if !slices.Equal(got.Calls, test.want.Calls) || !slices.Equal(got.Memories, test.want.Memories) ||
				!slices.Equal(got.Tables, test.want.Tables) || got.Indirect != test.want.Indirect {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

func TestOrigin(t *testing.T) {
	for _, name := range []string{"", "lib", "lib" + separator + "7", separator + "x" + separator} {
		if _, _, _, ok := Origin(name); ok {
			t.Errorf("%q is taken for a name of a fused module", name)
		}
	}
	m := &module{names: nameSection{module: strings.Repeat("é", 100) + separator, funcs: map[uint32]string{3: "f" + separator + "g"}}}
	module, index, function, ok := Origin(m.nameOf(3))
	if !ok || module != strings.Repeat("é", 32) || index != 3 || function != "f"+separator+"g" {
		t.Errorf("%q %d %q %v", module, index, function, ok)
	}
}

// FuzzLink links whatever can be unpacked.
func FuzzLink(f *testing.F) {
	packed, err := linked().Pack()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(packed)
	f.Fuzz(func(t *testing.T, b []byte) {
		g, err := Unpack(b)
		if err != nil {
			return
		}
		if made, err := g.Link(); err == nil && !bytes.HasPrefix(made, []byte(header0)) {
			t.Errorf("made %q", made)
		}
	})
}
