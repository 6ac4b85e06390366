package wasmtime

// #include "fiber.h"
import "C"

import (
	"errors"
	"fmt"
	"sync"
	"unsafe"
)

// link is one step of a template, ready to be instantiated. A step whose
// imports are all served by the host is linked once and for all. Another one
// has a few linkers that hold its host imports; the exports of the store's
// earlier instances are put into one of them, over those of the store before.
type link struct {
	tmpl    *Template
	module  *C.wasmtime_module_t
	imports []linkImport
	sources []C.writ_source            // those of imports that earlier instances serve
	pre     *C.wasmtime_instance_pre_t // nil when it imports from other instances

	mu      sync.Mutex
	linkers []*C.wasmtime_linker_t
}

type linkImport struct {
	Import
	source Source
	host   *C.writ_import
}

func (t *Template) newLink(steps []Step, i int) (*link, error) {
	s := steps[i]
	if s.Module == nil {
		return nil, errors.New("no module")
	}
	if s.Module.engine != t.engine {
		return nil, errors.New("the module belongs to another engine")
	}
	declared := s.Module.imports
	if len(declared) != len(s.Imports) {
		return nil, fmt.Errorf("%d sources for %d imports", len(s.Imports), len(declared))
	}
	l := &link{tmpl: t}
	for j, src := range s.Imports {
		if err := l.addImport(steps[:i], declared[j], src); err != nil {
			return nil, fmt.Errorf("import %d, %q.%q: %w", j, declared[j].Module, declared[j].Name, err)
		}
	}
	return l, l.own(s.Module)
}

// own keeps the compiled module alive for the link.
func (l *link) own(m *Module) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return fmt.Errorf("module: %w", ErrClosed)
	}
	l.module = C.wasmtime_module_clone(m.ptr)
	return nil
}

func (l *link) addImport(earlier []Step, im Import, src Source) error {
	for _, other := range l.imports {
		if other.Module == im.Module && other.Name == im.Name && !other.source.equal(src) {
			return errors.New("declared twice with different sources")
		}
	}
	li := linkImport{Import: im, source: src}
	switch src.Kind {
	case FromHost:
		if err := checkHostImport(im, src); err != nil {
			return err
		}
		li.host = l.tmpl.newImport(src)
	case FromExport:
		if err := checkExportImport(earlier, im, src); err != nil {
			return err
		}
	default:
		return fmt.Errorf("source kind %d does not exist", src.Kind)
	}
	l.imports = append(l.imports, li)
	return nil
}

func checkHostImport(im Import, src Source) error {
	switch {
	case im.Kind != ExternFunc:
		return errors.New("the host serves functions only")
	case im.Type == nil:
		return errors.New("the function takes or returns a vector or reference")
	case !im.Type.equal(src.Type):
		return fmt.Errorf("the module imports type %v, not %v", im.Type, src.Type)
	}
	return src.Type.checkSize()
}

func checkExportImport(earlier []Step, im Import, src Source) error {
	if src.Instance < 0 || src.Instance >= len(earlier) {
		return fmt.Errorf("core instance %d is not an earlier one", src.Instance)
	}
	ex := earlier[src.Instance].Module.export(src.Name)
	switch {
	case ex == nil:
		return fmt.Errorf("core instance %d has no export %q", src.Instance, src.Name)
	case ex.kind != im.Kind:
		return fmt.Errorf("export %q of core instance %d is of another kind", src.Name, src.Instance)
	case ex.typ != nil && im.Type != nil && !ex.typ.equal(*im.Type):
		return fmt.Errorf("export %q of core instance %d has type %v, not %v", src.Name, src.Instance, ex.typ, im.Type)
	}
	return nil
}

func (t *Template) newImport(src Source) *C.writ_import {
	p := (*C.writ_import)(t.mem.alloc(C.sizeof_writ_import))
	p.id = C.uint32_t(src.ID)
	p.nparams, p.nresults = C.uint16_t(len(src.Type.Params)), C.uint16_t(len(src.Type.Results))
	p.params32 = C.uint64_t(mask32(src.Type.Params))
	return p
}

// prepare links the step as far as possible.
func (l *link) prepare() error {
	linker, err := l.newLinker()
	if err != nil {
		return err
	}
	for _, im := range l.imports {
		if im.host == nil {
			l.addSources()
			l.putLinker(linker)
			return nil
		}
	}
	defer C.wasmtime_linker_delete(linker)
	return takeError(C.wasmtime_linker_instantiate_pre(linker, l.module, &l.pre))
}

func (l *link) newLinker() (*C.wasmtime_linker_t, error) {
	linker := C.wasmtime_linker_new(l.tmpl.engine.ptr)
	C.wasmtime_linker_allow_shadowing(linker, true)
	for _, im := range l.imports {
		if im.host == nil {
			continue
		}
		kinds := kindBytes(im.source.Type)
		err := takeError(C.writ_define_import(linker, charPtr(im.Module), C.size_t(len(im.Module)),
			charPtr(im.Name), C.size_t(len(im.Name)), bytesPtr(kinds), im.host))
		if err != nil {
			C.wasmtime_linker_delete(linker)
			return nil, fmt.Errorf("define %q.%q: %w", im.Module, im.Name, err)
		}
	}
	return linker, nil
}

func (l *link) takeLinker() (*C.wasmtime_linker_t, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := len(l.linkers); n > 0 {
		linker := l.linkers[n-1]
		l.linkers = l.linkers[:n-1]
		return linker, nil
	}
	return l.newLinker()
}

func (l *link) putLinker(linker *C.wasmtime_linker_t) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.linkers = append(l.linkers, linker)
}

// addSources lists what fill links, in C memory, so that it takes one call
// however many imports there are: components made of Python have a thousand.
func (l *link) addSources() {
	var from []linkImport
	for _, im := range l.imports {
		if im.host == nil {
			from = append(from, im)
		}
	}
	mem := &l.tmpl.mem
	l.sources = unsafe.Slice((*C.writ_source)(mem.alloc(len(from)*C.sizeof_writ_source)), len(from))
	for i, im := range from {
		l.sources[i] = C.writ_source{
			module: mem.str(im.Module), module_len: C.size_t(len(im.Module)),
			name: mem.str(im.Name), name_len: C.size_t(len(im.Name)),
			from: mem.str(im.source.Name), from_len: C.size_t(len(im.source.Name)),
			instance: C.uint32_t(im.source.Instance),
		}
	}
}

// fill puts the exports of the store's earlier instances into the linker.
func (l *link) fill(f *C.writ_fiber, linker *C.wasmtime_linker_t) error {
	var linked C.uint32_t
	n := C.uint32_t(len(l.sources))
	err := takeError(C.writ_link_exports(f, linker, unsafe.SliceData(l.sources), n, &linked))
	if linked == n {
		return err
	}
	if err == nil {
		err = errors.New("no such export")
	}
	s := l.sources[linked]
	return fmt.Errorf("import %q.%q from core instance %d: %w", C.GoStringN(s.module, C.int(s.module_len)),
		C.GoStringN(s.name, C.int(s.name_len)), s.instance, err)
}

func (l *link) close() {
	if l.pre != nil {
		C.wasmtime_instance_pre_delete(l.pre)
	}
	for _, linker := range l.linkers {
		C.wasmtime_linker_delete(linker)
	}
	if l.module != nil {
		C.wasmtime_module_delete(l.module)
	}
}

func kindBytes(t FuncType) []byte {
	kinds := make([]byte, 0, len(t.Params)+len(t.Results))
	for _, p := range t.Params {
		kinds = append(kinds, byte(p))
	}
	for _, r := range t.Results {
		kinds = append(kinds, byte(r))
	}
	return kinds
}
