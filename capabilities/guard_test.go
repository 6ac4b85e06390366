package capabilities_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/writ-host/writ/broker"
	"github.com/writ-host/writ/capabilities"
	"github.com/writ-host/writ/wit"
)

// only is a subject that is granted one operation on everything.
type only string

func (o only) Decide(_ context.Context, c broker.Call) broker.Decision {
	if c.Operation == string(o) {
		return broker.Decision{Allowed: true, Grant: &grant}
	}
	return broker.Decision{Reason: broker.Expired, Grant: &broker.Grant{ID: "old"}}
}

func (o only) Covers(capability, operation, prefix string) broker.Decision {
	return o.Decide(context.Background(), broker.Call{Operation: operation})
}

var grant = broker.Grant{ID: "g1"}

// things is a capability with one function of each sort.
type things struct{ ran []string }

func (*things) Name() string { return "things" }

func (s *things) Imports() []capabilities.Import {
	i := &wit.Interface{Name: wit.MustParseName("acme:things/api@1.0.0")}
	funcs := map[string]capabilities.Func{}
	add := func(name string, f capabilities.Func) {
		i.Funcs = append(i.Funcs, &wit.Func{Name: name})
		if f.Run == nil {
			f.Run = func(_ context.Context, c *wit.Call) error {
				s.ran = append(s.ran, name+" "+capabilities.From(c).Grant())
				return nil
			}
		}
		funcs[name] = f
	}
	access := func(op string) func(*wit.Call) capabilities.Access {
		return func(*wit.Call) capabilities.Access { return capabilities.Access{Operation: op, Resource: "r:1"} }
	}
	add("free", capabilities.Func{})
	add("read", capabilities.Func{Access: access("read")})
	add("write", capabilities.Func{Access: access("write")})
	add("quiet", capabilities.Func{Access: access("write"), Deny: func(c *wit.Call) { c.Return(wit.String("denied")) }})
	add("many", capabilities.Func{Each: func(_ *wit.Call, yield func(capabilities.Access) bool) {
		for _, op := range []string{"read", "write", "read"} {
			s.ran = append(s.ran, "asked "+op)
			if !yield(capabilities.Access{Operation: op, Resource: "r:1"}) {
				return
			}
		}
	}})
	add("open", capabilities.Func{Access: func(*wit.Call) capabilities.Access {
		return capabilities.Access{Capability: "others", Resource: "r:", Reach: true}
	}})
	add("panic", capabilities.Func{Run: func(context.Context, *wit.Call) error { panic("oh") }})
	return []capabilities.Import{{Interface: i, Funcs: funcs}}
}

func run(t *testing.T, s *things, name string, i *capabilities.Instance) (*wit.Call, error) {
	t.Helper()
	b := capabilities.Guard(s)[0]
	c := &wit.Call{Func: b.Interface.Func(name)}
	if i != nil {
		c.Data = i
	}
	return c, b.Funcs[name](context.Background(), c)
}

func TestGuard(t *testing.T) {
	tests := []struct {
		name, ran, trap string
	}{
		{"free", "free ", ""},
		{"read", "read g1", ""},
		{"write", "", `call write of acme:things/api@1.0.0: denied: grant expired (grant old): component "c" of app "a" needs a grant of capability things for write on r:1`},
		{"quiet", "", ""},
		{"many", "asked read,asked write", `call many of acme:things/api@1.0.0: denied: grant expired (grant old): component "c" of app "a" needs a grant of capability things for write on r:1`},
		{"open", "", `call open of acme:things/api@1.0.0: denied: grant expired (grant old): component "c" of app "a" needs a grant of capability others for anything on r:**`},
	}
	for _, test := range tests {
		s := &things{}
		c, err := run(t, s, test.name, &capabilities.Instance{App: "a", Component: "c", Subject: only("read")})
		var denied *capabilities.DeniedError
		switch {
		case test.trap == "" && err != nil, test.trap != "" && (err == nil || err.Error() != test.trap || !errors.As(err, &denied)):
			t.Errorf("%s: trap %v", test.name, err)
		case strings.Join(s.ran, ",") != test.ran:
			t.Errorf("%s: ran %q", test.name, s.ran)
		case test.name == "quiet" && c.Result.Text() != "denied":
			t.Errorf("quiet: %v", c.Result)
		}
	}
}

func TestNobodyIsDeniedEverything(t *testing.T) {
	for _, i := range []*capabilities.Instance{nil, {}} {
		s := &things{}
		if _, err := run(t, s, "read", i); err == nil || len(s.ran) > 0 {
			t.Errorf("instance %v: %v, ran %q", i, err, s.ran)
		}
	}
}

func TestPanicIsATrap(t *testing.T) {
	var log bytes.Buffer
	i := &capabilities.Instance{App: "a", Component: "c", Log: slog.New(slog.NewTextHandler(&log, nil))}
	_, err := run(t, &things{}, "panic", i)
	if err == nil || err.Error() != "call panic of acme:things/api@1.0.0: the host failed: oh" {
		t.Errorf("trap: %v", err)
	}
	if !strings.Contains(log.String(), "component=c") || !strings.Contains(log.String(), "guard_test.go") {
		t.Errorf("log: %s", log.String())
	}
}

// lacking offers an interface without one of its functions.
type lacking struct{ things }

func (l *lacking) Imports() []capabilities.Import {
	imports := l.things.Imports()
	delete(imports[0].Funcs, "free")
	return imports
}

func TestGuardRefusesAnIncompleteInterface(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("taken")
		}
	}()
	capabilities.Guard(&lacking{})
}

func TestGuardDoesNotAllocate(t *testing.T) {
	s := &things{}
	b := capabilities.Guard(quiet{s})[0]
	c := &wit.Call{Func: b.Interface.Func("read"), Data: &capabilities.Instance{Subject: only("read")}}
	f := b.Funcs["read"]
	if n := testing.AllocsPerRun(1000, func() { _ = f(context.Background(), c) }); n > 0 {
		t.Errorf("%v allocations a call", n)
	}
}

// quiet is things whose functions do nothing.
type quiet struct{ *things }

func (q quiet) Imports() []capabilities.Import {
	imports := q.things.Imports()
	for name, f := range imports[0].Funcs {
		f.Run = func(context.Context, *wit.Call) error { return nil }
		imports[0].Funcs[name] = f
	}
	return imports
}

type stateKey struct{}

func TestInstance(t *testing.T) {
	i := &capabilities.Instance{}
	var ended []int
	i.OnEnd(func() { ended = append(ended, 1) })
	i.OnEnd(func() { ended = append(ended, 2) })
	i.End()
	i.End()
	if len(ended) != 2 || ended[0] != 2 {
		t.Errorf("ended in order %v", ended)
	}
	made := 0
	for range 2 {
		n := capabilities.State(i, stateKey{}, func() *int { made++; return &made })
		if *n != 1 {
			t.Errorf("state was made %d times", *n)
		}
	}
}
