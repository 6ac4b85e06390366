package wasi

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/writ-host/writ/broker"
	"github.com/writ-host/writ/capabilities"
	"github.com/writ-host/writ/capabilities/internal/wits"
	wasiio "github.com/writ-host/writ/capabilities/wasi/io"
	"github.com/writ-host/writ/wit"
)

// guest calls functions as a component would, through the guard.
type guest struct {
	t        *testing.T
	bindings []wit.Binding
	instance *capabilities.Instance
}

func newGuest(t *testing.T, i *capabilities.Instance) *guest {
	t.Helper()
	t.Cleanup(i.End)
	return &guest{t, capabilities.Guard(New()), i}
}

// try calls a function of an interface such as wasi:cli/exit.
func (g *guest) try(iface, name string, args ...wit.Value) (wit.Value, error) {
	g.t.Helper()
	for _, b := range g.bindings {
		if b.Interface.Name.Unversioned() != iface {
			continue
		}
		call := &wit.Call{Func: b.Interface.Func(name), Args: args, Data: g.instance}
		if call.Func == nil {
			g.t.Fatalf("%s has no function %s", iface, name)
		}
		err := b.Funcs[name](g.t.Context(), call)
		return call.Result, err
	}
	g.t.Fatalf("there is no interface %s", iface)
	return wit.Value{}, nil
}

func (g *guest) call(iface, name string, args ...wit.Value) wit.Value {
	g.t.Helper()
	v, err := g.try(iface, name, args...)
	if err != nil {
		g.t.Fatalf("%s of %s: %v", name, iface, err)
	}
	return v
}

// grants lets the resources in it through.
type grants map[string]bool

func (g grants) Decide(_ context.Context, c broker.Call) broker.Decision {
	return broker.Decision{Allowed: g[c.Capability+" "+c.Operation+" "+c.Resource]}
}

// defaults are what the broker grants to everyone.
var defaults = grants{"clock read clock:wall": true, "clock read clock:monotonic": true,
	"random read random:secure": true, "random read random:insecure": true}

func (g grants) Covers(string, string, string) broker.Decision { return broker.Decision{} }

// Guard panics when a function is missing; one too many is a spelling mistake.
func TestFunctionsAreThoseOfTheInterfaces(t *testing.T) {
	capabilities.Guard(New())
	count := 0
	for _, i := range New().Imports() {
		count += len(i.Funcs)
		if len(i.Funcs) != len(i.Interface.Funcs) {
			t.Errorf("%s: %d functions where the interface has %d", i.Interface.Name, len(i.Funcs), len(i.Interface.Funcs))
		}
	}
	if count < 100 {
		t.Errorf("only %d functions", count)
	}
}

func TestEnvironmentIsWhatIsGranted(t *testing.T) {
	g := newGuest(t, &capabilities.Instance{
		Env:     map[string]string{"B": "2", "A": "1", "SECRET": "x", "BAD": "\xff"},
		Args:    []string{"prog", "-v"},
		Subject: grants{"env read env:A": true, "env read env:B": true, "env read env:BAD": true},
	})
	env := g.call("wasi:cli/environment", "get-environment")
	pairs := wit.ListOf(wit.TupleOf(wit.TypeString, wit.TypeString))
	if got, _ := wit.FormatValue(pairs, env); got != `[("A", "1"), ("B", "2"), ("BAD", "`+"\uFFFD"+`")]` {
		t.Errorf("environment is %s", got)
	}
	args := g.call("wasi:cli/environment", "get-arguments")
	if got, _ := wit.FormatValue(wit.ListOf(wit.TypeString), args); got != `["prog", "-v"]` {
		t.Errorf("arguments are %s", got)
	}
	if cwd := g.call("wasi:cli/environment", "initial-cwd"); cwd.Case() != 0 {
		t.Error("there is a working directory")
	}
}

func TestExit(t *testing.T) {
	g := newGuest(t, &capabilities.Instance{})
	for _, c := range []struct {
		name string
		arg  wit.Value
		code uint8
	}{{"exit", wit.Done(), 0}, {"exit", wit.Failed(), 1}, {"exit-with-code", wit.U8(7), 7}} {
		_, err := g.try("wasi:cli/exit", c.name, c.arg)
		var exit Exit
		if !errors.As(err, &exit) || exit.Code != c.code {
			t.Errorf("%s: got %v, want code %d", c.name, err, c.code)
		}
	}
}

func TestStandardStreams(t *testing.T) {
	var out, errs bytes.Buffer
	g := newGuest(t, &capabilities.Instance{Stdin: strings.NewReader("hello"), Stdout: &out, Stderr: &errs})
	for name, text := range map[string]string{"stdout": "to out", "stderr": "to err"} {
		s := g.call("wasi:cli/"+name, "get-"+name)
		g.call("wasi:io/streams", "[method]output-stream.blocking-write-and-flush", s, wit.Bytes([]byte(text)))
	}
	if out.String() != "to out" || errs.String() != "to err" {
		t.Errorf("wrote %q and %q", out.String(), errs.String())
	}
	first := g.call("wasi:cli/stdin", "get-stdin")
	if got := g.read(first, 2); got != "he" {
		t.Errorf("read %q", got)
	}
	if d, ok := first.Handle().Object.(wit.Dropper); ok {
		d.Drop()
	}
	// What was read ahead through the first handle is there for the second.
	if got := g.read(g.call("wasi:cli/stdin", "get-stdin"), 10); got != "llo" {
		t.Errorf("then read %q", got)
	}
}

func (g *guest) read(stream wit.Value, n uint64) string {
	g.t.Helper()
	r := g.call("wasi:io/streams", "[method]input-stream.blocking-read", stream, wit.U64(n))
	b, _ := r.Payload()
	return string(b.Bytes())
}

func TestStandardStreamsThatAreNotThere(t *testing.T) {
	g := newGuest(t, &capabilities.Instance{})
	in := g.call("wasi:cli/stdin", "get-stdin")
	if r := g.call("wasi:io/streams", "[method]input-stream.read", in, wit.U64(1)); r.Case() != 1 {
		t.Error("standard input is not at its end")
	}
	out := g.call("wasi:cli/stdout", "get-stdout")
	if r := g.call("wasi:io/streams", "[method]output-stream.blocking-write-and-flush", out, wit.Bytes([]byte("x"))); r.Case() != 0 {
		t.Error("discarding failed")
	}
}

func TestFilesAreNoTerminals(t *testing.T) {
	f, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	g := newGuest(t, &capabilities.Instance{Stdin: f, Stdout: f})
	for _, name := range []string{"stdin", "stdout", "stderr"} {
		if v := g.call("wasi:cli/terminal-"+name, "get-terminal-"+name); v.Case() != 0 {
			t.Errorf("%s is a terminal", name)
		}
	}
}

func TestWallClock(t *testing.T) {
	g := newGuest(t, &capabilities.Instance{Subject: defaults})
	before := uint64(time.Now().Unix())
	now := g.call("wasi:clocks/wall-clock", "now").Items()
	after := uint64(time.Now().Unix())
	if s := now[0].Uint(); s < before || s > after || now[1].Uint() >= 1e9 {
		t.Errorf("now is %d.%09d, between %d and %d", s, now[1].Uint(), before, after)
	}
	early := datetime(time.Unix(-5, 5)).Items()
	if early[0].Uint() != 0 || early[1].Uint() != 0 {
		t.Errorf("before 1970 is %d.%d", early[0].Uint(), early[1].Uint())
	}
}

func TestMonotonicClock(t *testing.T) {
	g := newGuest(t, &capabilities.Instance{Subject: defaults})
	const clock = "wasi:clocks/monotonic-clock"
	start := g.call(clock, "now").Uint()
	if g.call(clock, "now").Uint() < start {
		t.Error("the clock went backwards")
	}
	const wait = 20 * time.Millisecond
	for name, arg := range map[string]uint64{"subscribe-duration": uint64(wait), "subscribe-instant": start + uint64(wait)} {
		p := wit.Self[wasiio.Pollable](&wit.Call{Args: []wit.Value{g.call(clock, name, wit.U64(arg))}})
		if err := p.Wait(t.Context()); err != nil || !p.Ready() {
			t.Errorf("%s: %v", name, err)
		}
		if now := g.call(clock, "now").Uint(); now < start+uint64(wait) {
			t.Errorf("%s: ready after %d ns", name, now-start)
		}
	}
	for _, name := range []string{"subscribe-duration", "subscribe-instant"} {
		never := g.call(clock, name, wit.U64(1<<64-1))
		if wit.Object[wasiio.Pollable](never).Ready() {
			t.Errorf("%s of the longest time is ready", name)
		}
	}
}

func TestRandom(t *testing.T) {
	g := newGuest(t, &capabilities.Instance{Subject: defaults})
	seen := map[string]bool{}
	for iface, name := range map[string]string{"random": "get-random-bytes", "insecure": "get-insecure-random-bytes"} {
		for _, n := range []uint64{0, 32} {
			b := g.call("wasi:random/"+iface, name, wit.U64(n)).Bytes()
			if uint64(len(b)) != n || seen[string(b)] && n > 0 {
				t.Errorf("%s gave %d bytes for %d, or the same twice", name, len(b), n)
			}
			seen[string(b)] = true
		}
		_, err := g.try("wasi:random/"+iface, name, wit.U64(MaxRandomBytes+1))
		if err == nil || !strings.Contains(err.Error(), "more than 16777216") {
			t.Errorf("%s beyond its limit: %v", name, err)
		}
	}
	if g.call("wasi:random/random", "get-random-u64").Uint() == g.call("wasi:random/insecure", "get-insecure-random-u64").Uint() {
		t.Error("two random numbers are equal")
	}
	seed := g.call("wasi:random/insecure-seed", "insecure-seed").Items()
	if len(seed) != 2 || seed[0].Uint() == seed[1].Uint() {
		t.Error("the seed is not random")
	}
}

func TestTimeAndRandomCanBeDenied(t *testing.T) {
	g := newGuest(t, &capabilities.Instance{App: "a", Component: "c", Subject: grants{}})
	for iface, name := range map[string]string{"clocks/wall-clock": "now", "clocks/monotonic-clock": "now",
		"random/random": "get-random-u64", "random/insecure": "get-insecure-random-u64", "random/insecure-seed": "insecure-seed"} {
		_, err := g.try("wasi:"+iface, name)
		var denied *capabilities.DeniedError
		if !errors.As(err, &denied) {
			t.Errorf("%s of %s: %v", name, iface, err)
		}
	}
}

// A run with a clock and a seed of its own gives the same numbers each time.
func TestRunsCanBeRepeated(t *testing.T) {
	run := func(seed string) (numbers []uint64) {
		g := newGuest(t, &capabilities.Instance{Subject: defaults, Time: time.Unix(1000, 0), Seed: []byte(seed)})
		const clock = "wasi:clocks/monotonic-clock"
		numbers = append(numbers, g.call(clock, "now").Uint(), g.call("wasi:random/random", "get-random-u64").Uint())
		for _, f := range g.call("wasi:clocks/wall-clock", "now").Items() {
			numbers = append(numbers, f.Uint())
		}
		p := wit.Object[wasiio.Pollable](g.call(clock, "subscribe-duration", wit.U64(2e6)))
		if err := p.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		numbers = append(numbers, g.call(clock, "now").Uint())
		return append(numbers, uint64(g.call("wasi:random/insecure", "get-insecure-random-bytes", wit.U64(3)).Bytes()[2]))
	}
	a, b, c := run("x"), run("x"), run("y")
	if !slices.Equal(a, b) || a[1] == c[1] {
		t.Errorf("runs gave %v, %v and with another seed %v", a, b, c)
	}
	if a[0] != 1000 || a[2] != 1000 || a[3] != 2000 || a[4] != 2000+2e6+1000 {
		t.Errorf("the clock went %v", a)
	}
}

func TestConfig(t *testing.T) {
	g := newGuest(t, &capabilities.Instance{Config: map[string]string{"b": "2", "a": "1"}})
	all := g.call("wasi:config/store", "get-all")
	kind := wits.Interface("wasi:config/store").Func("get-all").Result
	if got, _ := wit.FormatValue(kind, all); got != `ok([("a", "1"), ("b", "2")])` {
		t.Errorf("all is %s", got)
	}
	kind = wits.Interface("wasi:config/store").Func("get").Result
	for key, want := range map[string]string{"a": `ok(some("1"))`, "c": "ok(none)"} {
		if got, _ := wit.FormatValue(kind, g.call("wasi:config/store", "get", wit.String(key))); got != want {
			t.Errorf("%s is %s, want %s", key, got, want)
		}
	}
}

func TestLogging(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug - 4}))
	g := newGuest(t, &capabilities.Instance{ID: "7", Log: log})
	for level := range uint32(6) {
		g.call("wasi:logging/logging", "log", wit.Enum(level), wit.String("startup"), wit.String("line\nbreak"))
	}
	for _, level := range []string{"DEBUG-4", "DEBUG", "INFO", "WARN", "ERROR", "ERROR+4"} {
		if want := `level=` + level + ` msg="guest log" context=startup message="line\nbreak" instance=7`; !strings.Contains(out.String(), want) {
			t.Errorf("no %s in %s", want, &out)
		}
	}
}
