package broker

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// After a change is acknowledged not one more operation is allowed, by a new decision or on an open handle, however busy the
// instances are.
func TestChangesReachBusyInstances(t *testing.T) {
	const instances = 64
	c := newClock()
	with := func(more string) Source {
		f, err := ParseGrants("grants.json", []byte(grantJSON(more)))
		if err != nil {
			t.Fatal(err)
		}
		return Source{Grants: f, Apps: guestbookApps(), Modules: map[string]string{"c.rego": "package writ.conditions\n\nno := false"}}
	}
	changes := map[string]func(b *Broker) error{
		"revocation": func(b *Broker) error { return b.Load(context.Background(), Source{Apps: guestbookApps()}) },
		"condition":  func(b *Broker) error { return b.Load(context.Background(), with(`,"when":"no"`)) },
		"policy": func(b *Broker) error {
			s := with("")
			s.Modules["deny.rego"] = "package writ\n\ndenials contains {\"id\": \"no\", \"capability\": \"kv\", \"resource\": \"kv://**\", \"operations\": [\"*\"]}"
			return b.Load(context.Background(), s)
		},
		"expiry":     func(*Broker) error { c.advance(2 * time.Hour); return nil },
		"suspension": func(b *Broker) error { b.Suspend(); return nil },
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			b := New(Config{Now: c.now})
			defer b.Close()
			expires := fmt.Sprintf(`,"expires":%q`, c.now().Add(time.Hour).Format(time.RFC3339))
			if err := b.Load(t.Context(), with(expires)); err != nil {
				t.Fatal(err)
			}
			var acknowledged atomic.Bool
			var before, after, late atomic.Int64
			var group sync.WaitGroup
			stop := make(chan struct{})
			for range instances {
				group.Go(func() { busyInstance(b, stop, &acknowledged, &before, &after, &late) })
			}
			for before.Load() < 50*instances {
				time.Sleep(time.Millisecond)
			}
			if err := change(b); err != nil {
				t.Error(err)
			}
			acknowledged.Store(true)
			for after.Load() < 50*instances {
				time.Sleep(time.Millisecond)
			}
			close(stop)
			group.Wait()
			if late.Load() != 0 {
				t.Errorf("%d operations were allowed after the change", late.Load())
			}
		})
	}
}

// busyInstance asks on and on, and uses what it holds open. Only what it began after the acknowledgement counts as late.
func busyInstance(b *Broker, stop chan struct{}, acknowledged *atomic.Bool, before, after, late *atomic.Int64) {
	s := b.Subject("guestbook", "web")
	open := s.Decide(context.Background(), getAB)
	for {
		select {
		case <-stop:
			return
		default:
		}
		changed := acknowledged.Load()
		allowed := b.Valid(open)
		if d := s.Decide(context.Background(), getAB); d.Allowed {
			allowed, open = true, d
		}
		if !changed {
			before.Add(1)
			continue
		}
		after.Add(1)
		if allowed {
			late.Add(1)
		}
	}
}
