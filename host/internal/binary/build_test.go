package binary

import "slices"

// The functions here write the binary format, so that tests can say what is in
// a component without a text-format tool.

func uleb(n int) []byte {
	var b []byte
	for ; n >= 0x80; n >>= 7 {
		b = append(b, byte(n)|0x80)
	}
	return append(b, byte(n))
}

// join concatenates bytes (as int or byte), strings (with their length) and
// byte slices.
func join(parts ...any) []byte {
	var b []byte
	for _, p := range parts {
		switch p := p.(type) {
		case int:
			b = append(b, byte(p))
		case string:
			b = append(append(b, uleb(len(p))...), p...)
		case []byte:
			b = append(b, p...)
		}
	}
	return b
}

// section is a section with a vector of items.
func section(id int, items ...[]byte) []byte {
	return sized(id, append(uleb(len(items)), slices.Concat(items...)...))
}

// sized is a section with raw content.
func sized(id int, content []byte) []byte {
	return join(id, uleb(len(content)), content)
}

func component(sections ...[]byte) []byte {
	return append([]byte("\x00asm\x0d\x00\x01\x00"), slices.Concat(sections...)...)
}

func module(sections ...[]byte) []byte {
	return append([]byte(moduleHeader), slices.Concat(sections...)...)
}

// types, imports and exports are sections of a component.
func types(defs ...[]byte) []byte   { return section(7, defs...) }
func imports(list ...[]byte) []byte { return section(10, list...) }
func exports(list ...[]byte) []byte { return section(11, list...) }

// funcImport imports a function of type index t.
func funcImport(name string, t int) []byte { return join(0, name, 1, uleb(t)) }

// resourceImport imports a new resource type.
func resourceImport(name string) []byte { return join(0, name, 3, 1) }

// export exports sort and index without ascription.
func export(name string, sort, index int) []byte { return join(0, name, sort, index, 0) }

// funcDef is a function type: parameters are label and type bytes.
func funcDef(params [][]byte, result ...any) []byte {
	head := join(0x40, uleb(len(params)), slices.Concat(params...))
	if len(result) == 0 {
		return join(head, 1, 0)
	}
	return join(head, 0, join(result...))
}

// Codes of primitive types.
const (
	tU8     = 0x7d
	tU32    = 0x79
	tString = 0x73
)
