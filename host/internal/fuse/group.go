package fuse

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
)

// Kind is what an import or export is, as in the binary format.
type Kind byte

// The kinds of import and export.
const (
	Func Kind = iota
	Table
	Memory
	Global
	kinds
)

// Outside, as the part of a source, is whoever instantiates the module.
const Outside = -1

// Group is modules that become one, in the order in which they would be
// instantiated. Nothing but what their start functions do may happen between.
type Group struct {
	Parts []Part
	// Imports are the fused module's imports, each used by a part at least.
	// They are named by their index, in the module "".
	Imports []Kind
	// Exports are its exports.
	Exports []Export
}

// Part is one of the modules.
type Part struct {
	Module []byte `json:"-"`
	// Imports has one source for each of the module's imports, in their order.
	// What is not a function comes from an earlier part, or from outside.
	Imports []Source
	// Start has the part's start function run, when it has one.
	Start bool
}

// Source is where an import comes from: the item at an index of a part, in the
// index space of the import's kind, or an index of [Group.Imports].
type Source struct {
	Part  int    `json:"p"`
	Index uint32 `json:"i"`
}

// Export is an item of a part that the fused module exports.
type Export struct {
	Name  string
	Kind  Kind
	Part  int
	Index uint32
}

// MaxBytes is how large the modules of a group may be together, and what is
// made of them.
const MaxBytes = 256 << 20

// packed is what a packed group starts with. A module starts otherwise. What is
// kept under the digest of packed groups is what Link made of them: whoever
// changes that counts on.
const packed = "writ group 1\n"

type header struct {
	Group
	Sizes []int
}

// Pack writes a group, with its modules, as bytes: a group of the same modules
// in the same places is the same bytes.
func (g *Group) Pack() ([]byte, error) {
	h, total := header{Group: *g}, 0
	for i := range g.Parts {
		h.Sizes = append(h.Sizes, len(g.Parts[i].Module))
		total += len(g.Parts[i].Module)
	}
	text, err := json.Marshal(h)
	if err != nil {
		return nil, fmt.Errorf("pack modules: %w", err)
	}
	b := make([]byte, 0, len(packed)+binary.MaxVarintLen64+len(text)+total)
	b = binary.AppendUvarint(append(b, packed...), uint64(len(text)))
	b = append(b, text...)
	for i := range g.Parts {
		b = append(b, g.Parts[i].Module...)
	}
	return b, nil
}

// Packed reports whether bytes are a packed group.
func Packed(b []byte) bool { return bytes.HasPrefix(b, []byte(packed)) }

// Unpack is the reverse of [Group.Pack]. The modules alias the bytes.
func Unpack(b []byte) (*Group, error) {
	if !Packed(b) {
		return nil, errors.New("unpack modules: not a packed group")
	}
	b = b[len(packed):]
	size, n := binary.Uvarint(b)
	if n <= 0 || size > uint64(len(b)-n) {
		return nil, errors.New("unpack modules: truncated")
	}
	var h header
	if err := json.Unmarshal(b[n:n+int(size)], &h); err != nil {
		return nil, fmt.Errorf("unpack modules: %w", err)
	}
	return h.cut(b[n+int(size):])
}

// cut gives the parts their modules.
func (h *header) cut(b []byte) (*Group, error) {
	if len(h.Sizes) != len(h.Parts) {
		return nil, errors.New("unpack modules: sizes and parts differ in number")
	}
	for i, size := range h.Sizes {
		if size < 0 || size > len(b) {
			return nil, errors.New("unpack modules: truncated")
		}
		h.Parts[i].Module, b = b[:size:size], b[size:]
	}
	if len(b) > 0 {
		return nil, errors.New("unpack modules: bytes are left over")
	}
	return &h.Group, nil
}
