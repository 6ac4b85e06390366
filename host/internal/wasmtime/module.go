package wasmtime

// #include "fiber.h"
import "C"

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"unsafe"

	"github.com/writ-host/writ/host/internal/fuse"
)

// Module is a compiled core module. It may be used from any goroutine.
type Module struct {
	engine  *Engine
	ptr     *C.wasmtime_module_t
	imports []Import
	exports []exported

	mu     sync.Mutex
	closed bool
}

// Import is one import as the module declares it. Type is nil unless it is a
// function of numbers only.
type Import struct {
	Module, Name string
	Kind         ExternKind
	Type         *FuncType
}

type exported struct {
	name string
	kind ExternKind
	typ  *FuncType
}

// Imports returns the module's imports in declaration order; do not modify.
func (m *Module) Imports() []Import { return m.imports }

// Compile compiles a core module in this process. It is long, and input from
// outside belongs in a child process with limits: a bug in the compiler ends
// the process.
func (e *Engine) Compile(wasm []byte) (*Module, error) {
	if err := e.retain(); err != nil {
		return nil, err
	}
	m := &Module{engine: e}
	err := takeError(C.wasmtime_module_new(e.ptr, bytesPtr(wasm), C.size_t(len(wasm)), &m.ptr))
	return e.adopt(m, err, "compile module")
}

// Precompile compiles a core module, or a packed [fuse.Group] of them, to bytes
// for [Engine.Load].
func (e *Engine) Precompile(wasm []byte) ([]byte, error) {
	if err := e.retain(); err != nil {
		return nil, err
	}
	defer e.release()
	what := "compile module"
	if fuse.Packed(wasm) {
		var err error
		if wasm, err = e.fused(wasm); err != nil {
			return nil, err
		}
		what = fuse.Refusal // each may be small enough, and all together not
	}
	code, err := e.precompile(wasm)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return append(e.artefactHeader(len(code)), code...), nil
}

// Validate reports what is wrong with a core module. Like compiling it, it
// belongs into a child process.
func (e *Engine) Validate(wasm []byte) error {
	return takeError(C.wasmtime_module_validate(e.ptr, bytesPtr(wasm), C.size_t(len(wasm))))
}

// fused makes one module of a group's, each of which has to be valid by itself.
func (e *Engine) fused(packed []byte) ([]byte, error) {
	g, err := fuse.Unpack(packed)
	if err != nil {
		return nil, err
	}
	for i, p := range g.Parts {
		if err := e.Validate(p.Module); err != nil {
			return nil, fmt.Errorf("module %d of %d to fuse: %w", i, len(g.Parts), err)
		}
	}
	return g.Link()
}

func (e *Engine) precompile(wasm []byte) ([]byte, error) {
	var m *C.wasmtime_module_t
	if err := takeError(C.wasmtime_module_new(e.ptr, bytesPtr(wasm), C.size_t(len(wasm)), &m)); err != nil {
		return nil, err
	}
	defer C.wasmtime_module_delete(m)
	var out C.wasm_byte_vec_t
	if err := takeError(C.wasmtime_module_serialize(m, &out)); err != nil {
		return nil, err
	}
	return takeBytes(&out), nil
}

// Load makes a module of what [Engine.Precompile] returned. The bytes are
// native code: the caller vouches that they are unaltered. Load itself detects
// other engines' artefacts, truncation and garbage, not forgery.
func (e *Engine) Load(precompiled []byte) (*Module, error) {
	code, err := e.openArtefact(precompiled)
	if err != nil {
		return nil, fmt.Errorf("load module: %w", err)
	}
	if err := e.retain(); err != nil {
		return nil, err
	}
	m := &Module{engine: e}
	err = takeError(C.wasmtime_module_deserialize(e.ptr, bytesPtr(code), C.size_t(len(code)), &m.ptr))
	return e.adopt(m, err, "load module")
}

func (e *Engine) artefactHeader(size int) []byte {
	h := append([]byte("writ core "), e.fingerprint...)
	return binary.LittleEndian.AppendUint64(h, uint64(size))
}

// openArtefact checks the header before the library sees a byte: it panics over
// some damaged files.
func (e *Engine) openArtefact(b []byte) ([]byte, error) {
	prefix := e.artefactHeader(0)
	prefix = prefix[:len(prefix)-8]
	if !bytes.HasPrefix(b, prefix) {
		return nil, errors.New("not precompiled by an engine of this version and configuration")
	}
	b = b[len(prefix):]
	if len(b) < 8 || binary.LittleEndian.Uint64(b) != uint64(len(b)-8) {
		return nil, errors.New("precompiled code is truncated")
	}
	return b[8:], nil
}

func (e *Engine) adopt(m *Module, err error, what string) (*Module, error) {
	if err != nil {
		e.release()
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	m.readImports()
	m.readExports()
	return m, nil
}

func (m *Module) readImports() {
	var v C.wasm_importtype_vec_t
	C.wasmtime_module_imports(m.ptr, &v)
	defer C.wasm_importtype_vec_delete(&v)
	for _, it := range unsafe.Slice(v.data, v.size) {
		kind, typ := externType(C.wasm_importtype_type(it))
		m.imports = append(m.imports, Import{
			Module: nameString(C.wasm_importtype_module(it)), Name: nameString(C.wasm_importtype_name(it)),
			Kind: kind, Type: typ,
		})
	}
}

func (m *Module) readExports() {
	var v C.wasm_exporttype_vec_t
	C.wasmtime_module_exports(m.ptr, &v)
	defer C.wasm_exporttype_vec_delete(&v)
	for _, et := range unsafe.Slice(v.data, v.size) {
		kind, typ := externType(C.wasm_exporttype_type(et))
		m.exports = append(m.exports, exported{nameString(C.wasm_exporttype_name(et)), kind, typ})
	}
}

func (m *Module) export(name string) *exported {
	for i := range m.exports {
		if m.exports[i].name == name {
			return &m.exports[i]
		}
	}
	return nil
}

// externType returns the kind, and for functions of numbers their type.
func externType(t *C.wasm_externtype_t) (ExternKind, *FuncType) {
	kind := ExternKind(C.wasm_externtype_kind(t))
	if kind != ExternFunc {
		return kind, nil
	}
	ft := C.wasm_externtype_as_functype_const(t)
	params, ok1 := valTypes(C.wasm_functype_params(ft))
	results, ok2 := valTypes(C.wasm_functype_results(ft))
	if !ok1 || !ok2 {
		return kind, nil
	}
	return kind, &FuncType{params, results}
}

func valTypes(v *C.wasm_valtype_vec_t) ([]ValType, bool) {
	var types []ValType
	for _, t := range unsafe.Slice(v.data, v.size) {
		k := ValType(C.wasm_valtype_kind(t))
		if k > F64 {
			return nil, false
		}
		types = append(types, k)
	}
	return types, true
}

// Close frees the module. Templates made from it keep what they need.
func (m *Module) Close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return
	}
	m.closed = true
	C.wasmtime_module_delete(m.ptr)
	m.ptr = nil
	m.engine.release()
}

func bytesPtr(b []byte) *C.uint8_t { return (*C.uint8_t)(unsafe.Pointer(unsafe.SliceData(b))) }

func charPtr(s string) *C.char { return (*C.char)(unsafe.Pointer(unsafe.StringData(s))) }

func nameString(n *C.wasm_name_t) string {
	if n == nil {
		return ""
	}
	return C.GoStringN(n.data, C.int(n.size))
}

// takeBytes copies a vector to Go and frees it.
func takeBytes(v *C.wasm_byte_vec_t) []byte {
	b := append([]byte{}, unsafe.Slice((*byte)(unsafe.Pointer(v.data)), v.size)...)
	C.wasm_byte_vec_delete(v)
	return b
}
