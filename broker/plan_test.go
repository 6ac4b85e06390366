package broker

import (
	"context"
	"slices"
	"strings"
	"testing"
)

func TestPlan(t *testing.T) {
	const grants = `{"grants": [
 {"id":"own","app":"guestbook","component":"web","capability":"kv","resource":"kv://default/guestbook/*","operations":["get","set"]},
 {"id":"deep","app":"guestbook","component":"*","capability":"kv","resource":"kv://default/guestbook/*/**","operations":["get"]},
 {"id":"old","app":"guestbook","component":"web","capability":"kv","resource":"kv://old/**","operations":["*"],"expires":"2001-01-01T00:00:00Z"},
 {"id":"api","app":"guestbook","component":"web","capability":"http","resource":"https://*.example.com/**","operations":["*"]}
],
"denials": [{"id":"private","capability":"http","resource":"https://private.example.com/**","operations":["POST"]}]}`
	file, err := ParseGrants("grants.json", []byte(grants))
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		request  Request
		coverage Coverage
		by       string // grants of the first operation
		missing  string
		suggests bool
	}{
		{Request{KV, "kv://default/guestbook/*", []string{Get, Set}, ""}, Full, "own", "", false},
		{Request{KV, "kv://default/guestbook/1", []string{Get}, ""}, Full, "own", "", false},
		{Request{KV, "kv://default/guestbook/**", []string{Get}, ""}, Full, "own deep", "", false}, // only both together
		{Request{KV, "kv://default/guestbook/*", []string{Get, Delete}, ""}, Partial, "own", Delete, true},
		{Request{KV, "kv://default/**", []string{Get}, ""}, Partial, "", Get, true},
		{Request{KV, "kv://default/other", []string{Get}, ""}, None, "", Get, true},
		{Request{KV, "kv://old/x", []string{Get}, ""}, None, "", Get, true},
		{Request{HTTP, "https://api.example.com/**", []string{"GET"}, ""}, Full, "api", "", false},
		{Request{HTTP, "https://private.example.com/x", []string{"GET", "POST"}, ""}, Partial, "api", "POST", false},
		{Request{HTTP, "https://**.example.com/x", []string{"GET"}, ""}, Partial, "", "GET", true},
	} {
		b := New(Config{})
		apps := []App{{Name: "guestbook", Components: []Component{{Name: "web", Requests: []Request{test.request}}}}}
		if err := b.Load(context.Background(), Source{Grants: file, Apps: apps}); err != nil {
			t.Fatal(err)
		}
		found, err := b.Plan("guestbook", "web")
		if err != nil || len(found) != 1 {
			t.Fatalf("%+v: %v", test.request, err)
		}
		f := found[0]
		var by []string
		if len(f.Granted) > 0 {
			for _, g := range f.Granted[0].Grants {
				by = append(by, g.ID)
			}
		}
		if f.Coverage != test.coverage || strings.Join(by, " ") != test.by || strings.Join(f.Missing, " ") != test.missing || (f.Suggestion != nil) != test.suggests {
			t.Errorf("%+v: %s by %v, missing %v, suggestion %v", test.request, f.Coverage, by, f.Missing, f.Suggestion)
		}
		if f.Suggestion != nil {
			checkSuggestion(t, b, file, apps, f.Suggestion)
		}
		b.Close()
	}
}

// checkSuggestion adds what was suggested, and expects nothing to be missing then.
func checkSuggestion(t *testing.T, b *Broker, file *GrantFile, apps []App, g *Grant) {
	t.Helper()
	text, err := file.with(*g)
	if err != nil {
		t.Fatal(err)
	}
	next, err := ParseGrants("grants.json", text)
	if err != nil {
		t.Fatalf("the suggestion %s: %v", g.JSON(), err)
	}
	if err := b.Load(context.Background(), Source{Grants: next, Apps: apps}); err != nil {
		t.Fatal(err)
	}
	if found, err := b.Plan("guestbook", "web"); err != nil || found[0].Coverage != Full {
		t.Errorf("with %s: %+v, %v", g.JSON(), found, err)
	}
}

func TestRequestCheck(t *testing.T) {
	for _, r := range []Request{
		{KV, "kv://a", []string{Get}, ""}, {KV, "kv://a/b", nil, ""}, {KV, "kv://a/b", []string{"fetch"}, ""},
		{"", "kv://a/b", []string{Get}, ""}, {"kvs", "kv://a/b", []string{Invoke}, ""},
	} {
		if r.Check() == nil {
			t.Errorf("%+v was taken", r)
		}
	}
	if err := (Request{"acme", "acme:a/b#*", []string{Invoke}, ""}).Check(); err != nil {
		t.Error(err)
	}
}

func TestVocabulary(t *testing.T) {
	if want := []string{"get", "set", "delete", "exists", "list", "increment", "cas", "watch"}; !slices.Equal(Operations(KV), want) {
		t.Errorf("kv has %v", Operations(KV))
	}
	if len(Capabilities()) != len(builtins) || !slices.IsSorted(Capabilities()) {
		t.Errorf("capabilities %v", Capabilities())
	}
	if !knownOperation(HTTP, "PROPFIND") || knownOperation(HTTP, "get") || knownOperation(HTTP, "") || knownOperation("acme", Get) {
		t.Error("wrong operations are known")
	}
}
