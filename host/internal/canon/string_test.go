package canon

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/writ-host/writ/wit"
)

// TestStringLowering states what a string becomes in each encoding, with the
// sequence of reallocations (old size, alignment, new size) that the
// specification gives. Canonical ABI, "Storing".
func TestStringLowering(t *testing.T) {
	for _, c := range []struct {
		name  string
		enc   Encoding
		s     string
		want  []byte
		units uint64
		calls []string
	}{
		{"utf8 is exact", UTF8, "h\u00e9", []byte{'h', 0xc3, 0xa9}, 3, []string{"0 1 3"}},
		{"empty utf8 allocates too", UTF8, "", nil, 0, []string{"0 1 0"}},
		{"utf16 of ASCII is exact", UTF16, "hi", []byte{'h', 0, 'i', 0}, 2, []string{"0 2 4"}},
		{"utf16 shrinks", UTF16, "h\u00e9", []byte{'h', 0, 0xe9, 0}, 2, []string{"0 2 6", "6 2 4"}},
		{"utf16 pair", UTF16, "\U0001f600", []byte{0x3d, 0xd8, 0, 0xde}, 2, []string{"0 2 8", "8 2 4"}},
		{"latin1 of ASCII is exact", Latin1OrUTF16, "hi", []byte("hi"), 2, []string{"0 2 2"}},
		{"latin1 shrinks", Latin1OrUTF16, "h\u00ff", []byte{'h', 0xff}, 2, []string{"0 2 3", "3 2 2"}},
		{"latin1 widens", Latin1OrUTF16, "\u00ff\u0100", []byte{0xff, 0, 0, 1}, utf16Tag | 2, []string{"0 2 4", "4 2 8", "8 2 4"}},
		{"latin1 widens and shrinks", Latin1OrUTF16, "a\u0800", []byte{'a', 0, 0, 8}, utf16Tag | 2, []string{"0 2 4", "4 2 8", "8 2 4"}},
	} {
		f, h := compile(t, c.enc, nil, wit.TypeString), newHeap(256)
		flat, err := f.LowerParams(&Context{Memory: h}, []wit.Value{wit.String(c.s)}, nil)
		if err != nil || flat[1] != c.units || !slices.Equal(h.calls, c.calls) {
			t.Errorf("%s: units 0x%x, realloc %q, %v", c.name, flat[1], h.calls, err)
		}
		if got := h.mem[flat[0]:][:len(c.want)]; !bytes.Equal(got, c.want) {
			t.Errorf("%s: % x, not % x", c.name, got, c.want)
		}
	}
}

func TestStringLifting(t *testing.T) {
	for _, c := range []struct {
		enc   Encoding
		bytes []byte
		units uint64
		want  string
	}{
		{UTF8, []byte("h\u00e9\U0001f600"), 7, "h\u00e9\U0001f600"},
		{UTF16, []byte{0x3d, 0xd8, 0, 0xde, 'x', 0}, 3, "\U0001f600x"},
		{UTF16, []byte{0xfd, 0xff}, 1, "\ufffd"},
		{Latin1OrUTF16, []byte("plain"), 5, "plain"},
		{Latin1OrUTF16, []byte{'h', 0xe9, 0xff, 0x80}, 4, "h\u00e9\u00ff\u0080"},
		{Latin1OrUTF16, []byte{0, 1}, utf16Tag | 1, "\u0100"},
		{Latin1OrUTF16, nil, utf16Tag, ""},
	} {
		h := newHeap(64).put(32, c.bytes...)
		got, err := compile(t, c.enc, nil, wit.TypeString).LiftParams(&Context{Memory: h}, []uint64{32, c.units}, nil)
		if err != nil || got[0].Text() != c.want {
			t.Errorf("encoding %d, % x: %v, %v", c.enc, c.bytes, got, err)
		}
	}
}

// TestLiftedValuesAreCopies: a guest that goes on writing cannot change what
// the host was given.
func TestLiftedValuesAreCopies(t *testing.T) {
	h := newHeap(2048)
	copy(h.mem[64:], strings.Repeat("a", 1500))
	f := compile(t, UTF8, nil, wit.TypeString, wit.ListOf(wit.TypeU8), wit.ListOf(wit.TypeU8))
	got, err := f.LiftParams(&Context{Memory: h}, []uint64{64, 10, 64, 20, 64, 1500}, nil)
	if err != nil {
		t.Fatal(err)
	}
	clear(h.mem)
	for i, n := range []int{10, 20, 1500} {
		b := got[i].Bytes()
		if i == 0 {
			b = []byte(got[0].Text())
		}
		if string(b) != strings.Repeat("a", n) {
			t.Errorf("value %d is now %q", i, b)
		}
		if i > 0 && cap(b) != n {
			t.Errorf("value %d has room for %d bytes of its neighbours", i, cap(b)-n)
		}
	}
}
