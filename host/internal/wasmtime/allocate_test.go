package wasmtime

import (
	"context"
	"errors"
	"testing"
)

// allocText is an allocator that takes 16 bytes for each call and grows its
// memory when that is full. Small sizes ask for something else: 1 for a trap, 2
// for an odd address, 3 for one beyond the memory, 4 for a call of the host, 5
// for a loop without end.
const allocText = `(module
  (import "h" "call" (func $call))
  (memory (export "memory") 1)
  (global $next (mut i32) (i32.const 0))
  (func (export "count") (result i32) (i32.div_u (global.get $next) (i32.const 16)))
  (func (export "run") (call $call))
  (func (export "realloc") (param i32 i32 i32 i32) (result i32)
    (global.set $next (i32.add (global.get $next) (i32.const 16)))
    (if (i32.eq (local.get 3) (i32.const 1)) (then unreachable))
    (if (i32.eq (local.get 3) (i32.const 2)) (then (return (i32.const 33))))
    (if (i32.eq (local.get 3) (i32.const 3)) (then (return (i32.const 0x7ffffff0))))
    (if (i32.eq (local.get 3) (i32.const 4)) (then (call $call)))
    (if (i32.eq (local.get 3) (i32.const 5)) (then (loop $l (br $l))))
    (if (i32.gt_u (global.get $next) (i32.mul (memory.size) (i32.const 65536)))
      (then (drop (memory.grow (i32.const 1)))))
    (i32.sub (global.get $next) (i32.const 16))))`

func sized(sizes ...uint32) (list []Allocation) {
	for _, n := range sizes {
		list = append(list, Allocation{Align: 8, Size: n})
	}
	return list
}

func TestAllocateGoesOnAsTheMemoryGrows(t *testing.T) {
	s := start(t, textTemplate(t, engine, allocText), noHost)
	list := sized(make([]uint32, 10_000)...)
	for i := range list {
		list[i].Size = 16
	}
	made, err := s.Allocate(context.Background(), s.tmpl.slot("realloc"), s.tmpl.slot("memory"), list)
	if err != nil || made != len(list) {
		t.Fatalf("%d made, %v", made, err)
	}
	for i, a := range list {
		if a.At != uint32(16*i) {
			t.Fatalf("allocation %d is at %d", i, a.At)
		}
	}
	if n := len(s.Memory(s.tmpl.slot("memory"))); n < 160_000 {
		t.Errorf("the view of the memory has %d bytes", n)
	}
}

func TestAllocateStopsWhereItGoesWrong(t *testing.T) {
	for name, c := range map[string]struct {
		bad  uint32
		made int
		ends bool
	}{
		"trap": {1, 2, true}, "odd": {2, 3, false}, "beyond": {3, 3, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, textTemplate(t, engine, allocText), noHost)
			made, err := s.Allocate(context.Background(), s.tmpl.slot("realloc"), s.tmpl.slot("memory"), sized(16, 16, c.bad, 16))
			if made != c.made || (err != nil) != c.ends {
				t.Fatalf("%d made, %v", made, err)
			}
			if c.ends {
				return
			}
			if n, err := call1(s, "count"); n != 3 || err != nil {
				t.Errorf("the allocator was called %d times, %v", n, err)
			}
		})
	}
}

func TestAllocateWithinAHostCall(t *testing.T) {
	h := handler(func(ctx context.Context, s *Store, _ uint32, _, _ []uint64) error {
		list := sized(16, 16)
		if made, err := s.Allocate(ctx, s.tmpl.slot("realloc"), s.tmpl.slot("memory"), list); made != 2 || err != nil {
			return err
		}
		if list[1].At != 16 {
			return errors.New("the second one is elsewhere")
		}
		return nil
	})
	s := start(t, textTemplate(t, engine, allocText), h)
	if _, err := call1(s, "run"); err != nil {
		t.Fatal(err)
	}
}

// TestAllocateIsNotReentered: the record of what is still to be made must stay.
func TestAllocateIsNotReentered(t *testing.T) {
	var within error
	h := handler(func(ctx context.Context, s *Store, _ uint32, _, _ []uint64) error {
		_, within = s.Allocate(ctx, s.tmpl.slot("realloc"), s.tmpl.slot("memory"), sized(16))
		return nil
	})
	s := start(t, textTemplate(t, engine, allocText), h)
	list := sized(4, 16)
	made, err := s.Allocate(context.Background(), s.tmpl.slot("realloc"), s.tmpl.slot("memory"), list)
	if made != 2 || err != nil || list[1].At != 16 {
		t.Errorf("%d made, %v, %v", made, list, err)
	}
	if !errors.Is(within, ErrDepth) {
		t.Errorf("within an allocation: %v", within)
	}
}

func TestAllocateEndsWithItsContext(t *testing.T) {
	s := start(t, textTemplate(t, engine, allocText), noHost)
	ctx, cancel := context.WithTimeout(context.Background(), 30*engine.cfg.Tick)
	defer cancel()
	made, err := s.Allocate(ctx, s.tmpl.slot("realloc"), s.tmpl.slot("memory"), sized(16, 5, 16))
	if made != 1 || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%d made, %v", made, err)
	}
}

func TestAllocateWithoutAnAlignment(t *testing.T) {
	s := start(t, textTemplate(t, engine, allocText), noHost)
	list := []Allocation{{Size: 2}, {Size: 16}}
	made, err := s.Allocate(context.Background(), s.tmpl.slot("realloc"), s.tmpl.slot("memory"), list)
	if made != 2 || err != nil || list[0].At != 33 {
		t.Errorf("%d made, %v, %v", made, list, err)
	}
}

func TestAllocateRefusesWhatIsNoAllocator(t *testing.T) {
	s := start(t, textTemplate(t, engine, allocText), noHost)
	for _, slots := range [][2]string{{"count", "memory"}, {"realloc", "count"}, {"memory", "memory"}} {
		made, err := s.Allocate(context.Background(), s.tmpl.slot(slots[0]), s.tmpl.slot(slots[1]), sized(16))
		if made != 0 || err == nil || errors.Is(err, ErrPoisoned) {
			t.Errorf("%v: %d made, %v", slots, made, err)
		}
	}
}
