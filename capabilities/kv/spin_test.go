package kv_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/writ-host/writ/capabilities/kv"
	"github.com/writ-host/writ/wit"
)

// spin is a call of fermyon:spin/key-value as text.
func (g *guest) spin(name string, args ...wit.Value) string {
	g.t.Helper()
	ok, v := g.call(name, args...)
	if ok {
		return text(v)
	}
	if message, ok := v.Payload(); ok {
		return fmt.Sprint(v.Case(), ": ", message.Text())
	}
	return []string{"store-table-full", "no-such-store", "access-denied"}[v.Case()]
}

func TestSpinStoresAreTheSame(t *testing.T) {
	g := newGuest(t, "get kv://default/a", "set kv://default/a", "exists kv://default/a", "delete kv://default/a", "list kv://default/a", "get kv://gone/")
	_, ours := g.call("open", wit.String("default"))
	_, store := g.call("[static]store.open", wit.String("default"))
	key := func(s string) wit.Value { return wit.String(s) }
	for _, step := range []struct{ name, got, want string }{
		{"of no grant", g.spin("[static]store.open", wit.String("other")), "access-denied"},
		{"that is not there", g.spin("[static]store.open", wit.String("gone")), "no-such-store"},
		{"nothing yet", g.spin("[method]store.get", store, key("ab")), "none"},
		{"set", g.spin("[method]store.set", store, key("ab"), wit.Bytes([]byte("tea"))), "ok"},
		{"get", g.spin("[method]store.get", store, key("ab")), "tea"},
		{"get of wasi:keyvalue", g.result("[method]bucket.get", ours, key("ab")), "tea"},
		{"exists", g.spin("[method]store.exists", store, key("ab")), "true"},
		{"keys", g.spin("[method]store.get-keys", store), "[ab]"},
		{"denied get", g.spin("[method]store.get", store, key("b")), "access-denied"},
		{"denied set", g.spin("[method]store.set", store, key("b"), wit.Bytes(nil)), "access-denied"},
		{"denied exists", g.spin("[method]store.exists", store, key("b")), "access-denied"},
		{"denied delete", g.spin("[method]store.delete", store, key("b")), "access-denied"},
		{"delete", g.spin("[method]store.delete", store, key("ab")), "ok"},
		{"gone", g.spin("[method]store.exists", store, key("ab")), "false"},
		{"long key", g.spin("[method]store.get", store, key(strings.Repeat("a", kv.MaxKey+1))), "3: the key has 1025 bytes, and 1024 are the most"},
		{"large value", g.spin("[method]store.set", store, key("a"), wit.Bytes(make([]byte, kv.MaxValue+1))), "3: the value has 16777217 bytes, and 16777216 are the most"},
	} {
		if step.got != step.want {
			t.Errorf("%s: %.200q, and not %q", step.name, step.got, step.want)
		}
	}
}

// A listing shows what may be listed, over several of the store's pages.
func TestSpinListsWhatIsGranted(t *testing.T) {
	g := newGuest(t, "set kv://default/", "list kv://default/shown")
	_, ours := g.call("open", wit.String("default"))
	var pairs []wit.Value
	for n := range 1000 {
		pairs = append(pairs, wit.Tuple(wit.String(fmt.Sprintf("hidden%04d", n)), wit.Bytes(nil)))
	}
	if got := g.result("set-many", ours, wit.List(pairs...)); got != "ok" {
		t.Fatal(got)
	}
	for n := range 300 {
		pairs[n] = wit.Tuple(wit.String(fmt.Sprintf("shown%04d", n)), wit.Bytes(nil))
	}
	if got := g.result("set-many", ours, wit.List(pairs[:300]...)); got != "ok" {
		t.Fatal(got)
	}
	_, store := g.call("[static]store.open", wit.String("default"))
	ok, keys := g.call("[method]store.get-keys", store)
	if !ok || keys.Len() != 300 || keys.Items()[0].Text() != "shown0000" {
		t.Errorf("%v, %d keys", ok, keys.Len())
	}
	delete(g.grants, "list kv://default/shown")
	if got := g.spin("[method]store.get-keys", store); got != "access-denied" {
		t.Errorf("after the revocation: %.200s", got)
	}
}

// Spin has batches under the same name, with another type of what get-many answers.
func TestSpinBatches(t *testing.T) {
	g := newGuest(t, "get kv://default/", "set kv://default/")
	_, ours := g.call("open", wit.String("default"))
	if got := g.result("set-many", ours, wit.List(wit.Tuple(wit.String("a"), wit.Bytes([]byte("tea"))))); got != "ok" {
		t.Fatal(got)
	}
	keys := wit.List(wit.String("a"), wit.String("b"))
	if got := g.result("get-many", ours, keys); got != "[[a tea] none]" {
		t.Errorf("wasi:keyvalue: %s", got)
	}
	g.bindings = slices.DeleteFunc(g.bindings, func(b wit.Binding) bool {
		return b.Interface.Name.Interface == "batch" && b.Interface.Func("get-many").Result.Cases[0].Type.Elem.Kind == wit.KindOption
	})
	if got := g.result("get-many", ours, keys); got != "[[a tea] [b none]]" {
		t.Errorf("Spin's: %s", got)
	}
}
