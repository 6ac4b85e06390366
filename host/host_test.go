package host

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/writ-host/writ/host/internal/codecache"
	"github.com/writ-host/writ/host/internal/wasmtime"
	"github.com/writ-host/writ/wit"
)

// engine is the process's one engine.
var engine *Engine

var update = flag.Bool("update", false, "build testdata/things.wasm")

func TestMain(m *testing.M) {
	flag.Parse()
	var err error
	if engine, err = NewEngine(Config{}); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

const apiText = `package test:host@1.4.0;
interface api {
  resource thing {
    constructor(name: string);
    name: func() -> string;
  }
  reverse: func(bytes: list<u8>) -> list<u8>;
  tick: func();
  newer: func();
}`

type thing struct {
	name    string
	dropped *int
}

func (t *thing) Drop() { *t.dropped++ }

// api is an implementation of test:host/api that remembers what happened.
type api struct {
	dropped int
	ticks   int
	fault   error // what tick returns
}

func (a *api) binding(t testing.TB, text string) wit.Binding {
	t.Helper()
	packages, err := wit.Parse(wit.File{Name: "api.wit", Text: text})
	if err != nil {
		t.Fatal(err)
	}
	iface := packages.Interfaces()[0]
	b := wit.Binding{Interface: iface, Funcs: map[string]wit.HostFunc{
		"[constructor]thing": func(_ context.Context, c *wit.Call) error {
			c.Return(wit.NewOwn(iface.Resource("thing"), &thing{c.Args[0].Text(), &a.dropped}))
			return nil
		},
		"[method]thing.name": func(_ context.Context, c *wit.Call) error {
			c.Return(wit.String(wit.Self[*thing](c).name))
			return nil
		},
		"reverse": func(_ context.Context, c *wit.Call) error {
			b := slices.Clone(c.Args[0].Bytes())
			slices.Reverse(b)
			c.Return(wit.Bytes(b))
			return nil
		},
		"tick":  func(context.Context, *wit.Call) error { a.ticks++; return a.fault },
		"newer": func(context.Context, *wit.Call) error { return nil },
	}}
	return b
}

func compile(t testing.TB, file string) *Component {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	bytes, err := wasmtime.Text(string(text))
	if err != nil {
		t.Fatal(err)
	}
	c, err := engine.Compile(t.Context(), bytes)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// things is an instance of things.wat over a.
func things(t testing.TB, a *api) (*Prepared, *Instance) {
	t.Helper()
	l := &Linker{}
	if err := l.Define(a.binding(t, apiText)); err != nil {
		t.Fatal(err)
	}
	p, err := l.Prepare(compile(t, "things.wat"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	i, err := p.Instantiate(t.Context(), Limits{Memory: 4 << 20}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(i.Close)
	return p, i
}

func call(t testing.TB, p *Prepared, i *Instance, name string, args ...wit.Value) (wit.Value, error) {
	t.Helper()
	f, err := p.Func("", name)
	if err != nil {
		t.Fatal(err)
	}
	return i.Call(t.Context(), f, args...)
}

// The examples need the component in binary form, as readers have theirs.
func TestThingsAreBuilt(t *testing.T) {
	const file = "testdata/things.wasm"
	built := thingsComponent(t)
	if *update {
		if err := os.WriteFile(file, built, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if kept, err := os.ReadFile(file); err != nil || !bytes.Equal(kept, built) {
		t.Errorf("%s is not what things.wat says (go test ./host -run Built -update): %v", file, err)
	}
}

func TestCallsBothWays(t *testing.T) {
	a := &api{}
	p, i := things(t, a)
	for range 3 {
		got, err := call(t, p, i, "round-trip", wit.String("naïve — 日本"))
		if err != nil || got.Text() != "naïve — 日本" {
			t.Fatalf("round-trip = %q, %v", got.Text(), err)
		}
	}
	if a.dropped != 3 {
		t.Errorf("%d things dropped, want 3", a.dropped)
	}
	got, err := call(t, p, i, "reverse", wit.Bytes([]byte("abc")))
	if err != nil || string(got.Bytes()) != "cba" {
		t.Errorf("reverse = %q, %v", got.Bytes(), err)
	}
}

func TestCloseDropsWhatTheGuestKept(t *testing.T) {
	a := &api{}
	p, i := things(t, a)
	for range 5 {
		if _, err := call(t, p, i, "keep", wit.String("x")); err != nil {
			t.Fatal(err)
		}
	}
	if a.dropped != 0 {
		t.Fatalf("%d things dropped while the guest has them", a.dropped)
	}
	i.Close()
	if a.dropped != 5 {
		t.Errorf("%d things dropped at the end, want 5", a.dropped)
	}
}

func TestErrorsEndTheInstance(t *testing.T) {
	fault := errors.New("out of ticks")
	for _, c := range []struct{ name, want string }{
		{"ticks", "test:host/api@1.2.0 tick: out of ticks"},
		{"crash", "unreachable"},
		{"forge", "no such handle"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, i := things(t, &api{fault: fault})
			var args []wit.Value
			if c.name == "ticks" {
				args = []wit.Value{wit.U32(3)}
			}
			_, err := call(t, p, i, c.name, args...)
			var trap *Trap
			if !errors.As(err, &trap) || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("error = %v, want a trap with %q", err, c.want)
			}
			if c.name == "ticks" && !errors.Is(err, fault) {
				t.Error("the host function's own error is lost")
			}
			if _, err := call(t, p, i, "keep", wit.String("x")); !errors.Is(err, ErrEnded) {
				t.Errorf("call after a trap = %v, want ErrEnded", err)
			}
		})
	}
}

func TestDeadlineEndsABusyGuest(t *testing.T) {
	p, i := things(t, &api{})
	f, err := p.Func("", "spin")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	if _, err := i.Call(ctx, f); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("spin = %v, want a deadline", err)
	}
}

func TestMemoryLimitReachesTheGuest(t *testing.T) {
	p, i := things(t, &api{})
	_, err := call(t, p, i, "reverse", wit.Bytes(make([]byte, 8<<20)))
	var trap *Trap
	if !errors.As(err, &trap) {
		t.Fatalf("8 MiB into a memory of 4 = %v, want a trap", err)
	}
}

func TestWrongArguments(t *testing.T) {
	p, i := things(t, &api{})
	for _, args := range [][]wit.Value{{}, {wit.U32(1)}, {wit.String("a"), wit.String("b")}} {
		if _, err := call(t, p, i, "keep", args...); err == nil {
			t.Errorf("keep with %d arguments was accepted", len(args))
		}
	}
	if _, err := call(t, p, i, "keep", wit.String("still alive")); err != nil {
		t.Errorf("a host's mistake ended the instance: %v", err)
	}
}

func TestImportsThatDoNotFit(t *testing.T) {
	for _, c := range []struct {
		name string
		edit func(string) string
		want []string
	}{
		{"missing", func(s string) string { return strings.Replace(s, "interface api", "interface other", 1) },
			[]string{`import "test:host/api@1.2.0": nothing offers this interface`}},
		{"another major version", func(s string) string { return strings.Replace(s, "@1.4.0", "@2.0.0", 1) },
			[]string{"only the incompatible version 2.0.0"}},
		{"another type", func(s string) string {
			return strings.Replace(s, "bytes: list<u8>) -> list<u8>", "bytes: list<u16>) -> list<u8>", 1)
		}, []string{"function reverse has another type", "list<u8>", "list<u16>"}},
		{"no such function", func(s string) string { return strings.Replace(s, "tick: func();", "", 1) },
			[]string{"function tick is not offered"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := &Linker{}
			if err := l.Define((&api{}).binding(t, c.edit(apiText))); err != nil {
				t.Fatal(err)
			}
			_, err := l.Prepare(compile(t, "things.wat"))
			for _, want := range c.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("error = %v\nwant %q in it", err, want)
				}
			}
		})
	}
}

// Of several that offer an interface, the one with the component's types serves.
func TestImportsThatFitTheSecond(t *testing.T) {
	wrong, right := &api{}, &api{}
	first, second := wrong.binding(t, strings.Replace(apiText, "bytes: list<u8>)", "bytes: list<u16>)", 1)), right.binding(t, apiText)
	first.Interface.Types = second.Interface.Types // they share the resource
	l := &Linker{}
	if err := errors.Join(l.Define(first), l.Define(second)); err != nil {
		t.Fatal(err)
	}
	p, err := l.Prepare(compile(t, "things.wat"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	i, err := p.Instantiate(t.Context(), Limits{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(i.Close)
	if _, err := call(t, p, i, "ticks", wit.U32(1)); err != nil || right.ticks != 1 || wrong.ticks != 0 {
		t.Errorf("%v; %d ticks of the one that fits, %d of the other", err, right.ticks, wrong.ticks)
	}
}

func TestNotComponents(t *testing.T) {
	core, err := wasmtime.Text("(module)")
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{"empty": {}, "text": []byte("hello, world"), "core module": core, "nil": nil} {
		if _, err := engine.Compile(t.Context(), b); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// The cache serves a component again, and what was tampered with is compiled anew.
func TestCodeCache(t *testing.T) {
	bytes := thingsComponent(t)
	dir := t.TempDir()
	var events []CompileEvent
	var err error
	cached := *engine
	cached.config.OnCompile = func(e CompileEvent) { events = append(events, e) }
	if cached.cache, err = openCache(dir); err != nil {
		t.Fatal(err)
	}
	compiles := func() (fresh int, forged error) {
		events = nil
		c, err := cached.Compile(t.Context(), bytes)
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
		for _, e := range events {
			if e.Forged != nil {
				forged = e.Forged
			}
		}
		return len(events), forged
	}
	if n, _ := compiles(); n != 2 {
		t.Fatalf("%d events at first, want start and end", n)
	}
	if n, _ := compiles(); n != 0 {
		t.Fatalf("%d events when all was in the cache", n)
	}
	entries, err := filepath.Glob(filepath.Join(dir, "*.cwasm"))
	if err != nil || len(entries) != 2 { // the fused module, and that it was admitted
		t.Fatalf("cache has %v, %v", entries, err)
	}
	for _, entry := range entries {
		code, err := os.ReadFile(entry)
		if err != nil {
			t.Fatal(err)
		}
		code[len(code)/2] ^= 1
		if err := os.WriteFile(entry, code, 0o600); err != nil {
			t.Fatal(err)
		}
		if n, forged := compiles(); n != 2 || !errors.Is(forged, codecache.ErrForged) {
			t.Fatalf("after tampering: %d events, %v reported", n, forged)
		}
	}
}
