package host

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/writ-host/writ/wit"
)

func BenchmarkInstance(b *testing.B) {
	p, _ := things(b, &api{})
	b.ReportAllocs()
	for b.Loop() {
		i, err := p.Instantiate(b.Context(), Limits{}, nil)
		if err != nil {
			b.Fatal(err)
		}
		i.Close()
	}
}

// BenchmarkHostCall is one call of a host function without arguments.
func BenchmarkHostCall(b *testing.B) {
	p, i := things(b, &api{})
	f, err := p.Func("", "ticks")
	if err != nil {
		b.Fatal(err)
	}
	const batch = 1000
	b.ReportAllocs()
	for b.Loop() {
		if _, err := i.Call(b.Context(), f, wit.U32(batch)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/batch, "ns/call")
}

// BenchmarkBytes passes 64 KiB in, out to a host function, back, and out.
func BenchmarkBytes(b *testing.B) {
	p, i := things(b, &api{})
	f, err := p.Func("", "reverse")
	if err != nil {
		b.Fatal(err)
	}
	arg := wit.Bytes(make([]byte, 64<<10))
	b.SetBytes(4 * 64 << 10)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := i.Call(b.Context(), f, arg); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkInstanceOf makes and closes an instance of real components, linked
// to functions that are not called. Those of JavaScript and Python are measured
// when make guests has built them.
func BenchmarkInstanceOf(b *testing.B) {
	for _, file := range []string{
		"examples/guestbook/guestbook.wasm", "testdata/command.wasm", "build/guests/greeter.wasm",
		"build/guests/hello-js.wasm", "build/guests/hello-python.wasm",
	} {
		b.Run(filepath.Base(file), func(b *testing.B) {
			bytes, err := os.ReadFile(filepath.Join("..", file))
			if err != nil {
				b.Skip(err)
			}
			p := prepareAlone(b, bytes)
			b.ReportAllocs()
			for b.Loop() {
				i, err := p.Instantiate(b.Context(), Limits{}, nil)
				if err != nil {
					b.Fatal(err)
				}
				i.Close()
			}
		})
	}
}

// prepareAlone links a component to its own imports' types, none of which does anything.
func prepareAlone(tb testing.TB, bytes []byte) *Prepared {
	tb.Helper()
	cached := *engine
	var err error
	if cached.cache, err = openCache("../build/cache"); err != nil {
		tb.Fatal(err)
	}
	c, err := cached.Compile(tb.Context(), bytes)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(c.Close)
	l := &Linker{}
	for _, i := range c.Info().World.Imports {
		b := wit.Binding{Interface: i.Interface, Funcs: map[string]wit.HostFunc{}}
		for _, f := range i.Interface.Funcs {
			b.Funcs[f.Name] = func(context.Context, *wit.Call) error { return errors.New("not linked") }
		}
		if err := l.Define(b); err != nil {
			tb.Fatal(err)
		}
	}
	p, err := l.Prepare(c)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(p.Close)
	return p
}
