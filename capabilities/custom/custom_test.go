package custom_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/writ-host/writ/broker"
	"github.com/writ-host/writ/capabilities"
	"github.com/writ-host/writ/capabilities/custom"
	"github.com/writ-host/writ/capabilities/custom/backend"
	"github.com/writ-host/writ/wit"
)

const text = `package acme:api@1.0.0;
interface types { record pair { a: u8, b: string } }
interface api {
  use types.{pair};
  enum problem { access-denied, unavailable, odd }
  variant trouble { denied, other(string) }
  plain: func(p: pair) -> u32;
  fails: func() -> result<u32, problem>;
  says: func() -> result<u32, string>;
  others: func() -> result<u32, trouble>;
  quiet: func();
  resource thing {
    constructor();
    use-it: func() -> u32;
    give: static func(t: thing);
    many: static func() -> list<thing>;
  }
}
`

// fake is a provider that answers what a test says.
type fake struct {
	mu     sync.Mutex
	answer backend.Answer
	err    error
	calls  []string
	drops  []string
}

func (f *fake) Invoke(_ context.Context, at backend.Caller, c backend.Call) (backend.Answer, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, fmt.Sprintf("%s#%s %x life %d for %s/%s %s", c.Interface, c.Function, c.Args, c.Life, at.App, at.Component, at.Grant))
	return f.answer, f.err
}

func (f *fake) Drop(_ context.Context, at backend.Caller, life uint64, handles []uint64, ended bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.drops = append(f.drops, fmt.Sprintf("life %d %v ended %v", life, handles, ended))
	return nil
}

// dropped waits for drops.
func (f *fake) dropped(t *testing.T, want ...string) {
	t.Helper()
	var have []string
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		f.mu.Lock()
		have = slices.Sorted(slices.Values(f.drops))
		f.mu.Unlock()
		if len(have) >= len(want) {
			break
		}
	}
	if slices.Sort(want); !slices.Equal(have, want) {
		t.Errorf("dropped %q, want %q", have, want)
	}
}

// grants is a subject that is granted what it lists.
type grants []string

func (g grants) Decide(_ context.Context, c broker.Call) broker.Decision {
	if c.Capability == "custom" && c.Operation == "call" && slices.Contains(g, c.Resource) || slices.Contains(g, "all") {
		return broker.Decision{Allowed: true, Grant: &broker.Grant{ID: "g"}}
	}
	return broker.Decision{}
}

func (g grants) Covers(string, string, string) broker.Decision { return broker.Decision{} }

// caller is a component instance that calls the fake.
type caller struct {
	t        *testing.T
	fake     *fake
	bindings []wit.Binding
	instance *capabilities.Instance
}

func newCaller(t *testing.T, granted ...string) *caller {
	t.Helper()
	f := &fake{}
	c, err := custom.New(custom.Config{Provider: "p", Files: []wit.File{{Name: "api.wit", Text: text}}, Interfaces: []string{"acme:api/api@1.0.0"}, Backend: f})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return &caller{t, f, capabilities.Guard(c), &capabilities.Instance{App: "app", Component: "c", Subject: grants(granted)}}
}

func (c *caller) call(name string, args ...wit.Value) (*wit.Call, error) {
	c.t.Helper()
	for _, b := range c.bindings {
		if run := b.Funcs[name]; run != nil {
			call := &wit.Call{Func: b.Interface.Func(name), Args: args, Data: c.instance}
			return call, run(context.Background(), call)
		}
	}
	c.t.Fatalf("no function %s", name)
	return nil, nil
}

func TestACallReachesTheProvider(t *testing.T) {
	c := newCaller(t, "acme:api/api@1.0.0#plain")
	c.fake.answer = backend.Answer{Result: []byte{0xac, 2}, Life: 1}
	call, err := c.call("plain", wit.Record(wit.U8(7), wit.String("x")))
	if err != nil || call.Result.Uint() != 300 {
		t.Errorf("%d, %v", call.Result.Uint(), err)
	}
	if want := []string{"acme:api/api@1.0.0#plain 070178 life 0 for app/c g"}; !slices.Equal(c.fake.calls, want) {
		t.Errorf("%q", c.fake.calls)
	}
}

func TestTypesComeWithTheInterface(t *testing.T) {
	c := newCaller(t)
	if len(c.bindings) != 2 {
		t.Errorf("%d interfaces are bound, and not api and types", len(c.bindings))
	}
}

func TestDenials(t *testing.T) {
	c := newCaller(t)
	call, err := c.call("fails")
	if err != nil || call.Result.Case() != 1 {
		t.Fatalf("%v, %v", call.Result, err)
	}
	if problem, _ := call.Result.Payload(); problem.Case() != 0 {
		t.Errorf("problem %d, and not access-denied", problem.Case())
	}
	for _, name := range []string{"quiet", "says", "others", "[constructor]thing"} {
		_, err := c.call(name)
		var denied *capabilities.DeniedError
		if !errors.As(err, &denied) || !strings.Contains(err.Error(), "needs a grant of capability custom for call on acme:api/api@1.0.0#"+name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(c.fake.calls) > 0 {
		t.Errorf("the provider was asked: %q", c.fake.calls)
	}
}

func TestFailuresReachTheComponentInItsWords(t *testing.T) {
	c := newCaller(t, "all")
	for _, test := range []struct {
		name string
		err  error
		want string // of WAVE, or a trap's text
	}{
		{"fails", backend.Errorf(backend.Unavailable, "down"), "err(unavailable)"},
		{"fails", backend.Errorf(backend.Deadline, "late"), "err(unavailable)"},
		{"fails", backend.Errorf(backend.AccessDenied, "no"), "err(access-denied)"},
		{"fails", backend.Errorf(backend.Internal, "oh"), "trap oh"},
		{"says", backend.Errorf(backend.Internal, "oh"), `err("oh")`},
		{"others", backend.Errorf(backend.Unavailable, "down"), `err(other("down"))`},
		{"quiet", backend.Errorf(backend.Unavailable, "down"), "trap down"},
		{"others", backend.Errorf(backend.Internal, "\xff"), `err(other("` + "\uFFFD" + `"))`},
	} {
		c.fake.err = test.err
		call, err := c.call(test.name)
		have := ""
		if err != nil {
			have = "trap " + err.Error()
		} else if have, err = wit.FormatValue(call.Func.Result, call.Result); err != nil {
			t.Error(err)
		}
		if have != test.want {
			t.Errorf("%s after %v: %s, want %s", test.name, test.err, have, test.want)
		}
	}
}

func TestAnswersThatLie(t *testing.T) {
	c := newCaller(t, "all")
	for name, answers := range map[string][]string{
		"plain":              {"", "\x80", "\x80\x00", "\x01\x01", "\xff\xff\xff\xff\x7f"},
		"quiet":              {"\x00"},
		"[constructor]thing": {"", "\x00", "\x01\x01"},
	} {
		for _, answer := range answers {
			c.fake.answer = backend.Answer{Result: []byte(answer), Life: 1}
			var args []wit.Value
			if name == "plain" {
				args = []wit.Value{wit.Record(wit.U8(1), wit.String(""))}
			}
			if _, err := c.call(name, args...); err == nil {
				t.Errorf("%s: the answer %x is taken", name, answer)
			}
		}
	}
}

func (c *caller) thing(id byte, life uint64) wit.Value {
	c.t.Helper()
	c.fake.answer = backend.Answer{Result: []byte{id}, Life: life}
	call, err := c.call("[constructor]thing")
	if err != nil {
		c.t.Fatal(err)
	}
	return call.Result
}

func TestResourcesAreDropped(t *testing.T) {
	c := newCaller(t, "all")
	a, b := c.thing(5, 3), c.thing(6, 3)
	a.Handle().Object.(wit.Dropper).Drop()
	c.fake.dropped(t, "life 3 [5] ended false")
	c.fake.answer = backend.Answer{}
	if _, err := c.call("[static]thing.give", b); err != nil {
		t.Fatal(err)
	}
	if last := c.fake.calls[len(c.fake.calls)-1]; !strings.Contains(last, "give 06 life 3") {
		t.Error(last)
	}
	c.instance.End()
	c.fake.dropped(t, "life 3 [5] ended false", "life 0 [] ended true")
}

func TestAnInstanceWithoutResourcesEndsInSilence(t *testing.T) {
	c := newCaller(t, "all")
	if _, err := c.call("quiet"); err != nil {
		t.Fatal(err)
	}
	c.instance.End()
	time.Sleep(20 * time.Millisecond)
	c.fake.dropped(t)
}

func TestAResourceOfAFailedCallIsDropped(t *testing.T) {
	c := newCaller(t, "all")
	a := c.thing(5, 3)
	c.fake.err = backend.Errorf(backend.Unavailable, "down")
	if _, err := c.call("[static]thing.give", a); err == nil {
		t.Error("the call succeeded")
	}
	c.fake.dropped(t, "life 3 [5] ended false")
}

func TestAnAnswerThatIsNotTakenGivesItsResourcesBack(t *testing.T) {
	c := newCaller(t, "all")
	c.fake.answer = backend.Answer{Result: []byte{3, 8, 9, 0}, Life: 2}
	if _, err := c.call("[static]thing.many"); err == nil {
		t.Error("the id 0 is taken")
	}
	c.fake.dropped(t, "life 2 [8 9] ended false")
}

func TestResourcesStayWithTheirInstance(t *testing.T) {
	c := newCaller(t, "all")
	a := c.thing(5, 3)
	borrowed := wit.Borrow(a.Handle())
	c.fake.answer = backend.Answer{Result: []byte{1}, Life: 3}
	if _, err := c.call("[method]thing.use-it", borrowed); err != nil {
		t.Error(err)
	}
	c.instance = &capabilities.Instance{Subject: grants{"all"}}
	if _, err := c.call("[method]thing.use-it", borrowed); err == nil || !strings.Contains(err.Error(), "another instance's") {
		t.Errorf("another instance uses it: %v", err)
	}
	if len(c.fake.calls) != 2 {
		t.Errorf("%q", c.fake.calls)
	}
}

func TestWhatAProviderMayDeclare(t *testing.T) {
	long := "package a:b@1.0.0;\ninterface c { f: func(); }\n// " + strings.Repeat("x", custom.MaxText)
	for _, test := range []struct{ wit, offers, want string }{
		{"package a:b@1.0.0; interface c { f: func(); }", "a:b/c@1.0.0", ""},
		{"package a:b@1.0.0; interface c { f: func(); }", "", "it offers no interface"},
		{"package a:b@1.0.0; interface c { f: func(); }", "a:b/d@1.0.0", "which its WIT does not have"},
		{"package a:b@1.0.0; interface c { f: func(); }", "a:b/c", "its WIT has a:b/c@1.0.0"},
		{"package a:b@1.0.0; interface c { f: func(); }", "a:b/c@1.0.0 a:b/c@1.0.0", "twice"},
		{"package wasi:keyvalue@0.2.0; interface store { f: func(); }", "wasi:keyvalue/store@0.2.0", "the host's own"},
		{"package writ:sql@0.2.0; interface sql { f: func(); }", "writ:sql/sql@0.2.0", "the host's own"},
		{"package kv:b@1.0.0; interface c { f: func(); }", "kv:b/c@1.0.0", "scheme of a built-in capability"},
		{"package a:b@1.0.0; interface c { f: func( }", "a:b/c@1.0.0", "the WIT of its interfaces"},
		{"package a:b@1.0.0; interface c { f: func(s: stream<u8>); }", "a:b/c@1.0.0", "cannot be sent"},
		{"package a:b@1.0.0; interface c { f: async func(); }", "a:b/c@1.0.0", "async"},
		{"package a:b@1.0.0; interface o { resource r; } interface c { use o.{r}; f: func(x: borrow<r>); }", "a:b/c@1.0.0", "is not the provider's own"},
		{"package a:b@1.0.0; interface o { resource r; } interface c { use o.{r}; f: func() -> option<list<r>>; }", "a:b/c@1.0.0", "is not the provider's own"},
		{"package a:b@1.0.0; interface o { resource r; } interface c { use o.{r}; f: func(x: borrow<r>); }", "a:b/c@1.0.0 a:b/o@1.0.0", ""},
		{long, "a:b/c@1.0.0", "are the most"},
		{"package a:b@1.0.0; interface c { f: func(); }", strings.Repeat("a:b/c@1.0.0 ", custom.MaxInterfaces+1), "are the most"},
	} {
		_, err := custom.Declared([]wit.File{{Name: "x.wit", Text: test.wit}}, strings.Fields(test.offers))
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%.60s offering %.30s: %v, want %q", test.wit, test.offers, err, test.want)
		}
	}
}
