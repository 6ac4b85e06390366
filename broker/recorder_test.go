package broker

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"
)

// notebook is an observer that keeps what it is told.
type notebook struct {
	mu      sync.Mutex
	records []Record
	block   chan struct{}
}

func (n *notebook) Observe(r Record) {
	if n.block != nil {
		<-n.block
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.records = append(n.records, r)
}

func (n *notebook) counts() (allowed, denied uint64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, r := range n.records {
		if r.Allowed {
			allowed += r.Count
		} else {
			denied += r.Count
		}
	}
	return allowed, denied
}

// TestRecordsAreLossless makes many decisions at once, across loads and with an observer that hangs for a while, and expects
// every one of them to be told of.
func TestRecordsAreLossless(t *testing.T) {
	n := &notebook{block: make(chan struct{})}
	b := guestbook(t, Config{Observer: n}, grantJSON(""), nil)
	file, err := ParseGrants("grants.json", []byte(grantJSON("")))
	if err != nil {
		t.Fatal(err)
	}
	s := b.Subject("guestbook", "web")
	const each = 5000
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range each {
				s.Decide(context.Background(), getAB)
				s.Decide(context.Background(), Call{KV, Set, getAB.Resource, 0})
				if i%1000 == 0 {
					if err := b.Load(context.Background(), Source{Grants: file, Apps: guestbookApps()}); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	close(n.block)
	b.Close()
	if allowed, denied := n.counts(); allowed != 8*each || denied != 8*each {
		t.Errorf("%d allows and %d denials were told of, not %d of each", allowed, denied, 8*each)
	}
}

func TestRecords(t *testing.T) {
	n := &notebook{}
	b := guestbook(t, Config{Observer: n}, guestbookGrants, nil)
	s := b.Subject("guestbook", "web")
	d := s.Decide(context.Background(), Call{KV, Get, KVResource("default", "guestbook/1"), 0})
	b.Valid(d)
	s.Covers(KV, "", KVStore("default"))
	s.Covers(KV, "", KVStore("other"))
	s.Decide(context.Background(), Call{KV, Get, KVResource("ledger", "secret/x"), 0})
	b.Close()
	if allowed, denied := n.counts(); allowed != 3 || denied != 2 {
		t.Errorf("%d allows and %d denials", allowed, denied)
	}
	for _, r := range n.records {
		switch {
		case r.Allowed && (r.GrantID != "guestbook-kv" || r.Operation != Get || r.Resource != "kv://default/guestbook/*" || r.Revision != 1):
			t.Errorf("allow %+v", r)
		case r.Reason == Denied && (r.GrantID != "no-secrets" || !strings.HasPrefix(r.Resource, "kv://ledger/~") || strings.Contains(r.Resource, "secret")):
			t.Errorf("denial %+v", r)
		case r.Reason == NoGrant && (r.Operation != "open" || !strings.HasPrefix(r.Resource, "kv://other/")):
			t.Errorf("denied open %+v", r)
		}
	}
}

func TestRedact(t *testing.T) {
	a, b := NewRedactor([]byte("k")), NewRedactor(nil)
	for resource, keep := range map[string]string{
		"kv://default/user/1": "kv://default/~", "https://h:443/private": "https://h:443/~", "file:///home/x": "file:///~",
	} {
		got := a.Resource(resource)
		if !strings.HasPrefix(got, keep) || len(got) != len(keep)+16 || got == b.Resource(resource) || got != a.Resource(resource) {
			t.Errorf("%s is shown as %s", resource, got)
		}
		if shown := (&Redactor{}).Resource(resource); shown != resource {
			t.Errorf("the zero Redactor shows %s as %s", resource, shown)
		}
	}
	for _, open := range []string{"env:HOME", "tcp://h:1", "sql://main/users", "a:b/c#d"} {
		if got := a.Resource(open); got != open {
			t.Errorf("%s is shown as %s", open, got)
		}
	}
}

func TestLogDecisions(t *testing.T) {
	var out bytes.Buffer
	o := LogDecisions(slog.New(slog.NewJSONHandler(&out, nil)))
	o.Observe(Record{Time: time.Unix(1, 0), App: "a", Component: "c", Capability: KV, Operation: Get, Resource: "kv://a/~1", Reason: NoGrant, Count: 1})
	var entry map[string]any
	if err := json.Unmarshal(out.Bytes(), &entry); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]any{"msg": "decision", "level": "WARN", "decision": "deny", "reason": "no grant", "operation": "get", "count": 1.0} {
		if entry[key] != want {
			t.Errorf("%s is %v, want %v", key, entry[key], want)
		}
	}
}
