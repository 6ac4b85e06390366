package broker

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"testing"
)

type counts struct {
	mu   sync.Mutex
	told map[string]uint64
}

func (c *counts) Observe(r Record) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.told[fmt.Sprintf("%s %v %s %s", r.GrantID, r.Reason, r.Operation, r.Resource)] += r.Count
}

func TestAllowsAreCountedByWhatAGrantLeavesOpen(t *testing.T) {
	grants := `{"grants": [
		{"id":"net","app":"guestbook","component":"web","capability":"http","resource":"https://*.example.com/api/**","operations":["*"]},
		{"id":"keys","app":"guestbook","component":"web","capability":"kv","resource":"kv://default/**","operations":["get"]}
	]}`
	c := &counts{told: map[string]uint64{}}
	b := New(Config{Observer: c})
	load(t, b, grants)
	s := b.Subject("guestbook", "web")
	for i, call := range []Call{
		{HTTP, "GET", "https://a.example.com:443/api/1", 0},
		{HTTP, "GET", "https://a.example.com:443/api/2", 0},
		{HTTP, "POST", "https://b.example.com:443/api/2", 0},
		{KV, Get, "kv://default/x", 0},
		{KV, Get, "kv://default/y", 0},
	} {
		if d := s.Decide(context.Background(), call); !d.Allowed {
			t.Fatalf("call %d: %v", i, d.Reason)
		}
	}
	b.Close()
	want := map[string]uint64{
		"net granted GET https://a.example.com:443/**":  2,
		"net granted POST https://b.example.com:443/**": 1,
		"keys granted get kv://default/**":              2,
	}
	if !maps.Equal(c.told, want) {
		t.Errorf("told %v, want %v", c.told, want)
	}
}

func TestClassesAreBounded(t *testing.T) {
	c := &counts{told: map[string]uint64{}}
	b := New(Config{Observer: c})
	load(t, b, `{"grants": [{"id":"net","app":"guestbook","component":"web","capability":"http","resource":"https://**","operations":["GET"]}]}`)
	s := b.Subject("guestbook", "web")
	const calls = maxClasses + 50
	for i := range calls {
		s.Decide(context.Background(), Call{HTTP, "GET", fmt.Sprintf("https://h%d:443/", i), 0})
	}
	b.Close()
	var sum uint64
	for _, n := range c.told {
		sum += n
	}
	if len(c.told) != maxClasses+1 || sum != calls {
		t.Errorf("%d classes with %d uses, want %d with %d", len(c.told), sum, maxClasses+1, calls)
	}
}

func TestSuspensionReachesOpenHandlesAndOutlastsALoad(t *testing.T) {
	const grants = `{"grants": [{"id":"keys","app":"guestbook","component":"web","capability":"kv","resource":"kv://default/**","operations":["get"]}]}`
	b := New(Config{})
	defer b.Close()
	load(t, b, grants)
	s, call := b.Subject("guestbook", "web"), Call{KV, Get, "kv://default/x", 0}
	open := s.Decide(context.Background(), call)
	if !open.Allowed || !b.Valid(open) {
		t.Fatalf("before: %v", open.Reason)
	}
	b.Suspend()
	if d := s.Decide(context.Background(), call); d.Allowed || d.Reason != Suspended || b.Valid(open) {
		t.Errorf("suspended: %v, open handle valid %v", d.Reason, b.Valid(open))
	}
	load(t, b, grants)
	if d := s.Decide(context.Background(), call); d.Allowed || d.Reason != Suspended {
		t.Errorf("suspended, after a load: %v", d.Reason)
	}
	b.Resume()
	if d := s.Decide(context.Background(), call); !d.Allowed {
		t.Errorf("resumed: %v", d.Reason)
	}
}

func TestLoadTellsWhatCameIntoForce(t *testing.T) {
	var told Loaded
	b := New(Config{OnLoad: func(l Loaded) { told = l }})
	defer b.Close()
	load(t, b, `{"grants": [{"id":"keys","app":"guestbook","component":"web","capability":"kv","resource":"kv://default/**","operations":["get"]}]}`)
	if told.Revision != 1 || len(told.Components) == 0 || told.Components[0].App != "guestbook" || len(told.Source.Digests()) == 0 {
		t.Fatalf("told %+v", told)
	}
	for _, g := range told.Components[0].Grants {
		if g.ID == "keys" {
			return
		}
	}
	t.Errorf("the grant is not among %v", told.Components[0].Grants)
}

func load(t *testing.T, b *Broker, grants string) {
	t.Helper()
	file, err := ParseGrants("grants.json", []byte(grants))
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Load(context.Background(), Source{Grants: file, Apps: guestbookApps()}); err != nil {
		t.Fatal(err)
	}
}
