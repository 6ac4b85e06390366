package wasmtime

import (
	"context"
	"errors"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"
)

const spinText = `(module
  (import "h" "wait" (func $wait))
  (func (export "spin") (loop $l (br $l)))
  (func (export "wait") (call $wait))
  (func (export "count") (param i32) (result i32)
    (loop $l (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))) (i32.const 7)))`

func TestDeadlineEndsNestedLoop(t *testing.T) {
	h := handler(func(ctx context.Context, s *Store, _ uint32, args, results []uint64) error {
		return s.Call(ctx, s.tmpl.slot("forever"), make([]uint64, 4), results)
	})
	s := start(t, textTemplate(t, engine, reallocText), h)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	err := s.Call(ctx, s.tmpl.slot("run"), []uint64{1}, make([]uint64, 1))
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	if err := s.Call(context.Background(), s.tmpl.slot("run"), []uint64{1}, make([]uint64, 1)); !errors.Is(err, ErrPoisoned) {
		t.Fatalf("the next call: %v", err)
	}
}

// After a cancelled nested call the handler still owns its arguments and
// results: the fiber they are on must be there until it returns.
func TestHandlerMayWriteAfterCancelledCall(t *testing.T) {
	h := handler(func(ctx context.Context, s *Store, _ uint32, args, results []uint64) error {
		err := s.Call(ctx, s.tmpl.slot("forever"), make([]uint64, 4), results)
		other := start(t, textTemplate(t, engine, reallocText), noHost)
		defer other.Close()
		if args[0] != 77 {
			t.Errorf("argument became %d", args[0])
		}
		results[0] = 1 << 40
		return err
	})
	s := start(t, textTemplate(t, engine, reallocText), h)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Millisecond)
	defer cancel()
	if err := s.Call(ctx, s.tmpl.slot("run"), []uint64{77}, make([]uint64, 1)); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
}

func TestCancelledBeforeCallIsHarmless(t *testing.T) {
	s := start(t, textTemplate(t, engine, spinText), noHost)
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(errors.New("changed my mind"))
	if err := s.Call(ctx, s.tmpl.slot("spin"), nil, nil); err == nil || err.Error() != "changed my mind" {
		t.Fatal(err)
	}
	if got, err := call1(s, "count", 5); err != nil || got != 7 {
		t.Fatalf("%d, %v", got, err)
	}
}

// A thousand calls are cancelled in a loop and a thousand within a host call,
// with a pool of two: a slot that leaked would be missed at once.
func TestCancellationLeaksNothing(t *testing.T) {
	withEngine(t, Config{Instances: 2, Tick: 100 * time.Microsecond}, func(e *Engine) {
		wasm, err := Text(spinText)
		if err != nil {
			t.Fatal(err)
		}
		m, err := e.Compile(wasm)
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		tm, err := e.NewTemplate(TemplateConfig{Steps: []Step{hostStep(m)}, Slots: allSlots([]Step{hostStep(m)})})
		if err != nil {
			t.Fatal(err)
		}
		defer tm.Close()
		for _, name := range []string{"spin", "wait"} {
			for range 1000 {
				cancelOnce(t, tm, name)
			}
		}
		if total, free := e.Instances(); total != 2 || free != 2 {
			t.Fatalf("%d of %d instances are free", free, total)
		}
	})
}

func cancelOnce(t *testing.T, tm *Template, name string) {
	t.Helper()
	var stores [2]*Store
	for i := range stores { // both of the pool's slots
		s, err := tm.NewStore(Limits{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		h := handler(func(ctx context.Context, _ *Store, _ uint32, _, _ []uint64) error {
			cancel()
			return ctx.Err()
		})
		if err := s.Instantiate(ctx, h); err != nil {
			t.Fatal(err)
		}
		if i == 1 {
			break // closed without a call
		}
		if name == "spin" {
			cancelSoon(cancel)
		}
		if err := s.Call(ctx, tm.slot(name), nil, nil); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
}

func cancelSoon(cancel func()) { time.AfterFunc(50*time.Microsecond, cancel) }

func threads(t *testing.T) int {
	entries, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Skip("needs /proc to count threads")
	}
	return len(entries)
}

func TestBlockedHostCallsHoldNoThread(t *testing.T) {
	const n = 400
	tm := textTemplate(t, engine, spinText)
	release, blocked := make(chan struct{}), make(chan struct{}, n)
	h := handler(func(context.Context, *Store, uint32, []uint64, []uint64) error {
		blocked <- struct{}{}
		<-release
		return nil
	})
	before := threads(t)
	var wg sync.WaitGroup
	for range n {
		s := start(t, tm, h)
		wg.Go(func() {
			if _, err := call1(s, "wait"); err != nil {
				t.Error(err)
			}
		})
	}
	for range n {
		<-blocked
	}
	if grown := threads(t) - before; grown > 4*runtime.GOMAXPROCS(0)+4 {
		t.Errorf("%d more threads for %d blocked host calls", grown, n)
	}
	close(release)
	wg.Wait()
}

// Busy guests share the slots: others get on among them, and Go needs no thread
// for each.
func TestBusyGuestsTakeTurns(t *testing.T) {
	const n = 200
	tm := textTemplate(t, engine, spinText)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var stores [n]*Store
	for i := range stores {
		stores[i] = start(t, tm, noHost)
	}
	before := threads(t)
	var wg sync.WaitGroup
	for _, s := range stores {
		wg.Go(func() {
			if err := s.Call(ctx, tm.slot("spin"), nil, nil); !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		})
	}
	waiting := func() bool { return engine.slots.free.Load() <= int64(engine.cfg.Slots-n+8) }
	waitFor(t, "all guests to queue", waiting)
	for range 10 {
		s := start(t, tm, noHost)
		got, err := call1(s, "count", 1000) // in the midst of them
		if err != nil || got != 7 {
			t.Fatalf("%d, %v", got, err)
		}
		if !waiting() {
			t.Fatal("the busy guests are gone")
		}
	}
	if grown := threads(t) - before; grown > 4*runtime.GOMAXPROCS(0)+4 {
		t.Errorf("%d more threads for %d busy guests", grown, n)
	}
	cancel()
	wg.Wait()
}

// The ticker sleeps while nothing runs, and must be awake for the next guest.
func TestTickerWakes(t *testing.T) {
	s := start(t, textTemplate(t, engine, spinText), noHost)
	waitFor(t, "the ticker to sleep", engine.ticker.asleep.Load)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	if err := s.Call(ctx, s.tmpl.slot("spin"), nil, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
}

func waitFor(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); !cond(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// Go's own use of signals must survive the library's handlers.
func TestNilDereferenceStillPanics(t *testing.T) {
	defer func() {
		if err, ok := recover().(runtime.Error); !ok || !contains(err.Error(), "nil pointer") {
			t.Fatalf("recovered %v", err)
		}
	}()
	var p *customError
	_ = p.n
}
