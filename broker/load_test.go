package broker

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// clock is a time that tests move by hand.
type clock struct{ at atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.at.Store(time.Date(2026, 1, 1, 9, 0, 0, 0, time.UTC).UnixNano())
	return c
}

func (c *clock) now() time.Time          { return time.Unix(0, c.at.Load()).UTC() }
func (c *clock) advance(d time.Duration) { c.at.Add(int64(d)) }

func grantJSON(more string) string {
	return `{"grants":[{"id":"g","app":"guestbook","component":"web","capability":"kv","resource":"kv://a/**","operations":["get"]` + more + `}]}`
}

var getAB = Call{KV, Get, KVResource("a", "b"), 0}

func decide(b *Broker) Reason {
	return b.Subject("guestbook", "web").Decide(context.Background(), getAB).Reason
}

func TestExpiryAndValid(t *testing.T) {
	c := newClock()
	b := guestbook(t, Config{Now: c.now}, grantJSON(`,"expires":"2026-01-01T10:00:00Z"`), nil)
	d := b.Subject("guestbook", "web").Decide(context.Background(), getAB)
	open := b.Subject("guestbook", "web").Covers(KV, "", KVStore("a"))
	if !d.Allowed || !d.Cacheable || !b.Valid(d) || !open.Allowed || !b.Valid(open) {
		t.Fatalf("before the expiry: %+v, %+v", d, open)
	}
	c.advance(time.Hour)
	if b.Valid(d) || b.Valid(open) {
		t.Error("a decision is valid after its grant expired")
	}
	if r := decide(b); r != Expired {
		t.Errorf("after the expiry: %v", r)
	}
	if d := b.Subject("guestbook", "web").Covers(KV, "", KVStore("a")); d.Allowed || d.Reason != Expired {
		t.Errorf("after the expiry the store opens: %v", d.Reason)
	}
}

func TestRevocation(t *testing.T) {
	b := guestbook(t, Config{}, grantJSON(""), nil)
	d := b.Subject("guestbook", "web").Decide(context.Background(), getAB)
	if !b.Valid(d) {
		t.Fatal("not valid at first")
	}
	if err := b.Load(context.Background(), Source{Apps: guestbookApps()}); err != nil {
		t.Fatal(err)
	}
	if b.Valid(d) || decide(b) != NoGrant {
		t.Error("allowed after the revocation")
	}
	if b.Valid(Decision{}) || b.Valid(Decision{Revision: b.Revision()}) {
		t.Error("a denial is valid")
	}
}

func TestRateLimit(t *testing.T) {
	c := newClock()
	grants := grantJSON(`,"limits":{"calls_per_second":3}`)
	b := guestbook(t, Config{Now: c.now}, grants, nil)
	want := func(reasons ...Reason) {
		t.Helper()
		for i, r := range reasons {
			if got := decide(b); got != r {
				t.Fatalf("call %d: %v, want %v", i, got, r)
			}
		}
	}
	want(Granted, Granted, Granted, RateLimited)
	c.advance(334 * time.Millisecond)
	want(Granted, RateLimited)
	file, err := ParseGrants("grants.json", []byte(grants))
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Load(context.Background(), Source{Grants: file, Apps: guestbookApps()}); err != nil {
		t.Fatal(err)
	}
	want(RateLimited) // what was used up stays so across a load
	if d := b.Subject("guestbook", "web").Decide(context.Background(), getAB); b.Valid(d) {
		t.Error("a decision under a rate is cacheable")
	}
	c.advance(time.Hour)
	want(Granted, Granted, Granted, RateLimited) // one second's worth and no more
}

func TestConditions(t *testing.T) {
	const rules = `package writ.conditions
yes := true
no := false
odd := 7
undefined_here if input.operation == "set"
broken if to_number(input.resource) > 1
slow if count([1 | some i in numbers.range(1, 10000); some j in numbers.range(1, 10000); i + j < 0]) > 1
early if input.time < "2026-01-01T10"
named if {
	input.app.name == "guestbook"
	input.component.name == "web"
	input.capability == "kv"
	input.operation == "get"
	input.resource == "kv://a/b"
	input.bytes == 0
}`
	for condition, want := range map[string]Reason{
		"yes": Granted, "no": ConditionFalse, "odd": ConditionError, "undefined_here": ConditionError,
		"broken": ConditionError, "slow": ConditionError, "early": Granted, "named": Granted,
	} {
		c := newClock()
		timeout := time.Minute
		if condition == "slow" {
			timeout = time.Second
		}
		b := guestbook(t, Config{Now: c.now, ConditionTimeout: timeout}, grantJSON(`,"when":"`+condition+`"`), map[string]string{"c.rego": rules})
		start := time.Now()
		d := b.Subject("guestbook", "web").Decide(context.Background(), getAB)
		if d.Reason != want || d.Cacheable || d.GrantID() != "g" {
			t.Errorf("%s: %+v, want %v", condition, d, want)
		}
		if took := time.Since(start); took > 30*time.Second { // what it would take is minutes
			t.Errorf("%s took %v", condition, took)
		}
		done, cancel := context.WithCancel(context.Background())
		cancel()
		if d := b.Subject("guestbook", "web").Decide(done, getAB); d.Allowed {
			t.Errorf("%s: allowed after the call was cancelled", condition)
		}
		b.Close()
	}
}

func TestLoadRefuses(t *testing.T) {
	grants := func(s string) map[string]string {
		return map[string]string{"policies/p.rego": "package writ\n\ngrants contains g if {\n" + s + "\n}\n"}
	}
	for name, test := range map[string]struct {
		modules map[string]string
		because string
	}{
		"syntax":           {map[string]string{"policies/p.rego": "package writ\n\ngrants contains if"}, "policies/p.rego:3"},
		"empty":            {map[string]string{"policies/p.rego": ""}, "empty"},
		"unknown function": {grants("g := nothing(1)"), "policies/p.rego:4"},
		"network":          {grants(`g := http.send({"url": "http://localhost/", "method": "get"})`), "http.send"},
		"builtin error":    {grants(`g := to_number(input.app.name)`), "policies/p.rego:4"},
		"not an object":    {grants(`g := "all"`), "policies/p.rego:3: grant is not an object"},
		"unknown key":      {grants(`g := {"id": "x", "capabilty": "kv"}`), `unknown key "capabilty"`},
		"no pattern":       {grants(`g := {"id": "x", "capability": "kv", "operations": ["get"]}`), "resource"},
		"for another":      {grants(`g := {"id": "x", "app": "other", "capability": "kv", "resource": "kv://a/b", "operations": ["get"]}`), "other"},
		"no such condition": {grants(`g := {"id": "x", "capability": "kv", "resource": "kv://a/b", "operations": ["get"], "when": "full_moon"}`),
			"full_moon"},
		"same id":   {grants(`some r in ["kv://a/b", "kv://a/c"]; g := {"id": "x", "capability": "kv", "resource": r, "operations": ["get"]}`), `"x"`},
		"no set":    {map[string]string{"p.rego": "package writ\n\ngrants := 7"}, "not a set"},
		"too slow":  {grants(`some i in numbers.range(1, 10000); some j in numbers.range(1, 10000); i + j < 0; g := {}`), "deadline"},
		"recursive": {map[string]string{"p.rego": "package writ\n\ngrants contains 1 if count(grants) > 0"}, "recursive"},
	} {
		b := guestbook(t, Config{}, grantJSON(""), nil)
		if name == "too slow" {
			b.config.LoadTimeout = 500 * time.Millisecond
		}
		before := b.Revision()
		err := b.Load(context.Background(), Source{Modules: test.modules, Apps: guestbookApps()})
		if err == nil || !strings.Contains(err.Error(), test.because) {
			t.Errorf("%s: %v, want an error about %q", name, err, test.because)
		}
		if b.Revision() != before || decide(b) != Granted {
			t.Errorf("%s: the refused policy changed what is in force", name)
		}
		b.Close()
	}
	b := guestbook(t, Config{}, grantJSON(""), nil)
	twice := []App{{Name: "a", Components: []Component{{Name: "c"}, {Name: "c"}}}}
	if err := b.Load(context.Background(), Source{Apps: twice}); err == nil {
		t.Error("a component that is there twice was taken")
	}
}

func TestAPolicyIsBoundInMemory(t *testing.T) {
	const rego = `package writ

grants contains count([[i, j, k] | some i in numbers.range(1, 3000); some j in numbers.range(1, 3000); some k in numbers.range(1, 3000)])`
	p, err := newPolicy(Source{Modules: map[string]string{"p.rego": rego}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, enough := boundMemory(t.Context(), 32<<20)
	defer enough()
	_, _, err = p.grantsFor(ctx, "guestbook", Component{Name: "web"}, time.Now())
	if err == nil || !strings.Contains(err.Error(), "more than 32 MiB of memory") {
		t.Errorf("a policy that builds ever more: %v", err)
	}
}

func TestOwnPolicy(t *testing.T) {
	const own = `package writ

grants contains object.union(r, {"id": sprintf("asked-%d", [i])}) if {
	some i, r in input.requests
	input.component.labels.tier == "trusted"
}

denials contains {"id": "never", "capability": "kv", "resource": "kv://a/secret", "operations": ["*"]}
`
	b := New(Config{})
	defer b.Close()
	request := Request{KV, "kv://a/*", []string{Get}, "because"}
	apps := []App{{Name: "guestbook", Components: []Component{
		{Name: "web", Labels: map[string]string{"tier": "trusted"}, Requests: []Request{request}},
		{Name: "other", Requests: []Request{request}},
	}}}
	if err := b.Load(context.Background(), Source{Modules: map[string]string{"own.rego": own}, Apps: apps}); err != nil {
		t.Fatal(err)
	}
	if decide(b) != Granted {
		t.Errorf("the policy's own grant: %v", decide(b))
	}
	if g := b.Grants("guestbook", "web"); len(g) != 1 || g[0].Origin.String() != "own.rego:3" || g[0].ID != "asked-0" {
		t.Errorf("grants %+v", g)
	}
	if d := b.Subject("guestbook", "web").Decide(context.Background(), Call{KV, Get, "kv://a/secret", 0}); d.Denial == nil || d.Denial.ID != "never" {
		t.Errorf("the policy's own denial: %+v", d)
	}
	if g := b.Grants("guestbook", "other"); len(g) != 0 {
		t.Errorf("the untrusted component has %+v", g)
	}
}

// TestRevocationUnderLoad checks that not one call is allowed after Load returned, on decisions old and new.
func TestRevocationUnderLoad(t *testing.T) {
	b := guestbook(t, Config{Observer: discard{}}, grantJSON(""), nil)
	s := b.Subject("guestbook", "web")
	var revoked atomic.Bool
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for range 64 {
		wg.Go(func() {
			held := s.Decide(context.Background(), getAB)
			for {
				select {
				case <-stop:
					return
				default:
				}
				gone := revoked.Load()
				if ok := b.Valid(held) || s.Decide(context.Background(), getAB).Allowed; ok && gone {
					t.Error("allowed after the revocation")
					return
				}
			}
		})
	}
	time.Sleep(20 * time.Millisecond)
	err := b.Load(context.Background(), Source{Apps: guestbookApps()})
	revoked.Store(true)
	time.Sleep(20 * time.Millisecond)
	close(stop)
	wg.Wait()
	if err != nil {
		t.Fatal(err)
	}
}

func TestManyDynamicGrants(t *testing.T) {
	var list []string
	for _, id := range []string{"1", "2", "3", "4", "5", "6"} {
		list = append(list, `{"id":"g`+id+`","app":"guestbook","component":"web","capability":"kv","resource":"kv://a/**","operations":["get"],"limits":{"calls_per_second":1}}`)
	}
	c := newClock()
	b := guestbook(t, Config{Now: c.now}, `{"grants":[`+strings.Join(list, ",")+`]}`, nil)
	for i := range 6 {
		if r := decide(b); r != Granted {
			t.Fatalf("call %d: %v", i, r)
		}
	}
	if r := decide(b); r != RateLimited {
		t.Errorf("the seventh call: %v", r)
	}
}
