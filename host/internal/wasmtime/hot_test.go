package wasmtime

import (
	"os"
	"sync"
	"testing"
)

// stateText has all the state that a module can have. "clean" tells whether it
// is as it was at the beginning, and "use" leaves none of it so.
const stateText = `(module
  (memory (export "memory") 20 40)
  (global $g (mut i32) (i32.const 7))
  (table $t 2 9 funcref)
  (elem (i32.const 0) $one)
  (data (i32.const 70000) "abc")
  (data $passive "xyz")
  (elem $late func $one)
  (func $one)
  (func (export "clean") (result i32)
    (memory.init $passive (i32.const 5) (i32.const 0) (i32.const 3))
    (table.init $late (i32.const 1) (i32.const 0) (i32.const 0))
    (i32.and (i32.eq (i32.load (i32.const 70000)) (i32.const 0x636261))
    (i32.and (i32.eqz (i32.load (i32.const 100)))
    (i32.and (i32.eqz (i32.load (i32.const 1310716)))
    (i32.and (i32.eq (memory.size) (i32.const 20))
    (i32.and (i32.eq (global.get $g) (i32.const 7))
    (i32.and (i32.eq (table.size $t) (i32.const 2))
    (i32.and (ref.is_null (table.get $t (i32.const 1)))
      (i32.eqz (ref.is_null (table.get $t (i32.const 0)))))))))))
  )
  (func (export "use") (param i32)
    (i32.store (i32.const 70000) (i32.const 1))
    (i32.store (i32.const 100) (i32.const 1))
    (i32.store (i32.const 1310716) (i32.const 1))
    (drop (memory.grow (i32.const 3)))
    (i32.store (i32.const 1376000) (i32.const 1))
    (global.set $g (i32.const 8))
    (table.set $t (i32.const 0) (ref.null func))
    (table.set $t (i32.const 1) (ref.func $one))
    (drop (table.grow $t (ref.func $one) (i32.const 3)))
    (data.drop $passive)
    (elem.drop $late)
    (if (local.get 0) (then (unreachable)))))`

// useState makes an instance, which must be as new, and leaves it used or trapped.
func useState(t *testing.T, tm *Template, trap bool) {
	s := start(t, tm, noHost)
	defer s.Close()
	if clean, err := call1(s, "clean"); clean != 1 || err != nil {
		t.Errorf("the instance has what another left: %d, %v", clean, err)
	}
	arg := uint64(0)
	if trap {
		arg = 1
	}
	if err := s.Call(t.Context(), tm.slot("use"), []uint64{arg}, nil); (err != nil) != trap {
		t.Errorf("use: %v", err)
	}
}

// No instance finds anything of those before it, however its memory was made
// ready, and whether they ended well or not.
func TestNothingIsLeftBehind(t *testing.T) {
	tm := textTemplate(t, engine, stateText)
	for i := range 3 * heatLooks {
		useState(t, tm, i%3 == 2)
	}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for i := range 25 {
				useState(t, tm, i%5 == 4)
			}
		})
	}
	all.Wait()
}

func TestHotPages(t *testing.T) {
	if _, err := os.Stat("/proc/self/pagemap"); err != nil {
		t.Skip("this system has no /proc/self/pagemap")
	}
	tm := textTemplate(t, engine, stateText)
	for range heatLooks {
		if tm.c.hot != nil {
			t.Fatal("found too early")
		}
		useState(t, tm, false)
	}
	if tm.c.hot == nil {
		t.Fatal("no pages that are written to were found")
	}
	// 5 and 100 are in the first page, 70000 in the 18th, 1310716 in the 320th.
	if got := tm.hotPages(); len(got) != 3 || got[0] != 0 || got[1] != 17 || got[2] != 319 {
		t.Errorf("pages %v", got)
	}
}
