package wasmtime

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"
)

const echoText = `(module
  (import "h" "mix" (func $mix (param i32 i64 f32 f64) (result i64)))
  (import "h" "none" (func $none))
  (import "h" "two" (func $two (param i32) (result i32 f64)))
  (func (export "mix") (param i32 i64 f32 f64) (result i64)
    (call $mix (local.get 0) (local.get 1) (local.get 2) (local.get 3)))
  (func (export "two") (param i32) (result i32 f64) (call $two (local.get 0)))
  (func (export "times") (param i32)
    (loop $l (call $none)
      (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))))`

func TestValuesCrossBothWays(t *testing.T) {
	calls := 0
	h := handler(func(_ context.Context, _ *Store, id uint32, args, results []uint64) error {
		calls++
		switch id {
		case 0:
			if args[0] != 0xffffffff || args[2] != uint64(math.Float32bits(1.5)) || args[3] != math.Float64bits(-2.25) {
				return fmt.Errorf("arguments %x", args)
			}
			results[0] = args[1]
		case 2:
			results[0], results[1] = args[0]|0xdead<<32, math.Float64bits(0.5)
		}
		return nil
	})
	s := start(t, textTemplate(t, engine, echoText), h)
	got, err := call1(s, "mix", 0xffffffff, 1<<63|7, uint64(math.Float32bits(1.5)), math.Float64bits(-2.25))
	if err != nil || got != 1<<63|7 {
		t.Fatalf("mix: %x, %v", got, err)
	}
	var two [2]uint64
	if err := s.Call(context.Background(), s.tmpl.slot("two"), []uint64{0x80000001}, two[:]); err != nil {
		t.Fatal(err)
	}
	if two[0] != 0x80000001 || two[1] != math.Float64bits(0.5) {
		t.Fatalf("two: %x", two)
	}
	if _, err := call1(s, "times", 1000); err != nil || calls != 1002 {
		t.Fatalf("times: %d calls, %v", calls, err)
	}
}

const reallocText = `(module
  (import "h" "get" (func $get (param i32) (result i32)))
  (import "h" "note" (func $note (param i32)))
  (memory (export "memory") 1)
  (global $p (mut i32) (i32.const 1024))
  (func (export "realloc") (param i32 i32 i32 i32) (result i32)
    (global.get $p)
    (global.set $p (i32.add (global.get $p) (local.get 3)))
    (if (i32.gt_u (global.get $p) (i32.mul (memory.size) (i32.const 65536)))
      (then (drop (memory.grow (i32.const 1))))))
  (func (export "noting") (param i32 i32 i32 i32) (result i32) (call $note (local.get 3)) (i32.const 64))
  (func (export "forever") (param i32 i32 i32 i32) (result i32) (loop $l (br $l)) (i32.const 0))
  (func (export "trapping") (param i32 i32 i32 i32) (result i32) unreachable)
  (func $run (export "run") (param i32) (result i32) (i32.load8_u (call $get (local.get 0)))))`

func TestHostCallAllocatesInTheGuest(t *testing.T) {
	h := handler(func(ctx context.Context, s *Store, id uint32, args, results []uint64) error {
		if err := s.Call(ctx, s.tmpl.slot("realloc"), []uint64{0, 0, 1, args[0]}, results); err != nil {
			return err
		}
		mem := s.Memory(s.tmpl.slot("memory"))
		if results[0]+args[0] > uint64(len(mem)) {
			return fmt.Errorf("%d bytes at %d in a memory of %d", args[0], results[0], len(mem))
		}
		mem[results[0]] = byte(args[0])
		return nil
	})
	s := start(t, textTemplate(t, engine, reallocText), h)
	for _, n := range []uint64{1, 16, 65000, 65536} { // the last two make the memory grow
		if got, err := call1(s, "run", n); err != nil || got != n&0xff {
			t.Fatalf("run %d: %d, %v", n, got, err)
		}
	}
	if n := len(s.Memory(s.tmpl.slot("memory"))); n <= 65536 {
		t.Fatalf("memory did not grow: %d", n)
	}
}

func TestAllocationCallsAnImport(t *testing.T) {
	var noted []uint64
	h := handler(func(ctx context.Context, s *Store, id uint32, args, results []uint64) error {
		if id == 1 {
			noted = append(noted, args[0])
			return nil
		}
		before := args[0]
		err := s.Call(ctx, s.tmpl.slot("noting"), []uint64{0, 0, 1, before}, results)
		if args[0] != before { // the inner host call must not disturb ours
			return fmt.Errorf("argument became %d", args[0])
		}
		return err
	})
	s := start(t, textTemplate(t, engine, reallocText), h)
	for _, n := range []uint64{5, 6} {
		if _, err := call1(s, "run", n); err != nil {
			t.Fatal(err)
		}
	}
	if fmt.Sprint(noted) != "[5 6]" {
		t.Fatalf("noted %v", noted)
	}
}

const recurseText = `(module
  (import "h" "down" (func $down (param i32) (result i32)))
  (func $go (export "go") (param i32) (result i32)
    (if (result i32) (i32.eqz (local.get 0)) (then (i32.const 0))
      (else (i32.add (i32.const 1) (call $down (i32.sub (local.get 0) (i32.const 1)))))))
  (func $fat (param $n i32) (param $arg i32) (result i32)
    (if (result i32) (i32.eqz (local.get $n)) (then (call $down (local.get $arg)))
      (else (i32.add (i32.const 1) (call $fat (i32.sub (local.get $n) (i32.const 1)) (local.get $arg))))))
  (func (export "fat") (param i32) (result i32) (call $fat (i32.const 5000) (local.get 0))))`

// recursing makes the host enter the guest again at each host call.
func recursing(name string) Handler {
	return handler(func(ctx context.Context, s *Store, id uint32, args, results []uint64) error {
		return s.Call(ctx, s.tmpl.slot(name), []uint64{args[0]}, results)
	})
}

func TestGuestAndHostRecurse(t *testing.T) {
	tm := textTemplate(t, engine, recurseText)
	s := start(t, tm, recursing("go"))
	if got, err := call1(s, "go", 90); err != nil || got != 90 {
		t.Fatalf("go: %d, %v", got, err)
	}
	for _, name := range []string{"go", "fat"} {
		s := start(t, tm, recursing(name))
		if _, err := call1(s, name, 1_000_000); !errors.Is(err, ErrDepth) {
			t.Fatalf("%s without end: %v", name, err)
		}
		if _, err := call1(s, name, 0); !errors.Is(err, ErrPoisoned) {
			t.Fatalf("%s after it: %v", name, err)
		}
	}
}

// A handler may go on after a call that was refused for its depth.
func TestRefusedDepthDoesNotPoison(t *testing.T) {
	h := handler(func(ctx context.Context, s *Store, id uint32, args, results []uint64) error {
		err := s.Call(ctx, s.tmpl.slot("go"), []uint64{args[0]}, results)
		if errors.Is(err, ErrDepth) {
			results[0] = 0
			return nil
		}
		return err
	})
	s := start(t, textTemplate(t, engine, recurseText), h)
	got, err := call1(s, "go", 1_000_000)
	if err != nil || got < 90 {
		t.Fatalf("go: %d, %v", got, err)
	}
	if again, err := call1(s, "go", 1_000_000); err != nil || again != got {
		t.Fatalf("again: %d, %v", again, err)
	}
}

func TestCallChecksItsArguments(t *testing.T) {
	tm := textTemplate(t, engine, echoText)
	s := newStore(t, tm, Limits{})
	two := tm.slot("two")
	tests := []struct {
		name string
		err  error
		want string
	}{
		{"before instantiate", s.Call(context.Background(), two, make([]uint64, 1), make([]uint64, 2)), ErrNotInstantiated.Error()},
		{"slot", s.Call(context.Background(), 99, nil, nil), "slot 99 is not a function"},
		{"negative slot", s.Call(context.Background(), -1, nil, nil), "slot -1 is not a function"},
		{"arguments", s.Call(context.Background(), two, nil, make([]uint64, 2)), `slot 1, "two": 0 arguments and 2 results for type (i32) -> (i32 f64)`},
		{"results", s.Call(context.Background(), two, make([]uint64, 1), nil), `slot 1, "two": 1 arguments and 0 results for type (i32) -> (i32 f64)`},
		{"no handler", s.Instantiate(context.Background(), nil), "no handler"},
	}
	for _, tt := range tests {
		if tt.err == nil || !contains(tt.err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, tt.err, tt.want)
		}
	}
	if err := s.Instantiate(context.Background(), noHost); err != nil {
		t.Fatal(err)
	}
	if err := s.Instantiate(context.Background(), noHost); err == nil {
		t.Error("instantiated twice")
	}
	s.Close()
	if err := s.Call(context.Background(), two, nil, nil); !errors.Is(err, ErrClosed) {
		t.Errorf("after close: %v", err)
	}
	s.Close()
}
