package wasmtime

// #include "fiber.h"
import "C"

import (
	"cmp"
	"encoding/binary"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"unsafe"
)

// heat finds the pages that every instance of a template writes to: the end of
// its stack, its variables. Later instances get them before they begin, which
// is cheaper than a page fault for each. It changes when a page is made, never
// what is in it.
type heat struct {
	looks atomic.Int32
	mu    sync.Mutex
	pages map[hotPage]int // in how many instances each was written to
	seen  int             // instances
}

type hotPage struct{ view, page int }

const (
	heatLooks   = 4        // instances that are looked at
	maxHotPages = 128      // more are left to the faults
	maxHotView  = 64 << 20 // bytes of a memory that is looked at
)

// look is called before a store that served well is closed.
func (h *heat) look(s *Store) {
	if s.fiber.made == 0 || h.looks.Load() >= heatLooks || h.looks.Add(1) > heatLooks {
		return
	}
	written := s.written()
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.pages == nil {
		h.pages = map[hotPage]int{}
	}
	for _, p := range written {
		h.pages[p]++
	}
	if h.seen++; h.seen == heatLooks {
		s.tmpl.setHot(h.runs())
		h.pages = nil
	}
}

// written are the pages of the store's memories, as large as they began, that
// are the store's own.
func (s *Store) written() (pages []hotPage) {
	f, err := os.Open("/proc/self/pagemap")
	if err != nil {
		return nil // not Linux, or no /proc: faults it is
	}
	defer f.Close()
	for i, v := range unsafe.Slice(s.fiber.views, s.tmpl.c.nviews) {
		if !bool(v.live) || v.initial > maxHotView {
			continue
		}
		for _, page := range ownPages(f, uintptr(unsafe.Pointer(v.data)), int(v.initial)) {
			pages = append(pages, hotPage{i, page})
		}
	}
	return pages
}

// What the kernel tells of a page, in its Documentation/admin-guide/mm/pagemap.rst.
const (
	pagePresent   = 1 << 63
	pageOfFile    = 1 << 61
	pageExclusive = 1 << 56
)

// ownPages are the pages from an address on that this process wrote to.
func ownPages(pagemap *os.File, at uintptr, size int) (pages []int) {
	pageSize := os.Getpagesize()
	entries := make([]byte, size/pageSize*8)
	if _, err := pagemap.ReadAt(entries, int64(at)/int64(pageSize)*8); err != nil {
		return nil
	}
	for i := range size / pageSize {
		const mask = pagePresent | pageOfFile | pageExclusive
		if binary.NativeEndian.Uint64(entries[8*i:])&mask == pagePresent|pageExclusive {
			pages = append(pages, i)
		}
	}
	return pages
}

// runs are the pages that all instances wrote to, put together where they are
// next to each other.
func (h *heat) runs() (runs []C.writ_run) {
	pageSize := C.size_t(os.Getpagesize())
	for p, n := range h.pages {
		if n == heatLooks {
			runs = append(runs, C.writ_run{view: C.uint32_t(p.view), at: C.size_t(p.page) * pageSize, size: pageSize})
		}
	}
	if len(runs) > maxHotPages {
		return nil
	}
	return joined(runs)
}

func joined(runs []C.writ_run) (out []C.writ_run) {
	slices.SortFunc(runs, func(a, b C.writ_run) int {
		return cmp.Or(cmp.Compare(a.view, b.view), cmp.Compare(a.at, b.at))
	})
	for _, r := range runs {
		if n := len(out); n > 0 && out[n-1].view == r.view && out[n-1].at+out[n-1].size == r.at {
			out[n-1].size += r.size
			continue
		}
		out = append(out, r)
	}
	return out
}

// setHot puts the runs where the fibers find them.
func (t *Template) setHot(runs []C.writ_run) {
	if len(runs) == 0 {
		return
	}
	t.mu.Lock()
	hot := (*C.writ_hot)(t.mem.alloc(C.sizeof_writ_hot + len(runs)*C.sizeof_writ_run))
	t.mu.Unlock()
	hot.n = C.uint32_t(len(runs))
	copy(unsafe.Slice((*C.writ_run)(unsafe.Add(unsafe.Pointer(hot), C.sizeof_writ_hot)), len(runs)), runs)
	C.writ_template_heat(t.c, hot)
}

// hotPages are the pages of the first memory that instances get beforehand.
func (t *Template) hotPages() (pages []int) {
	for _, r := range unsafe.Slice((*C.writ_run)(unsafe.Add(unsafe.Pointer(t.c.hot), C.sizeof_writ_hot)), t.c.hot.n) {
		for at := r.at; at < r.at+r.size; at += C.size_t(os.Getpagesize()) {
			pages = append(pages, int(at)/os.Getpagesize())
		}
	}
	return pages
}
