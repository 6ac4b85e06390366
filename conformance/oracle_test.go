package conformance

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/writ-host/writ/conformance/internal/oracle"
	"github.com/writ-host/writ/host"
	"github.com/writ-host/writ/wit"
)

func startOracle(t testing.TB) *oracle.Process {
	t.Helper()
	p, err := oracle.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// duel is one component on both runtimes.
type duel struct {
	t        testing.TB
	oracle   *oracle.Process
	prepared *host.Prepared
}

// newDuel compiles the component for both.
func newDuel(t testing.TB, o *oracle.Process, text string) *duel {
	t.Helper()
	b, err := o.Text(text)
	if err == nil {
		err = o.Load(b)
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return &duel{t, o, prepare(t, b)}
}

// prepare compiles the component for this host and links it.
func prepare(t testing.TB, b []byte) *host.Prepared {
	t.Helper()
	return prepareWith(t, b, echo)
}

// prepareWith links a component to one function for all that it imports.
func prepareWith(t testing.TB, b []byte, f wit.HostFunc) *host.Prepared {
	t.Helper()
	c, err := engine.Compile(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	var l host.Linker
	for _, i := range c.Info().World.Imports {
		if i.Func != nil {
			l.DefineFunc(i.Func, f)
			continue
		}
		binding := wit.Binding{Interface: i.Interface, Funcs: map[string]wit.HostFunc{}}
		for _, imported := range i.Interface.Funcs {
			binding.Funcs[imported.Name] = f
		}
		if err := l.Define(binding); err != nil {
			t.Fatal(err)
		}
	}
	p, err := l.Prepare(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// echo is the host function that the oracle has too.
func echo(_ context.Context, c *wit.Call) error {
	c.Return(c.Args[0])
	return nil
}

// outcome is what one runtime made of a call.
type outcome struct {
	value wit.Value
	err   error
}

// call calls a function on a fresh instance of each.
func (d *duel) call(name string, args ...wit.Value) (t *wit.Func, ours, theirs outcome) {
	d.t.Helper()
	f, err := d.prepared.Func("", name)
	if err != nil {
		d.t.Fatal(err)
	}
	i, err := d.prepared.Instantiate(d.t.Context(), host.Limits{}, nil)
	if err != nil {
		d.t.Fatal(err)
	}
	defer i.Close()
	ours.value, ours.err = i.Call(d.t.Context(), f, args...)
	if theirs.err = d.oracle.Instantiate(); theirs.err == nil {
		theirs.value, theirs.err = d.oracle.Call(f.Type, args...)
	}
	return f.Type, ours, theirs
}

// trapWords say how the two word one reason of a trap. Adapters between guests
// give no reason in the oracle's version.
var trapWords = []struct{ theirs, ours *regexp.Regexp }{
	{regexp.MustCompile("wasm `unreachable` instruction"), regexp.MustCompile("unreachable executed|arguments[:,] |result[:,] ")},
	{regexp.MustCompile("discriminant .* out of range"), regexp.MustCompile("discriminant [0-9]+: there are")},
	{regexp.MustCompile("out of range for `char`"), regexp.MustCompile("not a Unicode scalar value")},
	{regexp.MustCompile("list pointer/length out of bounds"), regexp.MustCompile("list at .*(reach beyond|are more than|not aligned)")},
	{regexp.MustCompile("string pointer/length out of bounds"), regexp.MustCompile("string at .*(reach beyond|are more than|not aligned)")},
	{regexp.MustCompile("invalid utf8|incomplete utf8"), regexp.MustCompile("invalid UTF-8")},
	{regexp.MustCompile("unpaired surrogate"), regexp.MustCompile("invalid UTF-16")},
	{regexp.MustCompile("not aligned"), regexp.MustCompile("not aligned")},
	{regexp.MustCompile("unknown handle index"), regexp.MustCompile("no such handle")},
	{regexp.MustCompile("borrow handles still remain"), regexp.MustCompile("borrowed handles were not dropped")},
	{regexp.MustCompile("cannot remove owned resource while borrowed"), regexp.MustCompile("while it is lent")},
	{regexp.MustCompile("cannot lift own resource from a borrow"), regexp.MustCompile("it is borrowed, an owned handle is needed")},
	{regexp.MustCompile("handle index .* used with the wrong type"), regexp.MustCompile("it is a handle of")},
	{regexp.MustCompile("cannot enter component instance"), regexp.MustCompile("cannot be entered|instance has ended")},
}

// mistakes are where this version of the oracle is known to be wrong;
// docs/conformance.md lists them.
var mistakes = []struct{ theirs, ours *regexp.Regexp }{
	// GHSA-m758-wjhj-p3jq: bits that no flag has are a panic.
	{regexp.MustCompile(`oracle crashed(?s:.*)values\.rs.*\n.*out of bounds index`), regexp.MustCompile("^<nil>$")},
	// A string of latin1+utf16 must be aligned to 2, says "Loading"; the reference tests want it too.
	{regexp.MustCompile("^<nil>$"), regexp.MustCompile("string at .* not aligned to 2")},
}

// differ is an error when the two are not the same.
func differ(t *wit.Type, ours, theirs outcome) error {
	us, them := fmt.Sprint(ours.err), fmt.Sprint(theirs.err)
	for _, m := range mistakes {
		if m.theirs.MatchString(them) && m.ours.MatchString(us) {
			return nil
		}
	}
	switch {
	case ours.err == nil && theirs.err == nil:
		if t == nil || same(ours.value, theirs.value) {
			return nil
		}
		return fmt.Errorf("ours: %s\ntheirs: %s", show(t, ours.value), show(t, theirs.value))
	case ours.err != nil && theirs.err != nil:
		for _, w := range trapWords {
			if w.theirs.MatchString(them) && w.ours.MatchString(us) {
				return nil
			}
		}
	}
	return fmt.Errorf("ours: %s\ntheirs: %s", us, them)
}

// spoiled makes core code of the component hand on something else.
func (p *passing) spoiled(r *rand.Rand) {
	s := spoil{active: true, result: r.IntN(2) == 0, xor: uint64(1) << r.IntN(64)}
	if r.IntN(3) == 0 {
		s.xor = r.Uint64()
	}
	s.at = r.Uint32N(wit.MaxFlatParams)
	if s.result {
		s.at = r.Uint32N(max(p.params[0].Size, 1))
	}
	p.spoil[r.IntN(2)] = s
}

// stray says whether core code that was spoiled may have handed on a pointer to
// memory that nobody filled in: what is there depends on how much a runtime
// reserved for a string before it knew its length.
func (p *passing) stray(ours, theirs outcome) bool {
	pointers := slices.ContainsFunc(p.params, func(t *wit.Type) bool { return t.HasPointer })
	if !pointers || p.spoil == [2]spoil{} {
		return false
	}
	text := fmt.Sprint(ours.err, theirs.err)
	return ours.err == nil && theirs.err == nil || strings.Contains(text, "UTF") || strings.Contains(text, "utf")
}

// duelPassing compares calls of a random component and reports how many trapped.
func duelPassing(t testing.TB, o *oracle.Process, r *rand.Rand, p *passing) (traps int) {
	d := newDuel(t, o, p.text())
	for range 3 {
		args := make([]wit.Value, len(p.params))
		for i := range args {
			args[i] = randomValue(r, p.params[i])
		}
		f, ours, theirs := d.call("f", args...)
		if err := differ(f.Result, ours, theirs); err != nil && !p.stray(ours, theirs) {
			t.Errorf("f(%s): %v\n%s", showAll(p.params, args), err, p.text())
		}
		if ours.err != nil {
			traps++
		}
		if errors.Is(theirs.err, oracle.ErrCrashed) {
			return traps // nothing is loaded any more
		}
	}
	return traps
}

func showAll(types []*wit.Type, values []wit.Value) string {
	var list []string
	for i, t := range types {
		list = append(list, show(t, values[i]))
	}
	return strings.Join(list, ", ")
}

// TestOracleValues: random values of random types come back from either
// runtime, and no other value.
func TestOracleValues(t *testing.T) {
	o, r := startOracle(t), rand.New(rand.NewPCG(1, 2))
	for n := range 150 {
		p := randomPassing(r, 4)
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			if traps := duelPassing(t, o, r, p); traps > 0 {
				t.Errorf("%d calls trapped", traps)
			}
		})
	}
}

// TestOracleSpoiledValues: core code that hands on anything at all gets the
// same value or the same trap.
func TestOracleSpoiledValues(t *testing.T) {
	o, r := startOracle(t), rand.New(rand.NewPCG(3, 4))
	traps := 0
	for n := range 400 {
		p := randomPassing(r, 3)
		p.spoiled(r)
		t.Run(fmt.Sprint(n), func(t *testing.T) { traps += duelPassing(t, o, r, p) })
	}
	if traps < 50 {
		t.Errorf("only %d calls trapped", traps)
	}
}

// TestDifferencesAreFound: a runtime that does something else is noticed.
func TestDifferencesAreFound(t *testing.T) {
	o := startOracle(t)
	enum := wit.EnumOf("a", "b", "c")
	right := &passing{params: []*wit.Type{enum}, encodings: [2]string{"utf8", "utf8"}}
	for xor, what := range map[uint64]string{1: "another value", 4: "a trap"} {
		wrong := *right
		wrong.spoil[0] = spoil{active: true, xor: xor}
		d := newDuel(t, o, wrong.text())
		b, err := o.Text(right.text())
		if err != nil {
			t.Fatal(err)
		}
		d.prepared = prepare(t, b)
		f, ours, theirs := d.call("f", wit.Enum(0))
		if differ(f.Result, ours, theirs) == nil {
			t.Errorf("%s is not noticed: %v, %v", what, ours, theirs)
		}
	}
}

// FuzzOracle compares components made of any random numbers.
func FuzzOracle(f *testing.F) {
	f.Add(uint64(1), uint64(2), true)
	f.Add(uint64(3), uint64(4), false)
	o := startOracle(f)
	f.Fuzz(func(t *testing.T, a, b uint64, spoil bool) {
		r := rand.New(rand.NewPCG(a, b))
		p := randomPassing(r, 4)
		if spoil {
			p.spoiled(r)
		}
		duelPassing(t, o, r, p)
	})
}
