package capabilities_test

import (
	"context"
	"testing"

	"github.com/writ-host/writ/broker"
	"github.com/writ-host/writ/capabilities"
	"github.com/writ-host/writ/wit"
)

// ticking is a subject whose decisions hold while they are of its revision.
type ticking struct {
	revision uint64
	allows   bool
	asked    int
}

func (s *ticking) Decide(context.Context, broker.Call) broker.Decision {
	s.asked++
	if !s.allows {
		return broker.Decision{Revision: s.revision}
	}
	return broker.Decision{Allowed: true, Cacheable: true, Revision: s.revision, Grant: &grant}
}

func (s *ticking) Covers(string, string, string) broker.Decision { return broker.Decision{} }

func (s *ticking) Valid(d broker.Decision) bool { return d.Revision == s.revision }

func (s *ticking) Peek(c broker.Call) (granted, denied bool) {
	return c.Resource == "r:granted" || c.Resource == "r:both", c.Resource == "r:denied" || c.Resource == "r:both"
}

func TestPermitRemembersWhileItHolds(t *testing.T) {
	s := &ticking{allows: true}
	i := &capabilities.Instance{Subject: s}
	p := &capabilities.Permit{Access: capabilities.Access{Capability: "c", Operation: "read", Resource: "r:1"}}
	holds := func(want bool, asked int) {
		t.Helper()
		if got := p.Holds(t.Context(), i); got != want || s.asked != asked {
			t.Errorf("holds %v, want %v; asked %d times, want %d", got, want, s.asked, asked)
		}
	}
	holds(true, 1)
	holds(true, 1)
	s.revision++
	holds(true, 2)
	s.revision, s.allows = s.revision+1, false
	holds(false, 3)
	holds(false, 4) // a denial is not remembered: it would not be recorded
	s.allows = true
	holds(true, 5)
	if p.Holds(t.Context(), nil) || p.Holds(t.Context(), &capabilities.Instance{}) {
		t.Error("it holds for nobody")
	}
}

// permitted is things of which one function has a permit.
type permitted struct {
	quiet
	permit *capabilities.Permit
}

func (p permitted) Imports() []capabilities.Import {
	imports := p.quiet.Imports()
	f := imports[0].Funcs["write"]
	f.Access, f.Permit = nil, func(*wit.Call) *capabilities.Permit { return p.permit }
	imports[0].Funcs["write"] = f
	return imports
}

// loose is a subject whose grant does not verify TLS, and that knows whether such a grant is left.
type loose struct {
	ticking
	grant broker.Grant
	left  bool
}

func (s *loose) Decide(ctx context.Context, c broker.Call) broker.Decision {
	d := s.ticking.Decide(ctx, c)
	d.Grant = &s.grant
	return d
}

func (s *loose) Covers(string, string, string) broker.Decision {
	return broker.Decision{Allowed: true, Cacheable: true, Revision: s.revision, Grant: &grant}
}

func (s *loose) CoversUnverified(string, string, string) broker.Decision {
	return broker.Decision{Allowed: s.left, Cacheable: s.left, Revision: s.revision, Grant: &s.grant}
}

// TestUnverifiedLastsUnderItsKindAlone: that a grant which verifies covers the same is not enough.
func TestUnverifiedLastsUnderItsKindAlone(t *testing.T) {
	s := &loose{ticking: ticking{allows: true}, grant: broker.Grant{ID: "u", TLS: broker.Unverified}, left: true}
	i := &capabilities.Instance{Subject: s}
	p := &capabilities.Permit{Access: capabilities.Access{Capability: "http", Operation: "GET", Resource: "https://h:443/"}}
	if !p.Holds(t.Context(), i) || !p.Lasts(t.Context(), i) {
		t.Fatal("it does not last while its grant is there")
	}
	s.revision++
	if !p.Lasts(t.Context(), i) {
		t.Error("it ended with a change that left its grant")
	}
	s.revision, s.left = s.revision+1, false
	if p.Lasts(t.Context(), i) || p.Grant().TLS != broker.Unverified {
		t.Error("it lasts under a grant that verifies")
	}
	if s.asked != 1 {
		t.Errorf("%d decisions for one request", s.asked)
	}
}

func TestGuardAsksForPermits(t *testing.T) {
	c := permitted{quiet{&things{}}, &capabilities.Permit{Access: capabilities.Access{Operation: "write", Resource: "r:1"}}}
	b := capabilities.Guard(c)[0]
	s := &ticking{allows: true}
	call := &wit.Call{Func: b.Interface.Func("write"), Data: &capabilities.Instance{App: "a", Component: "c", Subject: s}}
	run := b.Funcs["write"]
	if n := testing.AllocsPerRun(100, func() {
		if err := run(context.Background(), call); err != nil {
			t.Fatal(err)
		}
	}); n > 0 || s.asked != 1 {
		t.Errorf("%v allocations a call, asked %d times", n, s.asked)
	}
	s.revision, s.allows = 1, false
	err := run(context.Background(), call)
	if want := `call write of acme:things/api@1.0.0: denied: no grant: component "c" of app "a" needs a grant of capability things for write on r:1`; err == nil || err.Error() != want {
		t.Errorf("revoked: %v", err)
	}
	call.Data = nil
	if run(context.Background(), call) == nil {
		t.Error("nobody is let through")
	}
}

func TestChooseAmongNamesOfOneThing(t *testing.T) {
	i := &capabilities.Instance{Subject: &ticking{}}
	for want, resources := range map[string][]string{
		"r:granted": {"r:none", "r:granted", "r:none"}, "r:denied": {"r:denied", "r:granted"},
		"r:both": {"r:both", "r:granted"}, "r:last": {"r:none", "r:both", "r:last"},
	} {
		var accesses []capabilities.Access
		for _, r := range resources {
			accesses = append(accesses, capabilities.Access{Operation: "connect", Resource: r})
		}
		if got := i.Choose("tcp", accesses).Resource; got != want {
			t.Errorf("of %v: %s, want %s", resources, got, want)
		}
	}
}
