package broker

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// manyGrants is a grants.json of n grants of the forms that occur, in equal parts.
func manyGrants(n int) string {
	var b strings.Builder
	b.WriteString(`{"grants": [`)
	for i := range n {
		resource := fmt.Sprintf([]string{
			"kv://default/user%d/*", "kv://default/shared/%d", "kv://store%d/**", "kv://default/*/inbox%d", "kv://default/part%d*",
		}[i%5], i)
		if i > 0 {
			b.WriteString(",")
		}
		fmt.Fprintf(&b, "\n{\"id\":\"g%d\",\"app\":\"guestbook\",\"component\":\"web\",\"capability\":\"kv\",\"resource\":%q,\"operations\":[\"get\",\"set\"]}", i, resource)
	}
	b.WriteString("\n]}\n")
	return b.String()
}

// calls are allowed by manyGrants, spread over all of them and over their forms.
func calls(n int) []Call {
	var list []Call
	for k := range 1024 {
		i := k * 7919 % n / 5 * 5
		list = append(list,
			Call{KV, Get, KVResource("default", fmt.Sprintf("user%d/profile", i)), 0},
			Call{KV, Get, KVResource("default", fmt.Sprintf("shared/%d", i+1)), 0},
			Call{KV, Set, KVResource(fmt.Sprintf("store%d", i+2), "a/b/c"), 100},
			Call{KV, Set, KVResource("default", fmt.Sprintf("k/inbox%d", i+3)), 100},
			Call{KV, Get, KVResource("default", fmt.Sprintf("part%dx", i+4)), 0},
		)
	}
	return list
}

var brokers = map[int]*Broker{}

// loaded is a broker with n grants in force. It is kept, since the benchmark function runs many times.
func loaded(b *testing.B, n int) *Broker {
	if brokers[n] == nil {
		file, err := ParseGrants("grants.json", []byte(manyGrants(n)))
		if err != nil {
			b.Fatal(err)
		}
		brokers[n] = New(Config{})
		if err := brokers[n].Load(context.Background(), Source{Grants: file, Apps: guestbookApps()}); err != nil {
			b.Fatal(err)
		}
	}
	return brokers[n]
}

// BenchmarkDecideOne asks about the same resource again and again, as most guests do.
func BenchmarkDecideOne(b *testing.B) {
	for _, n := range []int{10, 1000, 100_000} {
		b.Run(fmt.Sprintf("grants=%d", n), func(b *testing.B) {
			s, call, ctx := loaded(b, n).Subject("guestbook", "web"), calls(n)[0], context.Background()
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				s.Decide(ctx, call)
			}
		})
	}
}

func BenchmarkDecide(b *testing.B) {
	for _, n := range []int{10, 1000, 100_000} {
		b.Run(fmt.Sprintf("grants=%d", n), func(b *testing.B) {
			k := loaded(b, n)
			s, list, ctx := k.Subject("guestbook", "web"), calls(n), context.Background()
			b.ReportAllocs()
			b.ResetTimer()
			for i := range b.N {
				if d := s.Decide(ctx, list[i%len(list)]); !d.Allowed {
					b.Fatalf("%+v: %v", list[i%len(list)], d.Reason)
				}
			}
		})
	}
}

func BenchmarkDecideRecorded(b *testing.B) {
	k := guestbook(b, Config{Observer: discard{}}, manyGrants(1000), nil)
	s, list, ctx := k.Subject("guestbook", "web"), calls(1000), context.Background()
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		s.Decide(ctx, list[i%len(list)])
	}
}

type discard struct{}

func (discard) Observe(Record) {}

func BenchmarkDecideDenied(b *testing.B) {
	k := loaded(b, 100_000)
	s, ctx := k.Subject("guestbook", "web"), context.Background()
	call := Call{KV, Get, KVResource("default", "nobody/has/this"), 0}
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		s.Decide(ctx, call)
	}
}

func BenchmarkValid(b *testing.B) {
	k := guestbook(b, Config{Observer: discard{}}, manyGrants(10), nil)
	d := k.Subject("guestbook", "web").Decide(context.Background(), calls(10)[0])
	b.ReportAllocs()
	for range b.N {
		if !k.Valid(d) {
			b.Fatal("not valid")
		}
	}
}

func BenchmarkDecideWhen(b *testing.B) {
	for name, rego := range map[string]string{"own": officeHours, "library": libraryHours} {
		b.Run(name, func(b *testing.B) {
			grants := `{"grants":[{"id":"g","app":"guestbook","component":"web","capability":"kv","resource":"kv://a/**","operations":["*"],"when":"office_hours"}]}`
			k := guestbook(b, Config{ConditionTimeout: time.Minute}, grants, map[string]string{"c.rego": rego})
			s, ctx, call := k.Subject("guestbook", "web"), context.Background(), Call{KV, Get, KVResource("a", "b"), 0}
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				if d := s.Decide(ctx, call); d.Reason != Granted {
					b.Fatal(d.Reason)
				}
			}
		})
	}
}

const libraryHours = `package writ.conditions

import data.writ.lib.hours
import data.writ.lib.labels

office_hours if {
	hours.between(0, 24, "Europe/Berlin")
	hours.after("2020-01-01T00:00:00Z")
	not labels.has("suspended", "yes")
}
`

const officeHours = `package writ.conditions

default office_hours := false

office_hours if {
	[hour, _, _] := time.clock(time.parse_rfc3339_ns(input.time))
	hour >= 0
	input.operation == "get"
	startswith(input.resource, "kv://a/")
}
`

func BenchmarkLoad(b *testing.B) {
	for _, n := range []int{10, 1000, 100_000} {
		b.Run(fmt.Sprintf("grants=%d", n), func(b *testing.B) {
			text := []byte(manyGrants(n))
			k := New(Config{})
			defer k.Close()
			for range b.N {
				file, err := ParseGrants("grants.json", text)
				if err != nil {
					b.Fatal(err)
				}
				if err := k.Load(context.Background(), Source{Grants: file, Apps: guestbookApps()[:1]}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkRevoke is the time from when grants.json was replaced until what it revokes is denied, and until what it grants is
// allowed.
func BenchmarkRevoke(b *testing.B) {
	for _, n := range []int{10, 1000, 10_000, 100_000} {
		b.Run(fmt.Sprintf("grants=%d", n), func(b *testing.B) {
			files := Files{Grants: filepath.Join(b.TempDir(), "grants.json")}
			with := []byte(manyGrants(n))
			without := bytes.Replace(with, []byte(`["get","set"]`), []byte(`["set"]`), 1)
			k := New(Config{})
			defer k.Close()
			if err := os.WriteFile(files.Grants, with, 0o600); err != nil {
				b.Fatal(err)
			}
			ctx, cancel := context.WithCancel(b.Context())
			defer cancel()
			if err := k.Watch(ctx, files, guestbookApps(), func(Reload) {}); err != nil {
				b.Fatal(err)
			}
			s, call := k.Subject("guestbook", "web"), calls(n)[0]
			change := func(text []byte, allowed bool) {
				if err := replaceFile(files.Grants, text); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
				for s.Decide(ctx, call).Allowed != allowed {
					time.Sleep(100 * time.Microsecond)
				}
				b.StopTimer()
			}
			b.StopTimer()
			b.ResetTimer()
			for i := range b.N {
				if i%2 == 0 {
					change(without, false)
				} else {
					change(with, true)
				}
			}
		})
	}
}

func TestDecideDoesNotAllocate(t *testing.T) {
	for _, config := range []Config{{}, {Observer: discard{}}} {
		k := guestbook(t, config, manyGrants(1000), nil)
		s, list, ctx := k.Subject("guestbook", "web"), calls(1000), context.Background()
		i := 0
		if n := testing.AllocsPerRun(5000, func() { s.Decide(ctx, list[i%len(list)]); i++ }); n > 0 {
			t.Errorf("%v allocations for an allow", n)
		}
	}
}
