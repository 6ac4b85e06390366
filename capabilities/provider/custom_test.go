package provider_test

import (
	"context"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/writ-host/writ/capabilities/custom/backend"
	"github.com/writ-host/writ/capabilities/provider"
	"github.com/writ-host/writ/capabilities/provider/value"
	"github.com/writ-host/writ/wit"
)

// raw calls functions of the test's interfaces with values in WAVE; handles
// are their ids.
type raw struct {
	t     *testing.T
	p     *provider.Provider
	all   *wit.Packages
	scope uint64
	life  uint64
}

type rawIDs struct{}

func (rawIDs) ID(h *wit.Handle) (uint64, error) { return h.Object.(uint64), nil }
func (rawIDs) Handle(t *wit.Type, id uint64) (*wit.Handle, error) {
	return &wit.Handle{Resource: t.Resource, Object: id}, nil
}

func newRaw(t *testing.T) *raw {
	all, err := wit.Parse(wit.File{Name: "e.wit", Text: everything})
	if err != nil {
		t.Fatal(err)
	}
	return &raw{t: t, p: launch(t, accepting(config(t, "serve-every"))), all: all, scope: 1}
}

func (r *raw) invoke(iface, name string, args []wit.Value) (wit.Value, error) {
	r.t.Helper()
	i := r.all.Interface("test:everything/" + iface)
	f := i.Func(name)
	b, err := value.AppendArgs(nil, f, args, rawIDs{})
	if err != nil {
		r.t.Fatal(err)
	}
	answer, err := r.p.Custom().Invoke(context.Background(), backend.Caller{App: "a", Component: "c", Grant: "g", Scope: r.scope},
		backend.Call{Interface: i.Name.String(), Function: name, Args: b, Life: r.life})
	if err != nil || f.Result == nil {
		return wit.Value{}, err
	}
	v, err := value.Decode(answer.Result, f.Result, rawIDs{})
	if err != nil {
		r.t.Fatalf("%s: %v", name, err)
	}
	r.life = answer.Life
	return v, nil
}

func (r *raw) wave(name string, args ...string) string {
	r.t.Helper()
	f := r.all.Interface("test:everything/shapes").Func(name)
	values := make([]wit.Value, len(args))
	for i, a := range args {
		var err error
		if values[i], err = wit.ParseValue(f.Params[i].Type, a); err != nil {
			r.t.Fatal(err)
		}
	}
	v, err := r.invoke("shapes", name, values)
	if err != nil {
		return "error: " + err.Error()
	}
	if f.Result == nil {
		return ""
	}
	text, err := wit.FormatValue(f.Result, v)
	if err != nil {
		r.t.Fatal(err)
	}
	return text
}

func TestValuesOfAllTypesReachAMethod(t *testing.T) {
	r := newRaw(t)
	for _, c := range []struct{ call, want string }{
		{`scalars|true|255|-300|70000|-5000000000|1.5|-2.25|'ü'|"text"`, `"true 255 -300 70000 -5000000000 1.5 -2.25ütext"`},
		{"bytes|[1, 2, 255]", "[1, 2, 255]"},
		{"points|[{x: 1, y: 2}, {x: -3, y: 4}]", "(2, {x: -3, y: 4})"},
		{"turn-shape|empty", "empty"}, {"turn-shape|circle(0.5)", "circle(0.5)"}, {"turn-shape|polygon([{x: 1, y: 2}])", "polygon([{x: 1, y: 2}])"},
		{"colors|[red, dark-blue]", "[red, dark-blue]"},
		{"turn-marks|{first, third}", "{first, second}"},
		{"maybe|none", "none"}, {"maybe|some(none)", "some(none)"}, {`maybe|some(some("x"))`, `some(some("x"))`},
		{"nested|ok(1)", "(ok(1))"}, {`nested|err("no")`, `(err("no"))`},
		{"check|5", "ok(5)"}, {"check|200", "err(too-big)"}, {"check|50", "error: of no type"},
		{"say|3", `ok("3")`}, {"say|0", `err("nothing to say")`},
		{"nothing", ""}, {"crash", "error: the provider failed: crashed"}, {"who", `"a c g"`},
	} {
		parts := strings.Split(c.call, "|")
		if got := r.wave(parts[0], parts[1:]...); got != c.want {
			t.Errorf("%s: %s, want %s", c.call, got, c.want)
		}
	}
}

func (r *raw) counter(name string, args ...wit.Value) (wit.Value, error) {
	return r.invoke("counters", name, args)
}

// self is a handle by its id.
func (r *raw) self(kind func(*wit.Handle) wit.Value, of wit.Value) wit.Value {
	return kind(&wit.Handle{Resource: r.all.Interface("test:everything/counters").Resource("counter"), Object: of.Handle().Object})
}

func (r *raw) live(want uint64) {
	r.t.Helper()
	if v, err := r.counter("live"); err != nil || v.Uint() != want {
		r.t.Errorf("%d resources are left, want %d (%v)", v.Uint(), want, err)
	}
}

func (r *raw) must(v wit.Value, err error) wit.Value {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
	return v
}

func TestResourcesOfAScope(t *testing.T) {
	r := newRaw(t)
	a := r.must(r.counter("[constructor]counter", wit.U32(5)))
	if v := r.must(r.counter("[method]counter.add", r.self(wit.Borrow, a), wit.U32(2))); v.Uint() != 7 {
		t.Errorf("added to %d", v.Uint())
	}
	b := r.must(r.counter("[method]counter.copy", r.self(wit.Borrow, a)))
	r.live(2)
	r.scope = 2
	if _, err := r.counter("[method]counter.add", r.self(wit.Borrow, a), wit.U32(1)); err == nil {
		t.Error("another scope uses the resource")
	}
	r.scope = 1
	sum := r.must(r.counter("[static]counter.merge", r.self(wit.Own, a), r.self(wit.Own, b)))
	r.live(1)
	if _, err := r.counter("[method]counter.add", r.self(wit.Borrow, a), wit.U32(1)); err == nil {
		t.Error("a resource is used that was handed over")
	}
	other := r.must(r.counter("[constructor]counter", wit.U32(1)))
	swapped := r.must(r.counter("swap", wit.List(r.self(wit.Own, sum), r.self(wit.Own, other))))
	if v := r.must(r.counter("[method]counter.add", r.self(wit.Borrow, swapped.Items()[1]), wit.U32(0))); v.Uint() != 14 {
		t.Errorf("the other one has %d", v.Uint())
	}
	drop := func(ended bool, handles ...uint64) {
		if err := r.p.Custom().Drop(context.Background(), backend.Caller{Scope: r.scope}, 0, handles, ended); err != nil {
			t.Error(err)
		}
	}
	drop(false, swapped.Items()[0].Handle().Object.(uint64), 999)
	r.live(1)
	drop(true)
	r.live(0)
}

func TestResourcesEndWithTheProcess(t *testing.T) {
	r := newRaw(t)
	a := r.must(r.counter("[constructor]counter", wit.U32(5)))
	was := r.p.PID()
	sig(t, r.p, 9)
	for end := time.Now().Add(5 * time.Second); r.p.PID() == was && time.Now().Before(end); {
		time.Sleep(5 * time.Millisecond)
	}
	_, err := r.counter("[method]counter.add", r.self(wit.Borrow, a), wit.U32(1))
	if err == nil || backend.AsError(err).Code != backend.Unavailable {
		t.Errorf("a resource of an ended process: %v", err)
	}
	r.life = 0
	r.live(0)
}

func TestACallEndsAtItsDeadline(t *testing.T) {
	r := newRaw(t)
	f := r.all.Interface("test:everything/shapes").Func("sleep")
	args, err := value.AppendArgs(nil, f, []wit.Value{wit.U32(60_000)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	began := time.Now()
	_, err = r.p.Custom().Invoke(ctx, backend.Caller{Scope: 1}, backend.Call{Interface: "test:everything/shapes@1.0.0", Function: "sleep", Args: args})
	if err == nil || backend.AsError(err).Code != backend.Deadline || time.Since(began) > 15*time.Second { // and not the minute
		t.Errorf("after %v: %v", time.Since(began), err)
	}
}

func TestUnknownFunctionsAndBadArguments(t *testing.T) {
	r := newRaw(t)
	for _, c := range []struct {
		call backend.Call
		want string
	}{
		{backend.Call{Interface: "test:everything/shapes@1.0.0", Function: "none"}, "there is no function"},
		{backend.Call{Interface: "test:everything/shapes", Function: "nothing"}, "there is no function"},
		{backend.Call{Interface: "test:everything/shapes@1.0.0", Function: "nothing", Args: []byte{0}}, "left over"},
		{backend.Call{Interface: "test:everything/counters@1.0.0", Function: "[method]counter.add", Args: []byte{9, 1}}, "no resource 9"},
	} {
		_, err := r.p.Custom().Invoke(context.Background(), backend.Caller{Scope: 1}, c.call)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v", c.call, err)
		}
	}
}

func BenchmarkInvoke(b *testing.B) {
	p := launch(b, accepting(config(b, "serve-every")))
	call := backend.Call{Interface: "test:everything/shapes@1.0.0", Function: "check", Args: []byte{5}}
	one := func(b *testing.B) {
		if _, err := p.Custom().Invoke(context.Background(), backend.Caller{Scope: 1}, call); err != nil {
			b.Error(err)
		}
	}
	b.Run("alone", func(b *testing.B) {
		for b.Loop() {
			one(b)
		}
	})
	b.Run("64 callers", func(b *testing.B) {
		b.SetParallelism(64 / runtime.GOMAXPROCS(0))
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				one(b)
			}
		})
	})
}
