package wasmtime

import (
	"context"
	"encoding/binary"
	"errors"
	"testing"
	"time"
)

// A guest is charged for what it runs, whether it is preempted or calls the
// host all the time, and not for what it waits for.
func TestCPUTime(t *testing.T) {
	tm := textTemplate(t, engine, `(module
		(import "" "" (func $host))
		(func (export "spin") (loop (br 0)))
		(func (export "chatter") (loop (call $host) (br 0)))
		(func (export "wait") (call $host)))`)
	for _, name := range []string{"spin", "chatter"} {
		s := newStore(t, tm, Limits{CPU: 20 * time.Millisecond})
		if err := s.Instantiate(t.Context(), noHost); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		err := s.Call(ctx, tm.slot(name), nil, nil)
		cancel()
		if !errors.Is(err, ErrCPUTime) {
			t.Errorf("%s: %v", name, err)
		}
		if err := s.Call(t.Context(), tm.slot(name), nil, nil); !errors.Is(err, ErrPoisoned) {
			t.Errorf("%s, called again: %v", name, err)
		}
	}
	s := newStore(t, tm, Limits{CPU: 20 * time.Millisecond})
	sleepy := handler(func(context.Context, *Store, uint32, []uint64, []uint64) error {
		time.Sleep(100 * time.Millisecond)
		return nil
	})
	if err := s.Instantiate(t.Context(), sleepy); err != nil {
		t.Fatal(err)
	}
	if _, err := call1(s, "wait"); err != nil {
		t.Errorf("waiting: %v", err)
	}
}

// depthReached is how deep a guest got that calls itself until it is ended.
func depthReached(t *testing.T, e *Engine) uint32 {
	wasm, err := Text(`(module (memory (export "memory") 1)
		(func $deep (export "deep") (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1))) (call $deep)))`)
	if err != nil {
		t.Fatal(err)
	}
	m, err := e.Compile(wasm)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	tm, err := e.NewTemplate(TemplateConfig{Steps: []Step{{Module: m}}, Slots: allSlots([]Step{{Module: m}})})
	if err != nil {
		t.Fatal(err)
	}
	defer tm.Close()
	s, err := tm.NewStore(Limits{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Instantiate(t.Context(), noHost); err != nil {
		t.Fatal(err)
	}
	var trap *Trap
	if _, err := call1(s, "deep"); !errors.As(err, &trap) || trap.Code != TrapStackOverflow {
		t.Error(err)
	}
	return binary.LittleEndian.Uint32(s.Memory(tm.slot("memory")))
}

func TestStackIsConfigurable(t *testing.T) {
	var shallow, deep uint32
	withEngine(t, Config{Instances: 10, Stack: minStack}, func(e *Engine) { shallow = depthReached(t, e) })
	withEngine(t, Config{Instances: 10, Stack: MaxStack}, func(e *Engine) { deep = depthReached(t, e) })
	if shallow < 100 || deep < shallow*(MaxStack/minStack)/2 {
		t.Errorf("a stack of %d holds %d calls, and one of %d holds %d", minStack, shallow, MaxStack, deep)
	}
	if err := (Config{Stack: MaxStack + 1}).Validate(); err == nil {
		t.Error("a stack larger than a fiber has room for is allowed")
	}
}
