package broker

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"
)

// differences collects what a shadow tells of.
type differences struct {
	mu  sync.Mutex
	all map[string]uint64 // calls by what is said of them
}

func (d *differences) tell(x Difference) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.all[fmt.Sprintf("%s %s %s %s: %s", x.Component, x.Capability, x.Operation, x.Resource, x)] += x.Count
}

// shadowed is a broker with grants, shadowed by one with other grants and modules.
func shadowed(t testing.TB, grants, other string, modules map[string]string) (*Broker, *Shadow, *differences) {
	b, o := guestbook(t, Config{}, grants, nil), guestbook(t, Config{}, other, modules)
	d := &differences{all: map[string]uint64{}}
	return b, b.NewShadow(o, d.tell), d
}

const (
	shadowedGrants = `{"grants": [
		{"id": "kept", "app": "guestbook", "component": "web", "capability": "kv", "resource": "kv://a/**", "operations": ["get", "set"]},
		{"id": "gone", "app": "guestbook", "component": "web", "capability": "kv", "resource": "kv://b/**", "operations": ["get"]}]}`
	otherGrants = `{"grants": [
		{"id": "kept", "app": "guestbook", "component": "web", "capability": "kv", "resource": "kv://a/**", "operations": ["get", "set"], "when": "small"},
		{"id": "new", "app": "guestbook", "component": "web", "capability": "env", "resource": "env:HOME", "operations": ["read"]}],
		"denials": [{"id": "stop", "capability": "kv", "resource": "kv://a/secret/**", "operations": ["*"]}]}`
	smallOnly = "package writ.conditions\n\nsmall if input.bytes < 100\n\nsmall := false if input.bytes >= 100"
)

func TestShadow(t *testing.T) {
	b, shadow, told := shadowed(t, shadowedGrants, otherGrants, map[string]string{"c.rego": smallOnly})
	s, ctx := b.Subject("guestbook", "web"), context.Background()
	for range 3 {
		for _, call := range []Call{
			{KV, Get, "kv://a/x", 0}, {KV, Set, "kv://a/x", 10}, {KV, Set, "kv://a/y", 100}, {KV, Get, "kv://a/secret/x", 0},
			{KV, Get, "kv://b/x", 0}, {KV, Get, "kv://b/y", 0}, {Env, Read, "env:HOME", 0}, {Env, Read, "env:PATH", 0},
		} {
			s.Decide(ctx, call)
		}
	}
	if d := s.Decide(ctx, Call{KV, Get, "kv://a/x", 0}); !d.Allowed || d.Cacheable || b.Valid(d) {
		t.Errorf("a decision that is used twice would be compared once: %+v", d)
	}
	shadow.Close()
	want := map[string]uint64{
		"web kv set kv://a/**: in force: allowed (kept); shadow: denied, condition false (kept)":  3,
		"web kv get kv://a/**: in force: allowed (kept); shadow: denied, denied by policy (stop)": 3,
		"web kv get kv://b/**: in force: allowed (gone); shadow: denied, no grant":                6,
		"web env read env:HOME: in force: denied, no grant; shadow: allowed (new)":                3,
	}
	for text, n := range want {
		if told.all[text] != n {
			t.Errorf("%s: %d, want %d", text, told.all[text], n)
		}
	}
	if len(told.all) != len(want) {
		t.Errorf("told of %v", told.all)
	}
}

// However many kinds of differences a guest causes, what is told of is bounded and no call is lost. What cannot be compared in
// time is counted.
func TestShadowIsBounded(t *testing.T) {
	b, shadow, told := shadowed(t, `{"grants": []}`, `{"grants": [
		{"id": "all", "app": "guestbook", "component": "web", "capability": "env", "resource": "env:*", "operations": ["read"]}]}`, nil)
	s, ctx := b.Subject("guestbook", "web"), context.Background()
	const calls = 50_000
	for i := range calls {
		s.Decide(ctx, Call{Env, Read, fmt.Sprintf("env:NAME%d", i), 0})
	}
	shadow.Close()
	var sum uint64
	for _, n := range told.all {
		sum += n
	}
	if sum != calls {
		t.Errorf("%d of %d calls are told of", sum, calls)
	}
	if n := len(told.all); n < maxDifferences || n > 2*maxDifferences*int(1+time.Minute/flushEvery) {
		t.Errorf("%d kinds are told of", n)
	}
}

// A shadow that is stuck changes no decision and holds up none.
func TestAStuckShadowHoldsUpNothing(t *testing.T) {
	b, o := guestbook(t, Config{}, shadowedGrants, nil), guestbook(t, Config{}, `{"grants": []}`, nil)
	stuck := make(chan struct{})
	var missed uint64
	shadow := b.NewShadow(o, func(d Difference) {
		<-stuck
		if d.Component == "" {
			missed += d.Count
		}
	})
	s := b.Subject("guestbook", "web")
	for end := time.Now().Add(time.Minute); shadow.missed.Load() == 0 && time.Now().Before(end); {
		for range maxCompared {
			if d := s.Decide(context.Background(), Call{KV, Get, "kv://a/x", 0}); !d.Allowed {
				t.Fatal(d.Reason)
			}
		}
	}
	close(stuck)
	shadow.Close()
	if missed == 0 {
		t.Error("what was not compared is not told of")
	}
}

// BenchmarkDecideShadowed is what a shadow costs the guests: compare with BenchmarkDecideOne.
func BenchmarkDecideShadowed(b *testing.B) {
	for _, on := range []bool{false, true} {
		b.Run(fmt.Sprintf("shadow=%v", on), func(b *testing.B) {
			k := guestbook(b, Config{}, shadowedGrants, nil)
			if on {
				shadow := k.NewShadow(guestbook(b, Config{}, otherGrants, map[string]string{"c.rego": smallOnly}), func(Difference) {})
				defer shadow.Close()
			}
			s, call := k.Subject("guestbook", "web"), Call{KV, Get, "kv://b/x", 0}
			b.ReportAllocs()
			for b.Loop() {
				s.Decide(context.Background(), call)
			}
		})
	}
}
