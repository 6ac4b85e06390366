package canon

import (
	"fmt"
	"testing"

	"github.com/writ-host/writ/wit"
)

// bump is a memory whose allocator always gives the same place.
type bump struct{ mem []byte }

func (b *bump) Bytes() []byte { return b.mem }

func (b *bump) Realloc(_, _, _, _ uint32) (uint32, error) { return 64, nil }

func benchmark(b *testing.B, bytes int, typ *wit.Type, v wit.Value) {
	f := compile(b, UTF8, nil, typ)
	cx := &Context{Memory: &bump{make([]byte, 1<<20)}}
	flat, err := f.LowerParams(cx, []wit.Value{v}, nil)
	if err != nil {
		b.Fatal(err)
	}
	args, values := []wit.Value{v}, make([]wit.Value, 0, 1)
	b.Run("lower", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(bytes))
		for b.Loop() {
			if _, err := f.LowerParams(cx, args, flat[:0]); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("lift", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(bytes))
		for b.Loop() {
			if _, err := f.LiftParams(cx, flat, values); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkBytes64K(b *testing.B) {
	benchmark(b, 64<<10, wit.ListOf(wit.TypeU8), wit.Bytes(make([]byte, 64<<10)))
}

func BenchmarkString100(b *testing.B) {
	benchmark(b, 100, wit.TypeString, wit.String(fmt.Sprintf("%100s", "text")))
}

func BenchmarkRecordOf20Fields(b *testing.B) {
	var fields []wit.Field
	var values []wit.Value
	for i := range 20 {
		fields = append(fields, wit.Field{Name: fmt.Sprintf("f%d", i), Type: wit.TypeU32})
		values = append(values, wit.U32(uint32(i)))
	}
	benchmark(b, 80, wit.RecordOf(fields...), wit.Record(values...))
}

// BenchmarkListOf1000Records: records without strings, since the allocator of
// this benchmark gives everything the same place.
func BenchmarkListOf1000Records(b *testing.B) {
	rec := wit.RecordOf(wit.Field{Name: "a", Type: wit.TypeU32}, wit.Field{Name: "b", Type: wit.TypeU64},
		wit.Field{Name: "c", Type: wit.TypeBool}, wit.Field{Name: "d", Type: wit.OptionOf(wit.TypeU32)})
	items := make([]wit.Value, 1000)
	for i := range items {
		items[i] = wit.Record(wit.U32(uint32(i)), wit.U64(1), wit.Bool(true), wit.Some(wit.U32(9)))
	}
	benchmark(b, 1000*int(rec.Size), wit.ListOf(rec), wit.List(items...))
}

func BenchmarkListOf1000U32(b *testing.B) {
	items := make([]wit.Value, 1000)
	for i := range items {
		items[i] = wit.U32(uint32(i))
	}
	benchmark(b, 4000, wit.ListOf(wit.TypeU32), wit.List(items...))
}

func BenchmarkScalarCall(b *testing.B) {
	f := compile(b, UTF8, wit.TypeU32, wit.TypeU32, wit.TypeU32)
	cx, args, out := &Context{}, []uint64{1, 2}, make([]uint64, 1)
	values := make([]wit.Value, 0, 2)
	b.ReportAllocs()
	for b.Loop() {
		v, err := f.LiftParams(cx, args, values)
		if err != nil {
			b.Fatal(err)
		}
		if err := f.LowerResult(cx, args, v[0], out); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkHandleCall(b *testing.B) {
	f := compile(b, UTF8, nil, wit.BorrowOf(file))
	cx := &Context{Handles: &Table{}, Scope: &Scope{}}
	if _, err := cx.Handles.AddOwn(hosted(file, "f")); err != nil {
		b.Fatal(err)
	}
	values := make([]wit.Value, 0, 1)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := f.LiftParams(cx, []uint64{1}, values); err != nil {
			b.Fatal(err)
		}
		if err := cx.Scope.Exit(); err != nil {
			b.Fatal(err)
		}
	}
}
