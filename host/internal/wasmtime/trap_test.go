package wasmtime

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

const trapText = `(module $m
  (import "h" "fail" (func $fail))
  (memory (export "memory") 1)
  (table 1 funcref)
  (type $t (func (param i32)))
  (func (export "unreachable") (call $inner))
  (func $inner unreachable)
  (func (export "load") (drop (i32.load (i32.const 65536))))
  (func (export "null") (call_indirect (i32.const 0)))
  (func (export "table") (call_indirect (i32.const 9)))
  (func (export "divide") (drop (i32.div_u (i32.const 1) (i32.const 0))))
  (func (export "overflow") (drop (i32.div_s (i32.const 0x80000000) (i32.const -1))))
  (func (export "convert") (drop (i32.trunc_f32_s (f32.const nan))))
  (func $deep (export "deep") (call $deep))
  (func $outer (export "fail") (call $fail)))`

func TestTraps(t *testing.T) {
	tm := textTemplate(t, engine, trapText)
	tests := []struct {
		name string
		code TrapCode
	}{
		{"unreachable", TrapUnreachable}, {"load", TrapMemoryOutOfBounds}, {"null", TrapIndirectCallToNull},
		{"table", TrapTableOutOfBounds}, {"divide", TrapIntegerDivideByZero}, {"overflow", TrapIntegerOverflow},
		{"convert", TrapBadConversionToInteger}, {"deep", TrapStackOverflow},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := start(t, tm, noHost)
			_, err := call1(s, tt.name)
			var trap *Trap
			if !errors.As(err, &trap) || trap.Code != tt.code {
				t.Fatalf("%v, want %v", err, tt.code)
			}
			if len(trap.Frames) == 0 || len(trap.Frames) > maxFrames {
				t.Fatalf("%d frames", len(trap.Frames))
			}
			if _, err := call1(s, "unreachable"); !errors.Is(err, ErrPoisoned) || !errors.As(err, &trap) {
				t.Fatalf("the next call: %v", err)
			}
		})
	}
}

func TestTrapNamesFunctions(t *testing.T) {
	s := start(t, textTemplate(t, engine, trapText), noHost)
	_, err := call1(s, "unreachable")
	var trap *Trap
	if !errors.As(err, &trap) || len(trap.Frames) != 2 {
		t.Fatalf("%v: %+v", err, trap)
	}
	f := trap.Frames[0]
	if f.Name != "inner" || f.Func != 2 || f.Module != "m" || f.Offset == 0 {
		t.Fatalf("frame %+v", f)
	}
	if !strings.HasPrefix(err.Error(), "unreachable executed in inner (func 2 at 0x") {
		t.Fatalf("message %q", err)
	}
}

type customError struct{ n int }

func (e *customError) Error() string { return "custom" }

func TestHandlerErrorComesOut(t *testing.T) {
	want := &customError{7}
	s := start(t, textTemplate(t, engine, trapText), handler(
		func(context.Context, *Store, uint32, []uint64, []uint64) error { return want }))
	_, err := call1(s, "fail")
	var got *customError
	var trap *Trap
	if !errors.As(err, &got) || got != want || !errors.As(err, &trap) {
		t.Fatalf("%v", err)
	}
	if trap.Code != TrapHost || len(trap.Frames) != 1 || trap.Frames[0].Name != "outer" || err.Error()[:10] != "custom in " {
		t.Fatalf("%v: %+v", err, trap)
	}
	if _, err := call1(s, "fail"); !errors.Is(err, ErrPoisoned) || !errors.Is(err, want) {
		t.Fatalf("the next call: %v", err)
	}
}

// A trap in a nested call ends the outer one, whatever the handler returns.
func TestNestedTrapEndsTheOuterCall(t *testing.T) {
	for _, swallow := range []bool{false, true} {
		h := handler(func(ctx context.Context, s *Store, _ uint32, _, results []uint64) error {
			err := s.Call(ctx, s.tmpl.slot("trapping"), make([]uint64, 4), results)
			if swallow {
				return nil
			}
			return err
		})
		s := start(t, textTemplate(t, engine, reallocText), h)
		_, err := call1(s, "run", 1)
		var outer, inner *Trap
		if !errors.As(err, &outer) || !errors.As(outer.Cause, &inner) || inner.Code != TrapUnreachable {
			t.Fatalf("swallow %v: %v", swallow, err)
		}
		s.Close()
	}
}

func TestPanicInHandlerLeavesStoreClosable(t *testing.T) {
	h := handler(func(context.Context, *Store, uint32, []uint64, []uint64) error { panic("boom") })
	s := start(t, textTemplate(t, engine, trapText), h)
	func() {
		defer func() {
			if recover() != "boom" {
				t.Error("the panic did not come through")
			}
		}()
		call1(s, "fail")
	}()
	if _, err := call1(s, "fail"); !errors.Is(err, ErrPoisoned) {
		t.Fatalf("the next call: %v", err)
	}
	s.Close()
}

func TestCloseInHandlerWaitsForTheCall(t *testing.T) {
	h := handler(func(_ context.Context, s *Store, _ uint32, _, _ []uint64) error {
		s.Close()
		return nil
	})
	s := start(t, textTemplate(t, engine, trapText), h)
	if _, err := call1(s, "fail"); err != nil {
		t.Fatal(err)
	}
	if _, err := call1(s, "fail"); !errors.Is(err, ErrClosed) {
		t.Fatalf("the next call: %v", err)
	}
}

func TestStartFunction(t *testing.T) {
	const text = `(module (import "h" "f" (func $f (param i32))) (memory (export "memory") 1)
	  (func (export "again") unreachable) (func $s %s) (start $s))`
	tests := []struct {
		name, body string
		want       func(error) bool
	}{
		{"calls an import", "(call $f (i32.const 3))", func(err error) bool { return err == nil }},
		{"traps", "unreachable", func(err error) bool {
			var trap *Trap
			return errors.As(err, &trap) && trap.Code == TrapUnreachable && contains(err.Error(), "core instance 0: unreachable executed in s")
		}},
		{"never ends", "(loop $l (br $l))", func(err error) bool { return errors.Is(err, context.DeadlineExceeded) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tm := textTemplate(t, engine, strings.Replace(text, "%s", tt.body, 1))
			s := newStore(t, tm, Limits{})
			called := uint64(0)
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
			defer cancel()
			err := s.Instantiate(ctx, handler(func(ctx context.Context, s *Store, _ uint32, args, _ []uint64) error {
				called = args[0]
				if s.Memory(tm.slot("memory")) != nil {
					t.Error("there is a memory before its instance")
				}
				if err := s.Call(ctx, tm.slot("again"), nil, nil); !errors.Is(err, ErrNotInstantiated) {
					t.Errorf("call before the instance: %v", err)
				}
				return nil
			}))
			if !tt.want(err) || err == nil && (called != 3 || s.Memory(tm.slot("memory")) == nil) {
				t.Fatalf("%v, called with %d", err, called)
			}
			if err != nil && !errors.Is(s.Call(context.Background(), 0, nil, nil), ErrPoisoned) {
				t.Fatal("a store that failed to start is not poisoned")
			}
		})
	}
}

// A start function's host calls may enter earlier instances.
func TestStartFunctionNests(t *testing.T) {
	lib := compile(t, engine, `(module (func (export "add") (param i32) (result i32) (i32.add (local.get 0) (i32.const 1))))`)
	main := compile(t, engine, `(module (import "h" "f" (func $f (result i32))) (global $g (mut i32) (i32.const 0))
	  (func $s (global.set $g (call $f))) (start $s) (func (export "get") (result i32) (global.get $g)))`)
	tm := template(t, engine, hostStep(lib), hostStep(main))
	s := start(t, tm, handler(func(ctx context.Context, s *Store, _ uint32, _, results []uint64) error {
		return s.Call(ctx, tm.slot("add"), []uint64{41}, results)
	}))
	if got, err := call1(s, "get"); err != nil || got != 42 {
		t.Fatalf("%d, %v", got, err)
	}
}

func TestFrameText(t *testing.T) {
	for _, tt := range []struct {
		frame Frame
		want  string
	}{
		{Frame{Func: 3}, "func 3"},
		{Frame{Func: 3, Offset: 65}, "func 3 at 0x41"},
		{Frame{Func: 3, Name: "deep"}, "deep (func 3)"},
		{Frame{Func: 3, Name: "deep", Offset: 65}, "deep (func 3 at 0x41)"},
	} {
		if got := tt.frame.String(); got != tt.want {
			t.Errorf("%+v: %q, want %q", tt.frame, got, tt.want)
		}
	}
}

func TestSourceName(t *testing.T) {
	for mangled, want := range map[string]string{
		"":                                     "",
		"handle":                               "handle",
		"not mangled":                          "not mangled",
		"_ZN7hostile4deep17h0123456789abcdefE": "hostile::deep",
		"_RNvCs1234_7mycrate3foo":              "mycrate::foo",
		"_ZN5space3fooEii":                     "space::foo",
		strings.Repeat("_ZN", maxMangled):      strings.Repeat("_ZN", maxMangled),
		"wasi:http/incoming-handler@0.2.9#handle": "wasi:http/incoming-handler@0.2.9#handle",
	} {
		if got := sourceName(mangled); got != want {
			t.Errorf("%.40s: %q, want %q", mangled, got, want)
		}
	}
}

// The library does not know where in a function its stack's end was reached.
func TestTrapWithoutOffset(t *testing.T) {
	s := start(t, textTemplate(t, engine, trapText), noHost)
	_, err := call1(s, "deep")
	if err == nil || strings.Contains(err.Error(), "ffffffff") {
		t.Errorf("%v", err)
	}
}
