package wasmtime

import (
	"context"
	"testing"
)

const benchText = `(module
  (import "h" "none" (func $none))
  (import "h" "get" (func $get (param i32)))
  (memory (export "memory") 64)
  (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 65536))
  (func (export "empty"))
  (func (export "touch") (i32.store (i32.const 4096) (i32.const 1)))
  (func (export "none") (param i32)
    (loop $l (call $none) (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))
  (func (export "get") (param i32 i32)
    (loop $l (call $get (local.get 1)) (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))
  (data (i32.const 1024) "some data"))`

func benchLoop(b *testing.B, name string, h Handler, arg ...uint64) {
	s := start(b, textTemplate(b, engine, benchText), h)
	args := append([]uint64{uint64(b.N)}, arg...)
	b.ReportAllocs()
	b.ResetTimer()
	if err := s.Call(context.Background(), s.tmpl.slot(name), args, nil); err != nil {
		b.Fatal(err)
	}
}

func BenchmarkHostCall(b *testing.B) { benchLoop(b, "none", noHost) }

func BenchmarkCopy64KiB(b *testing.B) {
	var alloc, mem int
	src := make([]byte, 64<<10)
	args, res := []uint64{0, 0, 1, 64 << 10}, []uint64{0}
	b.SetBytes(64 << 10)
	benchLoop(b, "get", handler(func(ctx context.Context, s *Store, _ uint32, _, _ []uint64) error {
		if alloc == 0 {
			alloc, mem = s.tmpl.slot("realloc"), s.tmpl.slot("memory")
		}
		if err := s.Call(ctx, alloc, args, res); err != nil {
			return err
		}
		copy(s.Memory(mem)[res[0]:], src)
		return nil
	}), 0)
}

func BenchmarkNestedCall(b *testing.B) {
	var alloc int
	args, res := []uint64{0, 0, 1, 16}, []uint64{0}
	benchLoop(b, "get", handler(func(ctx context.Context, s *Store, _ uint32, _, _ []uint64) error {
		if alloc == 0 {
			alloc = s.tmpl.slot("realloc")
		}
		return s.Call(ctx, alloc, args, res)
	}), 0)
}

func BenchmarkCall(b *testing.B) {
	s := start(b, textTemplate(b, engine, benchText), noHost)
	slot := s.tmpl.slot("empty")
	b.ReportAllocs()
	for b.Loop() {
		if err := s.Call(context.Background(), slot, nil, nil); err != nil {
			b.Fatal(err)
		}
	}
}

func benchFresh(b *testing.B, tm *Template, calls ...string) {
	var slots []int
	for _, c := range calls {
		slots = append(slots, tm.slot(c))
	}
	b.ReportAllocs()
	for b.Loop() {
		s, err := tm.NewStore(Limits{})
		if err == nil {
			err = s.Instantiate(context.Background(), noHost)
		}
		if err != nil {
			b.Fatal(err)
		}
		for _, slot := range slots {
			if err := s.Call(context.Background(), slot, nil, nil); err != nil {
				b.Fatal(err)
			}
		}
		s.Close()
	}
}

func BenchmarkFreshStore(b *testing.B) {
	b.Run("instance", func(b *testing.B) { benchFresh(b, textTemplate(b, engine, benchText)) })
	b.Run("instance and call", func(b *testing.B) { benchFresh(b, textTemplate(b, engine, benchText), "empty") })
	b.Run("instance and call that writes", func(b *testing.B) { benchFresh(b, textTemplate(b, engine, benchText), "touch") })
}
