package conformance

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/writ-host/writ/conformance/internal/oracle"
	"github.com/writ-host/writ/host"
	"github.com/writ-host/writ/wit"
)

// payload is what is passed in a call, nil for nothing.
type payload struct {
	name  string
	typ   *wit.Type
	value wit.Value
}

func payloads() []payload {
	var fields []wit.Field
	var values []wit.Value
	for i := range 20 {
		fields = append(fields, wit.Field{Name: fmt.Sprintf("f%d", i), Type: wit.TypeU32})
		values = append(values, wit.U32(uint32(i)))
	}
	record := wit.RecordOf(fields...)
	small := wit.RecordOf(wit.Field{Name: "id", Type: wit.TypeU32}, wit.Field{Name: "at", Type: wit.TypeU64},
		wit.Field{Name: "on", Type: wit.TypeBool}, wit.Field{Name: "name", Type: wit.TypeString})
	list := []payload{{name: "nothing"}}
	for _, size := range []int{16, 4 << 10, 1 << 20} {
		list = append(list, payload{fmt.Sprintf("list<u8> of %s", sizeName(size)), wit.ListOf(wit.TypeU8), wit.Bytes(make([]byte, size))})
	}
	for _, size := range []int{16, 4 << 10, 1 << 20} {
		list = append(list, payload{fmt.Sprintf("string of %s", sizeName(size)), wit.TypeString, wit.String(strings.Repeat("a", size))})
	}
	item := wit.Record(wit.U32(1), wit.U64(2), wit.Bool(true), wit.String("a name"))
	return append(list,
		payload{"record of 20 fields", record, wit.Record(values...)},
		payload{"list of 1000 records", wit.ListOf(small), wit.List(slices.Repeat([]wit.Value{item}, 1000)...)})
}

func sizeName(n int) string {
	if n >= 1<<20 {
		return fmt.Sprintf("%d MiB", n>>20)
	}
	if n >= 1<<10 {
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d B", n)
}

// guest is a component whose export "take" keeps where its argument is, and
// whose export "send" hands that to the import "sink" so many times.
func (p payload) guest() string {
	w := &typeWriter{names: map[*wit.Type]string{}}
	param, flat := "", 0
	if p.typ != nil {
		param, flat = "(param \"v\" "+w.ref(p.typ)+")", p.typ.FlatCount
	}
	if flat > wit.MaxFlatParams {
		flat = 1
	}
	core := strings.TrimSpace("(param " + strings.Repeat(" i32", flat) + ")")
	var keep, globals, kept strings.Builder
	for i := range flat {
		fmt.Fprintf(&globals, "(global $v%d (mut i32) (i32.const 0))\n", i)
		fmt.Fprintf(&keep, "(global.set $v%d (local.get %d)) ", i, i)
		fmt.Fprintf(&kept, " (global.get $v%d)", i)
	}
	return fmt.Sprintf(`(component
%[1]s (import "sink" (func $sink %[2]s))
(core module $libc
  (memory (export "memory") 64)
  (global $next (mut i32) (i32.const 65536))
  (func (export "realloc") (param $old i32) (param $was i32) (param $align i32) (param $size i32) (result i32)
    (local $at i32)
    (local.set $at (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
    (global.set $next (i32.add (local.get $at) (local.get $size)))
    (local.get $at))
  (func (export "reset") (global.set $next (i32.const 65536))))
(core instance $libc (instantiate $libc))
(core func $sink (canon lower (func $sink) (memory $libc "memory") (realloc (func $libc "realloc"))))
(core module $m
  (import "" "sink" (func $sink %[3]s)) (import "libc" "reset" (func $reset))
  %[4]s
  (func (export "take") %[3]s %[5]s (call $reset))
  (func (export "send") (param i32)
    (loop (call $sink %[6]s)
      (local.set 0 (i32.sub (local.get 0) (i32.const 1)))
      (br_if 0 (local.get 0)))))
(core instance $m (instantiate $m (with "" (instance (export "sink" (func $sink)))) (with "libc" (instance $libc))))
(func (export "take") %[2]s (canon lift (core func $m "take") (memory $libc "memory") (realloc (func $libc "realloc"))))
(func (export "send") (param "n" u32) (canon lift (core func $m "send"))))`,
		w.text.String(), param, core, &globals, &keep, &kept)
}

// contest is a benchmark of both runtimes in one run, by the processor time that
// each process takes: other work on the machine then changes neither much. The
// oracle runs before and after.
func contest(b *testing.B, ours func(n int), theirs func(n int) (time.Duration, error)) {
	b.Helper()
	first := each(b, theirs)
	b.ReportAllocs()
	b.ResetTimer()
	start := processorTime(b)
	ours(b.N)
	took := processorTime(b) - start
	b.StopTimer()
	reportBoth(b, float64(took.Nanoseconds())/float64(b.N), (first+each(b, theirs))/2)
}

// each is the time of one, of as many as take long enough to measure.
func each(b *testing.B, run func(n int) (time.Duration, error)) float64 {
	b.Helper()
	const enough = 100 * time.Millisecond
	for n := 1; ; {
		d, err := run(n)
		if err != nil {
			b.Fatal(err)
		}
		if d > enough {
			return float64(d.Nanoseconds()) / float64(n)
		}
		n = min(100*n, 1+int(2*float64(n)*float64(enough)/float64(max(d, 1))))
	}
}

func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func reportBoth(b *testing.B, ours, theirs float64) {
	b.ReportMetric(ours, "cpu-ns/op")
	b.ReportMetric(theirs, "oracle-cpu-ns/op")
	b.ReportMetric(theirs/ours, "times-as-fast")
}

// BenchmarkCalls compares calls with arguments: by the host, which lowers them,
// and by the guest, which has them lifted.
func BenchmarkCalls(b *testing.B) {
	o := startOracle(b)
	for _, p := range payloads() {
		text := p.guest()
		component, err := o.Text(text)
		if err != nil {
			b.Fatalf("%v\n%s", err, text)
		}
		if err = o.Load(component); err == nil {
			err = o.Instantiate()
		}
		if err != nil {
			b.Fatal(err)
		}
		i := instanceOf(b, component)
		var args []wit.Value
		if p.typ != nil {
			args = []wit.Value{p.value}
		}
		benchmarkCalls(b, o, i, p.name, args)
		i.live.Close()
	}
}

func benchmarkCalls(b *testing.B, o *oracle.Process, i *instance, name string, args []wit.Value) {
	take, send := i.function(b, "take"), i.function(b, "send")
	call := func(b *testing.B, f *host.Func, args ...wit.Value) {
		if _, err := i.live.Call(b.Context(), f, args...); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("host calls guest/"+name, func(b *testing.B) {
		contest(b, func(n int) {
			for range n {
				call(b, take, args...)
			}
		}, func(n int) (time.Duration, error) { return o.TimeCalls(n, take.Type, args...) })
	})
	b.Run("guest calls host/"+name, func(b *testing.B) {
		call(b, take, args...)
		if _, err := o.Call(take.Type, args...); err != nil {
			b.Fatal(err)
		}
		contest(b, func(n int) { call(b, send, wit.U32(uint32(n))) },
			func(n int) (time.Duration, error) { return o.TimeCalls(1, send.Type, wit.U32(uint32(n))) })
	})
}

func (i *instance) function(b *testing.B, name string) *host.Func {
	b.Helper()
	f, err := i.prepared.Func("", name)
	if err != nil {
		b.Fatal(err)
	}
	return f
}

// instanceOf links the component to functions that do nothing.
func instanceOf(b *testing.B, component []byte) *instance {
	b.Helper()
	i := &instance{prepared: prepareWith(b, component, func(context.Context, *wit.Call) error { return nil })}
	if i.live, i.err = i.prepared.Instantiate(b.Context(), host.Limits{}, nil); i.err != nil {
		b.Fatal(i.err)
	}
	return i
}

// guests are components of real toolchains.
var guests = []struct{ name, file string }{
	{"C, wasi-libc", "testdata/command.wasm"},
	{"Rust, wit-bindgen", "examples/guestbook/guestbook.wasm"},
	{"Rust, two composed", "build/guests/greeter.wasm"},
	{"JavaScript, componentize-js", "build/guests/hello-js.wasm"},
	{"Python, componentize-py", "build/guests/hello-python.wasm"},
}

// BenchmarkInstances compares instances of real guests, from store to drop.
func BenchmarkInstances(b *testing.B) {
	o := startOracle(b)
	if err := o.Pool(); err != nil {
		b.Fatal(err)
	}
	for _, g := range guests {
		b.Run(g.name, func(b *testing.B) {
			component := readGuest(b, g.file)
			if _, err := o.TimeLoad(component); err != nil {
				b.Fatal(err)
			}
			p := prepareWith(b, component, func(context.Context, *wit.Call) error { return nil })
			contest(b, func(n int) {
				for range n {
					i, err := p.Instantiate(b.Context(), host.Limits{}, nil)
					if err != nil {
						b.Fatal(err)
					}
					i.Close()
				}
			}, o.TimeInstances)
		})
	}
}

// BenchmarkCompile compares compiling real guests from nothing.
func BenchmarkCompile(b *testing.B) {
	o := startOracle(b)
	compiler.oracleToo = true
	defer func() { compiler.oracleToo = false }()
	for _, g := range guests {
		b.Run(g.name, func(b *testing.B) {
			component := readGuest(b, g.file)
			theirs, err := o.TimeLoad(component)
			if err != nil {
				b.Fatal(err)
			}
			start := processorTime(b)
			for b.Loop() {
				c, err := engine.Compile(b.Context(), component)
				if err != nil {
					b.Fatal(err)
				}
				c.Close()
			}
			reportBoth(b, float64((processorTime(b)-start).Nanoseconds())/float64(b.N), float64(theirs.Nanoseconds()))
		})
	}
}

func readGuest(b *testing.B, file string) []byte {
	b.Helper()
	component, err := os.ReadFile(filepath.Join("..", file))
	if err != nil {
		b.Skip("not built: make guests")
	}
	return component
}
