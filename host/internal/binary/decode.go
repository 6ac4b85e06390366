package binary

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"unicode/utf8"
)

// Decode reads a component without validating it: indices may be out of bounds
// and types may not fit. The result aliases b, which must not change any more.
// The error is an [*Error].
func Decode(b []byte, limits Limits) (*Component, error) {
	limits = limits.withDefaults()
	if err := recognise(b, limits); err != nil {
		return nil, err
	}
	d := &decoder{reader: reader{b: b, end: len(b), limits: limits, left: limits.Definitions}}
	c := d.component()
	if d.err != nil {
		return nil, d.err
	}
	c.needs = d.needs
	return c, nil
}

const (
	magic        = "\x00asm"
	headerBytes  = 8
	version      = 0x0d
	layer        = 1
	moduleHeader = magic + "\x01\x00\x00\x00"
)

// recognise refuses what is not a component and says what it is instead.
func recognise(b []byte, limits Limits) *Error {
	msg := ""
	switch {
	case len(b) == 0:
		msg = "this file is empty; a WebAssembly component was expected"
	case len(b) > limits.Bytes:
		return &Error{Msg: fmt.Sprintf("this file of %d bytes is larger than the limit of %d", len(b), limits.Bytes)}
	case bytes.HasPrefix(b, []byte(moduleHeader)):
		msg = "this is a core WebAssembly module, not a component; wrap it with `wasm-tools component new`"
	case len(b) < headerBytes && bytes.HasPrefix([]byte(magic), b[:min(len(b), len(magic))]):
		msg = "this file is truncated: it ends within the WebAssembly header"
	case bytes.HasPrefix(b, []byte(magic)):
		msg = headerMessage(b)
	case looksLikeText(b):
		msg = "this is WebAssembly text, not a binary; convert it with `wasm-tools parse`"
	default:
		msg = "this is not WebAssembly: the magic number is missing"
	}
	if msg == "" {
		return nil
	}
	return &Error{Msg: msg}
}

// headerMessage is what is wrong with the version and layer, or "".
func headerMessage(b []byte) string {
	v, l := binary.LittleEndian.Uint16(b[4:]), binary.LittleEndian.Uint16(b[6:])
	switch {
	case l == layer && v == version:
		return ""
	case l == layer:
		return fmt.Sprintf("this component has binary version %#x; this host reads version %#x", v, version)
	case l == 0:
		return fmt.Sprintf("this is a core WebAssembly module of unknown version %d, not a component", v)
	}
	return "this is WebAssembly of an unknown layer, neither a core module nor a component"
}

func looksLikeText(b []byte) bool {
	head := b[:min(len(b), 4096)]
	if len(head) < len(b) {
		for len(head) > 0 && !utf8.RuneStart(b[len(head)]) {
			head = b[:len(head)-1]
		}
	}
	t := bytes.TrimSpace(head)
	if !utf8.Valid(t) || bytes.IndexByte(t, 0) >= 0 {
		return false
	}
	return bytes.HasPrefix(t, []byte("(")) || bytes.HasPrefix(t, []byte(";;"))
}

// decoder reads a component and what is nested in it. Recursion is bounded by
// Limits.Depth.
type decoder struct {
	reader
	comp   *Component
	scopes []*coreScope
	// counts are the sizes of the index spaces of the component being read.
	counts [SortInstance + 1]int
}

// coreScope holds the core types of an enclosing component, component type or
// instance type: module types take them over by outer aliases.
type coreScope struct{ coreTypes []*CoreType }

func (d *decoder) enter() bool {
	if len(d.scopes) >= d.limits.Depth {
		d.fail("components and types nest deeper than the limit of %d", d.limits.Depth)
		return false
	}
	d.scopes = append(d.scopes, &coreScope{})
	return true
}

func (d *decoder) leave() { d.scopes = d.scopes[:len(d.scopes)-1] }

func (d *decoder) scope() *coreScope { return d.scopes[len(d.scopes)-1] }

// component reads the header and the sections up to the end of the range.
func (d *decoder) component() *Component {
	if !d.enter() {
		return nil
	}
	outer, counts := d.comp, d.counts
	c := &Component{Offset: d.pos, Size: d.rest()}
	d.comp, d.counts = c, [SortInstance + 1]int{}
	d.header()
	for d.ok() && d.pos < d.end {
		d.section()
	}
	d.comp, d.counts = outer, counts
	d.leave()
	return c
}

func (d *decoder) header() {
	b := d.bytes(headerBytes)
	switch {
	case b == nil:
	case string(b[:4]) != magic:
		d.failAt(d.pos-headerBytes, "the magic number is missing")
	case string(b) == moduleHeader:
		d.failAt(d.pos-headerBytes, "a core module where a component is expected")
	default:
		if msg := headerMessage(b); msg != "" {
			d.failAt(d.pos-4, "%s", msg)
		}
	}
}

// add appends an item and counts the index it defines, if any.
func (d *decoder) add(item Item) {
	d.comp.Items = append(d.comp.Items, item)
	sort, defines := definedSort(item)
	if !defines {
		return
	}
	d.counts[sort]++
	switch sort {
	case SortCoreModule, SortCoreInstance, SortComponent, SortInstance:
		if d.counts[sort] > d.limits.Instances {
			d.failAt(item.At(), "more than %d of the sort %s", d.limits.Instances, sort)
		}
	}
}

// definedSort is the index space that an item adds to.
func definedSort(item Item) (Sort, bool) {
	switch it := item.(type) {
	case *CoreModule:
		return SortCoreModule, true
	case *CoreInstance:
		return SortCoreInstance, true
	case *CoreType:
		return SortCoreType, true
	case *Nested:
		return SortComponent, true
	case *Instance:
		return SortInstance, true
	case *Alias:
		return it.Sort, true
	case *Type:
		return SortType, true
	case *Canon:
		if it.Kind == Lift {
			return SortFunc, true
		}
		return SortCoreFunc, true
	case *Import:
		return it.Type.Sort, true
	case *Export:
		return it.Sort, true
	case *ExportDecl:
		return it.Type.Sort, true
	}
	return 0, false
}
