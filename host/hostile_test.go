package host

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/writ-host/writ/host/internal/wasmtime"
	"github.com/writ-host/writ/wit"
)

// made is a component of a text, linked to whatever l has.
func made(t testing.TB, l *Linker, text string) *Prepared {
	t.Helper()
	b, err := wasmtime.Text(text)
	if err != nil {
		t.Fatal(err)
	}
	c, err := engine.Compile(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	p, err := l.Prepare(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

func started(t testing.TB, p *Prepared, limits Limits) *Instance {
	t.Helper()
	i, err := p.Instantiate(t.Context(), limits, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(i.Close)
	return i
}

// A host function that returns a value of another type than it declares is the
// host's mistake, and the guest that waits for it has ended all the same.
func TestWrongResultEndsTheInstance(t *testing.T) {
	a := &api{}
	b := a.binding(t, apiText)
	b.Funcs["reverse"] = func(_ context.Context, c *wit.Call) error { c.Return(wit.U32(1)); return nil }
	l := &Linker{}
	if err := l.Define(b); err != nil {
		t.Fatal(err)
	}
	p, err := l.Prepare(compile(t, "things.wat"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	i := started(t, p, Limits{})
	if _, err := call(t, p, i, "reverse", wit.Bytes([]byte("abc"))); err == nil || !strings.Contains(err.Error(), "list is needed, not u32") {
		t.Fatalf("reverse = %v, want that a list is needed", err)
	}
	if _, err := call(t, p, i, "keep", wit.String("x")); !errors.Is(err, ErrEnded) {
		t.Errorf("the next call = %v, want ErrEnded", err)
	}
}

// counter has a resource of its own, with a destructor that calls the host.
const counter = `(component
  (import "tick" (func $tick))
  (core func $tick' (canon lower (func $tick)))
  (core module $dtor (import "" "tick" (func $tick)) (func (export "dtor") (param i32) (call $tick)))
  (core instance $d (instantiate $dtor (with "" (instance (export "tick" (func $tick'))))))
  (type $r (resource (rep i32) (dtor (func $d "dtor"))))
  (core func $new (canon resource.new $r))
  (core func $rep (canon resource.rep $r))
  (core module $main
    (import "" "new" (func $new (param i32) (result i32)))
    (import "" "tick" (func $tick))
    (func (export "make") (param i32) (result i32) (call $new (local.get 0)))
    (func (export "fill") (param i32)
      (loop $l
        (drop (call $new (i32.const 7)))
        (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))
    (func (export "call-host") (call $tick))
    (func (export "see") (param i32) (result i32) (local.get 0)))
  (core instance $m (instantiate $main (with "" (instance (export "new" (func $new)) (export "tick" (func $tick'))))))
  (export $c "counter" (type $r))
  (func (export "make") (param "n" u32) (result (own $c)) (canon lift (core func $m "make")))
  (func (export "fill") (param "n" u32) (canon lift (core func $m "fill")))
  (func (export "call-host") (canon lift (core func $m "call-host")))
  (func (export "see") (param "c" (borrow $c)) (result u32) (canon lift (core func $m "see"))))`

// counters is a component of counter whose calls of the host do what f says.
func counters(t testing.TB, f func(context.Context) error) *Prepared {
	t.Helper()
	l := &Linker{}
	l.DefineFunc(&wit.Func{Name: "tick"}, func(ctx context.Context, _ *wit.Call) error { return f(ctx) })
	return made(t, l, counter)
}

// A handle is of the instance that made it: another one, even in its place,
// must not take it for its own.
func TestHandlesOfOtherInstances(t *testing.T) {
	p := counters(t, func(context.Context) error { return nil })
	first := started(t, p, Limits{})
	h, err := call(t, p, first, "make", wit.U32(41))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := call(t, p, first, "see", wit.Borrow(h.Handle())); err != nil || got.Bits() != 41 {
		t.Fatalf("see = %v, %v", got.Bits(), err)
	}
	second := started(t, p, Limits{})
	foreign := func(i *Instance, which string) {
		t.Helper()
		if _, err := call(t, p, i, "see", wit.Borrow(h.Handle())); err == nil || !strings.Contains(err.Error(), "another instance") {
			t.Errorf("%s: see = %v, want that the handle is of another instance", which, err)
		}
		if err := i.Drop(t.Context(), h.Handle()); err == nil {
			t.Errorf("%s: it dropped what is not its own", which)
		}
	}
	foreign(second, "beside")
	first.Close()
	foreign(started(t, p, Limits{}), "in its place")
}

// The host cannot enter an instance that waits for it.
func TestDropWithinACall(t *testing.T) {
	var i *Instance
	var h wit.Value
	var within error
	p := counters(t, func(ctx context.Context) error { within = i.Drop(ctx, h.Handle()); return nil })
	i = started(t, p, Limits{})
	var err error
	if h, err = call(t, p, i, "make", wit.U32(1)); err != nil {
		t.Fatal(err)
	}
	if _, err := call(t, p, i, "call-host"); err != nil {
		t.Fatal(err)
	}
	if within == nil || !strings.Contains(within.Error(), "in a call already") {
		t.Errorf("drop within a call = %v, want a refusal", within)
	}
}

// A component of many parts does not have the limit on handles once for each.
func TestHandlesOfAllParts(t *testing.T) {
	p := counters(t, func(context.Context) error { return nil })
	_, err := call(t, p, started(t, p, Limits{Handles: 100}), "fill", wit.U32(101))
	var limit *wit.LimitError
	if !errors.As(err, &limit) || limit.Limit != "handles" {
		t.Fatalf("101 handles of 100 = %v, want the limit", err)
	}
	if _, err := call(t, p, started(t, p, Limits{Handles: 100}), "fill", wit.U32(100)); err != nil {
		t.Fatal(err)
	}
}

// A call allocates the values that it passes, and nothing else.
func TestCallsAllocateNothing(t *testing.T) {
	p, i := things(t, &api{})
	f, err := p.Func("", "ticks")
	if err != nil {
		t.Fatal(err)
	}
	args := []wit.Value{wit.U32(3)}
	n := testing.AllocsPerRun(100, func() {
		if _, err := i.Call(t.Context(), f, args...); err != nil {
			t.Fatal(err)
		}
	})
	if n >= 1 { // what the engine does meanwhile counts too
		t.Errorf("a call allocates %v times", n)
	}
}

// Who closes twice must not end another instance, and who closes an instance
// that waits for it must not take its memory from under it.
func TestCloseIsOnce(t *testing.T) {
	var i *Instance
	p := counters(t, func(context.Context) error { i.Close(); return nil })
	first := started(t, p, Limits{})
	first.Close()
	second := started(t, p, Limits{})
	first.Close()
	if _, err := call(t, p, second, "make", wit.U32(1)); err != nil {
		t.Errorf("a call of another instance than the one that was closed twice = %v", err)
	}
	i = second
	if _, err := call(t, p, i, "call-host"); err != nil {
		t.Errorf("the call in which the instance is closed = %v", err)
	}
	if _, err := call(t, p, i, "make", wit.U32(1)); !errors.Is(err, ErrEnded) {
		t.Errorf("the call after that = %v, want ErrEnded", err)
	}
}

// locked calls built-ins and an import from realloc and post-return.
const lockedOut = `(component
  (import "tick" (func $tick))
  (type $r (resource (rep i32)))
  (core func $new (canon resource.new $r))
  (core func $rep (canon resource.rep $r))
  (core func $drop (canon resource.drop $r))
  (core func $tick' (canon lower (func $tick)))
  (core module $main
    (import "" "new" (func $new (param i32) (result i32)))
    (import "" "rep" (func $rep (param i32) (result i32)))
    (import "" "drop" (func $drop (param i32)))
    (import "" "tick" (func $tick))
    (memory (export "memory") 1)
    (global $h (mut i32) (i32.const 0))
    (global $what (mut i32) (i32.const 0))
    (func $act
      (if (i32.eq (global.get $what) (i32.const 1)) (then (drop (call $new (i32.const 5)))))
      (if (i32.eq (global.get $what) (i32.const 2)) (then (drop (call $rep (global.get $h)))))
      (if (i32.eq (global.get $what) (i32.const 3)) (then (call $drop (global.get $h))))
      (if (i32.eq (global.get $what) (i32.const 4)) (then (call $tick))))
    (func (export "set") (param i32)
      (global.set $h (call $new (i32.const 9)))
      (global.set $what (local.get 0)))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (call $act) (i32.const 64))
    (func (export "post") (call $act))
    (func (export "nothing"))
    (func (export "take") (param i32 i32)))
  (core instance $m (instantiate $main (with "" (instance
    (export "new" (func $new)) (export "rep" (func $rep)) (export "drop" (func $drop)) (export "tick" (func $tick'))))))
  (func (export "set") (param "what" u32) (canon lift (core func $m "set")))
  (func (export "post") (canon lift (core func $m "nothing") (post-return (func $m "post"))))
  (func (export "take") (param "s" string)
    (canon lift (core func $m "take") (memory $m "memory") (realloc (func $m "realloc")))))`

// Canonical ABI: while may_leave is false, only resource.rep may be called.
func TestWhatReallocAndPostReturnMayCall(t *testing.T) {
	l := &Linker{}
	l.DefineFunc(&wit.Func{Name: "tick"}, func(context.Context, *wit.Call) error { return nil })
	p := made(t, l, lockedOut)
	for what, allowed := range map[uint32]bool{1: false, 2: true, 3: false, 4: false} {
		for name, args := range map[string][]wit.Value{"post": nil, "take": {wit.String("text")}} {
			i := started(t, p, Limits{})
			if _, err := call(t, p, i, "set", wit.U32(what)); err != nil {
				t.Fatal(err)
			}
			_, err := call(t, p, i, name, args...)
			if allowed != (err == nil) || err != nil && !strings.Contains(err.Error(), "may not call out") {
				t.Errorf("call %d in %s = %v, allowed: %v", what, name, err, allowed)
			}
		}
	}
}

// reentrant has a resource each for its parent and for its child, and each one's
// destructor drops a handle of the other's.
const reentrant = `(component
  (core module $state (global (export "h") (mut i32) (i32.const 0)) (table (export "t") 1 funcref))
  (core instance $ps (instantiate $state))
  (core module $pd (import "" "h" (global $h (mut i32))) (import "" "t" (table 1 funcref))
    (type $f (func (param i32)))
    (func (export "dtor") (param i32)
      (if (global.get $h) (then (call_indirect (type $f) (global.get $h) (i32.const 0))))))
  (core instance $pdi (instantiate $pd (with "" (instance $ps))))
  (type $p (resource (rep i32) (dtor (func $pdi "dtor"))))
  (export $pe "parents" (type $p))
  (component $child
    (import "parents" (type $p (sub resource)))
    (core module $count (global (export "n") (mut i32) (i32.const 0)))
    (core instance $count (instantiate $count))
    (core module $cd (import "" "n" (global $n (mut i32)))
      (func (export "dtor") (param i32) (global.set $n (i32.add (global.get $n) (i32.const 1)))))
    (core instance $cdi (instantiate $cd (with "" (instance $count))))
    (type $c (resource (rep i32) (dtor (func $cdi "dtor"))))
    (export $ce "childs" (type $c))
    (core func $new (canon resource.new $c))
    (core func $drop (canon resource.drop $p))
    (core module $m
      (import "" "new" (func $new (param i32) (result i32)))
      (import "" "drop" (func $drop (param i32)))
      (import "" "n" (global $n (mut i32)))
      (func (export "make") (result i32) (call $new (i32.const 1)))
      (func (export "take") (param i32) (call $drop (local.get 0)))
      (func (export "dropped") (result i32) (global.get $n)))
    (core instance $i (instantiate $m (with "" (instance
      (export "new" (func $new)) (export "drop" (func $drop)) (export "n" (global $count "n"))))))
    (func (export "make") (result (own $ce)) (canon lift (core func $i "make")))
    (func (export "take") (param "p" (own $p)) (canon lift (core func $i "take")))
    (func (export "dropped") (result u32) (canon lift (core func $i "dropped"))))
  (instance $child (instantiate $child (with "parents" (type $p))))
  (alias export $child "childs" (type $c))
  (core func $new (canon resource.new $p))
  (core func $drop (canon resource.drop $c))
  (core module $m
    (import "" "new" (func $new (param i32) (result i32)))
    (import "" "drop" (func $drop (param i32)))
    (import "" "h" (global $h (mut i32)))
    (import "" "t" (table 1 funcref))
    (elem (i32.const 0) $drop)
    (func (export "make") (result i32) (call $new (i32.const 2)))
    (func (export "hold") (param i32) (global.set $h (local.get 0))))
  (core instance $i (instantiate $m (with "" (instance (export "new" (func $new)) (export "drop" (func $drop))
    (export "h" (global $ps "h")) (export "t" (table $ps "t"))))))
  (export $ce "childs" (type $c))
  (func (export "make-parents") (result (own $pe)) (canon lift (core func $i "make")))
  (func (export "hold") (param "c" (own $ce)) (canon lift (core func $i "hold")))
  (export "make-childs" (func $child "make") (func (result (own $ce))))
  (export "take" (func $child "take") (func (param "p" (own $pe))))
  (export "dropped" (func $child "dropped")))`

// A destructor must not run in an instance that is being called: the child drops
// a resource of its parent's, whose destructor drops one of the child's.
func TestDestructorsDoNotReenter(t *testing.T) {
	p := made(t, &Linker{}, reentrant)
	for _, held := range []bool{false, true} {
		i := started(t, p, Limits{})
		parents, err := call(t, p, i, "make-parents")
		if err != nil {
			t.Fatal(err)
		}
		childs, err := call(t, p, i, "make-childs")
		if err != nil {
			t.Fatal(err)
		}
		if held {
			if _, err := call(t, p, i, "hold", childs); err != nil {
				t.Fatal(err)
			}
		}
		_, err = call(t, p, i, "take", parents)
		if held == (err == nil) || err != nil && !strings.Contains(err.Error(), "cannot be entered from within itself") {
			t.Errorf("with a handle of the child's: %v, drop = %v", held, err)
		}
	}
}

// A core module's start function may call out, as soon as what the call needs
// is there; before, it traps.
func TestStartFunctionsThatCallOut(t *testing.T) {
	const text = `(component
	  (import "say" (func $say (param "s" string)))
	  (core module $shim (table (export "t") 1 funcref) (type $f (func (param i32 i32)))
	    (func (export "say") (param i32 i32) (call_indirect (type $f) (local.get 0) (local.get 1) (i32.const 0))))
	  (core instance $shim (instantiate $shim))
	  (core module $main (import "" "say" (func $say (param i32 i32)))
	    (memory (export "memory") 1) (data (i32.const 8) "hello")
	    START)
	  (core instance $main (instantiate $main (with "" (instance (export "say" (func $shim "say"))))))
	  (core func $say' (canon lower (func $say) (memory $main "memory")))
	  (core module $fixup (import "" "t" (table 1 funcref)) (import "" "say" (func $say (param i32 i32))) (elem (i32.const 0) func $say)
	    (func $start (call $say (i32.const 8) (i32.const 5))) (start $start))
	  (core instance (instantiate $fixup (with "" (instance (export "t" (table $shim "t")) (export "say" (func $say')))))))`
	for _, c := range []struct{ name, start, want string }{
		{"when all is there", "", ""},
		{"before the memory exists", "(func $start (call $say (i32.const 8) (i32.const 5))) (start $start)", "instantiate: core instance"},
	} {
		var said []string
		l := &Linker{}
		l.DefineFunc(&wit.Func{Name: "say", Params: []wit.Param{{Name: "s", Type: wit.TypeString}}},
			func(_ context.Context, c *wit.Call) error { said = append(said, c.Args[0].Text()); return nil })
		i, err := made(t, l, strings.Replace(text, "START", c.start, 1)).Instantiate(t.Context(), Limits{}, nil)
		if err == nil {
			i.Close()
		}
		if c.want == "" && (err != nil || len(said) != 1 || said[0] != "hello") || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: said %q, %v", c.name, said, err)
		}
	}
}
