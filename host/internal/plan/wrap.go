package plan

import (
	"strconv"

	"github.com/writ-host/writ/host/internal/binary"
)

// wrapper collects trampolines that are lifted, or used as a canonical option,
// directly. The host calls core exports only, so one more core module imports
// them and exports them again.
type wrapper struct {
	instance    int
	trampolines []int
	types       []*binary.CoreFuncType
	names       map[int]string
}

// export is the trampoline as an export of the wrapper, which becomes the
// plan's last instance.
func (w *wrapper) export(trampoline int, t *binary.CoreFuncType, instance int) Source {
	name, ok := w.names[trampoline]
	if !ok {
		if w.names == nil {
			w.names = map[int]string{}
		}
		w.instance = instance
		name = strconv.Itoa(len(w.trampolines))
		w.names[trampoline] = name
		w.trampolines = append(w.trampolines, trampoline)
		w.types = append(w.types, t)
	}
	return Source{Kind: FromExport, Instance: w.instance, Name: name}
}

// wrap adds the wrapper, when there is something to wrap.
func (e *emitter) wrap() {
	w := &e.wrapped
	if len(w.trampolines) == 0 {
		return
	}
	inst := CoreInstance{Module: len(e.plan.Modules)}
	for _, id := range w.trampolines {
		inst.Args = append(inst.Args, Source{Kind: FromTrampoline, ID: id})
	}
	info := w.module()
	e.plan.Modules = append(e.plan.Modules, Module{Bytes: info.Bytes, Offset: None, Info: info})
	e.plan.Instances = append(e.plan.Instances, inst)
}

// module writes the wrapper's module.
func (w *wrapper) module() *binary.Module {
	info := &binary.Module{Offset: None, ImportedFuncs: len(w.types)}
	var types, imports, exports []byte
	for i, t := range w.types {
		n := uint64(i)
		types = append(types, 0x60)
		types = valTypes(valTypes(types, t.Params), t.Results)
		imports = append(name(name(imports, ""), strconv.Itoa(i)), 0x00)
		imports = leb(imports, n)
		exports = append(name(exports, strconv.Itoa(i)), 0x00)
		exports = leb(exports, n)
		extern := binary.CoreExtern{Sort: binary.SortCoreFunc, Func: t}
		info.Types = append(info.Types, *t)
		info.Funcs = append(info.Funcs, uint32(i))
		info.Imports = append(info.Imports, binary.ModuleImport{Name: strconv.Itoa(i), Type: extern})
		info.Exports = append(info.Exports, binary.ModuleExport{Name: strconv.Itoa(i), Index: uint32(i), Type: extern})
	}
	b := []byte(coreHeader)
	b = section(b, 1, len(w.types), types)
	b = section(b, 2, len(w.types), imports)
	info.Bytes = section(b, 7, len(w.types), exports)
	return info
}

// starterModule imports a function and starts it.
func starterModule() *binary.Module {
	info := &binary.Module{Offset: None, ImportedFuncs: 1, Types: make([]binary.CoreFuncType, 1),
		Funcs: make([]uint32, 1), Start: new(uint32)}
	info.Imports = []binary.ModuleImport{{Type: binary.CoreExtern{Sort: binary.SortCoreFunc, Func: &info.Types[0]}}}
	b := []byte(coreHeader)
	b = section(b, 1, 1, valTypes(valTypes([]byte{0x60}, nil), nil))
	b = section(b, 2, 1, append(name(name(nil, ""), ""), 0x00, 0x00))
	info.Bytes = append(b, 8, 1, 0)
	return info
}

const coreHeader = "\x00asm\x01\x00\x00\x00"

func section(b []byte, id byte, count int, content []byte) []byte {
	content = append(leb(nil, uint64(count)), content...)
	return append(leb(append(b, id), uint64(len(content))), content...)
}

func valTypes(b []byte, types []binary.CoreValType) []byte {
	b = leb(b, uint64(len(types)))
	for _, t := range types {
		b = append(b, byte(t))
	}
	return b
}

func name(b []byte, s string) []byte { return append(leb(b, uint64(len(s))), s...) }

func leb(b []byte, n uint64) []byte {
	for ; n >= 0x80; n >>= 7 {
		b = append(b, byte(n)|0x80)
	}
	return append(b, byte(n))
}
