package binary

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// A skeleton has the same definitions in the same order, with the same imports
// and exports of its core modules, and says where in the original each is.
func TestSkeleton(t *testing.T) {
	files, err := filepath.Glob("../plan/testdata/*.wasm")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		whole, err := Parse(b, Limits{})
		if err != nil {
			t.Fatal(err)
		}
		s := MakeSkeleton(b)
		bones, err := Parse(s.Bytes, Limits{})
		if err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		sameBones(t, f, s, whole, bones)
	}
}

func sameBones(t *testing.T, file string, s *Skeleton, whole, bones *Component) {
	t.Helper()
	items := func(c *Component) (kept []Item) {
		for _, i := range c.Items {
			if _, custom := i.(*Custom); !custom {
				kept = append(kept, i)
			}
		}
		return kept
	}
	was, is := items(whole), items(bones)
	if len(was) != len(is) {
		t.Fatalf("%s: %d items of %d", file, len(is), len(was))
	}
	for i := range was {
		switch w := was[i].(type) {
		case *Nested:
			sameBones(t, file, s, w.Component, is[i].(*Nested).Component)
		case *CoreModule:
			m := is[i].(*CoreModule).Module
			if len(m.Imports) != len(w.Module.Imports) || len(m.Exports) != len(w.Module.Exports) || len(m.Bodies) != len(w.Module.Bodies) {
				t.Errorf("%s: a module has other imports, exports or functions", file)
			}
			if got := s.Original(m.Offset); got != w.Module.Offset {
				t.Errorf("%s: module at %#x, said to be at %#x", file, w.Module.Offset, got)
			}
		default:
			if got := s.Original(is[i].At()); got != was[i].At() {
				t.Errorf("%s: item %d at %#x, said to be at %#x", file, i, was[i].At(), got)
			}
		}
	}
}

// What is left out is what takes long to compile.
func TestSkeletonIsSmall(t *testing.T) {
	body := join(0, bytes.Repeat([]byte{1}, 1000), 0x0b)
	m := module(section(1, join(0x60, 0, 0)), section(3, join(0)), section(10, join(uleb(len(body)), body)),
		section(11, join(1, uleb(2000), bytes.Repeat([]byte{7}, 2000))))
	s := MakeSkeleton(component(sized(1, m)))
	if len(s.Bytes) > 100 {
		t.Errorf("%d bytes", len(s.Bytes))
	}
	c, err := Parse(s.Bytes, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	got := c.Items[0].(*CoreModule).Module
	if span := got.Bodies[0]; string(got.Bytes[span.Start:span.End]) != "\x00\x00\x0b" {
		t.Errorf("body %x", got.Bytes[span.Start:span.End])
	}
}
