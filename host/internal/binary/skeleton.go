package binary

import (
	"encoding/binary"
	"slices"
	"sort"
)

// Skeleton is a component that is valid as a component exactly when the one it
// was made of is, given that its core modules are. There is next to nothing in it
// to compile.
type Skeleton struct {
	Bytes []byte
	// marks say where in the original something is, each up to the next.
	marks []mark
}

type mark struct{ at, original int }

// MakeSkeleton makes the skeleton of what [Decode] has accepted: the functions of
// its core modules trap at once, and what a module's imports and exports do not
// show (data, elements, names) is left out. All else is taken over byte by byte,
// so that another decoder sees what this one saw.
func MakeSkeleton(b []byte) *Skeleton {
	s := &Skeleton{}
	s.component(&reader{b: b, end: len(b)})
	return s
}

// Original is the offset in the original of what is at an offset of the skeleton.
func (s *Skeleton) Original(offset int) int {
	i := sort.Search(len(s.marks), func(i int) bool { return s.marks[i].at > offset })
	if i == 0 {
		return offset
	}
	return s.marks[i-1].original + offset - s.marks[i-1].at
}

// component copies a component. Recursion is bounded by what Decode accepts.
func (s *Skeleton) component(r *reader) {
	s.sections(r, func(id byte, part *reader) {
		switch id {
		case 1:
			s.section(id, part, s.module)
		case 4:
			s.section(id, part, s.component)
		default:
			s.section(id, part, s.copy)
		}
	})
}

func (s *Skeleton) module(r *reader) {
	s.sections(r, func(id byte, part *reader) {
		switch id {
		case 10:
			s.section(id, part, s.bodies)
		case 0, 8, 9, 11, 12: // custom, start, elements, data, count of data
		default:
			s.section(id, part, s.copy)
		}
	})
}

// sections copies a header, and hands each section to a function.
func (s *Skeleton) sections(r *reader, each func(id byte, part *reader)) {
	s.copy(&reader{b: r.b, pos: r.pos, end: r.pos + headerBytes})
	for r.pos += headerBytes; r.ok() && r.pos < r.end; {
		id := r.u8()
		size := int(r.u32())
		each(id, &reader{b: r.b, pos: r.pos, end: r.pos + size})
		r.pos += size
	}
}

// section writes a section whose body a function writes. Its size takes as many
// bytes as the largest would.
func (s *Skeleton) section(id byte, part *reader, body func(*reader)) {
	s.Bytes = append(s.Bytes, id, 0, 0, 0, 0, 0)
	start := len(s.Bytes)
	body(part)
	size := len(s.Bytes) - start
	for i := range 5 {
		s.Bytes[start-5+i] = byte(size>>(7*i))&0x7f | 0x80
	}
	s.Bytes[start-1] &= 0x7f
}

func (s *Skeleton) copy(r *reader) {
	s.marks = append(s.marks, mark{len(s.Bytes), r.pos})
	s.Bytes = append(s.Bytes, r.b[r.pos:r.end]...)
}

// bodies writes a code section of as many functions: three bytes each, for no
// locals, `unreachable` and `end`.
func (s *Skeleton) bodies(r *reader) {
	s.marks = append(s.marks, mark{len(s.Bytes), r.pos})
	n := r.u32()
	s.Bytes = slices.Grow(binary.AppendUvarint(s.Bytes, uint64(n)), 4*int(n))
	for range n {
		s.Bytes = append(s.Bytes, 3, 0, 0x00, 0x0b)
	}
}
