package conformance

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/writ-host/writ/host"
	"github.com/writ-host/writ/wit"
)

// operations are the exports of resources.wat, by how often they are called.
// Those at the end mostly trap.
var operations = []string{
	"make", "make", "pass-make", "pass-make", "make", "value", "pass-value", "value", "pass-value", "take", "pass-take", "dropped", "drop",
	"keep", "kept", "give", "guess", "leak", "guess-take", "guess-drop", "take-borrowed",
}

// TestOracleResources: random calls that make, lend, give and drop resources,
// in one instance of each runtime, have the same results and traps.
func TestOracleResources(t *testing.T) {
	o := startOracle(t)
	tell(t, newDuel(t, o, readText(t, "testdata/resources.wat")), operations)
}

// TestOracleHostResources: the same of a resource that the host implements.
func TestOracleHostResources(t *testing.T) {
	o := startOracle(t)
	b, err := o.Text(readText(t, "testdata/host-resources.wat"))
	if err == nil {
		err = o.Load(b)
	}
	if err != nil {
		t.Fatal(err)
	}
	tell(t, &duel{t, o, prepareWith(t, b, hostResource)}, append([]string{"end", "pass-end"}, operations...))
}

// ended is the order in which an instance's host resources were dropped.
type ended struct{ order uint32 }

// counted is the host's resource.
type counted struct {
	value uint32
	ended *ended
}

func (c *counted) Drop() { c.ended.order = c.ended.order*31 + c.value }

// hostResource is every function of the interface r, as the oracle has them too.
func hostResource(_ context.Context, c *wit.Call) error {
	switch c.Func.Name {
	case "make":
		c.Return(wit.NewOwn(c.Func.Result.Resource, &counted{uint32(c.Args[0].Uint()), c.Data.(*ended)}))
	case "value":
		c.Return(wit.U32(wit.Self[*counted](c).value))
	case "take":
		r := wit.Self[*counted](c)
		r.Drop()
		c.Return(wit.U32(r.value))
	default:
		c.Return(wit.U32(c.Data.(*ended).order))
	}
	return nil
}

func readText(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// tell makes random calls of instances of both runtimes.
func tell(t *testing.T, d *duel, operations []string) {
	t.Helper()
	r, calls, traps := rand.New(rand.NewPCG(9, 10)), 0, 0
	for range 400 {
		s := &resourceStory{duel: d, r: r, operations: operations}
		s.start()
		for range 40 {
			calls++
			if s.step() {
				traps++
				break
			}
		}
		s.live.Close()
	}
	if traps < 100 || calls < 2000 {
		t.Errorf("only %d calls and %d traps", calls, traps)
	}
}

// resourceStory is a sequence of calls. Both runtimes hand out handles in the
// same order, so one is known by its number.
type resourceStory struct {
	*duel
	operations []string
	r          *rand.Rand
	live       *host.Instance
	handles    []*wit.Handle // ours; nil when given away
	told       []string
}

func (s *resourceStory) start() {
	var err error
	if s.live, err = s.prepared.Instantiate(s.t.Context(), host.Limits{}, &ended{}); err != nil {
		s.t.Fatal(err)
	}
	if err := s.oracle.Instantiate(); err != nil {
		s.t.Fatal(err)
	}
}

// step makes a random call, and reports whether it trapped.
func (s *resourceStory) step() (trapped bool) {
	op := s.operations[s.r.IntN(len(s.operations))]
	if s.r.IntN(4) > 0 {
		op = s.operations[s.r.IntN(len(s.operations)-8)]
	}
	var handles []int
	for i, h := range s.handles {
		if h != nil {
			handles = append(handles, i)
		}
	}
	n := -1
	if len(handles) > 0 {
		n = handles[s.r.IntN(len(handles))]
	}
	if op == "drop" {
		return n >= 0 && s.drop(n)
	}
	f, err := s.prepared.Func("", op)
	if err != nil {
		s.t.Fatal(err)
	}
	var mine, theirs []wit.Value
	for _, p := range f.Type.Params {
		if p.Type.Kind == wit.KindU32 {
			v := wit.U32(s.r.Uint32N(5))
			mine, theirs = append(mine, v), append(theirs, v)
			continue
		}
		if n < 0 {
			return false
		}
		v := wit.Borrow(s.handles[n])
		if p.Type.Kind == wit.KindOwn {
			v = wit.Own(s.handles[n])
			s.handles[n] = nil
		}
		mine, theirs = append(mine, v), append(theirs, wit.Own(&wit.Handle{Rep: uint32(n)}))
	}
	return s.call(f, n, mine, theirs)
}

func (s *resourceStory) call(f *host.Func, n int, mine, yours []wit.Value) (trapped bool) {
	s.told = append(s.told, fmt.Sprintf("%s %d %v", f.Type.Name, n, len(mine)))
	var ours, theirs outcome
	ours.value, ours.err = s.live.Call(s.t.Context(), f, mine...)
	theirs.value, theirs.err = s.oracle.Call(f.Type, yours...)
	result := f.Type.Result
	if result != nil && result.Kind == wit.KindOwn {
		if ours.err == nil {
			s.handles = append(s.handles, ours.value.Handle())
		}
		result = nil // handles have no value to compare
	}
	s.compare(result, ours, theirs)
	return ours.err != nil || theirs.err != nil
}

// drop drops a handle that the host has.
func (s *resourceStory) drop(n int) (trapped bool) {
	s.told = append(s.told, fmt.Sprintf("drop %d", n))
	var ours outcome
	if own, ok := s.handles[n].Object.(*counted); ok {
		own.Drop() // the host has its own resource back
	} else {
		ours.err = s.live.Drop(s.t.Context(), s.handles[n])
	}
	theirs := outcome{err: s.oracle.Drop(uint32(n))}
	s.handles[n] = nil
	s.compare(nil, ours, theirs)
	return ours.err != nil || theirs.err != nil
}

func (s *resourceStory) compare(t *wit.Type, ours, theirs outcome) {
	if err := differ(t, ours, theirs); err != nil {
		s.t.Errorf("%v\nafter %s", err, strings.Join(s.told, ", "))
	}
}
