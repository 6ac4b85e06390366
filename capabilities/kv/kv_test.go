package kv_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/writ-host/writ/broker"
	"github.com/writ-host/writ/capabilities"
	"github.com/writ-host/writ/capabilities/kv"
	"github.com/writ-host/writ/capabilities/provider/embedded"
	"github.com/writ-host/writ/wit"
)

// grants is a subject that is granted "operation prefix" lines.
type grants map[string]bool

func (g grants) Decide(_ context.Context, c broker.Call) broker.Decision {
	for line := range g {
		op, prefix, _ := strings.Cut(line, " ")
		if c.Capability == "kv" && (op == "*" || op == c.Operation) && strings.HasPrefix(c.Resource, prefix) {
			return broker.Decision{Allowed: true, Grant: &broker.Grant{ID: "g"}}
		}
	}
	return broker.Decision{}
}

func (g grants) Covers(_, operation, prefix string) broker.Decision {
	for line := range g {
		op, p, _ := strings.Cut(line, " ")
		if (operation == "" || op == "*" || op == operation) && (strings.HasPrefix(p, prefix) || strings.HasPrefix(prefix, p)) {
			return broker.Decision{Allowed: true}
		}
	}
	return broker.Decision{}
}

// guest calls the capability as a component does, through the guard.
type guest struct {
	t        *testing.T
	bindings []wit.Binding
	grants   grants
	instance *capabilities.Instance
}

func newGuest(t *testing.T, lines ...string) *guest {
	t.Helper()
	s, err := embedded.Open(filepath.Join(t.TempDir(), "kv.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	c, err := kv.New(kv.Config{Stores: map[string]kv.Store{"default": {Backend: s}, "other": {Backend: s, Name: "x"}}})
	if err != nil {
		t.Fatal(err)
	}
	g := &guest{t: t, bindings: capabilities.Guard(c), grants: grants{}}
	for _, l := range lines {
		g.grants[l] = true
	}
	g.instance = &capabilities.Instance{App: "app", Component: "c", Subject: g.grants}
	return g
}

// call returns the result's case, and its payload.
func (g *guest) call(name string, args ...wit.Value) (ok bool, v wit.Value) {
	g.t.Helper()
	for _, b := range g.bindings {
		if f := b.Funcs[name]; f != nil {
			c := &wit.Call{Func: b.Interface.Func(name), Args: args, Data: g.instance}
			if err := f(context.Background(), c); err != nil {
				g.t.Fatalf("%s trapped: %v", name, err)
			}
			v, _ := c.Result.Payload()
			return c.Result.Case() == 0, v
		}
	}
	g.t.Fatalf("no function %s", name)
	return false, v
}

// result is call's outcome as text.
func (g *guest) result(name string, args ...wit.Value) string {
	g.t.Helper()
	return show(g.call(name, args...))
}

func show(ok bool, v wit.Value) string {
	if !ok {
		if v.Case() == 2 {
			p, _ := v.Payload()
			return "other: " + p.Text()
		}
		return []string{"no-such-store", "access-denied"}[v.Case()]
	}
	return text(v)
}

func text(v wit.Value) string {
	switch v.Kind() {
	case 0:
		return "ok"
	case wit.KindOption:
		p, some := v.Payload()
		if !some {
			return "none"
		}
		return text(p)
	case wit.KindBool:
		return fmt.Sprint(v.Bool())
	case wit.KindS64:
		return fmt.Sprint(v.Int())
	case wit.KindString:
		return v.Text()
	case wit.KindOwn:
		return "handle"
	}
	if b, packed := v.Packed(); packed {
		return string(b)
	}
	var parts []string
	for _, i := range v.Items() {
		parts = append(parts, text(i))
	}
	return "[" + strings.Join(parts, " ") + "]"
}

func (g *guest) open(name string) wit.Value {
	g.t.Helper()
	ok, v := g.call("open", wit.String(name))
	if !ok {
		g.t.Fatalf("open %s: %s", name, show(ok, v))
	}
	return wit.Borrow(v.Handle())
}

func str(s string) wit.Value  { return wit.String(s) }
func blob(s string) wit.Value { return wit.Bytes([]byte(s)) }

func list(keys ...string) wit.Value {
	var items []wit.Value
	for _, k := range keys {
		items = append(items, str(k))
	}
	return wit.List(items...)
}

func pairs(kv ...string) wit.Value {
	var items []wit.Value
	for p := range slices.Chunk(kv, 2) {
		items = append(items, wit.Tuple(str(p[0]), blob(p[1])))
	}
	return wit.List(items...)
}

func expect(t *testing.T, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestStore(t *testing.T) {
	g := newGuest(t, "* kv://")
	b := g.open("default")
	expect(t, g.result("[method]bucket.get", b, str("k")), "none")
	expect(t, g.result("[method]bucket.exists", b, str("k")), "false")
	expect(t, g.result("[method]bucket.set", b, str("k"), blob("v")), "ok")
	expect(t, g.result("[method]bucket.get", b, str("k")), "v")
	expect(t, g.result("[method]bucket.exists", b, str("k")), "true")
	expect(t, g.result("[method]bucket.set", b, str(""), blob("")), "ok")
	expect(t, g.result("[method]bucket.get", b, str("")), "")
	expect(t, g.result("[method]bucket.get", g.open("other"), str("k")), "none")
	expect(t, g.result("[method]bucket.delete", b, str("k")), "ok")
	expect(t, g.result("[method]bucket.delete", b, str("k")), "ok")
	expect(t, g.result("[method]bucket.get", b, str("k")), "none")
}

func TestOpen(t *testing.T) {
	g := newGuest(t, "get kv://default/a/", "set kv://nowhere/")
	expect(t, g.result("open", str("default")), "handle")
	expect(t, g.result("open", str("nowhere")), "no-such-store")
	expect(t, g.result("open", str("other")), "access-denied")
	expect(t, g.result("open", str("unknown")), "access-denied")
	expect(t, g.result("open", str(strings.Repeat("x", 1<<20))), "access-denied")
}

func TestEveryFunctionIsGuarded(t *testing.T) {
	calls := map[string]struct {
		operation string
		args      []wit.Value
	}{
		"[method]bucket.get":       {"get", []wit.Value{str("a")}},
		"[method]bucket.set":       {"set", []wit.Value{str("a"), blob("v")}},
		"[method]bucket.delete":    {"delete", []wit.Value{str("a")}},
		"[method]bucket.exists":    {"exists", []wit.Value{str("a")}},
		"[method]bucket.list-keys": {"list", []wit.Value{wit.None()}},
		"increment":                {"increment", []wit.Value{str("n"), wit.S64(1)}},
		"[static]cas.new":          {"cas", []wit.Value{str("a")}},
		"get-many":                 {"get", []wit.Value{list("a")}},
		"set-many":                 {"set", []wit.Value{pairs("a", "v")}},
		"delete-many":              {"delete", []wit.Value{list("a")}},
	}
	for name, c := range calls {
		t.Run(name, func(t *testing.T) {
			g := newGuest(t, "nothing kv://default/")
			args := append([]wit.Value{g.open("default")}, c.args...)
			expect(t, g.result(name, args...), "access-denied")
			g.grants[c.operation+" kv://default/"] = true
			if ok, v := g.call(name, args...); !ok {
				t.Errorf("granted %s, yet %s", c.operation, show(ok, v))
			}
			delete(g.grants, c.operation+" kv://default/")
			expect(t, g.result(name, args...), "access-denied")
		})
	}
}

func TestBatchIsAllOrNothing(t *testing.T) {
	g := newGuest(t, "* kv://default/a")
	b := g.open("default")
	expect(t, g.result("set-many", b, pairs("a1", "1", "b", "2")), "access-denied")
	expect(t, g.result("[method]bucket.get", b, str("a1")), "none")
	expect(t, g.result("set-many", b, pairs("a1", "1", "a2", "2")), "ok")
	expect(t, g.result("get-many", b, list("a2", "a", "a1")), "[[a2 2] none [a1 1]]")
	expect(t, g.result("get-many", b, list("a2", "b")), "access-denied")
	expect(t, g.result("delete-many", b, list("a1", "b")), "access-denied")
	expect(t, g.result("delete-many", b, list("a1", "a")), "ok")
	expect(t, g.result("get-many", b, list("a1", "a2")), "[none [a2 2]]")
	expect(t, g.result("get-many", b, list()), "[]")
	expect(t, g.result("set-many", b, pairs()), "ok")
}

func TestLimits(t *testing.T) {
	g := newGuest(t, "* kv://")
	b := g.open("default")
	long, big := strings.Repeat("k", kv.MaxKey+1), strings.Repeat("v", kv.MaxValue+1)
	many := make([]string, kv.MaxKeys+1)
	longKey := "other: the key has 1025 bytes, and 1024 are the most"
	bigValue := "other: the value has 16777217 bytes, and 16777216 are the most"
	expect(t, g.result("[method]bucket.get", b, str(long)), longKey)
	expect(t, g.result("[method]bucket.set", b, str(long), blob("")), longKey)
	expect(t, g.result("[method]bucket.set", b, str("k"), blob(big)), bigValue)
	expect(t, g.result("[method]bucket.delete", b, str(long)), longKey)
	expect(t, g.result("[method]bucket.exists", b, str(long)), longKey)
	expect(t, g.result("increment", b, str(long), wit.S64(1)), longKey)
	expect(t, g.result("[static]cas.new", b, str(long)), longKey)
	expect(t, g.result("get-many", b, list("a", long)), longKey)
	expect(t, g.result("set-many", b, pairs("a", big)), bigValue)
	expect(t, g.result("set-many", b, pairs("a", big[1:], "b", big[1:])), "other: the batch has more than 33554432 bytes")
	expect(t, g.result("delete-many", b, list(many...)), "other: the batch has 1025 keys, and 1024 are the most")
	delete(g.grants, "* kv://")
	expect(t, g.result("[method]bucket.get", b, str(long)), longKey)
}

func TestIncrement(t *testing.T) {
	g := newGuest(t, "* kv://")
	b := g.open("default")
	expect(t, g.result("increment", b, str("n"), wit.S64(5)), "5")
	expect(t, g.result("increment", b, str("n"), wit.S64(-7)), "-2")
	expect(t, g.result("[method]bucket.get", b, str("n")), "-2")
	expect(t, g.result("[method]bucket.set", b, str("n"), blob("9223372036854775807")), "ok")
	expect(t, g.result("increment", b, str("n"), wit.S64(1)), "other: the sum is beyond a signed 64-bit integer")
	expect(t, g.result("[method]bucket.set", b, str("n"), blob("x")), "ok")
	expect(t, g.result("increment", b, str("n"), wit.S64(1)), "other: the value is not an integer in decimal text")
}

func TestCompareAndSwap(t *testing.T) {
	g := newGuest(t, "* kv://")
	b := g.open("default")
	handle := func() wit.Value {
		_, v := g.call("[static]cas.new", b, str("k"))
		return v
	}
	first, second := handle(), handle()
	expect(t, g.result("[method]cas.current", wit.Borrow(first.Handle())), "none")
	expect(t, g.result("swap", first, blob("one")), "ok")

	ok, failed := g.call("swap", second, blob("two"))
	if ok || failed.Case() != 1 {
		t.Fatalf("the value had changed, yet swap answered %v, case %d", ok, failed.Case())
	}
	fresh, _ := failed.Payload()
	expect(t, g.result("[method]cas.current", wit.Borrow(fresh.Handle())), "one")
	expect(t, g.result("swap", fresh, blob("two")), "ok")
	expect(t, g.result("[method]bucket.get", b, str("k")), "two")

	// The same bytes written again are another version.
	third := handle()
	expect(t, g.result("[method]bucket.set", b, str("k"), blob("two")), "ok")
	if ok, v := g.call("swap", third, blob("three")); ok || v.Case() != 1 {
		t.Errorf("swapped over a write: %v", ok)
	}

	last := handle()
	delete(g.grants, "* kv://")
	ok, v := g.call("swap", last, blob("x"))
	p, _ := v.Payload()
	if ok || v.Case() != 0 || p.Case() != 1 {
		t.Errorf("revoked, yet swap answered %v, case %d, error %d", ok, v.Case(), p.Case())
	}
}

func TestListShowsOnlyWhatIsGranted(t *testing.T) {
	g := newGuest(t, "* kv://")
	b := g.open("default")
	for n := range 3 {
		var all []string
		for i := range 1000 {
			all = append(all, fmt.Sprintf("%d-%04d", n, i), "v")
		}
		expect(t, g.result("set-many", b, pairs(all...)), "ok")
	}
	delete(g.grants, "* kv://")
	g.grants["list kv://default/0-09"] = true
	g.grants["list kv://default/2-000"] = true

	var seen []string
	cursor := wit.None()
	for range 10 {
		ok, page := g.call("[method]bucket.list-keys", b, cursor)
		if !ok {
			t.Fatal(show(ok, page))
		}
		for _, k := range page.Items()[0].Items() {
			seen = append(seen, k.Text())
		}
		next, more := page.Items()[1].Payload()
		if !more {
			break
		}
		inside, err := base64.RawURLEncoding.DecodeString(next.Text())
		if err != nil || strings.Contains(next.Text(), "999") || strings.Contains(string(inside), "999") {
			t.Errorf("the cursor tells a key: %q", next.Text())
		}
		cursor = wit.Some(next)
	}
	if len(seen) != 110 || seen[0] != "0-0900" || seen[109] != "2-0009" {
		t.Errorf("listed %d keys, from %q to %q", len(seen), seen[0], seen[len(seen)-1])
	}
	forged := wit.Some(str("a2s"))
	expect(t, g.result("[method]bucket.list-keys", b, forged), "other: the cursor is not one of this store, or of an earlier run of the host")
	g.instance.Component = "another"
	expect(t, g.result("[method]bucket.list-keys", b, cursor), "other: the cursor is not one of this store, or of an earlier run of the host")
}

func TestConfig(t *testing.T) {
	for _, c := range []kv.Config{
		{Stores: map[string]kv.Store{"a": {}}},
		{Stores: map[string]kv.Store{"": {Backend: (*embedded.Store)(nil)}}},
	} {
		if _, err := kv.New(c); err == nil {
			t.Errorf("%v was taken", c)
		}
	}
}
